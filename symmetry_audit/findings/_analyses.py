"""The analyses beside the rows of a report: transfer, leverage, folders, subsets, directions, a summary of fits."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from symmetry_audit.audit import scales
from symmetry_audit.findings._controls import ControlTotals
from symmetry_audit.findings._relative import resampled_error
from symmetry_audit.findings._totals import PROFILES, Totals
from symmetry_audit.groups import Affine, geometric_median
from symmetry_audit.results import DATASET_ADAPTIVE, DATASET_STRICT, Scenario
from symmetry_audit.statistics import directions, enough, relative_error, subgroup_error, symmetry_error

__all__ = ["LeverageList", "analyses", "direction_rows"]

TOP = 10


class LeverageList:
    """The images that move each epsilon most; ``add`` takes them one by one.

    ``keys`` (K,) are the regularizer, scenario, sigma and downscale of the rows.
    """

    def __init__(self, keys: Sequence[tuple[str, str, float | None, int]]) -> None:
        self._keys = keys
        self._heaps: list[list[tuple[float, int, str, float]]] = [[] for _ in keys]
        self._least = np.full(len(keys), -1.0)  # what an image must exceed to be listed
        self._count = 0

    def add(self, image: str, leverages: np.ndarray) -> None:
        """Note how much each epsilon rises by ``image``, (K,)."""
        self._count += 1
        sizes = np.abs(leverages)
        for k in np.flatnonzero(sizes > self._least).tolist():
            heap, item = self._heaps[k], (float(sizes[k]), -self._count, image, float(leverages[k]))
            (heapq.heappushpop if len(heap) == TOP else heapq.heappush)(heap, item)
            if len(heap) == TOP:
                self._least[k] = heap[0][0]  # ties go to the first

    def to_list(self) -> list[dict[str, Any]]:
        """JSON-ready: for each row the TOP images, the strongest first."""
        return [
            {"scenario": scenario, "regularizer": regularizer, "sigma": sigma, "downscale": factor}
            | {"images": [{"image": image, "leverage": value} for _, _, image, value in sorted(heap, reverse=True)]}
            for (regularizer, scenario, sigma, factor), heap in zip(self._keys, self._heaps, strict=True)
        ]


def analyses(totals: Totals, leverage: LeverageList, sources: tuple[str, ...], floors: np.ndarray) -> dict[str, Any]:
    """The block "analyses" of report.json; ``sources`` names the fits along the axis F, and ``floors`` (S, R, T) are
    the strict profiles of ideal isotropic fields."""
    fitted = totals.settings.adaptive
    return {
        "fits": list(_fits(totals, sources)) if fitted else [],
        "transfer": [*_transfer(totals, sources), *_between_scales(totals)] if fitted else [],
        "leverage": leverage.to_list(),
        "folders": list(_folders(totals)),
        "subsets": list(_subsets(totals)),
        "directions": list(direction_rows(totals, floors)),
    }


def _cells(totals: Totals) -> Iterator[tuple[tuple[int, int], dict[str, Any]]]:
    """Every (scale, regularizer) with its names."""
    for s, (sigma, factor) in enumerate(scales(totals.settings)):
        for r, stencil in enumerate(totals.settings.stencils):
            yield (s, r), {"regularizer": stencil.name, "sigma": sigma, "downscale": factor}


def _measured(totals: Totals) -> list[Scenario]:
    """The dataset scenarios of the run."""
    return [scenario for scenario in (DATASET_STRICT, DATASET_ADAPTIVE) if scenario.name in totals.settings.scenarios]


def _errors(profile: np.ndarray) -> dict[str, float | None]:
    """Eq. (8), and relative epsilon of SPEC 8: null where nothing responds."""
    relative = float(relative_error(profile))
    return {"epsilon": float(symmetry_error(profile)[0]), "relative_epsilon": None if np.isnan(relative) else relative}


def _transfer(totals: Totals, sources: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Fitted on one regularizer, measured on another."""
    if totals.controls is None:
        return
    mean, between = totals.controls.mean("transfer"), _errors_between(totals.controls, "transfer")
    for (s, r), names in _cells(totals):
        for f, source in enumerate(sources):
            if totals.failed[s, f] < totals.images:
                own = {"fit": source, "fit_sigma": names["sigma"], "fit_downscale": names["downscale"]}
                yield own | names | _errors(mean[s, f, r]) | between((s, f, r))


def _between_scales(totals: Totals) -> Iterator[dict[str, Any]]:
    """Fitted at one scale, measured at another, each regularizer under the w that its row uses."""
    if totals.controls is None or not totals.controls.measured("scales"):
        return
    mean, between = totals.controls.mean("scales"), _errors_between(totals.controls, "scales")
    for f, (sigma, factor) in enumerate(scales(totals.settings)):
        for (s, r), names in _cells(totals):
            if s != f:
                own = {"fit": totals.settings.fit, "fit_sigma": sigma, "fit_downscale": factor}
                yield own | names | _errors(mean[f, s, r]) | between((f, s, r))


def _errors_between(controls: ControlTotals, name: str) -> Callable[[tuple], dict[str, float | None]]:
    """The standard errors of an entry of the table ``name``; null where it is known of all images, or of one alone."""
    tables = {
        "epsilon_se": controls.standard_error(name, subgroup_error),
        "relative_epsilon_se": controls.standard_error(name, resampled_error),
    }
    return lambda at: {key: None if np.isnan(table[at]) else float(table[at]) for key, table in tables.items()}


def _folders(totals: Totals) -> Iterator[dict[str, Any]]:
    """Epsilon of every sub-folder alone, where there are several."""
    if len(totals.folders.sums) < 2:
        return
    for folder, sums in sorted(totals.folders.sums.items()):
        for scenario in _measured(totals):
            profiles = sums[scenario.profile]
            for at, names in _cells(totals):
                yield {
                    "folder": folder,
                    "scenario": scenario.name,
                    **names,
                    "images": int(np.max(profiles.count)),
                    **_errors(profiles.mean()[at]),
                }


def _subsets(totals: Totals) -> Iterator[dict[str, Any]]:
    """Epsilon of random subsets against their size, and the size from which it stays within a tenth of the last."""
    sizes, epsilons = totals.subsets.epsilons()  # (sizes, repeats, profiles, S, R)
    least = enough(sizes, epsilons)
    for scenario in _measured(totals):
        place = PROFILES.index(scenario.profile)
        for at, names in _cells(totals):
            values = epsilons[:, :, place, *at]
            yield {
                "scenario": scenario.name,
                **names,
                "sizes": list(sizes),
                "mean": values.mean(1).tolist(),
                "deviation": values.std(1).tolist(),
                "enough": int(least[place, *at]),
            }


def direction_rows(totals: Totals, floors: np.ndarray) -> Iterator[dict[str, Any]]:
    """The common-direction share of every harmonic, and the amplitude that the pixel grid alone gives it."""
    found = totals.directions.found()
    grid = np.abs(directions(floors, totals.settings.group.rotations))
    for at, names in _cells(totals):
        for place, row in enumerate(found.rows(at)):
            yield names | row | {"floor": None if row["amplitude"] is None else float(grid[*at, place])}


def _fits(totals: Totals, sources: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """How the fits of each source spread: their geometric median, and how many are at the limit or failed."""
    for s, (sigma, factor) in enumerate(scales(totals.settings)):
        for f, source in enumerate(sources):
            usable = totals.deformations.points(s, f)
            middle = geometric_median(Affine(a, b) for a, b in usable.tolist()) if len(usable) else None
            yield {
                "regularizer": source,
                "sigma": sigma,
                "downscale": factor,
                "images": totals.images,
                "failed": int(totals.failed[s, f]),
                "at_limit": int(totals.at_limit[s, f]),
                "share_at_limit": float(totals.at_limit[s, f] / totals.images),
                "median_a": middle and middle.a,
                "median_b": middle and middle.b,
                "median_ratio": middle and middle.ratio,
                "median_alpha_deg": middle and float(np.degrees(middle.alpha)),
                "mean_ratio": totals.deformations.mean_ratio(s, f),
            }
