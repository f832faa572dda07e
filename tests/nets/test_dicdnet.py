"""DICDNet: its published form against the formulas, its stages and its dictionary."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from symmetry_audit.layers import METHODS
from symmetry_audit.nets import build
from symmetry_audit.nets._streaks import artefact_streaks
from symmetry_audit.testing import assert_equivariant, equivariance_error
from tests.nets.metal import assert_stages, lively, scan, shaken
from tests.oracles.metal import adjoint, correlate, dicdnet


def test_the_published_network_follows_its_formulas() -> None:
    network, x = shaken("dicdnet"), scan(12, 2)
    images, artefacts = dicdnet(network.state_dict(), *x.split(1, 1))
    assert_stages(network, x, images, artefacts)


def test_the_adjoint_of_the_oracle_is_one() -> None:
    torch.manual_seed(1)
    kernels, maps, layer = (torch.randn(shape).double() for shape in ((1, 4, 5, 5), (2, 4, 9, 8), (2, 1, 9, 8)))
    assert (correlate(maps, kernels) * layer).sum() == pytest.approx(float((maps * adjoint(layer, kernels)).sum()))


def test_published_parameters() -> None:
    """Two dictionaries, boxes, a threshold, 19 steps, and 22 networks (ARCHITECTURES 1.8)."""
    with torch.device("meta"):
        network = build("dicdnet", preset="paper")
    image_net, map_net = 6 * (33**2 * 9 + 3 * 33), 6 * (32**2 * 9 + 3 * 32) + 32
    by_hand = 2 * 32 * 81 + 32 * 9 + 1 + 9 + 10 + 12 * image_net + 10 * map_net
    assert sum(p.numel() for p in network.parameters() if p.requires_grad) == by_hand == 1_277_332


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
    """As close as the basis comes to them; then the operator M -> K * M has a norm of about 1."""
    network = build("dicdnet", method, preset="tiny")
    dictionary = getattr(network, "network", network).dictionary
    kernels, order = dictionary.filters().detach()[0].double(), dictionary.group.order
    assert torch.allclose(kernels[::order], artefact_streaks(16 // order, order), atol=2e-3 if order < 8 else 0.02)
    gains = torch.fft.fft2(kernels, (32, 32)).abs().square().sum(0).sqrt()
    assert gains.max() < (1.0001 if order < 8 else 1.2)
    assert kernels.sum((1, 2)).sign().sum() == 0


def test_directions_of_the_streaks() -> None:
    """Eight, evenly spaced over half a turn, from the second moments; each with both signs."""
    kernels = artefact_streaks(16, 1)
    y, x = torch.meshgrid(*[torch.arange(9.0) - 4] * 2, indexing="ij")
    angles = []
    for kernel in kernels[:14].abs():
        moments = torch.stack([torch.stack([(kernel * a * b).sum() for b in (x, y)]) for a in (x, y)])
        long = torch.linalg.eigh(moments).eigenvectors[:, 1]
        angles.append(float(torch.rad2deg(torch.atan2(long[0], long[1]))) % 180)
    assert angles == pytest.approx([22.5 * (at // 2) for at in range(14)], abs=2)
    assert torch.equal(kernels[::2], -kernels[1::2])
    assert kernels.sum((1, 2)).tolist() == pytest.approx([0.25, -0.25] * 8)


def test_a_plain_dictionary_is_found_out() -> None:
    """With kernels that are no rotated copies the path of the image alone is equivariant."""
    network = lively("dicdnet", "gcnn")
    network.dictionary = nn.Conv2d(16, 1, 9, bias=False).double()
    assert equivariance_error(network, "p4", scan(9))[1:].min() > 1e-3
    nn.init.zeros_(network.dictionary.weight)
    assert_equivariant(network, "p4", scan(9), tolerance=1e-12)
