"""Totals of a run -> the result rows of a report, with their statistics (SPEC 4 and 6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from symmetry_audit.audit import scales
from symmetry_audit.findings._control_numbers import ControlNumbers
from symmetry_audit.findings._pixel_errors import PixelErrors
from symmetry_audit.findings._relative import RelativeNumbers
from symmetry_audit.findings._totals import FEWEST_IMAGES, Totals
from symmetry_audit.results import RELATIVE_FIELDS, ResultRow, Scenario
from symmetry_audit.statistics import null_level, p_value, percentile_interval, subgroup_error, symmetry_error

__all__ = ["RowMaker"]

FLAT = "the mean response is 0: every image is flat"
ONE = "an interval needs more than one image"
ONE_CLUSTER = "an interval needs more than one cluster"
TRIVIAL = "the group has one element"
FEW = f"fewer than {FEWEST_IMAGES} images"
SINGLE = "the values are of single images, and the test needs many"
SAME_IMAGE = "w was fitted on the same images"
GIVEN = "w was given, not fitted"
SAME_REASON = {**RELATIVE_FIELDS, "excess": "null_epsilon"}  # fields that are null together with another one


@dataclass(frozen=True)
class RowMaker:
    """Rows of one run. ``selected`` (S, R, T) are the profiles of the single image ``selected_name``;
    ``visible`` (S, R) counts the elements that each regularizer sees; ``floors`` maps a scenario to the mean
    profiles (S, R, T) of an ideal isotropic field; ``fits`` (R,) names the fit source whose w each regularizer
    is measured under; ``quick`` is None where all pixels were measured."""

    totals: Totals
    selected: np.ndarray
    selected_name: str
    visible: np.ndarray
    tested: bool
    floors: Mapping[str, np.ndarray]
    fits: tuple[str, ...]
    quick: PixelErrors | None = None

    def rows(self) -> Iterator[ResultRow]:
        """Rows ordered by sigma, downscale, scenario, regularizer."""
        settings = self.totals.settings
        for s, (sigma, factor) in enumerate(scales(settings)):
            for scenario in map(Scenario.named, settings.scenarios):
                for r, stencil in enumerate(settings.stencils):
                    fields, reasons = self._fields(scenario, (s, r))
                    yield self._row(stencil.name, scenario, sigma, factor, (s, r), fields, reasons)

    def _fields(self, scenario: Scenario, at: tuple[int, int]) -> tuple[dict[str, Any], dict[str, str]]:
        """The fields that only this scenario's rows have at (scale, regularizer), and why some are null."""
        if scenario.single:
            return self._sample_strict(at)
        return self._dataset_adaptive(at) if scenario.adaptive else self._dataset_strict(at)

    def _row(
        self,
        regularizer: str,
        scenario: Scenario,
        sigma: float | None,
        factor: int,
        at: tuple[int, int],
        fields: dict[str, Any],
        reasons: dict[str, str],
    ) -> ResultRow:
        totals, settings = self.totals, self.totals.settings
        profile, ideal = totals.mean(scenario.profile)[at], self.floors[scenario.name][at]
        relative = self._relative.fields(scenario, at)
        reasons = reasons | {name: reasons[other] for name, other in SAME_REASON.items() if other in reasons}
        if not profile.any():
            relative = dict.fromkeys(relative, np.nan)
            reasons |= dict.fromkeys(("normalized_epsilon", "floor"), FLAT)
        if self.quick is not None:
            relative |= self.quick.fields(scenario.name, at)
        reasons |= {name: FLAT for name, value in relative.items() if np.isnan(value)}
        null = fields.get("null_epsilon")
        numbers: dict[str, Any] = {name: None if np.isnan(value) else value for name, value in relative.items()}
        return ResultRow(
            regularizer=regularizer,
            scenario=scenario.name,
            group=str(settings.group),
            sigma=sigma,
            downscale=factor,
            mean_response=float(profile.mean()),
            identity_response=float(profile[0]),
            worst_angle_deg=float(settings.group.angles_deg()[fields["worst_element"]]),
            tested=self.tested,
            visible_elements=int(self.visible[at]),
            images=totals.images,
            excess=None if null is None else fields["epsilon"] - null,
            floor=float(symmetry_error(ideal)[0] / ideal[0] * profile[0]) if profile.any() else None,
            reasons=reasons,
            **fields,
            **numbers,
        )

    def _sample_strict(self, at: tuple[int, int]) -> tuple[dict[str, Any], dict[str, str]]:
        singles = self.totals.singles
        epsilon, worst = symmetry_error(self.selected[at])
        q25, median, q75 = singles.quartiles(at)
        fields = {
            "epsilon": singles.mean(at),
            "normalized_epsilon": singles.mean_normalized(at),
            "worst_element": int(worst),
            "selected_image": self.selected_name,
            "epsilon_selected": float(epsilon),
            "median": median,
            "q25": q25,
            "q75": q75,
        }
        reasons = dict.fromkeys(("p_value", "null_epsilon"), SINGLE)
        within, why = self._within_limit_single(at)
        interval, none = self._interval("ci", self._sample_resamples[:, *at])
        return fields | within | interval, reasons | why | none

    def _dataset_strict(self, at: tuple[int, int]) -> tuple[dict[str, Any], dict[str, str]]:
        totals = self.totals
        fields, none = self._mean_fields("strict", totals.strict.mean_normalized()[at], at)
        within, reasons = self._within_limit("strict", at)
        reasons |= none
        if self._draws is None:
            return fields | within, reasons | dict.fromkeys(("p_value", "null_epsilon"), self._no_test)
        shifted = self._draws[:, *at]
        test = {"p_value": float(p_value(fields["epsilon"], shifted)), "null_epsilon": float(null_level(shifted))}
        return fields | within | test, reasons

    def _dataset_adaptive(self, at: tuple[int, int]) -> tuple[dict[str, Any], dict[str, str]]:
        totals = self.totals
        fields, none = self._mean_fields("adaptive", totals.normalized_adaptive.mean_normalized()[at], at)
        fields["fit"] = self.fits[at[1]]
        within, reasons = self._within_limit("adaptive", at)
        gain, no_gain = self._gain(at)
        reasons |= none | no_gain | {"p_value": SAME_IMAGE if totals.settings.fitted else GIVEN}
        controls, without = self._controls.fields(at)
        return fields | within | gain | controls, reasons | without

    @property
    def _no_test(self) -> str:
        """Why the invariance test was not made."""
        return FEW if self.totals.images < FEWEST_IMAGES else TRIVIAL

    def _mean_fields(
        self, name: str, normalized: np.ndarray, at: tuple[int, int]
    ) -> tuple[dict[str, Any], dict[str, str]]:
        epsilon, worst = symmetry_error(self.totals.mean(name)[at])
        relative = float(symmetry_error(normalized)[0])
        fields = {
            "epsilon": float(epsilon),
            "normalized_epsilon": None if np.isnan(relative) else relative,
            "worst_element": int(worst),
        }
        interval, reasons = self._interval("ci", self._resampled(name)[:, *at])
        return fields | interval, reasons

    def _gain(self, at: tuple[int, int]) -> tuple[dict[str, float], dict[str, str]]:
        """The strict epsilon minus the adaptive one on the same images, with its paired interval."""
        differences = self._resampled("strict")[:, *at] - self._resampled("adaptive")[:, *at]
        interval, reasons = self._interval("gain", differences)
        return {"gain": self._epsilon("strict", at) - self._epsilon("adaptive", at), **interval}, reasons

    def _interval(self, name: str, values: np.ndarray) -> tuple[dict[str, float], dict[str, str]]:
        names = f"{name}_low", f"{name}_high"
        if self.totals.units < 2:
            return {}, dict.fromkeys(names, ONE if self.totals.images < 2 else ONE_CLUSTER)
        return dict(zip(names, map(float, percentile_interval(values)), strict=True)), {}

    def _within_limit(self, name: str, at: tuple[int, int]) -> tuple[dict[str, Any], dict[str, str]]:
        within = self.totals.within_limit.get(name)
        if within is None:
            return {}, dict.fromkeys(("images_at_limit", "epsilon_within_limit"), "no image was fitted")
        inside = int(within.count[at])
        fields = {"images_at_limit": self.totals.images - inside}
        if not inside:
            return fields, {"epsilon_within_limit": "every image is at the limit"}
        return fields | {"epsilon_within_limit": float(symmetry_error(within.mean()[at])[0])}, {}

    def _within_limit_single(self, at: tuple[int, int]) -> tuple[dict[str, Any], dict[str, str]]:
        fields, reasons = self._within_limit("strict", at)
        if "epsilon_within_limit" in fields:
            fields["epsilon_within_limit"] = self.totals.singles.mean_within(at)
        return fields, reasons

    def _epsilon(self, name: str, at: tuple[int, int]) -> float:
        return float(symmetry_error(self.totals.mean(name)[at])[0])

    def _resampled(self, name: str) -> np.ndarray:
        """Epsilons of the bootstrap resamples, (resamples, S, R)."""
        if name not in self._cache:
            self._cache[name] = subgroup_error(self.totals.resamples(name))
        return self._cache[name]

    @cached_property
    def _cache(self) -> dict[str, np.ndarray]:
        return {}

    @cached_property
    def _relative(self) -> RelativeNumbers:
        return RelativeNumbers(self.totals, self.floors)

    @cached_property
    def _sample_resamples(self) -> np.ndarray:
        return self.totals.resampled_epsilons()

    @cached_property
    def _controls(self) -> ControlNumbers:
        return ControlNumbers(self.totals)

    @cached_property
    def _draws(self) -> np.ndarray | None:
        """Epsilons of randomly shifted profiles, (draws, S, R); None below the least number of images."""
        draws = self.totals.draws.get(self.totals.settings.group)
        return None if draws is None else subgroup_error(draws.means())
