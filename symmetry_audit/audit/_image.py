"""Measuring one image: bytes -> luminance -> scales -> responses -> one record for the journal."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from symmetry_audit.audit._bands import held_out_rows
from symmetry_audit.audit._body import body_affine
from symmetry_audit.audit._domain import Domain, coarser, coarser_valid, domain, filled
from symmetry_audit.audit._flips import FLIP_KIND
from symmetry_audit.audit._masks import Masks
from symmetry_audit.audit._plan import ImagePlan
from symmetry_audit.audit._row_sample import RowSample, row_sample, stacked_errors
from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.audit._spectrum import radial_spectrum
from symmetry_audit.audit._valid import valid_pixels
from symmetry_audit.data import ImageRef, StoredRows, load_image
from symmetry_audit.errors import ImageError
from symmetry_audit.groups import IDENTITY, Affine
from symmetry_audit.wording import GREY_LEVELS

if TYPE_CHECKING:
    from symmetry_audit.audit._adaptive import ScaledImage

__all__ = ["ImageRecord", "measure_image", "measure_scales", "scaled_copies", "strict_arrays"]

STRICT = ("strict", "strict_held_out", "spectrum", "flips", "strict_errors")  # arrays that no fit changes


@dataclass(frozen=True)
class ImageRecord:
    """The journal's record of one image.

    ``arrays`` has one entry per scale, that is (sigma, downscale), sigma slowest, along the first axis: ``strict``
    and ``strict_held_out`` (S, m), the responses of the strict bank over V and over its held-out rows;
    ``flips`` (1, 8), those to ``flip_kernels`` over V at the first scale, where the margin is wide enough for them;
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
    left_out: float  # share of the pixels inside the margin that V leaves out
    arrays: Mapping[str, np.ndarray]
    unit: str = GREY_LEVELS  # of the luminance
    series: str | None = None  # that the image belongs to
    spacing: tuple[float, float] | None = None  # of rows and of columns in mm
    remarks: tuple[str, ...] = ()  # what a report should say about how the file was read

    @property
    def fitted(self) -> bool:
        """Whether it was measured under its own group."""
        return "adaptive" in self.arrays

    @property
    def controlled(self) -> bool:
        """Whether it was measured with controls."""
        return "random" in self.arrays


def strict_arrays(record: ImageRecord) -> dict[str, np.ndarray]:
    """Those of the record's arrays that do not depend on fits."""
    return {name: record.arrays[name] for name in STRICT if name in record.arrays}


def measure_image(
    ref: ImageRef,
    settings: AuditSettings,
    plans: Sequence[ImagePlan],
    *,
    controlled: bool = False,
    masks: Masks | None = None,
    strict: Mapping[str, np.ndarray] | None = None,
) -> ImageRecord:
    """Measure one image by ``plans``, one per sigma, with controls where it is ``controlled``. Raises ImageError and
    MemoryError.

    ``strict`` are its arrays of an earlier record without fits, which are then not measured again.
    """
    stamp = ref.stamp()
    image = load_image(ref, settings.max_pixels, settings.reading)
    name, tile = (ref.key, None) if ref.window is None else (ref.series or ref.key, ref)
    scales = scaled_copies(image.luminance, settings, valid_pixels(image, name, settings, masks, tile))
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
        left_out=scales[0].left_out,
        unit=image.unit,
        series=ref.series,
        spacing=image.spacing,
        remarks=image.remarks,
        arrays=measure_scales(
            scales,
            settings,
            plans,
            ref.key,
            (abs(settings.seed), int.from_bytes(pixels[:8])),
            body=body_affine(image.spacing, settings),
            given=_given(ref.key, image.pixel_sha256, plans[0].given),
            controlled=controlled,
            strict=strict,
        ),
    )


def _given(image: str, pixels: str, table: Mapping[str, np.ndarray] | None) -> np.ndarray | None:
    """(a, b) to measure ``image`` under, (S, F, 2), by the hash of its ``pixels``, or by its name in a table without
    hashes; None where nothing is given."""
    if table is None:
        return None
    found = table.get(pixels, table.get(image))
    if found is None:
        raise ImageError("the table of fits has no row for this image: neither for its pixels nor for its name")
    return found


def scaled_copies(
    luminance: np.ndarray | StoredRows, settings: AuditSettings, valid: np.ndarray | StoredRows | None = None
) -> list[Domain]:
    """The image and its V at every downscale; ``valid`` (H, W) says which pixels hold data, None that all do.

    Raises ImageError where V is empty at one of them.
    """
    whole, scales = filled(luminance, valid), []
    for factor in reversed(settings.downscale):  # the coarsest has the least room
        copy = coarser(whole, factor)
        found = domain(copy, coarser_valid(valid, factor), settings.margin)
        if found is None:
            raise ImageError(_too_small(luminance.shape, copy.shape, factor, settings.margin))
        scales.append(found)
    return scales[::-1]


def _too_small(shape: tuple[int, ...], copy: tuple[int, ...], factor: int, margin: int) -> str:
    """Why V of an image of ``shape`` is empty at a downscale, at which the image has the shape ``copy``."""
    least, coarse = 2 * margin + 1, f" ({copy[1]} x {copy[0]} after downscaling)" if factor > 1 else ""
    if min(copy) < least:
        what = f"{shape[1]} x {shape[0]} px{coarse} is too small for a margin of {margin} px"
        return f"{what}; at least {least} x {least} px is needed"
    return f"no pixel{coarse and ' after downscaling'} is farther than {margin} px from padding; use a smaller --margin"


def measure_scales(
    scales: Sequence[Domain],
    settings: AuditSettings,
    plans: Sequence[ImagePlan],
    image: str,
    seed: tuple[int, int],
    *,
    body: Affine = IDENTITY,
    given: np.ndarray | None = None,
    controlled: bool = False,
    strict: Mapping[str, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """All arrays of one image, with controls where it is ``controlled``; ``seed`` is that of its own random draws.

    ``body`` has the D of its strict group, ``given`` (S, F, 2) is (a, b) to use in place of fits, ``strict`` the arrays
    without fits where they are known. Raises ImageError where responses overflow, and MemoryError.
    """
    try:
        samples = [row_sample(scale.image.shape, settings, image, scale.inside) for scale in scales]
        arrays = dict(strict) if strict else _strict(scales, samples, settings, plans, body)
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise ImageError("its samples are so large that the responses overflow; scale them to 0-255")
        if settings.adaptive:
            from symmetry_audit.audit._adaptive import measure_adaptive

            arrays |= measure_adaptive(
                _scaled(arrays, scales, samples, settings, plans), seed, given, controlled=controlled
            )
        return arrays
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and type(error).__name__ != "OutOfMemoryError":  # torch's, of a GPU
            raise
        raise MemoryError from None


def _scaled(
    arrays: Mapping[str, np.ndarray],
    scales: Sequence[Domain],
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
        share = sample.share(held_out_rows(len(sample)))
        rest = (whole - share * held_out) / (1 - share) if share < 1 else np.zeros_like(whole)
        strict = {name: part[plan.index] for name, part in ((WHOLE, whole), (REST, rest), (HELD_OUT, held_out))}
        assert plan.adaptive is not None
        measure = partial(_strict_profiles, plan, settings)
        found.append(ScaledImage(scale.image, sample, plan.adaptive, arrays["spectrum"][s], strict, measure))
    return found


def _strict_profiles(plan: ImagePlan, settings: AuditSettings, image: np.ndarray, sample: RowSample) -> np.ndarray:
    """The strict profiles (R, T) of an image over the rows of ``sample``."""
    from symmetry_audit.engine import welch_power

    return sample.mean(_strict_rows(image, sample, settings, plan, welch_power(image)))[plan.index]


def _strict_rows(
    image: np.ndarray | StoredRows,
    sample: RowSample,
    settings: AuditSettings,
    plan: ImagePlan,
    power: np.ndarray,
    body: Affine = IDENTITY,
) -> np.ndarray:
    """Means over each row of ``sample``, (n, m); ``power`` is that of the whole image."""
    margin, kind = settings.margin, settings.response
    if plan.body is not None and body != IDENTITY:
        return sample.measured(image, margin, partial(plan.body.row_means, affine=body, kind=kind))
    rows = sample.measured(image, margin, partial(plan.strict.row_means, margin=margin, kind=kind, power=power))
    return rows if plan.body is None else plan.body.spread(rows)


def _strict(
    scales: Sequence[Domain],
    samples: Sequence[RowSample],
    settings: AuditSettings,
    plans: Sequence[ImagePlan],
    body: Affine,
) -> dict[str, np.ndarray]:
    from symmetry_audit.engine import welch_power

    powers = [welch_power(scale.image, scale.valid) for scale in scales]
    each = [(plan, *scale) for plan in plans for scale in zip(scales, samples, powers, strict=True)]
    rows = [
        (sample, _strict_rows(scale.image, sample, settings, plan, power, body)) for plan, scale, sample, power in each
    ]
    arrays = {
        "strict": np.stack([sample.mean(part) for sample, part in rows]),
        "strict_held_out": np.stack([sample.mean(part, held_out_rows(len(part))) for sample, part in rows]),
        "spectrum": np.stack([radial_spectrum(power) for power in powers] * len(plans)),
    }
    if (engine := plans[0].flips) is not None:
        measure = partial(engine.row_means, margin=settings.margin, kind=FLIP_KIND, power=powers[0])
        arrays["flips"] = samples[0].mean(samples[0].measured(scales[0].image, settings.margin, measure))[None]
    if settings.pixels is not None:
        errors = [sample.errors(part) for sample, part in rows]
        arrays["strict_errors"] = stacked_errors(errors)
    return arrays
