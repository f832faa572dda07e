"""What a second look at every image gives, once the means of all are known: leverages, responses, pixel errors."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import numpy as np

from symmetry_audit.audit import AuditSettings, ImageRecord, ImageTables, fit_rows, scales
from symmetry_audit.findings._analyses import LeverageList
from symmetry_audit.findings._pixel_errors import PixelErrors
from symmetry_audit.findings._totals import BLOCK, Totals
from symmetry_audit.results import AffineFit, FailedFit, Scenario
from symmetry_audit.statistics import leave_one_out, subgroup_error

__all__ = ["KeepFit", "KeepResponses", "SecondPass"]

ResponseKey = tuple[str, str, float | None, int]  # regularizer, scenario, sigma, downscale
# image, keys of its K profiles, responses (K, T), leverages, hash of the pixels
KeepResponses = Callable[[str, Sequence[ResponseKey], np.ndarray, Sequence[float], str], None]
KeepFit = Callable[[AffineFit | FailedFit], None]


class SecondPass:
    """What needs the means of all images: ``leverage``, the profiles of the ``selected`` image with its name, and in
    a ``quick`` look the errors of its pixels. Hands on all responses and fits."""

    def __init__(self, totals: Totals, keep: KeepResponses, keep_fit: KeepFit) -> None:
        self.totals = totals
        self._keys = _keys(totals.settings)
        self.leverage = LeverageList(self._keys)
        self.quick = _pixel_errors(totals.settings, totals)
        self.selected: tuple[str, np.ndarray] | None = None
        self._keep, self._keep_fit = keep, keep_fit
        self._waiting: list[tuple[ImageRecord, ImageTables]] = []
        self._means = {name: _mean(totals, Scenario.named(name)) for name in totals.settings.scenarios}
        self._left = random.Random(totals.settings.seed).randrange(totals.images)  # images before the selected one

    def add(self, record: ImageRecord, tables: ImageTables) -> None:
        """Add one image."""
        if self._left == 0:
            self.selected = record.image, tables.profiles["strict"]
        self._left -= 1
        if self.quick is not None:
            self.quick.add(record, tables)
        self._waiting.append((record, tables))
        if len(self._waiting) == BLOCK:
            self.finish()
        for fit in fit_rows(record.image, tables, self.totals.settings, record.pixel_sha256):
            self._keep_fit(fit)

    def finish(self) -> None:
        """Hand on every profile of the images that wait, with its leverage on the epsilon of its row."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        images, profiles, leverages = self.totals.images, [], []
        for name, mean in self._means.items():
            scenario = Scenario.named(name)
            found = np.stack([tables.profiles[scenario.profile] for _, tables in waiting])
            profiles.append(found.reshape(len(waiting), -1, found.shape[-1]))
            if scenario.single:
                leverages.append((subgroup_error(found) - mean) / max(images - 1, 1))
            else:
                leverages.append(leave_one_out(mean, images, found))
        values = np.concatenate([part.reshape(len(waiting), -1) for part in leverages], axis=1)
        every = zip(waiting, np.concatenate(profiles, axis=1), values, strict=True)
        for (record, _), rows, own in every:
            self.leverage.add(record.image, own)
            self._keep(record.image, self._keys, rows, own.tolist(), record.pixel_sha256)


def _keys(settings: AuditSettings) -> tuple[ResponseKey, ...]:
    """Of all profiles of an image, in the order of scenario, scale and regularizer."""
    return tuple(
        (stencil.name, scenario, sigma, factor)
        for scenario in settings.scenarios
        for sigma, factor in scales(settings)
        for stencil in settings.stencils
    )


def _mean(totals: Totals, scenario: Scenario) -> np.ndarray:
    """The values that leverage refers to: the mean profile (S, R, T), or the mean of single epsilons (S, R)."""
    return totals.singles.means() if scenario.single else totals.mean(scenario.profile)


def _pixel_errors(settings: AuditSettings, totals: Totals) -> PixelErrors | None:
    """Of a quick look alone."""
    if settings.pixels is None:
        return None
    means = {name: totals.mean(Scenario.named(name).profile) for name in settings.scenarios}
    return PixelErrors(settings, means, totals.strict.mean_spread())
