"""One image under its own group: fits on a calibrated sample of its windows, responses on these or on all pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from symmetry_audit.audit._adaptive_plan import AdaptivePlan
from symmetry_audit.audit._bands import held_out_rows
from symmetry_audit.audit._row_sample import RowSample
from symmetry_audit.audit._sources import FitSource
from symmetry_audit.engine import Rows
from symmetry_audit.fits import DeformedFamily, StructureTensor, WindowSample, sample_windows, solve, structure_tensor
from symmetry_audit.groups import IDENTITY, MAX_RATIO, Affine

__all__ = ["FIT_FIELDS", "HELD_OUT", "REST", "WHOLE", "AdaptiveImage", "affine_of"]

FIT_FIELDS = ("a", "b", "iterations", "converged", "at_limit")
WHOLE, REST, HELD_OUT = "whole", "rest", "held_out"  # parts of V: all rows, those to fit to, and the others


class AdaptiveImage:
    """One image (H, W) with everything that its fits and measurements share.

    Everything but the structure tensor is of the rows of V in ``rows`` alone, as if they were all of V. ``strict`` maps
    parts of these to their profiles (R, T) under the strict group of the run. The image is cut to the rectangle of V
    and ``margin`` px around it.
    """

    def __init__(self, image: Rows, plan: AdaptivePlan, strict: Mapping[str, np.ndarray], rows: RowSample) -> None:
        self.image, self.plan, self.rows = image, plan, rows
        self._strict = strict
        self._samples: dict[tuple, WindowSample] = {}
        self._rows: dict[tuple, np.ndarray] = {}

    @cached_property
    def tensor(self) -> StructureTensor:
        """The structure tensor at the kernel's sigma."""
        sigma = getattr(self.plan.fitted.model, "sigma", None) or 1.0
        return structure_tensor(self.image, sigma, self.plan.settings.margin, self.rows.inside)

    def unfitted(self, part: str = WHOLE) -> np.ndarray:
        """Exact profiles of the fitted group under strict rotations, (R, E)."""
        return self._under_rotations(self.plan.fitted, part)

    def fit(self, part: str = WHOLE) -> np.ndarray:
        """w of every source, fitted to a part of V: (F, 5), FIT_FIELDS."""
        sample = self._sample(self.plan.fitted, part)
        # stripes, for example, respond to some elements only by the error of the subspace
        seen = (self.unfitted(part) > 0) & (sample.profiles(IDENTITY, tuple(range(len(self.plan.own)))) > 0)
        return np.array([self._fit_source(source, sample, seen) for source in self.plan.sources])

    def _fit_source(self, source: FitSource, sample: WindowSample, seen: np.ndarray) -> list[float]:
        if not seen[list(source.stencils)].all():
            return [np.nan] * len(FIT_FIELDS)
        fit = solve(sample, source.stencils, [self.tensor.affine(MAX_RATIO), IDENTITY])
        return [fit.affine.a, fit.affine.b, fit.iterations, fit.converged, fit.at_limit]

    def sampled(
        self, affine: Affine, family: DeformedFamily, stencils: tuple[int, ...], part: str = WHOLE
    ) -> np.ndarray:
        """Mean responses to the distinct elements of ``family``, (len(stencils), E), over the calibrated sample."""
        sample = self._sample(family, part)
        if not len(sample.rows):  # no row of the lattice is in this part of a tiny image
            return self.exact(affine, family, stencils, part)
        return sample.profiles(affine, stencils)

    def exact(self, affine: Affine, family: DeformedFamily, stencils: tuple[int, ...], part: str = WHOLE) -> np.ndarray:
        """Mean responses to the distinct elements of ``family``, (len(stencils), E), over all pixels of a part of V."""
        if self._known(family, affine):
            return self._strict[part][list(stencils)][:, family.distinct]
        self._measure(family, [(affine, stencils)])
        return np.stack([self.rows.mean(self._rows[affine, family, r], self._chosen(part)) for r in stencils])

    def errors(self, fits: np.ndarray) -> np.ndarray:
        """Sampling errors of the profiles of every regularizer under the w of its own source, (k - 1, R, E)."""
        family, each = self.plan.measured, [(affine_of(fits[source]), r) for r, source in enumerate(self.plan.own)]
        self._keep_rows(family, each)
        return self.rows.errors(np.stack([self._rows[w, family, r] for w, r in each], axis=1))

    def _measure(self, family: DeformedFamily, wanted: Sequence[tuple[Affine, tuple[int, ...]]]) -> None:
        """Keep the exact responses of the regularizers ``wanted`` under each w; all at once is faster."""
        self._keep_rows(family, [(w, r) for w, stencils in wanted for r in stencils if not self._known(family, w)])

    def _keep_rows(self, family: DeformedFamily, asked: Sequence[tuple[Affine, int]]) -> None:
        """Measure the means over each row, (n, E), of every w and regularizer ``asked`` of which they are not kept."""
        missing = [(w, r) for w, r in asked if (w, family, r) not in self._rows]
        if missing:
            parts = [(family.kernels(w, (r,))[0], w.ratio) for w, r in missing]
            margin, kind = self.plan.settings.margin, self.plan.settings.response
            rows = self.rows.measured(
                self.image,
                margin,
                lambda cut, inside: np.stack(self.plan.engine.row_means(cut, parts, kind, inside), axis=1),
            )
            self._rows |= {(w, family, r): rows[:, place] for place, (w, r) in enumerate(missing)}

    def own(self, fits: np.ndarray, part: str = WHOLE) -> np.ndarray:
        """``sampled`` profiles of every regularizer under the w of its own source, (R, E)."""
        family = self.plan.measured
        return np.concatenate(
            [self.sampled(affine_of(fits[source]), family, (r,), part) for r, source in enumerate(self.plan.own)]
        )

    def table(self, fits: np.ndarray, family: DeformedFamily, wanted: Sequence[tuple[int, ...]]) -> np.ndarray:
        """Profiles under each source's w, (F, R, E), of the ``wanted`` regularizers; NaN for the others.

        Exact where the source is the regularizer's own. Under another's w, which is mostly near, the exact profile is
        multiplied by the ratio of the sampled ones.
        """
        profiles = np.full((len(fits), len(self.plan.own), len(family.distinct)), np.nan)
        self._measure(family, [(affine_of(fit), self.plan.owned(source)) for source, fit in enumerate(fits)])
        for source, fit in enumerate(fits):
            if owned := self.plan.owned(source):
                profiles[source, list(owned)] = self.exact(affine_of(fit), family, owned)
        for source, stencils in enumerate(wanted):
            for r in stencils:
                if (own := self.plan.own[r]) != source:
                    near, far = (self.sampled(affine_of(fits[f]), family, (r,))[0] for f in (own, source))
                    profiles[source, r] = np.divide(profiles[own, r] * far, near, out=far.copy(), where=near > 0)
        return profiles

    def _chosen(self, part: str) -> np.ndarray:
        """Which of the rows are in this part, of bool."""
        held_out = held_out_rows(len(self.rows))
        return {WHOLE: np.ones_like(held_out), REST: ~held_out, HELD_OUT: held_out}[part]

    def _sample(self, family: DeformedFamily, part: str) -> WindowSample:
        """Windows in this part, calibrated to its strict responses."""
        if (family, part) not in self._samples:
            windows = self._windows(family)
            sample = windows if part == WHOLE else windows.where(self._chosen(part))
            self._samples[family, part] = sample.calibrated(self._under_rotations(family, part))
        return self._samples[family, part]

    def _windows(self, family: DeformedFamily) -> WindowSample:
        if (family,) not in self._samples:
            settings, rows = self.plan.settings, self.rows.indices
            about = {"kind": settings.response, "seed": settings.seed, "device": self.plan.device, "rows": rows}
            about["inside"] = self.rows.chosen
            self._samples[(family,)] = sample_windows(self.image, family, settings.margin, **about)
        return self._samples[(family,)]

    def _under_rotations(self, family: DeformedFamily, part: str) -> np.ndarray:
        """Exact profiles (R, E) of ``family`` under its strict group."""
        return self.exact(IDENTITY, family, tuple(range(len(self.plan.own))), part)

    def _known(self, family: DeformedFamily, affine: Affine) -> bool:
        """Whether these are the strict responses of the run."""
        return affine == IDENTITY and family.group.rotations == self.plan.settings.group.rotations


def affine_of(fit: np.ndarray) -> Affine:
    """w of one row of fits; an image without a fit is measured under strict rotations."""
    return IDENTITY if np.isnan(fit[0]) else Affine(float(fit[0]), float(fit[1]))
