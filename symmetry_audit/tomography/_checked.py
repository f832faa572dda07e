"""Images and sinograms of a geometry as stacks of three axes."""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_audit.errors import SettingError
from symmetry_audit.tomography._geometry import FanBeam

__all__ = ["image_stack", "sinogram_stack"]


def image_stack(images: Tensor, geometry: FanBeam) -> Tensor:
    """(..., side, side) as (B, side, side); raises SettingError for other shapes and types."""
    return _stack(images, (geometry.side, geometry.side), "images")


def sinogram_stack(sinograms: Tensor, geometry: FanBeam) -> Tensor:
    """(..., views, detectors) as (B, views, detectors); raises SettingError for other shapes and types."""
    return _stack(sinograms, geometry.shape, "sinograms")


def _stack(values: Tensor, shape: tuple[int, int], name: str) -> Tensor:
    if tuple(values.shape[-2:]) != shape:
        raise SettingError(
            f"{name} of this geometry have the shape (..., {shape[0]}, {shape[1]}), got {tuple(values.shape)}"
        )
    if values.dtype not in (torch.float32, torch.float64):
        raise SettingError(f"{name} are float32 or float64, got {values.dtype}; convert them first")
    return values.reshape(-1, *shape)
