"""Measuring one image: bytes -> luminance -> scales -> responses -> one record for the journal."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from symmetry_audit.audit._bands import held_out_rows
from symmetry_audit.audit._plan import ImagePlan
from symmetry_audit.audit._row_sample import RowSample, row_sample, stacked_errors
from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.audit._spectrum import radial_spectrum
from symmetry_audit.data import ImageRef, load_image
from symmetry_audit.errors import ImageError
from symmetry_audit.wording import GREY_LEVELS

if TYPE_CHECKING:
    from symmetry_audit.audit._adaptive import ScaledImage

__all__ = ["ImageRecord", "coarser", "measure_image", "measure_scales", "scaled_copies"]


@dataclass(frozen=True)
class ImageRecord:
    """The journal's record of one image.

    ``arrays`` has one entry per scale, that is (sigma, downscale), sigma slowest, along the first axis: ``strict``
    and ``strict_held_out`` (S, m), the responses of the strict bank over V and over its held-out rows;
    ``spectrum`` (S, BINS); in a quick look ``strict_errors`` (S, K, m) as ``stacked_errors`` gives them; and those of
    ``measure_adaptive``.
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
    unit: str = GREY_LEVELS  # of the luminance
    series: str | None = None  # that the image belongs to
    spacing: tuple[float, float] | None = None  # of rows and of columns in mm

    @property
    def controlled(self) -> bool:
        """Whether it was measured with controls."""
        return "random" in self.arrays


def measure_image(
    ref: ImageRef, settings: AuditSettings, plans: Sequence[ImagePlan], *, controlled: bool = False
) -> ImageRecord:
    """Measure one image by ``plans``, one per sigma, with controls where it is ``controlled``. Raises ImageError."""
    stamp = ref.stamp()
    image = load_image(ref, settings.max_pixels, settings.reading)
    scales = scaled_copies(image.luminance, settings)
    pixels = hashlib.sha256(image.pixel_sha256.encode()).digest()
    return ImageRecord(
        image=ref.key,
        stamp=stamp,
        sha256=image.file_sha256,
        pixel_sha256=image.pixel_sha256,
        width=image.luminance.shape[1],
        height=image.luminance.shape[0],
        depth=image.depth,
        turned=image.turned,
        unit=image.unit,
        series=ref.series,
        spacing=image.spacing,
        arrays=measure_scales(
            scales, settings, plans, ref.key, (abs(settings.seed), int.from_bytes(pixels[:8])), controlled=controlled
        ),
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
    *,
    controlled: bool = False,
) -> dict[str, np.ndarray]:
    """All arrays of one image, with controls where it is ``controlled``; ``seed`` is that of its own random draws.

    Raises ImageError where memory runs out or responses overflow, or where fits were given but none for this image.
    """
    if plans[0].given is not None and image not in plans[0].given:
        raise ImageError("the table of fits has no row for this image")
    try:
        samples = [row_sample(scale.shape, settings, image) for scale in scales]
        arrays = _strict(scales, samples, settings, plans)
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise ImageError("its samples are so large that the responses overflow; scale them to 0-255")
        if settings.adaptive:
            from symmetry_audit.audit._adaptive import measure_adaptive

            given = None if plans[0].given is None else plans[0].given[image]
            arrays |= measure_adaptive(
                _scaled(arrays, scales, samples, settings, plans), seed, given, controlled=controlled
            )
        return arrays
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and type(error).__name__ != "OutOfMemoryError":  # torch's, of a GPU
            raise
        raise ImageError("not enough memory to measure it; try again with fewer --workers") from None


def _scaled(
    arrays: Mapping[str, np.ndarray],
    scales: Sequence[np.ndarray],
    samples: Sequence[RowSample],
    settings: AuditSettings,
    plans: Sequence[ImagePlan],
) -> list[ScaledImage]:
    """The image at every scale with its strict profiles, of all rows, of those that are held out, and of the rest."""
    from symmetry_audit.audit._adaptive import ScaledImage
    from symmetry_audit.audit._adaptive_image import HELD_OUT, REST, WHOLE

    found = []
    each = [(plan, *scale) for plan in plans for scale in zip(scales, samples, strict=True)]
    for s, (plan, scale, sample) in enumerate(each):
        whole, held_out = arrays["strict"][s], arrays["strict_held_out"][s]
        share = held_out_rows(len(sample)).mean()
        rest = (whole - share * held_out) / (1 - share) if share < 1 else np.zeros_like(whole)
        strict = {name: part[plan.index] for name, part in ((WHOLE, whole), (REST, rest), (HELD_OUT, held_out))}
        assert plan.adaptive is not None
        measure = _strict_profiles(plan, sample, settings)
        found.append(ScaledImage(scale, sample, plan.adaptive, arrays["spectrum"][s], strict, measure))
    return found


def _strict_profiles(plan: ImagePlan, sample: RowSample, settings: AuditSettings) -> Callable[[np.ndarray], np.ndarray]:
    """What measures the strict profiles (R, T) of an image, over the rows of ``sample``."""
    from symmetry_audit.engine import welch_power

    return lambda image: _strict_rows(image, sample, settings, plan, welch_power(image)).mean(0)[plan.index]


def _strict_rows(
    image: np.ndarray, sample: RowSample, settings: AuditSettings, plan: ImagePlan, power: np.ndarray
) -> np.ndarray:
    """Means over each row of ``sample``, (n, m); ``power`` is that of the whole image."""
    margin = settings.margin
    return sample.measured(image, margin, lambda cut: plan.strict.row_means(cut, margin, settings.response, power))


def _strict(
    scales: Sequence[np.ndarray], samples: Sequence[RowSample], settings: AuditSettings, plans: Sequence[ImagePlan]
) -> dict[str, np.ndarray]:
    from symmetry_audit.engine import welch_power

    powers = [welch_power(scale) for scale in scales]
    each = [(plan, *scale) for plan in plans for scale in zip(scales, samples, powers, strict=True)]
    rows = [_strict_rows(scale, sample, settings, plan, power) for plan, scale, sample, power in each]
    arrays = {
        "strict": np.stack([part.mean(0) for part in rows]),
        "strict_held_out": np.stack([part[held_out_rows(len(part))].mean(0) for part in rows]),
        "spectrum": np.stack([radial_spectrum(power) for power in powers] * len(plans)),
    }
    if settings.pixels is not None:
        errors = [sample.errors(part) for (_, _, sample, _), part in zip(each, rows, strict=True)]
        arrays["strict_errors"] = stacked_errors(errors)
    return arrays


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
