"""Filtered backprojection of a flat-detector fan beam."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from symmetry_audit.tomography._checked import sinogram_stack
from symmetry_audit.tomography._geometry import MAGNIFICATION, SYMMETRIES, FanBeam
from symmetry_audit.tomography._sparse import SparseMap, sparse_map
from symmetry_audit.tomography._symmetry import fold_sinogram, unfold_image

__all__ = ["fbp"]

ROWS = 16  # of the image in a block, while the matrix is made


def fbp(sinograms: Tensor, geometry: FanBeam) -> Tensor:
    """Filtered backprojection of ``sinograms`` (..., views, detectors): images (..., side, side) in 1/cm.

    Kak & Slaney (1988), section 3.4.2: rays weighted by the cosine of their angle to the central one, the ramp filter
    of the sampled detector without a window, linear interpolation between elements, weights 1/U^2. Pixels in the
    corners miss the views that do not see them. Differentiable; float32 and float64. Like ``project``, its first call
    makes and keeps a matrix. Raises SettingError for other shapes and types.
    """
    stack = sinogram_stack(sinograms, geometry)
    columns = _views(geometry, stack.dtype, stack.device)(fold_sinogram(_filtered(stack, geometry), geometry))
    return unfold_image(columns, geometry.side).reshape(*sinograms.shape[:-2], geometry.side, geometry.side)


def _filtered(stack: Tensor, geometry: FanBeam) -> Tensor:
    """Rays weighted by their cosine, and filtered along the detector, which is scaled down to the centre."""
    elements = geometry.elements / MAGNIFICATION
    cosine = geometry.distance / np.hypot(geometry.distance, elements)
    size = 1 << (2 * geometry.detectors - 1).bit_length()
    gain = _ramp(size, float(elements[1] - elements[0]))
    weighted = stack * torch.from_numpy(cosine).to(stack)
    spectrum = torch.fft.rfft(weighted, size) * torch.from_numpy(gain).to(stack)
    return torch.fft.irfft(spectrum, size)[..., : geometry.detectors]


def _ramp(size: int, spacing: float) -> np.ndarray:
    """The transform of the band-limited ramp, 1/(4 d^2) at 0, -1/(pi n d)^2 at odd n, times the spacing d and 1/2."""
    lag = np.fft.fftfreq(size, 1 / size)
    odd = lag % 2 == 1
    taps = np.zeros(size)
    taps[0] = 1 / 4
    taps[odd] = -1 / (math.pi * lag[odd]) ** 2
    return np.fft.rfft(taps).real / (2 * spacing)


@lru_cache(maxsize=4)
def _views(geometry: FanBeam, dtype: torch.dtype, device: torch.device) -> SparseMap:
    """The matrix (side^2, views/8 detectors) that adds up the first eighth of the views."""
    kind = torch.empty(0, dtype=dtype).numpy().dtype
    blocks = [_some_rows(geometry, geometry.centres[row : row + ROWS], kind) for row in range(0, geometry.side, ROWS)]
    values, columns, counts = map(list, zip(*blocks, strict=True))
    shape = geometry.side**2, geometry.views // SYMMETRIES * geometry.detectors
    return sparse_map(values, columns, counts, shape, dtype, device)


def _some_rows(geometry: FanBeam, rows: np.ndarray, kind: np.dtype) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The weights of the pixels of ``rows``, the detector elements they belong to, and their number per pixel."""
    beta = geometry.angles[: geometry.views // SYMMETRIES]
    x, y = rows[:, None, None], geometry.centres[:, None]
    depth = geometry.distance + y * np.cos(beta) - x * np.sin(beta)
    elements = geometry.elements
    u = MAGNIFICATION * geometry.distance * (x * np.cos(beta) + y * np.sin(beta)) / depth
    place = (u - elements[0]) / (elements[1] - elements[0])
    first = np.floor(place)
    whole = (2 * math.pi / geometry.views) * (geometry.distance / depth) ** 2
    share = (place - first) * whole
    taps = first[..., None].astype(np.int32) + np.arange(2, dtype=np.int32)
    weights = np.stack([whole - share, share], axis=-1).astype(kind)
    inside = (taps >= 0) & (taps < geometry.detectors)
    places = np.arange(len(beta), dtype=np.int32)[:, None] * geometry.detectors + taps
    return weights[inside], places[inside], inside.sum((2, 3)).ravel()
