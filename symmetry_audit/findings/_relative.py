"""The relative numbers of a row: relative epsilon of SPEC 8, and its interval, null level, floor and controls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from symmetry_audit.findings._controls import ControlTotals
from symmetry_audit.findings._totals import Totals
from symmetry_audit.results import Scenario
from symmetry_audit.statistics import null_level, percentile_interval, relative_error

__all__ = ["RelativeNumbers", "resampled_error"]

CONTROLS = {"relative_random": "random", "relative_held_out": "held_out"}  # of adaptive rows, with their profiles


def resampled_error(means: np.ndarray, elements: np.ndarray | None = None) -> np.ndarray:
    """Relative epsilon of the mean profiles (..., T) of resamples; 0 where a resample drew flat images alone."""
    return np.nan_to_num(relative_error(means, elements))


@dataclass(frozen=True)
class RelativeNumbers:
    """Of the rows of one run; ``floors`` maps a scenario to mean profiles (S, R, T) of an ideal isotropic field."""

    totals: Totals
    floors: Mapping[str, np.ndarray]

    def fields(self, scenario: Scenario, at: tuple[int, int]) -> dict[str, float]:
        """The fields of ResultRow that are relative, at (scale, regularizer); NaN where nothing responds.

        Those that were not measured are absent.
        """
        found = {"relative_floor": float(relative_error(self.floors[scenario.name][at]))}
        if scenario.single:
            return found | dict(self._single(at))
        found |= dict(self._dataset(scenario.profile, at))
        return found | dict(self._controls(at) if scenario.adaptive else self._shifted(at))

    def _single(self, at: tuple[int, int]) -> Iterator[tuple[str, float]]:
        totals = self.totals
        middle = totals.mean("strict")[at].mean()
        yield "relative_epsilon", float(totals.strict.mean_spread()[at] / middle) if middle > 0 else np.nan
        if totals.units > 1:
            spreads, middles = totals.resampled_spreads()[:, *at], totals.resamples("strict")[:, *at].mean(-1)
            values = np.divide(spreads, middles, out=np.zeros_like(spreads), where=middles > 0)
            yield from _interval("relative_ci", values)

    def _dataset(self, name: str, at: tuple[int, int]) -> Iterator[tuple[str, float]]:
        yield "relative_epsilon", float(relative_error(self.totals.mean(name)[at]))
        if self.totals.units > 1:
            yield from _interval("relative_ci", self._resampled(name, at))

    def _shifted(self, at: tuple[int, int]) -> Iterator[tuple[str, float]]:
        """The null level of strict rows: the mean over randomly shifted profiles."""
        draws = self.totals.draws.get(self.totals.settings.group)
        if draws is not None:
            yield "relative_null", float(null_level(relative_error(draws.means()[:, *at])))

    def _controls(self, at: tuple[int, int]) -> Iterator[tuple[str, float]]:
        """The null level and the controls of adaptive rows."""
        controls = self.totals.controls
        if controls is None:
            return
        for field, name in CONTROLS.items():
            if controls.measured(name):
                yield field, float(relative_error(controls.mean(name)[at]))
                yield from _error(field, self._errors[name], at)
        if controls.measured("null") and not np.isnan(self._null[0][at]):
            yield "relative_null", float(self._null[0][at])
            yield from _error("relative_null", self._null[1], at)
        if controls.measured("held_out"):
            yield from self._held_out(controls, at)

    def _held_out(self, controls: ControlTotals, at: tuple[int, int]) -> Iterator[tuple[str, float]]:
        strict = float(relative_error(controls.base("held_out")[at]))
        yield "relative_held_out_strict", strict
        yield "relative_held_out_gain", strict - float(relative_error(controls.mean("held_out")[at]))
        if controls.units > 1:
            without, fitted = (resampled_error(means[:, *at]) for means in controls.held_out_resamples())
            yield from _interval("relative_held_out_gain", without - fitted)

    @cached_property
    def _errors(self) -> dict[str, np.ndarray]:
        controls = self.totals.controls
        assert controls is not None
        names = [name for name in CONTROLS.values() if controls.measured(name)]
        return {name: controls.standard_error(name, resampled_error) for name in names}

    @cached_property
    def _null(self) -> tuple[np.ndarray, np.ndarray | None]:
        assert self.totals.controls is not None
        return self.totals.controls.null_level(resampled_error)

    def _resampled(self, name: str, at: tuple[int, int]) -> np.ndarray:
        return resampled_error(self.totals.resamples(name)[:, *at])


def _error(name: str, errors: np.ndarray | None, at: tuple[int, int]) -> Iterator[tuple[str, float]]:
    if errors is not None and not np.isnan(errors[at]):
        yield f"{name}_se", float(errors[at])


def _interval(name: str, values: np.ndarray) -> Iterator[tuple[str, float]]:
    low, high = percentile_interval(values)
    yield f"{name}_low", float(low)
    yield f"{name}_high", float(high)
