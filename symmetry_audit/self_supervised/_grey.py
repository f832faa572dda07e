"""Measurements of grey images: three equal channels hold one field of noise, not three."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["one_channel", "per_field"]


def one_channel(y: Tensor) -> Tensor:
    """Which images of ``y`` (N, C, ...) have several channels that are all equal, (N,) bool."""
    if y.dim() < 3 or y.shape[1] < 2:
        return torch.zeros(len(y), dtype=torch.bool, device=y.device)
    return (y == y[:, :1]).flatten(1).all(1)


def per_field(draws: Tensor, grey: Tensor) -> Tensor:
    """``draws`` (N, C, ...), of the ``grey`` images with those of the first channel in all channels."""
    if draws.dim() < 3:
        return draws
    return torch.where(grey.reshape(-1, *[1] * (draws.dim() - 1)), draws[:, :1], draws)
