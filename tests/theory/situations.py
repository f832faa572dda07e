"""Made-up datasets: the candidates that an audit would hand over, without an image."""

from __future__ import annotations

from collections.abc import Callable
from math import gcd

from symmetry_audit.groups import Group
from symmetry_audit.results import Candidate, CandidateValue

MEANS = {"tv": 2.5, "tv2": 0.55, "sobel": 19.3, "laplacian": 2.0, "prewitt": 14.4}  # grey levels
CHIRAL = {**MEANS, "chiral": 5.0}
Relative = Callable[[str, Group], float]  # regularizer, group -> relative epsilon


def classes(regularizer: str, group: Group) -> int:
    """The published stencils see neither half turns nor mirrors, the laplacian no quarter turns, chiral everything."""
    if regularizer == "chiral":
        return group.order
    return group.rotations // gcd(group.rotations, 4 if regularizer == "laplacian" else 2)


def value(regularizer: str, group: Group, relative: float, mean: float, spread: float = 0.2, **changes):
    """A measured value; the interval reaches ``spread`` times the value to either side."""
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
                values.append(value(name, item, size, mean, **{**blocks, **changes}))
            tested = max(classes(name, item) for name in means)
            found.append(
                Candidate(
                    group=str(item), scenario=scenario, order=item.order, tested_order=tested, values=tuple(values)
                )
            )
    return found


def photo(name: str, group: Group) -> float:
    """A horizon: quarter turns change 2.4 %, finer rotations up to 8 %, the laplacian next to nothing."""
    worst = {"tv": 0.06, "tv2": 0.08, "sobel": 0.06, "laplacian": 0.003, "prewitt": 0.06, "chiral": 0.1}[name]
    return worst * (0.4 if group.rotations <= 4 else 0.8 if group.rotations == 8 else 1.0)


def text(name: str, group: Group) -> float:
    """Lines of letters: quarter turns alone change the response by 30 %."""
    return 0.01 if name == "laplacian" else 0.3


def isotropic(name: str, group: Group) -> float:
    """Cells under a microscope: nothing but chance."""
    return 0.008
