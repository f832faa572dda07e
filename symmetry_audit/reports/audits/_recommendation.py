"""The choice of a group as text for the terminal, and as files beside the report it was made from."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from symmetry_audit.files import write_atomically
from symmetry_audit.results import (
    LINEAR_MARGIN,
    POINTS,
    POINTS_MARGIN,
    Candidate,
    CandidateValue,
    Direction,
    LinearGain,
    Recommendation,
)
from symmetry_audit.wording import count, printable

__all__ = ["recommendation_text", "write_recommendation"]

NONE = "–"
COLUMNS = 100  # characters
ROWS = 8  # of the first table
LEFT = ("Group", "Candidate", "Law", "Worst", "Layer", "Regularizer", "Verdict", "Filter")  # columns of words
Row = dict[str, str]


def recommendation_text(recommendation: Recommendation, dataset: str = "", *, verbose: bool = False) -> str:
    """The advice in words, then at most ten lines of numbers; ends in a line break.

    ``verbose`` adds the adaptive candidates, the directions, a legend, and where each candidate costs least by
    Eq. (46). Relative epsilon is in percent, gains in dB, kappa in the unit of epsilon. ``dataset`` is the name for the
    first line.
    """
    parts = (printable(dataset), count(recommendation.images, "image"), printable(recommendation.task or ""))
    rows = _group_rows(recommendation)
    more = [] if verbose or len(rows) <= ROWS else [f"... and {count(len(rows) - ROWS, 'more group')} with --verbose"]
    paragraphs = [
        _wrapped(recommendation.sentences),
        [
            f"{', '.join(filter(None, parts))}{':' if rows else ''}",
            *_aligned_rows(rows if verbose else rows[:ROWS]),
            *more,
        ],
    ]
    if verbose:
        paragraphs += [
            _wrapped(recommendation.notes),
            _aligned_rows([_adaptive_row(item) for item in recommendation.candidates if item.adaptive]),
            _aligned_rows([_direction_row(direction) for direction in recommendation.directions]),
            _wrapped(_legend(recommendation)),
            *_kappa_paragraphs(recommendation),
        ]
    return "\n\n".join("\n".join(lines) for lines in paragraphs if lines) + "\n"


def _wrapped(sentences: Sequence[str]) -> list[str]:
    """Each on a line of its own, broken between words to fit a terminal."""
    return [line for text in sentences for line in textwrap.wrap(printable(text), COLUMNS, break_on_hyphens=False)]


def _group_rows(recommendation: Recommendation) -> list[Row]:
    """A line for each group that something was found of: the law, and the linear pilot where there was one."""
    strict = {item.group: item for item in recommendation.candidates if not item.adaptive and item.order > 1}
    gains = {} if recommendation.linear is None else {gain.group: gain for gain in recommendation.linear.gains}
    rows = []
    for group in dict.fromkeys([*strict, *gains]):
        item, gain = strict.get(group), gains.get(group)
        # flips and half turns, which no value is about, have answers of their own
        if gain is None and (item is None or not item.seen or item.verdict == "not tested"):
            continue
        row = {"Group": group, "Law": "not tested" if item is None else item.verdict, **_measured(item)}
        if gains:
            row |= {
                f"Linear pilot ({_unit(recommendation)})": NONE if gain is None else _gain(gain),
                "Filter": gain.verdict if gain else NONE,
            }
        rows.append(row)
    return rows


def _measured(item: Candidate | None) -> Row:
    """The regularizer with the largest upper limit."""
    worst = None if item is None or item.verdict == "not tested" else item.worst
    return {
        "Worst": NONE if worst is None else printable(worst.regularizer),
        "Relative ε (%)": NONE if worst is None else _percent(worst.relative_epsilon),
        "Interval": NONE if worst is None else _range(worst.ci_low, worst.ci_high),
        "p": NONE if worst is None or worst.p_value is None else f"{worst.p_value:.3f}",
    }


def _unit(recommendation: Recommendation) -> str:
    """The unit of the linear pilot's gains."""
    return next((gain.unit for gain in recommendation.linear.gains), "dB") if recommendation.linear else "dB"


def _gain(gain: LinearGain) -> str:
    if gain.unit == POINTS:
        return f"{gain.gain_db:+.1f} ({gain.low:+.1f} to {gain.high:+.1f})"
    return f"{gain.gain_db:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"


def _adaptive_row(item: Candidate) -> Row:
    held_out = [value for value in item.seen if value.held_out_gain_low is not None]
    least = min(held_out, key=lambda value: value.held_out_gain_low or 0.0, default=None)
    gain = NONE if least is None else _range(least.held_out_gain_low, least.held_out_gain_high)
    return {"Candidate": item.name, "Law": item.verdict, **_measured(item), "Held-out gain": gain}


def _direction_row(direction: Direction) -> Row:
    return {
        "Layer": direction.layer,
        "Regularizer": printable(direction.regularizer),
        "R²": f"{max(direction.share, 0):.2f}",
        "Interval": NONE if direction.ci_low is None else f"{direction.ci_low:.2f} to {direction.ci_high:.2f}",
        "Amplitude (%)": _percent(direction.amplitude),
        "Single images (%)": _percent(direction.single_amplitude),
        "Fourth (%)": _percent(direction.fourth_amplitude),
        "Verdict": direction.verdict,
    }


def _percent(fraction: float | None) -> str:
    return NONE if fraction is None else f"{100 * fraction:.2f}"


def _range(low: float | None, high: float | None) -> str:
    return NONE if low is None or high is None else f"{_percent(low)} to {_percent(high)}"


def _pilot_legend(recommendation: Recommendation) -> str:
    if _unit(recommendation) == POINTS:
        what, least = "accuracy of a linear classifier of simple features on", f"{POINTS_MARGIN:g} percentage point"
        return (
            f"Linear pilot: how much the {what} held-out images grows with invariance under the group. Safe: it loses "
            f"less than {least}. Suspect: it loses more."
        )
    return (
        "Linear pilot: how much better a least-squares filter restores held-out images with the group built in. Safe: "
        f"it loses less than {LINEAR_MARGIN:g} dB. Suspect: it loses more."
    )


def _legend(recommendation: Recommendation) -> list[str]:
    return [
        "Law: whether the images have this symmetry. Shown: for every regularizer the interval of relative ε ends "
        f"below {_percent(recommendation.tolerance)} %. Refuted: significant (Holm, 0.01), and above twice the floor.",
        "Relative ε: the largest minus the smallest mean response over the group, in percent of the mean; shown for "
        "the regularizer whose interval reaches highest.",
        "R²: how much of the images' own anisotropy has one common direction: 0 if directions differ from image to "
        "image, 1 if all agree.",
        _pilot_legend(recommendation),
        "Held-out gain: how much adapting the group to each image lowers relative ε on blocks that w was not fitted "
        "on.",
    ]


def _kappa_paragraphs(recommendation: Recommendation) -> list[list[str]]:
    """Where each candidate costs least, a column for each regularizer that sees anything; absent where none does."""
    pairs = [(item, value) for item in recommendation.candidates for value in item.values]
    seeing = {value.regularizer for _, value in pairs if value.tested}
    names = [name for name in dict.fromkeys(value.regularizer for _, value in pairs) if name in seeing]
    if not names:
        return []
    rows = []
    for candidate in recommendation.candidates:
        values = {value.regularizer: value for value in candidate.values}
        cells = [_interval(values.get(name)) for name in names]
        if set(cells) != {NONE}:
            rows.append((candidate.name, *cells))
    intro = (
        f"Kappa ({recommendation.unit}) is the cost of having few training images, for a network without symmetry. A "
        "group with t tested elements divides this cost by √t and adds its own error (Eq. (46) of arXiv 2605.13744). "
        "Kappa cannot be measured on images. The range of kappa in which each candidate costs least:"
    )
    return [_wrapped([intro]), _aligned([("Candidate", *map(printable, names)), *rows])]


def _interval(value: CandidateValue | None) -> str:
    if value is None or value.kappa_low is None:
        return NONE
    return (
        f"{value.kappa_low:.3g} up" if value.kappa_high is None else f"{value.kappa_low:.3g} to {value.kappa_high:.3g}"
    )


def _aligned_rows(rows: Sequence[Row]) -> list[str]:
    """Rows of the same columns with their header; nothing for no rows."""
    return _aligned([list(rows[0]), *(list(row.values()) for row in rows)]) if rows else []


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows, the header first, as lines with columns two spaces apart: words to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    left = [name in LEFT for name in rows[0]]
    lines = []
    for row in rows:
        cells = zip(row, widths, left, strict=True)
        lines.append("  ".join(cell.ljust(width) if words else cell.rjust(width) for cell, width, words in cells))
    return [line.rstrip() for line in lines]


def write_recommendation(folder: str | Path, recommendation: Recommendation, dataset: str = "") -> tuple[Path, ...]:
    """Draw recommendation.png, .svg and .pdf into ``folder``, whole or not at all, and return them.

    The same input gives the same bytes. Raises ReportError where the folder cannot be written.
    """
    from symmetry_audit.reports.audits._tradeoff import tradeoff

    drawn = tradeoff(recommendation, dataset)
    return tuple(write_atomically(Path(folder) / f"recommendation.{suffix}", data) for suffix, data in drawn.items())
