"""The verdict: the meaning of the numbers in sentences, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from symmetry_audit.alignment._answer import CANNOT_TELL, answer, answered
from symmetry_audit.alignment._words import WHERE, percent
from symmetry_audit.groups import Group
from symmetry_audit.layers import METHODS
from symmetry_audit.results import Alignment, GroupAlignment, Recommendation, RestorationScores

__all__ = ["with_verdict"]


def with_verdict(alignment: Alignment, recommendation: Recommendation | None = None) -> Alignment:
    """``alignment`` with its answer and verdict: how symmetric the network is, and what its average gains; how it
    compares with the data, and what to do.

    Differences within the floors do not count. ``recommendation`` is that of the data's report, if there is one.
    """
    first, *further = alignment.scenarios
    lines = [answered(first, alignment), *(answered(item, alignment) for item in further)]
    lines += _about_restoration(alignment.restoration)
    symmetry = alignment.symmetry
    if symmetry is not None:
        for item in alignment.scenarios:
            lines += _about_data([row for row in symmetry.groups if row.scenario == item.scenario], item.scenario)
        if any(row.relation != "not tested" for row in symmetry.groups):
            lines += _advice(alignment, symmetry.groups, recommendation)
    return replace(alignment, answer=answer(first), verdict=tuple(lines))


def _about_restoration(scores: RestorationScores | None) -> list[str]:
    """Whether the network restores at all, and what averaging it over the group gains."""
    if scores is None:
        return []
    lines = []
    if scores.psnr < scores.input_psnr:
        lines.append(
            f"The network does not restore these images: {scores.psnr:.2f} dB after it, {scores.input_psnr:.2f} dB "
            "before. Check its weights, its input range (--unit) and the task."
        )
    if (found := scores.symmetrization) is not None:
        lines.append(
            f"Averaged over {found.group} it has {found.average_psnr:.2f} dB instead of {found.psnr:.2f} dB. "
            f"{found.sentence}"
        )
    return lines


def _about_data(rows: Sequence[GroupAlignment], scenario: str) -> list[str]:
    """The largest group that was tested, then smaller groups for which the relation is another one."""
    words = WHERE[scenario]
    tested = [row for row in rows if row.relation != "not tested"]
    if not tested:
        return [f"Under {words} nothing is known about the data: no regularizer of the report sees these elements."]
    last = tested[-1]
    others = [row for row in tested[:-1] if row.relation != last.relation]
    return [_compared(last, f"Under {words}"), *(_compared(row, f"Under its subgroup {row.group}") for row in others)]


def _compared(row: GroupAlignment, where: str) -> str:
    """How the network compares with the data in one group, with the numbers of both."""
    floor = f" with a floor of {percent(row.model_floor)}" if row.model_floor else ""
    between = "" if row.data_low is None else f", {percent(row.data_low)} to {percent(row.data_high)}"
    numbers = (
        f"{row.group}: error {percent(row.model)}{floor}, epsilon {percent(row.data)} ({row.regularizer}{between})"
    )
    if row.relation == CANNOT_TELL:
        return f"{where} it cannot be told whether the network or the data are more symmetric ({numbers})."
    if row.relation == "as":
        return f"{where} the network is as symmetric as the data, within a factor of 2 ({numbers})."
    side = "data's epsilon" if row.relation == "more" else "network's error"
    larger = f"above its floor, the {side} is {_times(row.factor)} as large"
    return f"{where} the network is {row.relation} symmetric than the data ({numbers}; {larger})."


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
    unknown = [row for row in rows if row.relation == CANNOT_TELL]
    if unknown and not lines:
        lines.append(_what_would_tell(unknown[-1]))
    return lines or ["Network and data have this symmetry alike: no reason to build in more of it, or less."]


def _what_would_tell(row: GroupAlignment) -> str:
    """What to measure where floor or interval leave the comparison open."""
    ways = []
    if row.model_floor:
        ways.append("a group of quarter turns and mirrors (--group p4), which needs no resampling")
    if row.data_low is not None and row.data_high is not None and row.data_high > row.data_low:
        ways.append("an audit of more images, whose interval is narrower")
    return f"Whether network and data match under {row.group} is open. What would tell: {', or '.join(ways)}."


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
