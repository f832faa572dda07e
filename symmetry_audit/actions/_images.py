"""Moving an image on the pixel grid by a rotation, a mirror or a deformed element."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from symmetry_audit.errors import SettingError

__all__ = ["disc", "disc_window", "is_exact", "move", "moved_pixels"]

SPLINE_ORDER = 5


def is_exact(matrix: np.ndarray) -> bool:
    """Whether a (2, 2) ``matrix`` on (x, y) maps pixels to pixels: quarter turns and mirrors, up to rounding."""
    return any(np.allclose(np.abs(matrix), axes, rtol=0, atol=1e-12) for axes in (np.eye(2), np.eye(2)[::-1]))


def move(images: Tensor, matrix: np.ndarray) -> Tensor:
    """(pi_A r)(x) = r(A^-1 x) about the centre of the image, for ``images`` (..., H, W) and A = ``matrix`` (2, 2).

    x points right and y down, so A = [[cos, sin], [-sin, cos]] rotates counter-clockwise on the screen. Quarter
    turns and mirrors only move pixels; a quarter turn gives shape (..., W, H). Every other matrix resamples by
    splines of order 5, without gradients, with zeros beyond the border.
    Raises SettingError for a matrix that is not (2, 2), finite and invertible.
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.shape != (2, 2) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-9:
        raise SettingError(f"expected an invertible (2, 2) matrix, got {matrix.tolist()}")
    if is_exact(matrix):
        return moved_pixels(images, np.round(matrix))
    height, width = images.shape[-2:]
    centre = np.array([(height - 1) / 2, (width - 1) / 2])
    back = np.linalg.inv(matrix)[::-1, ::-1]  # on (y, x), the order of array indices
    planes = images.detach().cpu().double().reshape(-1, height, width).numpy()
    moved = [
        ndimage.affine_transform(plane, back, centre - back @ centre, order=SPLINE_ORDER, mode="constant")
        for plane in planes
    ]
    return torch.from_numpy(np.reshape(moved, images.shape)).to(images)


def moved_pixels(images: Tensor, matrix: np.ndarray) -> Tensor:
    """:func:`move` by one of the eight matrices that map pixels to pixels.

    ``images`` (..., H, W) to the same shape, or (..., W, H) after a quarter turn; ``matrix`` (2, 2) is exact.
    """
    if matrix[0, 0] == 0:  # x and y are swapped first; only signs remain
        images, matrix = images.mT, matrix @ np.array([[0.0, 1.0], [1.0, 0.0]])
    return images.flip([axis for axis, sign in ((-1, matrix[0, 0]), (-2, matrix[1, 1])) if sign < 0])


def disc(height: int, width: int, radius: float) -> Tensor:
    """The pixels within ``radius`` of the centre of an image, (H, W) bool."""
    return _distance(height, width) <= radius


def disc_window(height: int, width: int) -> Tensor:
    """A smooth window on the largest disc, (H, W) float64: 1 up to 0.7 of its radius, falling to 0 at 0.95.

    Images multiplied with it are zero wherever a rotation could bring in pixels from outside.
    """
    radius = (min(height, width) - 1) / 2
    ramp = ((_distance(height, width) / max(radius, 0.5) - 0.7) / 0.25).clamp(0, 1)
    return torch.cos(ramp * torch.pi / 2).square()


def _distance(height: int, width: int) -> Tensor:
    y = torch.arange(height, dtype=torch.float64) - (height - 1) / 2
    x = torch.arange(width, dtype=torch.float64) - (width - 1) / 2
    return torch.hypot(y[:, None], x)
