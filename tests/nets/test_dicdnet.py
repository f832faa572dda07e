"""DICDNet against its formulas, its start, its stages, and what of it is equivariant."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from symmetry_audit.layers import METHODS, EquivariantConv2d, fold
from symmetry_audit.nets import Stages, build
from symmetry_audit.nets._blocks import SMALL
from symmetry_audit.nets._streaks import artefact_streaks
from symmetry_audit.testing import assert_equivariant, equivariance_error
from tests.nets.inputs import given_to
from tests.oracles.metal import adjoint, correlate, dicdnet

GROUPED = [name for name in METHODS if name != "cnn"]


def scan(size: int, number: int = 1, dtype: torch.dtype = torch.float64) -> Tensor:
    """A corrupted and an interpolated image, and a mask."""
    generator = torch.Generator().manual_seed(4)
    return given_to("dicdnet", 255 * torch.rand(number, 3, size, size, generator=generator, dtype=dtype))


def lively(method: str, **options) -> nn.Module:
    """A clean network in float64 whose networks change much."""
    torch.manual_seed(0)
    network = build("dicdnet", method, preset="tiny", **options).double().eval()
    with torch.no_grad():
        inner = getattr(network, "network", network)
        for net in (inner.first, *inner.background_nets):
            net.to_image.weight /= SMALL
        for net in inner.map_nets:
            for block in net.blocks:
                block[-1].weight /= SMALL
    return network


# ---------------------------------------------------------------- the published network


def test_the_published_network_follows_its_formulas() -> None:
    torch.manual_seed(0)
    network = build("dicdnet", preset="paper").double().eval()
    weights = network.state_dict()
    for name, value in weights.items():  # no two stages alike, and batch statistics that are not 0 and 1
        if not name.endswith("num_batches_tracked"):
            value.mul_(1 + 0.1 * torch.rand_like(value)).add_(0.01 * torch.rand_like(value))
    x = scan(12, 2)
    images, artefacts = dicdnet(weights, *x.split(1, 1))
    with torch.no_grad():
        restored, stages = network(x), network(x, stages=True)
    assert torch.equal(restored, stages.backgrounds[-1])
    assert (len(stages.backgrounds), len(stages.rains)) == (11, 10)
    for found, expected in zip((stages.initial, *stages.backgrounds), images, strict=True):
        assert torch.allclose(found, expected, rtol=1e-9)
    for found, expected in zip(stages.rains, artefacts, strict=True):
        assert torch.allclose(found, expected, rtol=1e-9)
        assert found.abs().max() > 0


def test_the_adjoint_of_the_oracle_is_one() -> None:
    torch.manual_seed(1)
    kernels, maps, layer = (torch.randn(shape).double() for shape in ((1, 4, 5, 5), (2, 4, 9, 8), (2, 1, 9, 8)))
    assert (correlate(maps, kernels) * layer).sum() == pytest.approx(float((maps * adjoint(layer, kernels)).sum()))


def test_published_parameters() -> None:
    """Two dictionaries, boxes, a threshold, 19 steps, and 22 networks (TASKS, A.5)."""
    with torch.device("meta"):
        network = build("dicdnet", preset="paper")
    image_net, map_net = 6 * (33**2 * 9 + 3 * 33), 6 * (32**2 * 9 + 3 * 32) + 32
    by_hand = 2 * 32 * 81 + 32 * 9 + 1 + 9 + 10 + 12 * image_net + 10 * map_net
    assert sum(p.numel() for p in network.parameters() if p.requires_grad) == by_hand == 1_277_332


@pytest.mark.parametrize("method", ["cnn", "gcnn", "sa"])
def test_published_networks_of_other_methods_train(method: str) -> None:
    """A hypernetwork that has learned nothing passes no gradient on, and the last duals are not read."""
    torch.manual_seed(0)
    network = build("dicdnet", method, preset="paper")
    network(scan(17, 2, torch.float32)).square().mean().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []
    assert network.kernels.grad.abs().max() > 0


# ---------------------------------------------------------------- the clean network


@pytest.mark.parametrize("method", ["cnn", "fconv", "sa"])
def test_stages_on_demand(method: str) -> None:
    network = lively(method)
    x = scan(29)
    with torch.no_grad():
        restored, stages = network(x), network(x, stages=True)
    assert isinstance(stages, Stages)
    assert stages.warmup is None
    assert torch.equal(restored, stages.backgrounds[-1])
    assert (len(stages.backgrounds), len(stages.rains)) == (4, 4)
    assert {value.shape for value in (stages.initial, *stages.backgrounds, *stages.rains)} == {(1, 1, 29, 29)}


def test_a_stage_is_a_proximal_step_in_grey_levels() -> None:
    """With image networks that change nothing, X moves a tenth of the way to Y - A, but not on metal."""
    network = build("dicdnet", "gcnn", preset="tiny").double()
    for net in (network.first, *network.background_nets):
        nn.init.zeros_(net.to_image.weight)
    x = scan(12)
    corrupted, interpolated, known = x.split(1, 1)
    with torch.no_grad():
        stages = network(x, stages=True)
    assert torch.allclose(stages.initial, interpolated)
    before = stages.initial
    for image, artefacts in zip(stages.backgrounds, stages.rains, strict=True):
        assert torch.allclose(image, before + 0.1 * known * (corrupted - artefacts - before))
        before = image
    assert torch.equal(before[known == 0], stages.initial[known == 0])
    assert stages.rains[-1].abs().max() > 1


@pytest.mark.parametrize("method", METHODS)
def test_the_dictionary_starts_with_streaks_of_both_signs(method: str) -> None:
    """As close as the basis comes to them; the operator M -> K * M has norm 1 or less."""
    dictionary = build("dicdnet", method, preset="tiny").get_submodule(
        "network.dictionary" if method == "sa" else "dictionary"
    )
    kernels = dictionary.filters().detach()[0].double()
    order = dictionary.group.order
    targets = artefact_streaks(16 // order, order)
    assert torch.allclose(kernels[::order], targets, atol=2e-3 if order < 8 else 0.02)
    gains = torch.fft.fft2(kernels, (32, 32)).abs().square().sum(0).sqrt()
    assert gains.max() < (1.0001 if order < 8 else 1.2)
    assert kernels.sum((1, 2)).sign().sum() == 0


def test_directions_of_the_streaks() -> None:
    """Rotated copies and all, eight directions, evenly spaced over half a turn; both signs."""
    kernels = artefact_streaks(16, 1)
    y, x = torch.meshgrid(*[torch.arange(9.0) - 4] * 2, indexing="ij")
    angles = []
    for kernel in kernels[:14]:  # the last pair is round
        moments = torch.stack([torch.stack([(kernel.abs() * a * b).sum() for b in (x, y)]) for a in (x, y)])
        long = torch.linalg.eigh(moments).eigenvectors[:, 1]
        angles.append(float(torch.rad2deg(torch.atan2(long[0], long[1]))) % 180)
    expected = [22.5 * (at // 2) for at in range(14)]
    assert angles == pytest.approx(expected, abs=2)
    assert torch.equal(kernels[::2], -kernels[1::2].abs().neg().neg()) is False
    assert kernels.sum((1, 2)).tolist() == pytest.approx([0.25, -0.25] * 8)


@pytest.mark.parametrize("method", GROUPED)
def test_quarter_turns_of_image_and_mask_from_end_to_end(method: str) -> None:
    network = lively(method, group="p4")
    x = scan(30 if method == "sa" else 9)
    with torch.no_grad():
        stages = network(x, stages=True)
    assert min(layer.abs().max() for layer in stages.rains) > 1
    assert_equivariant(network, "p4", x, tolerance=1e-12)
    assert_equivariant(lambda x: network(x, stages=True).rains[-1], "p4", x, tolerance=1e-12)


def test_mirrors() -> None:
    assert_equivariant(lively("gcnn", group="p4m"), "p4m", scan(8), tolerance=1e-12)


def test_a_plain_dictionary_is_found_out() -> None:
    """With kernels that are no rotated copies only the path of the image is left."""
    network = lively("gcnn")
    plain = nn.Conv2d(16, 1, 9, bias=False).double()
    network.dictionary = plain
    assert equivariance_error(network, "p4", scan(9))[1:].min() > 1e-3
    nn.init.zeros_(plain.weight)
    assert_equivariant(network, "p4", scan(9), tolerance=1e-12)


def test_a_folded_network_is_the_same() -> None:
    network = lively("fconv")
    plain = fold(network)
    assert not any(isinstance(part, EquivariantConv2d) for part in plain.modules())
    x = scan(12)
    with torch.no_grad():
        assert torch.allclose(plain(x), network(x), rtol=1e-9)
