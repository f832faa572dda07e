"""The verdict: the meaning of the numbers in sentences, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from symmetry_audit.actions import is_exact
from symmetry_audit.groups import Group
from symmetry_audit.layers import METHODS
from symmetry_audit.results import Alignment, GroupAlignment, Recommendation, ScenarioAlignment

__all__ = ["with_verdict"]

WORDS = {"dataset_strict": "strict rotations", "dataset_adaptive": "every image's own deformed group"}


def with_verdict(alignment: Alignment, recommendation: Recommendation | None = None) -> Alignment:
    """``alignment`` with its verdict: how symmetric the network is, how it compares with the data, and what to do.

    Differences within the floors do not count. ``recommendation`` is that of the data's report, if there is one.
    """
    lines = [_about_network(item, alignment) for item in alignment.scenarios]
    symmetry = alignment.symmetry
    if symmetry is None:
        return replace(alignment, verdict=tuple(lines))
    for item in alignment.scenarios:
        rows = [row for row in symmetry.groups if row.scenario == item.scenario]
        lines += _about_data(rows, WORDS[item.scenario])
    if any(row.relation != "not tested" for row in symmetry.groups):
        lines += _advice(alignment, symmetry.groups, recommendation)
    return replace(alignment, verdict=tuple(lines))


def _about_network(item: ScenarioAlignment, alignment: Alignment) -> str:
    means = item.elements
    others = range(1, len(means))
    if all(means[index].relative is None for index in others):
        return f"Under {WORDS[item.scenario]} the output is constant, so there is no relative error."
    worst = item.worst(others)
    mean = means[worst]
    where = f"{alignment.elements[worst]}, {alignment.angles_deg[worst]:g} degrees"
    line = (
        f"Under {WORDS[item.scenario]} the output differs by {_percent(mean.relative)} of its contrast "
        f"at worst ({alignment.group}, {where})"
    )
    if mean.floor and not mean.excess:
        line += f", hardly more than the pixel grid alone causes ({_percent(mean.relative_floor)})"
    elif mean.floor:
        line += f"; the pixel grid alone causes {_percent(mean.relative_floor)}"
    exact = [index for index in others if item.scenario == "dataset_strict" and _moves_pixels(alignment, index)]
    if exact and worst not in exact:
        line += f"; quarter turns and mirrors, which need no resampling: {_percent(means[item.worst(exact)].relative)}"
    return line + "."


def _moves_pixels(alignment: Alignment, index: int) -> bool:
    return is_exact(Group.parse(alignment.group).elements[index].matrix())


def _about_data(rows: Sequence[GroupAlignment], words: str) -> list[str]:
    """The largest group that was tested, then smaller groups for which the relation is another one."""
    tested = [row for row in rows if row.relation != "not tested"]
    if not tested:
        return [f"Under {words} nothing is known about the data: no regularizer of the report sees these elements."]
    last = tested[-1]
    lines = [f"Under {words} the network is {_compared(last)}."]
    return lines + [
        f"Under its subgroup {row.group} it is {_compared(row)}." for row in tested[:-1] if _differs(row, last)
    ]


def _differs(row: GroupAlignment, last: GroupAlignment) -> bool:
    return row.relation != last.relation


def _compared(row: GroupAlignment) -> str:
    how = {"as": "as symmetric as the data, as far as can be measured"}.get(
        row.relation, f"{row.relation} symmetric than the data"
    )
    floor = f" with a floor of {_percent(row.model_floor)}" if row.model_floor else ""
    numbers = f"{row.group}: error {_percent(row.model)}{floor}, epsilon {_percent(row.data)} ({row.regularizer})"
    if row.relation == "as":
        return f"{how} ({numbers})"
    side = "data's epsilon" if row.relation == "more" else "network's error"
    return f"{how} ({numbers}; above its floor, the {side} is {_times(row.factor)} as large)"


def _times(factor: float | None) -> str:
    if factor is None or factor > 1000:
        return "more than 1000 times"
    return f"{factor:.1f} times" if factor < 10 else f"{factor:.0f} times"


def _advice(alignment: Alignment, groups: Sequence[GroupAlignment], recommendation: Recommendation | None) -> list[str]:
    """Advice for the scenario that the report recommends, if it was measured."""
    scenario = alignment.scenarios[0].scenario
    if recommendation and recommendation.scenario in [item.scenario for item in alignment.scenarios]:
        scenario = recommendation.scenario
    rows = [row for row in groups if row.scenario == scenario]
    less = [row for row in rows if row.relation == "less"]
    more = [row for row in rows if row.relation == "more"]
    lines = []
    if less:
        lines.append(_more_symmetry(alignment, recommendation))
    if more:
        lines.append(_less_symmetry(alignment, more[-1], recommendation))
    return lines or ["Network and data match, as far as can be measured: nothing to do."]


def _more_symmetry(alignment: Alignment, recommendation: Recommendation | None) -> str:
    group = recommendation.group if recommendation else "p1"
    if Group.parse(group).order < 2:
        return "To make the network more symmetric, train it with EQ-Reg (symaudit train --eq-reg)."
    if alignment.model.group and _contains(alignment.model.group, group):
        return (
            f"The network already has layers over {alignment.model.group}: find out with --layers '*' where the "
            "symmetry is lost, or train longer."
        )
    return (
        f"To make the network more symmetric, train one over {group}, which the report advises (symaudit train "
        "--from-report), or train the same network with EQ-Reg (--eq-reg)."
    )


def _less_symmetry(alignment: Alignment, row: GroupAlignment, recommendation: Recommendation | None) -> str:
    if recommendation and _contains(recommendation.group, row.group):
        return f"The network is more symmetric than the data, which is fine: the report advises {row.group}."
    smaller = "a smaller group"
    if recommendation:
        group = recommendation.group
        smaller = f"{group}, which the report advises" if Group.parse(group).order > 1 else "a plain network"
    others = [smaller, *([] if (alignment.model.method or "").startswith(METHODS["sa"].title) else ["SA-Conv"])]
    return (
        f"The network imposes more symmetry under {row.group} than the data have: try {', '.join(others)}, or EQ-Reg, "
        "which enforces nothing."
    )


def _contains(group: str, smaller: str) -> bool:
    return Group.parse(smaller) in Group.parse(group).subgroups()


def _percent(value: float | None) -> str:
    """``value`` in percent with 3 digits, or a limit below the rounding of single precision; None is not known."""
    if value is None:
        return "not known"
    return f"{100 * value:.3g} %" if value > 1e-6 else "less than 0.0001 %"
