"""How often the verdict on a law is right: datasets of response profiles whose law is known, through the same code as
a report: 1,000 resamples, 999 random shifts, Holm, the rule.

python benchmarks/law.py
python benchmarks/law.py --folder symaudit-BSD100 --sets 200
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from symmetry_audit.groups import Group
from symmetry_audit.results import DATASET_STRICT, LAWS, Candidate, CandidateValue
from symmetry_audit.statistics import (
    BootstrapMeans,
    InvarianceDraws,
    p_value,
    percentile_interval,
    relative_error,
)
from symmetry_audit.theory import judged

__all__ = ["calibration", "parametric", "resampled", "verdicts"]

GROUP = Group(8)
JUDGED = (Group(4), Group(8))
SIZES = (20, 100, 400)
TOLERANCE = 0.05
EPSILONS = (0.0, 0.02, 0.04, 0.051, 0.06, 0.1, 0.2)  # of the worst regularizer, relative
TOGETHER = 20  # datasets that share their random weights and shifts: each by itself is judged as it would be alone
SCALE = np.array([0.83, 1.0, 0.86, 0.0, 0.87])  # amplitudes of TV, second-order TV, Sobel, Laplacian, Prewitt
THETA = 2 * np.pi * np.arange(GROUP.order) / GROUP.order

Simulate = Callable[[int, int, float, np.random.Generator], np.ndarray]


def parametric(sets: int, images: int, epsilon: float, rng: np.random.Generator) -> np.ndarray:
    """Profiles (images, sets, 5, 8) as photographs have them: a contrast, an axis and a cross of their own, much the
    same for all regularizers, and a common axis of relative error ``epsilon`` (of the second, which sees it best)."""
    shape = (images, sets, 1, 1)
    contrast = rng.lognormal(0, 0.5, shape) * rng.lognormal(0, 0.05, (images, sets, 5, 1))
    axis = rng.rayleigh(0.12, shape) * np.cos(2 * (THETA - rng.uniform(0, np.pi, shape)))
    cross = rng.normal(0, 0.02, shape) * np.cos(4 * THETA)
    own = rng.normal(0, 0.01, (images, sets, 5, 1)) * np.cos(2 * (THETA - rng.uniform(0, np.pi, shape)))
    common = epsilon / 2 * np.cos(2 * THETA)
    scale = SCALE[:, None]
    return contrast * (1 + scale * (axis + common + own) + np.where(scale > 0, 1, 0.1) * cross)


def resampled(profiles: np.ndarray, sets: int, images: int, epsilon: float, rng: np.random.Generator) -> np.ndarray:
    """Profiles (images, sets, R, 8) drawn from real ones (N, R, 8), each turned by a random element, but for a share
    that is left as it is: as large as gives the worst regularizer the relative error ``epsilon``."""
    share = epsilon / relative_error(profiles.mean(0)).max()
    chosen = profiles[rng.integers(len(profiles), size=(images, sets))]
    turns = rng.integers(GROUP.order, size=(images, sets)) * (rng.random((images, sets)) >= share)
    places = (np.arange(GROUP.order) - turns[..., None, None]) % GROUP.order
    return np.take_along_axis(chosen, np.broadcast_to(places, chosen.shape), axis=-1)


def verdicts(profiles: np.ndarray, seed: int, resamples: int = 1000, draws: int = 999) -> dict[Group, list[str]]:
    """The verdict on every group of JUDGED for each dataset of ``profiles`` (images, sets, R, 8)."""
    values = collected(profiles, seed, resamples, draws)
    found: dict[Group, list[str]] = {group: [] for group in JUDGED}
    for n in range(profiles.shape[1]):
        candidates = [
            Candidate(
                group=str(group),
                scenario=DATASET_STRICT.name,
                order=group.order,
                tested_order=group.order // 2,
                values=tuple(values[group][n]),
            )
            for group in JUDGED
        ]
        for group, candidate in zip(JUDGED, judged(candidates, len(profiles), TOLERANCE), strict=True):
            found[group].append(candidate.verdict)
    return found


def collected(profiles: np.ndarray, seed: int, resamples: int, draws: int) -> dict[Group, list[list[CandidateValue]]]:
    """What the regularizers that see each group found, dataset by dataset."""
    bootstrap = BootstrapMeans(len(profiles), resamples=resamples, seed=seed)
    places = {group: GROUP.indices_of(group) for group in JUDGED}
    shifts = {
        group: InvarianceDraws(GROUP, len(profiles), elements=at, draws=draws, seed=seed)
        for group, at in places.items()
    }
    for image in profiles:
        bootstrap.add(image)
        for shift in shifts.values():
            shift.add(image)
    means = bootstrap.means()
    return {group: _evidence(profiles, means, places[group], shift) for group, shift in shifts.items()}


def _evidence(
    profiles: np.ndarray, means: np.ndarray, at: np.ndarray, shift: InvarianceDraws
) -> list[list[CandidateValue]]:
    observed = relative_error(profiles.mean(0), at)
    p = p_value(observed, relative_error(shift.means()))
    low, high = percentile_interval(relative_error(means, at))
    seen = np.ptp(profiles[..., at], axis=-1).max(0) > 1e-9
    return [
        [
            CandidateValue(
                **{"regularizer": str(r), "sigma": 1.5, "downscale": 1, "mean_response": 1.0},
                classes=len(at) // 2 if seen[n, r] else 1,
                epsilon=float(observed[n, r]),
                relative_epsilon=float(observed[n, r]),
                p_value=float(p[n, r]),
                ci_low=float(low[n, r]),
                ci_high=float(high[n, r]),
            )
            for r in range(profiles.shape[2])
        ]
        for n in range(profiles.shape[1])
    ]


def calibration(simulate: Simulate, images: int, epsilon: float, sets: int) -> dict[Group, Counter[str]]:
    """How often each verdict falls on ``sets`` datasets of ``images`` images whose relative error is ``epsilon``."""
    counts = {group: Counter[str]() for group in JUDGED}
    for start in range(0, sets, TOGETHER):
        rng = np.random.default_rng([images, round(1e6 * epsilon), start])
        profiles = simulate(min(TOGETHER, sets - start), images, epsilon, rng)
        for group, found in verdicts(profiles, seed=start).items():
            counts[group].update(found)
    return counts


def _table(title: str, simulate: Simulate, epsilons: Sequence[float], symmetric: int, others: int) -> None:
    print(f"\n{title}\n")
    print(f"| true relative epsilon (%) | group | {' | '.join(f'N = {images}' for images in SIZES)} |")
    print("|---" * (2 + len(SIZES)) + "|")
    for epsilon in epsilons:
        sets = others if epsilon else symmetric
        counts = {images: calibration(simulate, images, epsilon, sets) for images in SIZES}
        for group in JUDGED:
            cells = (
                " / ".join(f"{100 * counts[images][group][word] / sets:.3g}" for word in LAWS[:3]) for images in SIZES
            )
            print(f"| {100 * epsilon:.3g} ({sets} sets) | {group} | {' | '.join(cells)} |", flush=True)


def _read(folder: Path) -> np.ndarray:
    """Profiles (N, R, 8) of a report folder of ``symaudit measure --group p8 --scenario dataset_strict``."""
    import pyarrow.parquet as pq

    table = pq.read_table(folder / "responses.parquet").to_pandas()
    return np.stack([np.stack(rows["response"].tolist()) for _, rows in table.groupby("regularizer", sort=False)], 1)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, action="append", default=[], help="report folder: its profiles, turned")
    parser.add_argument("--sets", type=int, default=1000, help="symmetric datasets for each cell")
    parser.add_argument("--others", type=int, default=200, help="datasets of every other error for each cell")
    options = parser.parse_args()
    print(f"Percent of datasets: {' / '.join(LAWS[:3])}, tolerance {100 * TOLERANCE:g} %.")
    _table("Simulated photographs, five regularizers", parametric, EPSILONS, options.sets, options.others)
    for folder in options.folder:
        profiles = _read(folder)
        most = relative_error(profiles.mean(0)).max()
        epsilons = [epsilon for epsilon in EPSILONS if epsilon <= most]
        _table(f"Profiles of {folder.name}", partial(resampled, profiles), epsilons, options.sets, options.others)


if __name__ == "__main__":
    main()
