"""Inputs and networks for the tests of those against metal artefacts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from symmetry_audit.nets import Stages, build
from symmetry_audit.nets._blocks import SMALL
from symmetry_audit.nets._dicdnet import ImageNet
from tests.nets.inputs import given_to

__all__ = ["assert_same", "assert_stages", "lively", "scan", "shaken"]


def scan(size: int, number: int = 1, dtype: torch.dtype = torch.float64) -> Tensor:
    """A corrupted and an interpolated image, and a mask."""
    generator = torch.Generator().manual_seed(4)
    return given_to("dicdnet", 255 * torch.rand(number, 3, size, size, generator=generator, dtype=dtype))


def lively(backbone: str, method: str, **options) -> nn.Module:
    """A clean network in float64 whose proximal networks change much."""
    torch.manual_seed(0)
    network = build(backbone, method, preset="tiny", **options).double().eval()
    with torch.no_grad():
        for part in network.modules():
            if isinstance(part, ImageNet):
                part.to_image.weight /= SMALL
    return network


def shaken(backbone: str) -> nn.Module:
    """A published network in float64 in which no two stages are alike, and no batch statistics are 0 and 1."""
    torch.manual_seed(0)
    network = build(backbone, preset="paper").double().eval()
    for value in network.state_dict().values():
        if value.is_floating_point():
            value.mul_(1 + 0.1 * torch.rand_like(value)).add_(0.01 * torch.rand_like(value))
    return network


def assert_stages(network: nn.Module, x: Tensor, images: list[Tensor], artefacts: list[Tensor]) -> Stages:
    """The network's stages are ``images``, the initial one first, and ``artefacts``; no artefacts are 0."""
    with torch.no_grad():
        restored, stages = network(x), network(x, stages=True)
    assert torch.equal(restored, stages.backgrounds[-1])
    assert_same((stages.initial, *stages.backgrounds), images)
    assert_same(stages.rains, artefacts)
    return stages


def assert_same(found: Sequence[Tensor], expected: Sequence[Tensor]) -> None:
    """Tensors that are equal but for rounding, and not 0."""
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-9)
        assert one.abs().max() > 0
