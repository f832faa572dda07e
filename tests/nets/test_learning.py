"""Untrained networks learn with Adam at 1e-3: twenty steps lower the loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from symmetry_audit.layers import METHODS
from symmetry_audit.nets import BACKBONES, build
from tests.conftest import smooth_noise
from tests.nets.inputs import METAL

CASES = [("resnet", method) for method in METHODS] + [
    (backbone, method)
    for backbone, one in BACKBONES.items()
    if backbone != "resnet" and not one.classifies
    for method in ("fconv",)
]


def degraded(backbone: str, size: int) -> tuple[Tensor, Tensor]:
    """Two smooth images and what a network gets: smaller, noisy, with vertical streaks, or those around metal."""
    rng, side = np.random.default_rng(0), size * build(backbone, preset="tiny").scale
    clean = torch.tensor(np.array([[smooth_noise(rng, side, side) for _ in range(3)] for _ in range(2)])).float()
    if side > size:
        return nn.functional.avg_pool2d(clean, 2), clean
    if BACKBONES[backbone].loss is None:
        return clean + torch.tensor(rng.normal(0, 30, clean.shape)).float(), clean
    drops = torch.tensor(rng.random((2, 1, size, size)) > 0.97).float()
    streaks = 100 * torch.conv2d(drops, torch.ones(1, 1, 7, 1), padding=(3, 0))
    if backbone not in METAL:
        return clean + streaks, clean
    clean = clean[:, :1]
    return torch.cat([clean + streaks, nn.functional.avg_pool2d(clean, 5, 1, 2), 1 - drops], 1), clean


@pytest.mark.parametrize(("backbone", "method"), CASES)
def test_twenty_steps(backbone: str, method: str) -> None:
    torch.manual_seed(0)
    network = build(backbone, method, preset="tiny")
    given, clean = degraded(backbone, 29 if method == "sa" else 12)
    optimizer, losses = torch.optim.Adam(network.parameters(), 1e-3), []
    for _ in range(20):
        optimizer.zero_grad()
        loss = (network(given) - clean).abs().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-3:]) < 0.92 * losses[0]
    assert all(p.isfinite().all() for p in network.parameters())


def test_rain_maps_stay_alive() -> None:
    torch.manual_seed(0)
    network = build("rcdnet", "bconv", preset="tiny")
    given, clean = degraded("rcdnet", 16)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(20):
        optimizer.zero_grad()
        stages = network(given, stages=True)
        (stages.backgrounds[-1] - clean).abs().mean().backward()
        optimizer.step()
    assert min(rain.mean() for rain in stages.rains) > 1
    assert all(p.grad.abs().max() > 0 for net in network.map_nets for p in net.parameters())
