"""Made-up datasets: the candidates that an audit would hand over, without an image."""

from __future__ import annotations

from collections.abc import Callable
from math import gcd

from symmetry_audit.catalogue import ARMS
from symmetry_audit.groups import Group
from symmetry_audit.results import (
    AverageGain,
    Candidate,
    CandidateValue,
    DatasetInfo,
    Direction,
    LinearGain,
    LinearPilot,
    Pilot,
    PilotDifference,
    PilotRun,
    PilotVerdict,
)

MEANS = {"tv": 2.5, "tv2": 0.55, "sobel": 19.3, "laplacian": 2.0, "prewitt": 14.4}  # grey levels
CHIRAL = {**MEANS, "chiral": 5.0}
Relative = Callable[[str, Group], float]  # regularizer, group -> relative epsilon


def classes(regularizer: str, group: Group) -> int:
    """The published stencils see neither half turns nor mirrors, the laplacian no quarter turns, chiral everything."""
    if regularizer == "chiral":
        return group.order
    return group.rotations // gcd(group.rotations, 4 if regularizer == "laplacian" else 2)


def value(regularizer: str, group: Group, relative: float, mean: float, spread: float = 0.2, **changes):
    """A measured value; the interval reaches ``spread`` times the value to either side, p is small from 1 % on."""
    fields = {
        "sigma": 1.5,
        "downscale": 1,
        "classes": classes(regularizer, group),
        "mean_response": mean,
        "epsilon": relative * mean,
        "relative_epsilon": relative,
        "ci_low": relative * (1 - spread),
        "ci_high": relative * (1 + spread),
        "null_epsilon": 0.004,
        "p_value": 0.001 if relative > 0.01 else 0.4,
        "floor": 1e-5,
        **changes,
    }
    return CandidateValue(regularizer=regularizer, **fields)


def held_out(strict: float, adaptive: float, spread: float = 0.3) -> dict[str, float]:
    gain = strict - adaptive
    return {
        "held_out_epsilon": adaptive,
        "held_out_strict_epsilon": strict,
        "held_out_gain_low": gain - spread * abs(gain),
        "held_out_gain_high": gain + spread * abs(gain),
    }


def candidates(
    group: str, strict: Relative, adaptive: Relative | None = None, means: dict[str, float] = MEANS, **changes
) -> list[Candidate]:
    """All subgroups of ``group``, strict and, where ``adaptive`` says what w leaves, adaptive."""
    found = []
    for scenario, relative in (("dataset_strict", strict), ("dataset_adaptive", adaptive)):
        for item in Group.parse(group).subgroups() if relative else ():
            if item.order == 1 and scenario == "dataset_adaptive":
                continue
            values = []
            for name, mean in means.items():
                size = relative(name, item) if classes(name, item) > 1 else 0.0
                fitted = scenario == "dataset_adaptive" and name != "laplacian"
                blocks = held_out(strict(name, item), size) if fitted else {}
                if scenario == "dataset_adaptive":  # there is no invariance test with w of the same image
                    blocks["p_value"] = None
                values.append(value(name, item, size, mean, **{**blocks, **changes}))
            tested = max(classes(name, item) for name in means)
            found.append(
                Candidate(
                    group=str(item), scenario=scenario, order=item.order, tested_order=tested, values=tuple(values)
                )
            )
    return found


def photo(name: str, group: Group) -> float:
    """A slight horizon: quarter turns change 2.4 %, finer rotations up to 8 %, the laplacian next to nothing."""
    worst = {"tv": 0.06, "tv2": 0.08, "sobel": 0.06, "laplacian": 0.003, "prewitt": 0.06, "chiral": 0.1}[name]
    return worst * (0.4 if group.rotations <= 4 else 0.8 if group.rotations == 8 else 1.0)


def horizon(name: str, group: Group) -> float:
    """BSD100: quarter turns change the response by 12 %."""
    return 0.01 if name == "laplacian" else 0.12


def text(name: str, group: Group) -> float:
    """Lines of letters: quarter turns alone change the response by 30 %."""
    return 0.01 if name == "laplacian" else 0.3


def isotropic(name: str, group: Group) -> float:
    """Cells under a microscope: nothing but chance."""
    return 0.008


# --- what else speaks about a group


def direction(share: float, low: float | None, high: float | None, layer: str = "images", **changes) -> Direction:
    """A common-direction share of tv with its interval, far above the floor."""
    fields = {"regularizer": "tv", "amplitude": 0.1, "single_amplitude": 0.2, "fourth_amplitude": 0.08, **changes}
    return Direction(layer=layer, share=share, ci_low=low, ci_high=high, **fields)


MIXED = direction(0.05, 0.0, 0.2)
SHARED = direction(0.8, 0.7, 0.9)
OPEN = direction(0.5, 0.3, 0.7)


def linear(images: int = 80, task: str = "denoising, noise of 50", **gains: tuple[float, float, float]) -> LinearPilot:
    """A linear pilot with (gain, low, high) in dB by group."""
    found = tuple(
        LinearGain(group=group, pixels=225, gain_db=gain, low=low, high=high)
        for group, (gain, low, high) in gains.items()
    )
    data = DatasetInfo("photos", "photos/", images, "f" * 64)
    return LinearPilot(
        task={"name": "denoise"}, task_text=task, data=data, window=15, folds=5, noise="exact", seed=0, gains=found
    )


SAFE, SUSPECT, UNDECIDED = (0.013, 0.003, 0.023), (-0.09, -0.12, -0.06), (-0.08, -0.18, 0.02)


def network_pilot(
    kind: str,
    arm: str | None,
    differences: dict[str, tuple[float, float, float]],
    average: AverageGain | None = None,
    better: str = "p4",
    rival: str = "plain",
) -> Pilot:
    """A pilot after three seeds; ``differences`` to the plain network in dB, the first is the verdict's."""
    gains = next(iter(differences.values()), (0.07, 0.05, 0.09))
    if better == "plain":  # the verdict's gain is that of the better one
        gains = -gains[0], -gains[2], -gains[1]
    verdict = PilotVerdict(kind, arm, better, rival, *gains, looks=(3,))
    arms = tuple(name for name in ARMS if name in ("plain", *differences))
    return Pilot(
        data=DatasetInfo("photos", "photos/", 80, "f" * 64),
        **{"task": {"name": "denoise"}, "task_text": "denoising, noise of 50", "used": 80, "held_out": 16, "seed": 0},
        **{"preset": "tiny", "width": 32, "steps": 300, "batch": 4, "patch": 32, "arms": arms, "margin": 0.05},
        runs=tuple(PilotRun(seed, name, (24.0, 25.0), 13.0) for seed in range(3) for name in ("plain", *differences)),
        differences=tuple(
            PilotDifference(name, step, gain[0] * step / 300, *gain[1:])
            for name, gain in differences.items()
            for step in (150, 300)
        ),
        average=average,
        looks=(3, 5, 8),
        verdict=verdict,
    )
