"""What an audit says, for a terminal: two sentences, a strip for each transformation, Table 1 in a dozen lines."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from math import ceil

from symmetry_audit.results import (
    DATASET_ADAPTIVE,
    DATASET_STRICT,
    SAMPLE_STRICT,
    Answer,
    AuditReport,
    Build,
    ResultRow,
    Scenario,
)
from symmetry_audit.wording import count, printable

__all__ = ["AUGMENTS", "answers_sentences", "answers_text"]

COLUMNS = 80  # characters of a line
NONE = "–"
STRIP = 28  # characters of the axis
STEP, LEAST, MOST = 0.05, 0.10, 0.40  # of the axis: its end is a multiple of the first, between the others
DONE = {"flip left-right": "flipped left-right", "flip upside down": "flipped upside down"}
TURNS = {"half turn": "180 degrees", "quarter turns": "90 degrees", "any angle": "any angle"}
# for people, what the elements of a group do
KNOWN = {"p4": "p4 (quarter turns)", "p8": "p8 (turns by 45 degrees)", "p1": "a plain network, without rotations (p1)"}
VERDICTS = {
    "fits": "{}, these images are the same as a set.",
    "does not fit": "{}, these images are no longer the same as a set.",
    "not settled": "{}: not settled.",
}
LABELS = {
    SAMPLE_STRICT.name: "Single images",
    DATASET_STRICT.name: "All, strict",
    DATASET_ADAPTIVE.name: "All, adaptive",
}
AUGMENTS = {
    "none": "do not augment",
    "hflip": "augment with left-right mirrors",
    "flips": "augment with flips left-right and upside down",
    "flips+turns": "augment with flips and quarter turns",
}


def answers_text(report: AuditReport) -> str:
    """The answer of a ``report`` in at most 30 lines of 80 columns; ends in a line break.

    First what flips and turns do to the images and what to build; then for each transformation its verdict, how much
    responses change, and the 95 % interval of that on one axis; then relative epsilon, Table 1 of [SA], with its
    interval, the level expected by chance and the p-value, at the first sigma and downscale of the run.
    """
    tolerance = report.recommendation.tolerance if report.recommendation else None
    paragraphs = [
        [
            f"{printable(report.dataset.name)}, {count(report.dataset.images, 'image')}",
            *_wrapped(" ".join(answers_sentences(report))),
        ],
        _strips(report.answers, tolerance),
        _table(report),
    ]
    return "\n\n".join("\n".join(lines) for lines in paragraphs if lines) + "\n"


def answers_sentences(report: AuditReport) -> tuple[str, ...]:
    """What flips and turns do to the images, by verdict, and what to build; none where nothing was asked."""
    found = []
    for verdict, form in VERDICTS.items():
        named = _named([answer.transformation for answer in report.answers if answer.verdict == verdict])
        if named:
            sentence = form.format(named)
            found.append(sentence[0].upper() + sentence[1:])
    if report.recommendation is not None:
        found.append(_build(report.recommendation.build))
    return tuple(found)


def _named(names: Sequence[str]) -> str:
    """ "flipped upside down or turned"; all turns together are "turned"."""
    parts = [DONE[name] for name in names if name not in TURNS]
    if turns := [TURNS[name] for name in names if name in TURNS]:
        parts.append("turned" if len(turns) == len(TURNS) else f"turned by {_listed(turns)}")
    return _listed(parts)


def _listed(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} or {parts[-1]}" if len(parts) > 1 else "".join(parts)


def _build(build: Build) -> str:
    what = KNOWN.get(build.group, build.group)
    into = "" if build.group == "p1" else " into a network"
    relaxed = "" if build.relax is None else ", relaxed so that it can leave the symmetry"
    augment = AUGMENTS.get(build.augment or "")
    return f"Build {what}{into}{relaxed}{f', and {augment}' if augment else ''}."


def _strips(answers: Sequence[Answer], tolerance: float | None) -> list[str]:
    """A line for each answer: verdict, change, and the interval on an axis; then what the axis shows."""
    if not answers:
        return []
    reach = max((answer.ci_high or answer.relative_epsilon or 0.0 for answer in answers), default=0.0)
    end = min(max(STEP * ceil(reach / STEP), LEAST), MOST)
    lines = [_strip(answer, end, tolerance) for answer in answers]
    if any(answer.relative_epsilon is not None for answer in answers):
        accepted = f", up to {100 * tolerance:g} % (|) is accepted" if tolerance is not None else ""
        lines += _wrapped(f"How much responses change, 0 to {100 * end:g} %: o, and its 95 % interval{accepted}.")
    open_still = [answer.images_needed or 0 for answer in answers if answer.verdict == "not settled"]
    if any(open_still):
        what = "that" if len(open_still) == 1 else "all of that"
        lines += _wrapped(f"About {max(open_still):,} images would settle {what}, if the images are symmetric.")
    return lines


def _strip(answer: Answer, end: float, tolerance: float | None) -> str:
    head = f"{answer.transformation:<17} {answer.verdict:<13}"
    if answer.relative_epsilon is None:
        return f"{head} {textwrap.shorten(printable(answer.reason), COLUMNS - len(head) - 1, placeholder='...')}"
    axis = [" "] * (STRIP + 1)

    def at(value: float) -> int:
        return min(round(value / end * STRIP), STRIP)

    if answer.ci_low is not None and answer.ci_high is not None:
        for place in range(at(answer.ci_low), at(answer.ci_high) + 1):
            axis[place] = "-"
    if tolerance is not None and tolerance <= end:
        axis[at(tolerance)] = "|"
    axis[at(answer.relative_epsilon)] = "o"
    return f"{head} {_percent(answer.relative_epsilon):>6} % [{''.join(axis)}]"


def _table(report: AuditReport) -> list[str]:
    """Relative epsilon in percent by scenario and regularizer, at the first scale."""
    rows: dict[str, dict[str, ResultRow]] = {}
    for row in report.results:
        if (row.sigma, row.downscale) == report.first_scale:
            rows.setdefault(row.scenario, {})[row.regularizer] = row
    names = [item["name"] for item in report.settings["regularizers"]]
    shown = [name for name in names if any(name in row for row in rows.values())]
    table = [("Relative ε (%)", *map(printable, shown))]
    for scenario, found in rows.items():
        table += _scenario_lines(Scenario.named(scenario), [found.get(name) for name in shown])
    return _aligned(table)


def _scenario_lines(scenario: Scenario, rows: Sequence[ResultRow | None]) -> list[tuple[str, ...]]:
    lines = [(LABELS[scenario.name], *(_cell(row, "relative_epsilon") for row in rows))]
    if scenario.single:
        return lines
    more: Mapping[str, list[str]] = {
        "  95 % interval": [_interval(row) for row in rows],
        "  by chance": [_cell(row, "relative_null") for row in rows],
        "  p": [NONE if row is None or row.p_value is None else f"{row.p_value:.3f}" for row in rows],
    }
    return lines + [(label, *cells) for label, cells in more.items() if set(cells) != {NONE}]


def _cell(row: ResultRow | None, field: str) -> str:
    value = None if row is None else getattr(row, field)
    return NONE if value is None else _percent(value)


def _interval(row: ResultRow | None) -> str:
    if row is None or row.relative_ci_low is None or row.relative_ci_high is None:
        return NONE
    return f"{_percent(row.relative_ci_low)} to {_percent(row.relative_ci_high)}"


def _percent(fraction: float) -> str:
    """Two significant digits below 10 %, else whole percent."""
    percent = 100 * fraction
    return f"{percent:.0f}" if percent >= 9.95 else f"{percent:.1f}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns two spaces apart, the first to the left. Those that do not fit the line are left out, with a remark."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    kept = len(widths)
    while kept > 2 and sum(widths[:kept]) + 2 * (kept - 1) > COLUMNS:
        kept -= 1
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells[1:kept]]).rstrip())
    return lines if kept == len(widths) else [*lines, f"... and {count(len(widths) - kept, 'more regularizer')}"]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(printable(text), COLUMNS, break_on_hyphens=False)
