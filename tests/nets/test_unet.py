"""The U-Net of EI and REI: its published form against its description, its parameters, sizes of images, symmetry."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from symmetry_audit.layers import METHODS
from symmetry_audit.nets import build
from symmetry_audit.nets._blocks import SMALL
from symmetry_audit.testing import assert_equivariant, equivariance_error
from tests.nets.metal import assert_same

WIDTHS = (64, 128, 256, 512)


def image(*sides: int) -> Tensor:
    return 255 * torch.rand(1, 3, *sides, generator=torch.Generator().manual_seed(6), dtype=torch.float64)


def lively(method: str, **options) -> nn.Module:
    torch.manual_seed(0)
    network = build("unet", method, preset="tiny", **options).double().eval()
    with torch.no_grad():
        getattr(network, "network", network).last.weight /= SMALL
    return network


def described(weights: Mapping[str, Tensor], x: Tensor) -> Tensor:
    """Level by level, from the description (ARCHITECTURES 1.9); sides are multiples of 8, images 0..255."""

    def layer(x: Tensor, at: str, norm: str, mode: str = "constant") -> Tensor:
        kernels, bias = weights[f"{at}.weight"], weights[f"{at}.bias"]
        kernels = kernels.view(len(kernels), -1, 3, 3)
        x = functional.conv2d(functional.pad(x, [1] * 4, mode=mode), kernels, bias)
        names = ("running_mean", "running_var", "weight", "bias")
        mean, variance, gain, offset = (weights[f"{norm}.inner.{name}"][:, None, None] for name in names)
        return ((x - mean) / (variance + 1e-5).sqrt() * gain + offset).relu()

    scaled = x / 255
    found = layer(layer(scaled, "first.head", "first.rest.0", "circular"), "first.rest.2", "first.rest.3")
    kept = [found]
    for level in range(3):
        pooled = torch.stack([kept[-1][..., i::2, j::2] for i in (0, 1) for j in (0, 1)]).amax(0)
        found = layer(pooled, f"down.{level}.1", f"down.{level}.2")
        kept.append(layer(found, f"down.{level}.4", f"down.{level}.5"))
    found = kept.pop()
    for level in range(3):
        larger = found.repeat_interleave(2, 2).repeat_interleave(2, 3)
        found = torch.cat([kept.pop(), layer(larger, f"up.{level}.1", f"up.{level}.2")], 1)
        found = layer(found, f"joined.{level}.0", f"joined.{level}.1")
        found = layer(found, f"joined.{level}.3", f"joined.{level}.4")
    change = torch.einsum("nchw,oc->nohw", found, weights["last.weight"].flatten(1))
    return 255 * (scaled + change + weights["last.bias"][:, None, None])


def test_the_published_network_is_as_described() -> None:
    torch.manual_seed(0)
    network, x = build("unet", preset="paper").double().eval(), image(16, 24)
    weights = network.state_dict()
    for value in weights.values():
        if value.is_floating_point():
            value.mul_(1 + 0.1 * torch.rand_like(value)).add_(0.01 * torch.rand_like(value))
    with torch.no_grad():
        assert_same([network(x) - x], [described(weights, x) - x])


def test_published_parameters() -> None:
    """8,564,163 that are read; with a fifth level, never run, the 34,527,171 of the published code."""
    with torch.device("meta"):
        network = build("unet", preset="paper")
    single = lambda a, b: 9 * a * b + 3 * b  # noqa: E731 - with a bias and two numbers of batch normalization
    double = lambda a, b: single(a, b) + single(b, b)  # noqa: E731
    level = lambda a, b: double(a, b) + single(b, a) + double(b, a)  # noqa: E731 - down, up, and joined on
    used = double(3, 64) + sum(level(a, b) for a, b in pairwise(WIDTHS)) + 64 * 3 + 3
    assert sum(p.numel() for p in network.parameters() if p.requires_grad) == used == 8_564_163
    assert used + level(512, 1024) == 34_527_171


@pytest.mark.parametrize("method", [name for name in METHODS if name != "cnn"])
def test_quarter_turns(method: str) -> None:
    network, x = lively(method, group="p4"), image(*[32 if method == "sa" else 8] * 2)
    with torch.no_grad():
        assert (network(x) - x).abs().max() > 0.1
    assert_equivariant(network, "p4", x, tolerance=1e-12)


def test_mirrors() -> None:
    assert_equivariant(lively("bconv", group="p4m"), "p4m", image(8, 8), tolerance=1e-12)


def test_images_that_need_padding() -> None:
    """To a multiple of 4 in three levels, by the last rows and columns; so quarter turns are not exact."""
    network, x = lively("gcnn"), image(10, 10)
    with torch.no_grad():
        larger = network(functional.pad(x, [0, 2, 0, 2], mode="replicate"))
        assert torch.equal(network(x), larger[..., :10, :10])
        assert network(image(3, 9)).shape == (1, 3, 3, 9)
    assert equivariance_error(network, "p4", x)[1:].min() > 1e-4


def test_only_the_first_convolution_sees_a_periodic_image() -> None:
    """A change at one border reaches the opposite one, through the image's own level by one pixel."""
    first = lively("cnn").first
    x = image(8, 8)
    changed = x.clone()
    changed[..., 0] += 100
    with torch.no_grad():
        heads = [first.head(functional.pad(one / 255, [1] * 4, mode="circular")) for one in (x, changed)]
        moved = (first(x / 255) - first(changed / 255)).abs().amax((0, 1, 2)) > 0
    assert ((heads[0] - heads[1]).abs().amax((0, 1, 2)) > 0).tolist() == [True, True, *[False] * 5, True]
    assert moved.tolist() == [True, True, True, False, False, False, True, True]
