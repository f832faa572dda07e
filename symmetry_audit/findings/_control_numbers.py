"""The controls of an adaptive row, in the unit of epsilon, and why some are missing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from symmetry_audit.findings._controls import ControlTotals
from symmetry_audit.findings._totals import FEWEST_IMAGES, Totals
from symmetry_audit.statistics import p_value, percentile_interval, subgroup_error, symmetry_error

__all__ = ["ControlNumbers"]

NO_CONTROLS = "measured without controls"
NONE_LEFT = "no image drawn for controls could be measured"
GIVEN = "w was given, not fitted"
ONE = "it needs more than one image with controls"
ONE_CLUSTER = "it needs more than one cluster of images with controls"
TRIVIAL = "the group has one element"
FEW = f"fewer than {FEWEST_IMAGES} images with controls"
RANDOM = ("random_epsilon", "random_epsilon_se")
NULL = ("null_epsilon", "null_epsilon_se")
INTERVAL = ("held_out_gain_low", "held_out_gain_high")
HELD_OUT = (
    "held_out_epsilon",
    "held_out_epsilon_se",
    "held_out_strict_epsilon",
    "held_out_gain",
    *INTERVAL,
    "held_out_p_value",
)

Fields = tuple[dict[str, Any], dict[str, str]]


@dataclass(frozen=True)
class ControlNumbers:
    """Of the adaptive rows of one run."""

    totals: Totals

    def fields(self, at: tuple[int, int]) -> Fields:
        """The fields of ResultRow that are controls, at (scale, regularizer), and why some are null."""
        controls, settings = self.totals.controls, self.totals.settings
        if controls is None:
            reason = NONE_LEFT if settings.controls else NO_CONTROLS
            return {}, dict.fromkeys(("control_images", *RANDOM, *NULL, *HELD_OUT), reason)
        fields = {"control_images": controls.count, "random_epsilon": self._epsilon(controls.mean("random"), at)}
        errors, reasons = self._error(controls, "random", at)
        if not settings.fitted:
            return fields | errors, reasons | dict.fromkeys((*NULL, *HELD_OUT), GIVEN)
        for found, why in (self._null_level(controls, at), self._held_out(controls, at)):
            fields, reasons = fields | found, reasons | why
        return fields | errors, reasons

    def _error(self, controls: ControlTotals, name: str, at: tuple[int, int]) -> Fields:
        field = f"{name}_epsilon_se"
        if controls.units < 2:
            return {}, {field: self._alone(controls)}
        return {field: float(self._errors[name][at])}, {}

    def _null_level(self, controls: ControlTotals, at: tuple[int, int]) -> Fields:
        level, error = self._null
        if np.isnan(level[at]):
            return {}, dict.fromkeys(NULL, ONE)
        fields = {"null_epsilon": float(level[at])}
        return (fields, {NULL[1]: ONE}) if error is None else (fields | {NULL[1]: float(error[at])}, {})

    def _held_out(self, controls: ControlTotals, at: tuple[int, int]) -> Fields:
        epsilon, strict = (self._epsilon(means, at) for means in (controls.mean("held_out"), controls.base("held_out")))
        fields = {"held_out_epsilon": epsilon, "held_out_strict_epsilon": strict, "held_out_gain": strict - epsilon}
        errors, reasons = self._error(controls, "held_out", at)
        if controls.units > 1:
            ends = map(float, percentile_interval(self._gains[:, *at]))
            fields |= dict(zip(INTERVAL, ends, strict=True))
        else:
            reasons |= dict.fromkeys(INTERVAL, self._alone(controls))
        if self._test is None:
            few = controls.count < FEWEST_IMAGES
            return fields | errors, reasons | {"held_out_p_value": FEW if few else TRIVIAL}
        observed, shifted = self._test
        return fields | errors | {"held_out_p_value": float(p_value(observed[at], shifted[:, *at]))}, reasons

    @staticmethod
    def _alone(controls: ControlTotals) -> str:
        """Why nothing can be resampled."""
        return ONE if controls.count < 2 else ONE_CLUSTER

    @staticmethod
    def _epsilon(means: np.ndarray, at: tuple[int, int]) -> float:
        return float(symmetry_error(means[at])[0])

    @property
    def _measured(self) -> ControlTotals:
        assert self.totals.controls is not None
        return self.totals.controls

    @cached_property
    def _errors(self) -> dict[str, np.ndarray]:
        names = [name for name in ("random", "held_out") if self._measured.measured(name)]
        return {name: self._measured.standard_error(name, subgroup_error) for name in names}

    @cached_property
    def _null(self) -> tuple[np.ndarray, np.ndarray | None]:
        """In the unit of epsilon the fields must be as loud as all images, not as the controlled ones."""
        level, error = self._measured.null_level(subgroup_error)
        loudness = self._measured.loudness()
        return level * loudness, None if error is None else error * loudness

    @cached_property
    def _gains(self) -> np.ndarray:
        strict, adaptive = map(subgroup_error, self._measured.held_out_resamples())
        return strict - adaptive

    @cached_property
    def _test(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Epsilons of the held-out profiles of the controlled images and of their random shifts."""
        found = self._measured.held_out_test()
        return None if found is None else (subgroup_error(found[0]), subgroup_error(found[1]))
