"""The choice of a group as text for the terminal, and as files beside the report it was made from."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path

from symmetry_audit.files import write_atomically
from symmetry_audit.results import Candidate, CandidateValue, Recommendation
from symmetry_audit.wording import count, printable

__all__ = ["recommendation_text", "write_recommendation"]

NONE = "–"
COLUMNS = 100  # characters
GAIN = "Held-out gain"
RELATIVE = (  # of reports of the first schema, and of others
    "the change of a regularizer's mean response under the worst element, in percent of that response",
    "the largest minus the smallest mean response of a regularizer, in percent of their mean over the group",
)
LEFT = ("Candidate", "Worst", "Verdict")  # columns of words


def recommendation_text(recommendation: Recommendation, dataset: str = "") -> str:
    """The candidates with their measured values, the choice, and where each costs least; ends in a line break.

    Relative epsilon is in percent of the mean response, kappa in the unit of epsilon. ``dataset`` is the name for the
    first line. Raises ReportError where the recommended group is none of the candidates.
    """
    images = count(recommendation.images, "image")
    title = f"Which symmetry group to build in: {printable(dataset) + ', ' if dataset else ''}{images}."
    paragraphs = [
        [title],
        _candidate_table(recommendation),
        _wrapped([recommendation.sentence, *recommendation.notes]),
        _wrapped(_legend(recommendation)),
        *_kappa_paragraphs(recommendation),
    ]
    return "\n\n".join("\n".join(lines) for lines in paragraphs) + "\n"


def _wrapped(sentences: Sequence[str]) -> list[str]:
    """Each on a line of its own, broken between words to fit a terminal."""
    return [line for text in sentences for line in textwrap.wrap(printable(text), COLUMNS, break_on_hyphens=False)]


def _candidate_table(recommendation: Recommendation) -> list[str]:
    """A line for each candidate, its worst regularizer beside the limit; gains only where something is adaptive."""
    chosen, tolerance = recommendation.chosen, recommendation.tolerance
    rows = [
        {
            "Candidate": candidate.name,
            "Tested": str(candidate.tested_order),
            **_measured(candidate, tolerance),
            "Verdict": "recommended" if candidate is chosen else candidate.verdict,
        }
        for candidate in recommendation.candidates
    ]
    hidden = () if any(candidate.adaptive for candidate in recommendation.candidates) else (GAIN,)
    names = [name for name in rows[0] if name not in hidden]
    return _aligned([names, *([row[name] for name in names] for row in rows)])


def _measured(candidate: Candidate, tolerance: float) -> dict[str, str]:
    """The strongest evidence against the candidate; empty for candidates that were not tested."""
    worst = None if candidate.verdict == "not tested" else candidate.worst(tolerance)
    if worst is None:
        return dict.fromkeys(("Worst", "Relative ε (%)", "Interval", "Limit", GAIN), NONE)
    return {
        "Worst": printable(worst.regularizer),
        "Relative ε (%)": _percent(worst.relative_epsilon),
        "Interval": _range(worst.ci_low, worst.ci_high),
        "Limit": _percent(worst.limit(tolerance)),
        GAIN: _gain(candidate.values),
    }


def _gain(values: Sequence[CandidateValue]) -> str:
    """The interval of strict minus adaptive on held-out blocks, of the regularizer that gains least."""
    held_out = [value for value in values if value.tested and value.held_out]
    gains = [(low, value.held_out_gain_high) for value in held_out if (low := value.held_out_gain_low) is not None]
    return _range(*min(gains, key=itemgetter(0))) if gains else NONE


def _percent(fraction: float | None) -> str:
    return NONE if fraction is None else f"{100 * fraction:.2f}"


def _range(low: float | None, high: float | None) -> str:
    return NONE if low is None or high is None else f"{_percent(low)} to {_percent(high)}"


def _legend(recommendation: Recommendation) -> list[str]:
    lines = [
        "Tested: the elements of the group that the regularizers of this run tell apart, identity included.",
        f"Relative ε: {RELATIVE[recommendation.relative_to == 'mean']}; "
        "shown for the regularizer that speaks most against the group, with its confidence interval.",
        f"Limit: {_percent(recommendation.tolerance)} %, or the relative ε that chance and the pixel grid alone can "
        "produce, if that is larger. The interval must end below the limit.",
    ]
    if any(candidate.adaptive for candidate in recommendation.candidates):
        lines += [
            "Strict: the same transformations for all images. Adaptive: each image under its own copy of the group, "
            "deformed by two fitted parameters.",
            f"{GAIN}: how much adapting lowers relative ε on blocks that w was not fitted on (interval of the "
            "regularizer that gains least). The interval must be above 0.",
        ]
    return lines


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
