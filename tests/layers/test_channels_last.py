"""Images in memory by pixels (channels last), as GPUs like them: the same outputs and gradients."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from symmetry_audit.layers import (
    METHODS,
    AntiAliasedPool2d,
    GroupBatchNorm2d,
    GroupDropout2d,
    GroupInstanceNorm2d,
    GroupPixelShuffle,
    GroupPool,
    Layers,
)


def assert_same(module: nn.Module, x: Tensor) -> None:
    found = []
    for layout in (torch.contiguous_format, torch.channels_last):
        own, given = deepcopy(module), x.detach().to(memory_format=layout).requires_grad_()
        y = own(given)
        weights = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape).to(memory_format=layout)
        (weights * y).sum().backward()
        found.append([y, given.grad, *(one.grad for one in own.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-10)


def features(channels: int) -> Tensor:
    return torch.rand(2, channels, 33, 33, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("relaxed", [False, True])
@pytest.mark.parametrize("method", [name for name in METHODS if name != "cnn"])
def test_the_layers_of_every_method(method: str, relaxed: bool) -> None:
    torch.manual_seed(0)
    layers = Layers(method, relaxed=relaxed)
    parts = layers.lifting(3, 2), layers.group_conv(2, 3), layers.pointwise(3, 2), layers.projection(2, 3)
    model = layers.network(nn.Sequential(*parts)).double()
    if method == "sa":
        nn.init.normal_(model.hypernetwork.head[-1].weight, std=0.5)
    assert_same(model, features(3))


@pytest.mark.parametrize(
    "module",
    [
        GroupBatchNorm2d(2, "p4"),
        GroupInstanceNorm2d(2, "p4"),
        GroupDropout2d("p4", p=0.0),
        GroupPool("p4"),
        GroupPool("p4", "mean"),
        AntiAliasedPool2d(),
        GroupPixelShuffle("p4", 2),
    ],
    ids=lambda one: type(one).__name__,
)
def test_norms_and_pooling(module: nn.Module) -> None:
    assert_same(module.double(), features(16 if isinstance(module, GroupPixelShuffle) else 8))
