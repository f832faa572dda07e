"""Networks whose equivariance errors are known, and images for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch import nn

from symmetry_audit.data import ImageRef
from symmetry_audit.layers import Layers
from symmetry_audit.tasks import Item, Pair


def item(pixels, key="a.png"):
    """An image (h, w, 3) as evaluation gives it."""
    pair, clean = Pair(key, ImageRef(key, Path(key))), np.zeros((1, 1, 3), np.uint8)
    return Item(pair, key, np.asarray(pixels, dtype=np.float32), clean, False, {"sha256": "0" * 64, "phash": None})


def photo(rng, size=(48, 48), width=2.0):
    """A smooth random image (h, w, 3) in 0..255."""
    noise = ndimage.gaussian_filter(rng.standard_normal((*size, 3)), (width, width, 0))
    return (128 + 40 * noise / noise.std()).astype(np.float32)


class Ramp(nn.Module):
    """Adds ``slope`` times x, counted from the centre to the right."""

    scale = 1

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, x):
        axis = torch.arange(x.shape[-1], dtype=x.dtype) - (x.shape[-1] - 1) / 2
        return x + self.slope * axis


class Times(nn.Module):
    """Multiplies with ``factor``, at 0 a constant image."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, x):
        return x * self.factor


class ShiftLeft(nn.Module):
    """x(column) - x(column - 1): a difference along x."""

    def forward(self, x):
        return x - torch.roll(x, 1, -1)


class Blur(nn.Module):
    """A Gaussian, which turns with the image up to the mesh; then what exceeds ``threshold`` of the details."""

    def __init__(self, sigma: float = 2.0, threshold: float = 0.0) -> None:
        super().__init__()
        self.sigma, self.threshold = sigma, threshold

    def forward(self, x):
        base = self._blurred(x, self.sigma)
        detail = x - base
        if self.threshold:
            detail = detail.sign() * (detail.abs() - self.threshold).clamp(min=0)
        return base + self._blurred(detail, 1.0)

    def _blurred(self, x, sigma):
        return torch.from_numpy(ndimage.gaussian_filter(x.numpy(), (0, 0, sigma, sigma)))


def small(group="p4", method="fconv", seed=0):
    """Lifting, group convolution and projection over ``group``."""
    torch.manual_seed(seed)
    layers = Layers(method, group)
    return nn.Sequential(
        layers.lifting(3, 4), nn.ReLU(), layers.group_conv(4, 4), nn.ReLU(), layers.projection(4, 3)
    ).eval()
