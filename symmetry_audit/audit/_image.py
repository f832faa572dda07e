"""Measuring one image: bytes -> luminance -> scales -> responses -> one record for the journal."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.data import ImageRef, decode
from symmetry_audit.errors import ImageError

__all__ = ["BYTES_PER_PIXEL", "ImageRecord", "coarser", "measure_image"]

BYTES_PER_PIXEL = 8  # caps what is read of a file before its size is known: 16-bit RGBA, uncompressed


@dataclass(frozen=True)
class ImageRecord:
    """What is kept of one image. ``values`` is (scales, m): one row per (sigma, downscale), sigma slowest."""

    image: str
    stamp: str
    sha256: str
    pixel_sha256: str
    width: int
    height: int
    depth: str
    turned: bool
    values: np.ndarray


def measure_image(ref: ImageRef, settings: AuditSettings, banks: tuple) -> ImageRecord:
    """Measure one image against ``banks``, one DeviceBank per sigma. Raises ImageError."""
    import torch

    from symmetry_audit.audit._engine import bank_responses

    stamp = ref.stamp()
    data = ref.read(settings.max_pixels * BYTES_PER_PIXEL)
    image = decode(data, settings.max_pixels)
    height, width = image.luminance.shape
    scales = [coarser(image.luminance, factor) for factor in settings.downscale]
    least = 2 * settings.margin + 1
    if min(scales[-1].shape) < least:
        coarse = f" ({scales[-1].shape[1]} x {scales[-1].shape[0]} after downscaling)" if len(scales) > 1 else ""
        raise ImageError(
            f"{width} x {height} px{coarse} is too small for a margin of {settings.margin} px; "
            f"at least {least} x {least} px is needed"
        )
    try:
        values = np.stack(
            [bank_responses(scale, bank, settings.margin, settings.response) for bank in banks for scale in scales]
        )
    except (MemoryError, torch.cuda.OutOfMemoryError):
        raise ImageError("not enough memory to measure it; try again with fewer --workers") from None
    if not np.isfinite(values).all():
        raise ImageError("its samples are so large that the responses overflow; scale them to 0-255")
    return ImageRecord(
        image=ref.key,
        stamp=stamp,
        sha256=hashlib.sha256(data).hexdigest(),
        pixel_sha256=image.pixel_sha256,
        width=width,
        height=height,
        depth=image.depth,
        turned=image.turned,
        values=values,
    )


def coarser(luminance: np.ndarray, factor: int) -> np.ndarray:
    """The image ``factor`` times coarser: an isotropic Gaussian of sigma = factor / 2 px, then every
    ``factor``-th pixel. Pixels whose window leaves the image are cut off, never padded.

    The Gaussian is isotropic so that the resampling itself favours no direction, which a box or a
    separable cubic would.
    """
    if factor == 1:
        return luminance
    from scipy.ndimage import gaussian_filter

    radius = 2 * factor  # four sigma
    if min(luminance.shape) <= 2 * radius:
        return luminance[:0, :0]
    smooth = gaussian_filter(luminance, factor / 2, radius=radius)
    return smooth[radius:-radius:factor, radius:-radius:factor]
