"""What measuring some pixels of every image adds to the error of the rows of a report (SPEC 6)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from symmetry_audit.audit import AuditSettings, ImageRecord, ImageTables, row_sample
from symmetry_audit.results import PIXEL_FIELDS, Scenario
from symmetry_audit.statistics import symmetry_error

__all__ = ["PixelErrors"]


class PixelErrors:
    """Standard errors of a quick look. The bands of different images are drawn independently, so variances add up.

    ``means`` maps scenarios to their mean profiles (S, R, T), ``spreads`` (S, R) is the mean of max - min of single
    images. Epsilon is linearised: the elements that decide it, of the mean or of each image, are held, and so is w.
    """

    def __init__(self, settings: AuditSettings, means: Mapping[str, np.ndarray], spreads: np.ndarray) -> None:
        self._settings, self._means, self._spreads = settings, means, spreads
        self._variances = {name: np.zeros((len(PIXEL_FIELDS), *spreads.shape)) for name in means}
        self._images = 0
        self._pixels = np.zeros(2)  # of V at full size: measured, and all

    def add(self, record: ImageRecord, tables: ImageTables) -> None:
        """Add one image."""
        self._images += 1
        rows, columns = (side - 2 * self._settings.margin for side in (record.height, record.width))
        measured = row_sample((record.height, record.width), self._settings, record.image)
        self._pixels += columns * np.array([len(measured), rows])
        for name, mean in self._means.items():
            scenario = Scenario.named(name)
            profiles = tables.profiles[scenario.profile] if scenario.single else mean
            spreads = self._spreads if scenario.single else np.ptp(mean, axis=-1)
            errors = _linearised(tables.errors[scenario.profile], profiles, mean.mean(-1), spreads)
            self._variances[name] += np.square(errors).sum(2)

    def fields(self, scenario: str, at: tuple[int, int]) -> dict[str, float]:
        """PIXEL_FIELDS of a row at (scale, regularizer); NaN where nothing responds."""
        found = np.sqrt(self._variances[scenario][:, *at]) / self._images
        return dict(zip(PIXEL_FIELDS, found.tolist(), strict=True))

    def warnings(self) -> list[str]:
        """What a reader has to know of a quick look; nothing where all images were measured whole."""
        measured, whole = self._pixels
        if measured == whole:
            return []
        relative = np.array([variances[-1] for variances in self._variances.values()])
        added = 100 * np.sqrt(np.nan_to_num(relative).max()) / self._images
        return [
            f"measured on about {measured / self._images:.0f} pixels an image ({100 * measured / whole:.2g} %): a "
            f"quick look; the missing pixels add a standard error of {added:.2g} % at most to relative epsilon"
        ]


def _linearised(errors: np.ndarray, profiles: np.ndarray, middle: np.ndarray, spreads: np.ndarray) -> np.ndarray:
    """Sampling errors (3, S, K, R) of the mean response, of epsilon and of relative epsilon.

    ``errors`` (S, K, R, T) are sampling errors of the responses, ``profiles`` (S, R, T) decide which elements count;
    relative epsilon is ``spreads`` / ``middle``, (S, R) each.
    """

    def at(elements: np.ndarray) -> np.ndarray:
        return np.take_along_axis(errors, elements[:, None, :, None], -1)[..., 0]

    mean, gap = errors.mean(-1), errors[..., 0] - at(symmetry_error(profiles)[1])
    spread = at(profiles.argmax(-1)) - at(profiles.argmin(-1))
    middle = np.where(middle > 0, middle, np.nan)
    return np.stack([mean, gap, (spread - (spreads / middle)[:, None] * mean) / middle[:, None]])
