"""What stands beside the rows of a report: transfer, leverage, folders, subsets and a summary of the fits."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any

import numpy as np

from symmetry_audit.audit._collect import Collected
from symmetry_audit.audit._epsilon import symmetry_error
from symmetry_audit.audit._tables import scales
from symmetry_audit.groups import Affine
from symmetry_audit.statistics import enough

__all__ = ["LeverageList", "analyses", "geometric_median"]

TOP = 10
ROUNDS = 200


class LeverageList:
    """The images that move each epsilon most, by scenario, scale and regularizer; ``add`` takes them one by one."""

    def __init__(self) -> None:
        self._heaps: dict[tuple, list[tuple[float, int, str, float]]] = {}
        self._count = 0

    def add(self, key: tuple, image: str, leverage: float) -> None:
        """Note how much epsilon rises by ``image``; ``key`` is what the row is named by."""
        heap = self._heaps.setdefault(key, [])
        self._count += 1
        item = (abs(leverage), -self._count, image, leverage)  # ties go to the first
        (heapq.heappushpop if len(heap) == TOP else heapq.heappush)(heap, item)

    def to_list(self) -> list[dict[str, Any]]:
        """JSON-ready: for each row the TOP images, the strongest first."""
        names = ("scenario", "regularizer", "sigma", "downscale")
        return [
            dict(zip(names, key, strict=True))
            | {"images": [{"image": image, "leverage": value} for _, _, image, value in sorted(heap, reverse=True)]}
            for key, heap in self._heaps.items()
        ]


def analyses(collected: Collected, leverage: LeverageList, sources: tuple[str, ...]) -> dict[str, Any]:
    """The block "analyses" of report.json; ``sources`` names the fits along the axis F."""
    fitted = collected.settings.adaptive
    return {
        "fits": list(_fits(collected, sources)) if fitted else [],
        "transfer": [*_transfer(collected, sources), *_between_scales(collected)] if fitted else [],
        "leverage": leverage.to_list(),
        "folders": list(_folders(collected)),
        "subsets": list(_subsets(collected)),
    }


def _cells(collected: Collected) -> Iterator[tuple[tuple[int, int], dict[str, Any]]]:
    """Every (scale, regularizer) with what names it."""
    for s, (sigma, factor) in enumerate(scales(collected.settings)):
        for r, stencil in enumerate(collected.settings.stencils):
            yield (s, r), {"regularizer": stencil.name, "sigma": sigma, "downscale": factor}


def _named(collected: Collected) -> list[tuple[str, str]]:
    """The dataset scenarios that were measured, and the names of their profiles."""
    wanted = collected.settings.scenarios
    pairs = (("dataset_strict", "strict"), ("dataset_adaptive", "adaptive"))
    return [(scenario, name) for scenario, name in pairs if scenario in wanted]


def _errors(profile: np.ndarray) -> dict[str, float | None]:
    epsilon, identity = float(symmetry_error(profile)[0]), float(profile[0])
    return {"epsilon": epsilon, "relative_epsilon": epsilon / identity if identity > 0 else None}


def _transfer(collected: Collected, sources: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Fitted on one regularizer, measured on another."""
    mean = collected.transfer.mean()
    for (s, r), names in _cells(collected):
        for f, source in enumerate(sources):
            if not np.isnan(mean[s, f, r, 0]) and collected.failed[s, f] < collected.images:
                own = {"fit": source, "fit_sigma": names["sigma"], "fit_downscale": names["downscale"]}
                yield own | names | _errors(mean[s, f, r])


def _between_scales(collected: Collected) -> Iterator[dict[str, Any]]:
    """Fitted at one scale, measured at another, each regularizer under the w that its row uses."""
    if not collected.scales.count:
        return
    mean = collected.scales.mean()
    for f, (sigma, factor) in enumerate(scales(collected.settings)):
        for (s, r), names in _cells(collected):
            if s != f:
                own = {"fit": collected.settings.fit, "fit_sigma": sigma, "fit_downscale": factor}
                yield own | names | _errors(mean[f, s, r])


def _folders(collected: Collected) -> Iterator[dict[str, Any]]:
    """Epsilon of every sub-folder on its own, where there are several."""
    if len(collected.folders) < 2:
        return
    for folder, sums in sorted(collected.folders.items()):
        for scenario, name in _named(collected):
            for at, names in _cells(collected):
                number = int(np.max(sums[name].count))
                yield {
                    "folder": folder,
                    "scenario": scenario,
                    **names,
                    "images": number,
                    **_errors(sums[name].mean()[at]),
                }


def _subsets(collected: Collected) -> Iterator[dict[str, Any]]:
    """Epsilon of random subsets against their size, and from which size on it stays within a tenth."""
    found, sizes = collected.curve.epsilons(), collected.curve.sizes  # (sizes, repeats, scenarios, S, R)
    least = enough(sizes, found)
    for place, (scenario, name) in enumerate((("dataset_strict", "strict"), ("dataset_adaptive", "adaptive"))):
        if (scenario, name) not in _named(collected):
            continue
        for at, names in _cells(collected):
            values = found[:, :, place, *at]
            yield {
                "scenario": scenario,
                **names,
                "sizes": list(sizes),
                "mean": values.mean(1).tolist(),
                "deviation": values.std(1).tolist(),
                "enough": int(least[place, *at]),
            }


def _fits(collected: Collected, sources: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """How the fits of each source spread: their geometric median in (a, b), and those at the limit or failed."""
    points = np.stack(collected.deformations)
    for s, (sigma, factor) in enumerate(scales(collected.settings)):
        for f, source in enumerate(sources):
            usable = points[:, s, f][~np.isnan(points[:, s, f, 0])]
            middle = Affine(*geometric_median(usable).tolist()) if len(usable) else None
            yield {
                "regularizer": source,
                "sigma": sigma,
                "downscale": factor,
                "images": collected.images,
                "failed": int(collected.failed[s, f]),
                "at_limit": int(collected.at_limit[s, f]),
                "share_at_limit": float(collected.at_limit[s, f] / collected.images),
                "median_a": middle and middle.a,
                "median_b": middle and middle.b,
                "median_ratio": middle and middle.ratio,
                "median_alpha_deg": middle and float(np.degrees(middle.alpha)),
                "mean_ratio": float(np.exp(np.hypot(*usable.T)).mean()) if len(usable) else None,
            }


def geometric_median(points: np.ndarray) -> np.ndarray:
    """The point of least summed distance to ``points`` (n, 2), by Weiszfeld's iteration: robust where a mean is not."""
    middle = np.median(points, axis=0)
    for _ in range(ROUNDS):
        distance = np.maximum(np.hypot(*(points - middle).T), 1e-9)
        moved = (points / distance[:, None]).sum(0) / (1 / distance).sum()
        if np.abs(moved - middle).max() < 1e-9:
            break
        middle = moved
    return middle
