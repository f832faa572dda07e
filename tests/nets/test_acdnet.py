"""ACDNet: its published form against the formulas, its parameters, and its weights of each image."""

from __future__ import annotations

import torch

from symmetry_audit.nets import build
from symmetry_audit.nets._adaptive_unfolding import normalized
from tests.nets.metal import assert_same, assert_stages, lively, scan, shaken
from tests.oracles.metal import acdnet


def test_the_published_network_follows_its_formulas() -> None:
    network, x = shaken("acdnet"), scan(12, 2)
    images, artefacts, warm, warm_artefacts = acdnet(network.state_dict(), *x.split(1, 1))
    stages = assert_stages(network, x, images, artefacts)
    assert stages.warmup is not None
    assert_same(stages.warmup.backgrounds, warm)
    assert_same(stages.warmup.rains, warm_artefacts)
    assert torch.equal(stages.warmup.initial, stages.initial)


def test_published_parameters() -> None:
    """14 image, 12 map and 10 weight networks, kernels, boxes, matrices, thresholds and steps (ARCHITECTURES 1.8)."""
    with torch.device("meta"):
        network = build("acdnet", preset="paper")
    image_net, map_net = 6 * (33**2 * 9 + 3 * 33), 6 * (6**2 * 9 + 3 * 6) + 6
    weight_net = 2 * (192**2 + 192) + 192
    nets = 14 * image_net + 12 * map_net + 10 * weight_net
    by_hand = nets + (32 + 6) * 81 + 32 * 9 + 2 * 36 + 2 + 30 + 3
    assert sum(p.numel() for p in network.parameters()) == by_hand == 1_602_809
    frozen = [p.numel() for p in network.parameters() if not p.requires_grad]
    assert sum(frozen) == 10 * 192 + 1 + 1  # thresholds, another one, and the first of the steps for the weights


def test_weights_have_norm_1() -> None:
    torch.manual_seed(0)
    weights = normalized(torch.rand(2, 3, 5).double())
    assert torch.allclose(weights.square().sum(2), torch.ones(2, 3).double(), atol=1e-5)
    assert torch.equal(normalized(torch.zeros(1, 2, 4)), torch.zeros(1, 2, 4))


def test_the_steps_of_the_weights_descend() -> None:
    """A step of 1 over the squared norm of the maps lowers |I (Y - X - A)|^2, whatever the maps' scale."""
    network, x = lively("acdnet", "gcnn"), scan(9)
    atoms = network.dictionary.filters().detach()
    torch.manual_seed(2)
    maps, residual = torch.rand(1, 4, 9, 9).double(), x[:, :1] / 255
    for scale in (1e-2, 1.0, 1e2):
        weights = torch.rand(1, 4, 16).double().requires_grad_()
        kernels = torch.einsum("nmi,oiyx->nmyx", weights, atoms)
        misfit = (residual - torch.conv2d(scale * maps, kernels, padding=4)).square().sum() / 2
        (gradient,) = torch.autograd.grad(misfit, weights)
        moved = (weights - network.weight_step(1, scale * maps) * gradient).detach()
        kernels = torch.einsum("nmi,oiyx->nmyx", moved, atoms)
        after = (residual - torch.conv2d(scale * maps, kernels, padding=4)).square().sum() / 2
        assert after < misfit.detach()
