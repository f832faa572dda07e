"""Measuring one image: bytes -> luminance -> scales -> responses -> one record for the journal."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from symmetry_audit.audit._bands import held_out_rows
from symmetry_audit.audit._plan import ImagePlan
from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.audit._spectrum import radial_spectrum
from symmetry_audit.data import BYTES_PER_PIXEL, ImageRef, decode
from symmetry_audit.errors import ImageError

__all__ = ["ImageRecord", "coarser", "measure_image", "measure_scales", "scaled_copies"]


@dataclass(frozen=True)
class ImageRecord:
    """The journal's record of one image.

    ``arrays`` has one entry per scale, that is (sigma, downscale), sigma slowest, along the first axis: ``strict``
    and ``strict_held_out`` (S, m), the responses of the strict bank over V and over its held-out rows;
    ``spectrum`` (S, BINS); and those of ``measure_adaptive``.
    """

    image: str
    stamp: str
    sha256: str
    pixel_sha256: str
    width: int
    height: int
    depth: str
    turned: bool
    arrays: Mapping[str, np.ndarray]


def measure_image(ref: ImageRef, settings: AuditSettings, plans: Sequence[ImagePlan]) -> ImageRecord:
    """Measure one image by ``plans``, one per sigma. Raises ImageError."""
    stamp = ref.stamp()
    data = ref.read(settings.max_pixels * BYTES_PER_PIXEL)
    image = decode(data, settings.max_pixels)
    scales = scaled_copies(image.luminance, settings)
    pixels = hashlib.sha256(image.pixel_sha256.encode()).digest()
    return ImageRecord(
        image=ref.key,
        stamp=stamp,
        sha256=hashlib.sha256(data).hexdigest(),
        pixel_sha256=image.pixel_sha256,
        width=image.luminance.shape[1],
        height=image.luminance.shape[0],
        depth=image.depth,
        turned=image.turned,
        arrays=measure_scales(scales, settings, plans, ref.key, (abs(settings.seed), int.from_bytes(pixels[:8]))),
    )


def scaled_copies(luminance: np.ndarray, settings: AuditSettings) -> list[np.ndarray]:
    """The image at every downscale. Raises ImageError where the coarsest leaves no pixel inside the margin."""
    height, width = luminance.shape
    scales = [coarser(luminance, factor) for factor in settings.downscale]
    least = 2 * settings.margin + 1
    if min(scales[-1].shape) < least:
        coarse = f" ({scales[-1].shape[1]} x {scales[-1].shape[0]} after downscaling)" if len(scales) > 1 else ""
        raise ImageError(
            f"{width} x {height} px{coarse} is too small for a margin of {settings.margin} px; "
            f"at least {least} x {least} px is needed"
        )
    return scales


def measure_scales(
    scales: Sequence[np.ndarray],
    settings: AuditSettings,
    plans: Sequence[ImagePlan],
    image: str,
    seed: tuple[int, int],
) -> dict[str, np.ndarray]:
    """All arrays of one image; ``seed`` is the seed of its own random draws.

    Raises ImageError where memory runs out or responses overflow, or where fits were given but none for this image.
    """
    if plans[0].given is not None and image not in plans[0].given:
        raise ImageError("the table of fits has no row for this image")
    try:
        arrays = _strict(scales, settings, plans)
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise ImageError("its samples are so large that the responses overflow; scale them to 0-255")
        if settings.adaptive:
            from symmetry_audit.audit._adaptive import measure_adaptive

            adaptive = [plan.adaptive for plan in plans if plan.adaptive is not None for _ in scales]
            given = None if plans[0].given is None else plans[0].given[image]
            strict = _fitted_and_all(arrays, scales, settings, plans)
            arrays |= measure_adaptive([*scales] * len(plans), adaptive, arrays["spectrum"], strict, seed, given)
        return arrays
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and type(error).__name__ != "OutOfMemoryError":  # torch's, of a GPU
            raise
        raise ImageError("not enough memory to measure it; try again with fewer --workers") from None


def _fitted_and_all(
    arrays: Mapping[str, np.ndarray],
    scales: Sequence[np.ndarray],
    settings: AuditSettings,
    plans: Sequence[ImagePlan],
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Strict profiles (R, T) of the rows that are not held out, and of all rows, at every scale."""
    shares = [held_out_rows(len(scale) - 2 * settings.margin).mean() for _ in plans for scale in scales]
    indices = [plan.index for plan in plans for _ in scales]
    profiles = []
    for whole, held_out, share, index in zip(arrays["strict"], arrays["strict_held_out"], shares, indices, strict=True):
        rest = (whole - share * held_out) / (1 - share) if share < 1 else np.zeros_like(whole)
        profiles.append((rest[index], whole[index]))
    return profiles


def _strict(scales: Sequence[np.ndarray], settings: AuditSettings, plans: Sequence[ImagePlan]) -> dict[str, np.ndarray]:
    from symmetry_audit.engine import welch_power

    powers = [welch_power(scale) for scale in scales]
    rows = [
        plan.strict.row_means(scale, settings.margin, settings.response, power)
        for plan in plans
        for scale, power in zip(scales, powers, strict=True)
    ]
    return {
        "strict": np.stack([part.mean(0) for part in rows]),
        "strict_held_out": np.stack([part[held_out_rows(len(part))].mean(0) for part in rows]),
        "spectrum": np.stack([radial_spectrum(power) for power in powers] * len(plans)),
    }


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
