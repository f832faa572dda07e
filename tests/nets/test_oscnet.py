"""OSCNet and OSCNet+: their published forms against the formulas, their parameters, kernels of each image."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from symmetry_audit.groups import Group
from symmetry_audit.layers import make_basis
from symmetry_audit.nets import build
from tests.nets.metal import assert_stages, lively, scan, shaken
from tests.oracles.metal import Explain, unrolled


def kernels_from(coefficients: Tensor) -> Tensor:
    """Four kernels (4, 25) and their rotations by 45 degrees, kernel by kernel."""
    samples = make_basis("coarse", 9, Group(8)).sample()
    return torch.stack([(row[:, None] * samples[turn]).sum(0) for row in coefficients for turn in range(8)]).view(
        1, 32, 9, 9
    )


def test_the_published_network_follows_its_formulas() -> None:
    network, x = shaken("oscnet"), scan(12, 2)
    weights = network.state_dict()
    kernels = [kernels_from(weights["dictionary.weight"][0])] * 2
    explain: Explain = lambda x: (kernels, weights["dictionary.bias"], False)  # noqa: E731
    assert weights["dictionary.bias"].abs() > 1e-4
    assert_stages(network, x, *unrolled(weights, *x.split(1, 1), explain))


def test_oscnet_plus_follows_its_formulas() -> None:
    network, x = shaken("oscnet+"), scan(12, 2)
    weights = network.state_dict()

    def explain(image: Tensor) -> tuple[list[Tensor], Tensor, bool]:
        found = torch.cat([image, x[:, :1]], 1)
        for layer in range(3):
            at = f"coefficients.convolutions.{layer}"
            found = functional.conv2d(found, weights[f"{at}.weight"], weights[f"{at}.bias"], padding=1)
        last = weights["coefficients.last.weight"], weights["coefficients.last.bias"]
        rows = functional.linear(found.mean((2, 3)), *last).relu().view(2, 4, 25)
        rows = rows / (rows.square().sum(2, keepdim=True).sqrt() + 1e-6)
        return [kernels_from(one) / 10 for one in rows], weights["bias"], True

    stages = assert_stages(network, x, *unrolled(weights, *x.split(1, 1), explain))
    assert len(stages.rains) == 10


@pytest.mark.parametrize(("backbone", "coefficients"), [("oscnet", 100), ("oscnet+", 114 + 2 * 330 + 700)])
def test_published_parameters(backbone: str, coefficients: int) -> None:
    """DICDNet, with coefficients and a bias in place of 32 free kernels (ARCHITECTURES 1.8)."""
    with torch.device("meta"):
        network = build(backbone, preset="paper")
    number = sum(p.numel() for p in network.parameters() if p.requires_grad)
    assert number == 1_277_332 - 32 * 81 + coefficients + 1
    assert number == {"oscnet": 1_274_841, "oscnet+": 1_276_215}[backbone]


def test_the_first_published_kernels_are_four() -> None:
    kernels = build("oscnet", preset="paper").first_kernels[0].detach()
    assert torch.equal(kernels, kernels[::8].repeat_interleave(8, 0))
    assert torch.linalg.matrix_rank(kernels.flatten(1)) == 2  # in pairs of opposite sign


def test_a_plain_network_has_rotated_kernels_too() -> None:
    """Under cnn by 45 degrees, as published; under a group by its elements."""
    assert str(build("oscnet", "cnn", preset="tiny").dictionary.group) == "p8"
    assert str(build("oscnet", "fconv", preset="tiny", group="p4m").dictionary.group) == "p4m"


def test_every_image_has_its_kernels_and_a_rotated_image_the_same() -> None:
    network, x = lively("oscnet+", "gcnn"), scan(9, 2)[:, :2] / 127.5
    with torch.no_grad():
        network.dictionary.tell.weight.mul_(100)
        kernels = network.dictionary(x)
        turned = network.dictionary(torch.rot90(x, 1, (2, 3)))
    assert (kernels[0] - kernels[1]).abs().max() > 1e-3
    assert torch.allclose(kernels, turned, atol=1e-12)
    grouped = kernels.unflatten(2, (-1, 4))
    assert torch.allclose(torch.rot90(grouped[:, :, :, 0], 1, (3, 4)), grouped[:, :, :, 1], atol=1e-12)
