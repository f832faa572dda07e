"""Measuring one image under its own group G_w: fits, adaptive responses, and the controls beside them (SPEC 3-6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from symmetry_audit.audit._bands import held_out_rows
from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.audit._sources import FitSource, fit_sources, own_sources
from symmetry_audit.audit._spectrum import radial_power
from symmetry_audit.engine import kernel_rows
from symmetry_audit.fits import DeformedFamily, WindowSample, sample_windows, solve, structure_tensor
from symmetry_audit.groups import IDENTITY, MAX_RATIO, Affine, Group
from symmetry_audit.kernels import KernelModel
from symmetry_audit.synth import gaussian_field

__all__ = ["FIT_FIELDS", "AdaptivePlan", "adaptive_plan", "measure_adaptive"]

FIT_FIELDS = ("a", "b", "iterations", "converged", "at_limit")
FEWEST = 4  # distinct elements that a fit needs: two parameters can equalize any three
FIT_GROUP = Group(32)  # used where the run's own group has fewer


@dataclass(frozen=True)
class AdaptivePlan:
    """The kernels that every image is fitted and measured with, at one kernel model.

    ``fitted`` and ``measured`` are the kernels that w is fitted to (rotations) and measured with (the run's group);
    ``own`` (R,) is the source whose w each regularizer is measured under.
    """

    fitted: DeformedFamily
    measured: DeformedFamily
    sources: tuple[FitSource, ...]
    own: tuple[int, ...]
    settings: AuditSettings
    device: str = "cpu"

    def wanted(self, source: int) -> tuple[int, ...]:
        """The regularizers measured under the w of ``source``: its own, those that use it, or all for transfer."""
        if self.settings.controls:
            return tuple(range(len(self.own)))
        return tuple(r for r, used in enumerate(self.own) if used == source or r in self.sources[source].stencils)


_family = lru_cache(maxsize=4)(DeformedFamily)  # building a family takes a second


def adaptive_plan(settings: AuditSettings, model: KernelModel, device: str = "cpu") -> AdaptivePlan:
    """The plan of one kernel model."""
    measured = _family(settings.stencils, settings.group, model)
    fitted = _family(settings.stencils, Group(settings.group.rotations), model)
    if len(fitted.distinct) < FEWEST:
        fitted = _family(settings.stencils, FIT_GROUP, model)
    return AdaptivePlan(fitted, measured, fit_sources(settings), own_sources(settings), settings, device)


def measure_adaptive(
    images: Sequence[np.ndarray],
    plans: Sequence[AdaptivePlan],
    spectra: Sequence[np.ndarray] | np.ndarray,
    strict: Sequence[tuple[np.ndarray, np.ndarray]],
    seed: Sequence[int],
    given: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Fits of one image at its S scales and everything measured under them; profiles over the distinct elements E.

    ``images``, ``plans`` and ``spectra`` hold one entry per scale, ``strict`` the profiles (R, T) under strict
    rotations of the rows of V that are not held out, and of all rows. ``fits`` (S, F, 5) holds FIT_FIELDS per source,
    NaN where nothing could be fitted; ``tensor`` (S, 3) the structure tensor; ``fitted`` and ``adaptive`` (S, F, R, E)
    the profiles under each source's w of the fitted and the measured group, ``unfitted`` (S, R, E) those of the
    fitted group under strict rotations. With controls also ``held_out``, ``random`` and ``null`` (S, R, E): measured
    on one half under w of the other, under w with a random angle, and on an isotropic field of the same radial
    spectrum with w fitted to it; and ``scales`` (S, S, R, E), fitted at the first scale and measured at the second.
    ``given`` (S, F, 2) are (a, b) to use in place of fitting, NaN where there is none.
    """
    works = [_Image(image, plan) for image, plan in zip(images, plans, strict=True)]
    rng = np.random.default_rng(list(seed))
    known = [None] * len(works) if given is None else given
    measured = [_at_one_scale(*each, rng) for each in zip(works, spectra, strict, known, strict=True)]
    stacked = {name: np.stack([part[name] for part in measured]) for name in measured[0]}
    if len(works) > 1 and plans[0].settings.controls:
        stacked["scales"] = np.stack([[work.own(part["fits"]) for work in works] for part in measured])
    return stacked


def _at_one_scale(
    work: _Image,
    spectrum: np.ndarray,
    strict: tuple[np.ndarray, np.ndarray],
    given: np.ndarray | None,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    plan = work.plan
    fits = work.fit(strict[1]) if given is None else _given(given)
    arrays = {
        "fits": fits,
        "tensor": np.array([work.tensor.xx, work.tensor.xy, work.tensor.yy]),
        "unfitted": work.unfitted(strict[1]),
        "fitted": work.table(fits, plan.fitted, [source.stencils for source in plan.sources]),
        "adaptive": work.table(fits, plan.measured, [plan.wanted(source) for source in range(len(plan.sources))]),
    }
    if not plan.settings.controls:
        return arrays
    arrays["random"] = work.own(_turned(fits, rng))
    if given is not None:
        return arrays
    held_out = held_out_rows(len(work.image) - 2 * plan.settings.margin)
    arrays["held_out"] = work.own(work.fit(strict[0], ~held_out), held_out)
    null = _Image(_isotropic(work.image.shape, spectrum, rng), plan)
    arrays["null"] = null.own(null.fit())
    return arrays


@dataclass
class _Image:
    """One image with everything that its fits and measurements share."""

    image: np.ndarray
    plan: AdaptivePlan
    _rows: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        settings, plan = self.plan.settings, self.plan
        sigma = getattr(plan.fitted.model, "sigma", None) or 1.0
        self.tensor = structure_tensor(self.image, sigma, settings.margin)
        self.sample = sample_windows(
            self.image, plan.fitted, settings.margin, kind=settings.response, seed=settings.seed, device=plan.device
        )

    def fit(self, strict: np.ndarray | None = None, chosen: np.ndarray | None = None) -> np.ndarray:
        """Fit every source, (F, 5), on the whole image, or on a sample of the ``chosen`` rows of V.

        ``strict`` (R, T) are the profiles of these rows under strict rotations, where they are known.
        """
        sample = self.sample if chosen is None else self.sample.where(chosen)
        if strict is not None and self._covers_fitted:
            sample = sample.calibrated(strict[:, self.plan.fitted.distinct])
        return np.array([self._fit_source(source, sample, strict, chosen is None) for source in self.plan.sources])

    @property
    def _covers_fitted(self) -> bool:
        """Whether the run's own group has all rotations that w is fitted to."""
        return self.plan.fitted.group.rotations == self.plan.settings.group.rotations

    def unfitted(self, strict: np.ndarray) -> np.ndarray:
        """Profiles of the fitted group under strict rotations, (R, E); ``strict`` (R, T) are those of the run's."""
        if self._covers_fitted:
            return strict[:, self.plan.fitted.distinct]
        return self._profiles(IDENTITY, self.plan.fitted, tuple(range(len(self.plan.own))))

    def _fit_source(
        self, source: FitSource, sample: WindowSample, strict: np.ndarray | None, exact: bool
    ) -> list[float]:
        # stripes, for example, respond to some elements only by the error of the subspace
        seen = strict is None or (strict[list(source.stencils)] > 0).all()
        if not (seen and len(sample.rows) and (sample.profiles(IDENTITY, source.stencils) > 0).all()):
            return [np.nan] * len(FIT_FIELDS)
        starts = [self.tensor.affine(MAX_RATIO), IDENTITY]
        whole = (lambda w: self._profiles(w, self.plan.fitted, source.stencils)) if exact else None
        fit = solve(sample, source.stencils, starts, whole)
        return [fit.affine.a, fit.affine.b, fit.iterations, fit.converged, fit.at_limit]

    def table(self, fits: np.ndarray, family: DeformedFamily, wanted: list[tuple[int, ...]]) -> np.ndarray:
        """Profiles under each source's w, (F, R, E), of the ``wanted`` regularizers; NaN for the others."""
        elements = len(family.distinct)
        profiles = np.full((len(fits), len(self.plan.own), elements), np.nan)
        for source, stencils in enumerate(wanted):
            if stencils:
                profiles[source, list(stencils)] = self._profiles(_affine(fits[source]), family, stencils)
        return profiles

    def own(self, fits: np.ndarray, chosen: np.ndarray | None = None) -> np.ndarray:
        """Profiles of every regularizer under the w of its own source, (R, E), over V or its ``chosen`` rows."""
        plan = self.plan
        stacked = {}
        for source in set(plan.own):
            stencils = tuple(r for r, used in enumerate(plan.own) if used == source)
            profiles = self._profiles(_affine(fits[source]), plan.measured, stencils, chosen)
            for r, profile in zip(stencils, profiles, strict=True):
                stacked[r] = profile
        return np.stack([stacked[r] for r in range(len(plan.own))])

    def _profiles(
        self, affine: Affine, family: DeformedFamily, stencils: tuple[int, ...], chosen: np.ndarray | None = None
    ) -> np.ndarray:
        """Mean responses to the distinct elements, (len(stencils), E), cached."""
        missing = tuple(r for r in stencils if (affine, family, r) not in self._rows)
        if missing:
            settings = self.plan.settings
            kernels = family.kernels(affine, missing)
            flat = kernels.reshape(-1, *kernels.shape[2:])
            rows = kernel_rows(self.image, flat, settings.margin, settings.response, self.plan.device)
            for r, part in zip(missing, np.split(rows, len(missing), axis=1), strict=True):
                self._rows[affine, family, r] = part
        rows = np.stack([self._rows[affine, family, r] for r in stencils])
        return rows.mean(1) if chosen is None else rows[:, chosen].mean(1)


def _isotropic(shape: tuple[int, int], spectrum: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A Gaussian field without a preferred direction, of the radial ``spectrum``; of a flat image, a flat one."""
    if not spectrum.any():
        return np.zeros(shape)
    return gaussian_field(shape, IDENTITY, rng=rng, power=radial_power(spectrum), limit=None)


def _affine(fit: np.ndarray) -> Affine:
    """w of one row of fits; an image without a fit is measured under strict rotations."""
    return IDENTITY if np.isnan(fit[0]) else Affine(float(fit[0]), float(fit[1]))


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
