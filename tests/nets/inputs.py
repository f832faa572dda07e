"""Inputs for any backbone: images, or for networks against metal artefacts two images and a mask."""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_audit.catalogue import BACKBONES

__all__ = ["METAL", "given_to"]

METAL = [name for name, backbone in BACKBONES.items() if backbone.outputs == 1]


def given_to(backbone: str, images: Tensor) -> Tensor:
    """``images`` (N, 3, H, W) as ``backbone`` takes them; a mask, if it takes one, is 0 where the last was darkest."""
    if backbone not in METAL:
        return images
    last = images[:, 2:]
    darkest = last.flatten(1).quantile(0.1, 1)[:, None, None, None]
    return torch.cat([images[:, :2], (last > darkest).to(images.dtype)], 1)
