"""Means of several sets of images in the same bootstrap resamples: paired where sets share images (SPEC 6)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from symmetry_audit.errors import SettingError
from symmetry_audit.statistics._bootstrap import BootstrapMeans

__all__ = ["bootstrap_p_value", "joint_resamples"]


def joint_resamples(
    tables: Sequence[np.ndarray], units: Sequence[Sequence[Hashable]], *, seed: int, resamples: int = 1000
) -> list[np.ndarray]:
    """The mean table of every set in every resample, one (resamples, ...) for each of ``tables``, (N_k, ...).

    ``units`` has a label for every image of every set. Images with one label are drawn together, in whichever set they
    are: the versions of one photograph, and the images of one cluster. Labels are drawn with replacement among those
    that are in the same sets. So two sets of the same labels give paired resamples, two without a common label
    independent ones, and of two sets that share a part this part is paired. A mean is the sum over the drawn images
    divided by their number. Raises SettingError where a label is missing.

    >>> both = joint_resamples([np.array([1.0, 5.0]), np.array([2.0, 6.0])], ["ab", "ab"], seed=0)
    >>> np.unique(both[1] - both[0]).tolist()
    [1.0]
    """
    for table, labels in zip(tables, units, strict=True):
        if len(table) != len(labels):
            raise SettingError(f"every image needs one label: {len(table)} images, {len(labels)} labels")
    flat = [np.asarray(table, float).reshape(len(table), -1) for table in tables]
    totals = [np.zeros((resamples, table.shape[1] + 1)) for table in flat]
    for number, (members, labels) in enumerate(_strata(units).items()):
        sums = [_sums(flat[at], units[at], labels) for at in members]
        bootstrap = BootstrapMeans(len(labels), resamples=resamples, seed=seed + number)
        for row in np.concatenate(sums, axis=1):
            bootstrap.add(row)
        ends = np.cumsum([part.shape[1] for part in sums])[:-1]
        for at, means in zip(members, np.split(bootstrap.means(), ends, axis=1), strict=True):
            totals[at] += means * len(labels)
    found = zip(totals, tables, strict=True)
    return [(total[:, :-1] / total[:, -1:]).reshape(resamples, *np.shape(table)[1:]) for total, table in found]


def bootstrap_p_value(differences: np.ndarray) -> np.ndarray:
    """Two-sided p-value of "the difference is 0" from its resamples (B, ...); shape (...), at least 2 / (B + 1).

    Twice the share of resamples on the rarer side of 0: below alpha where 0 is outside the percentile interval of
    confidence 1 - alpha. Resamples that are exactly 0 count on both sides.
    """
    below, above = ((1 + side.sum(0)) / (len(differences) + 1) for side in (differences <= 0, differences >= 0))
    return np.minimum(1.0, 2 * np.minimum(below, above))


def _strata(units: Sequence[Sequence[Hashable]]) -> dict[tuple[int, ...], dict[Hashable, int]]:
    """Labels by the sets that they are in, each with its number, in the order in which they first occur."""
    members: dict[Hashable, list[int]] = {}
    for at, labels in enumerate(units):
        for label in dict.fromkeys(labels):
            members.setdefault(label, []).append(at)
    strata: dict[tuple[int, ...], dict[Hashable, int]] = {}
    for label, sets in members.items():
        stratum = strata.setdefault(tuple(sets), {})
        stratum[label] = len(stratum)
    return strata


def _sums(table: np.ndarray, units: Sequence[Hashable], labels: dict[Hashable, int]) -> np.ndarray:
    """The sum over the images of each of ``labels``, and their number, (labels, size + 1)."""
    chosen = [at for at, label in enumerate(units) if label in labels]
    sums = np.zeros((len(labels), table.shape[1] + 1))
    rows = np.concatenate([table[chosen], np.ones((len(chosen), 1))], axis=1)
    np.add.at(sums, [labels[units[at]] for at in chosen], rows)
    return sums
