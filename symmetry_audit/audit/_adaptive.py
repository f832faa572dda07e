"""Measuring one image under its own group G_w: fits, adaptive responses, and the controls beside them (SPEC 3-6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt

import numpy as np

from symmetry_audit.audit._adaptive_image import HELD_OUT, REST, WHOLE, AdaptiveImage
from symmetry_audit.audit._adaptive_plan import AdaptivePlan
from symmetry_audit.audit._memory import LARGEST_FIELD
from symmetry_audit.audit._row_sample import RowSample, stacked_errors
from symmetry_audit.audit._spectrum import radial_power
from symmetry_audit.engine import Rows
from symmetry_audit.groups import IDENTITY, MAX_RATIO
from symmetry_audit.synth import gaussian_field

__all__ = ["ScaledImage", "measure_adaptive"]


@dataclass(frozen=True)
class ScaledImage:
    """One image at one scale: ``image`` (H, W), its radial ``spectrum``, and ``strict``, the profiles (R, T) under
    strict rotations of the parts WHOLE, REST and HELD_OUT of the rows of V in ``sample``. ``measure_strict`` measures
    those of another image, over its own sample."""

    image: Rows
    sample: RowSample
    plan: AdaptivePlan
    spectrum: np.ndarray
    strict: Mapping[str, np.ndarray]
    measure_strict: Callable[[np.ndarray, RowSample], np.ndarray]


def measure_adaptive(
    scales: Sequence[ScaledImage], seed: Sequence[int], given: np.ndarray | None = None, *, controlled: bool = False
) -> dict[str, np.ndarray]:
    """Fits of one image at its S scales and everything measured under them; profiles over the distinct elements E.

    ``fits`` (S, F, 5) holds FIT_FIELDS per source, NaN where nothing could be fitted; ``tensor`` (S, 3) the structure
    tensor; ``fitted`` and ``adaptive`` (S, F, R, E) the profiles under each source's w of the fitted and the measured
    group, NaN where no row needs them and no fit was made to them, ``unfitted`` (S, R, E) those of the fitted group
    under strict rotations. A regularizer's profile under its own source's w is exact, others are from a sample. In a
    quick look ``adaptive_errors`` (S, K, R, E) are the ``stacked_errors`` of the exact ones, with w as fitted.

    Controls are measured on the sample alone. A ``controlled`` image has all of ``adaptive``, and also ``held_out``,
    ``random`` and ``null`` (S, R, E): measured on one half under w of the other, under w with a random angle, and on an
    isotropic field of the same radial spectrum, of LARGEST_FIELD at most, with w fitted to it; and ``scales``
    (S, S, R, E), fitted at the first scale and measured at the second. ``given`` (S, F, 2) are (a, b) to use in place
    of fitting, NaN where there is none; then there is no ``held_out`` and no ``null``.
    """
    works = [AdaptiveImage(scale.image, scale.plan, scale.strict, scale.sample) for scale in scales]
    fits = [work.fit() for work in works] if given is None else [_given(points) for points in given]
    measured = [_at_one_scale(*each, controlled) for each in zip(works, fits, strict=True)]
    if controlled:
        rng = np.random.default_rng(list(seed))
        for part, work, scale, own in zip(measured, works, scales, fits, strict=True):
            part |= _controls(work, scale, own, rng, fitted=given is None)
    stacked = {name: np.stack([part[name] for part in measured]) for name in measured[0]}
    if works[0].plan.settings.pixels is not None:
        stacked["adaptive_errors"] = stacked_errors([work.errors(own) for work, own in zip(works, fits, strict=True)])
    if len(works) > 1 and controlled:
        stacked["scales"] = np.stack([[work.own(own) for work in works] for own in fits])
    return stacked


def _at_one_scale(work: AdaptiveImage, fits: np.ndarray, controlled: bool) -> dict[str, np.ndarray]:
    plan = work.plan
    stencils = [source.stencils for source in plan.sources]
    everything = [tuple(range(len(plan.own)))] * len(stencils)
    adaptive = work.table(fits, plan.measured, everything if controlled else stencils)
    if plan.fitted.group.rotations == plan.measured.group.rotations:
        fitted = adaptive[..., plan.measured.index[plan.fitted.distinct]]
    else:
        fitted = work.table(fits, plan.fitted, stencils)
    tensor = np.array([work.tensor.xx, work.tensor.xy, work.tensor.yy])
    return {"fits": fits, "tensor": tensor, "unfitted": work.unfitted(), "fitted": fitted, "adaptive": adaptive}


def _controls(
    work: AdaptiveImage, scale: ScaledImage, fits: np.ndarray, rng: np.random.Generator, *, fitted: bool
) -> dict[str, np.ndarray]:
    arrays = {"random": work.own(_turned(fits, rng))}
    if fitted:
        arrays["held_out"] = work.own(work.fit(REST), HELD_OUT)
        field = _isotropic(_null_shape(work.image.shape), scale.spectrum, rng)
        sample = scale.sample
        if field.shape != work.image.shape:
            sample = RowSample(((0, len(field) - 2 * work.plan.settings.margin),), 1)
        null = AdaptiveImage(field, work.plan, {WHOLE: scale.measure_strict(field, sample)}, sample)
        arrays["null"] = null.own(null.fit())
    return arrays


def _null_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """The shape of the isotropic field that stands beside an image of ``shape`` (H, W): its own up to LARGEST_FIELD."""
    height, width = shape
    height = min(height, max(isqrt(LARGEST_FIELD), LARGEST_FIELD // width))
    return height, min(width, LARGEST_FIELD // height)


def _isotropic(shape: tuple[int, int], spectrum: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A Gaussian field without a preferred direction, of the radial ``spectrum``; of a flat image, a flat one."""
    if not spectrum.any():
        return np.zeros(shape)
    return gaussian_field(shape, IDENTITY, rng=rng, power=radial_power(spectrum), limit=None)


def _turned(fits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The fits with the same ratios and their long axes rotated, all by one random angle."""
    angle = rng.uniform(0, 2 * np.pi)
    c, s = np.cos(angle), np.sin(angle)
    rotated = fits.copy()
    rotated[:, :2] = fits[:, :2] @ np.array([[c, s], [-s, c]])
    return rotated


def _given(points: np.ndarray) -> np.ndarray:
    limit = np.log(MAX_RATIO) * (1 - 1e-6)
    at_limit = np.hypot(*points.T) >= limit
    nothing = np.where(np.isnan(points[:, 0]), np.nan, 0.0)
    return np.stack([*points.T, nothing, nothing + 1, nothing + at_limit], axis=1)
