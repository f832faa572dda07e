"""What a report says of every flip and turn: its answers, or, of older reports, its verdicts on groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor, log10

from symmetry_audit.groups import Group
from symmetry_audit.reports.pages._blocks import Badge, Strip, Strips, Verdict
from symmetry_audit.reports.pages._words import listed, percent, sentence, share
from symmetry_audit.results import Answer, AuditReport, Candidate
from symmetry_audit.wording import printable

__all__ = ["Question", "question_strips", "questions", "strips_over", "verdict"]

ANSWERED = {"shown": "fits", "refuted": "does not fit", "not settled": "not settled", "not tested": "not tested"}
TURNS = {"p2": "half turn", "p4": "quarter turns", "p8": "turns by 45 degrees", "p1m": "flip left-right"}
SAID = {"fits": "Yes", "does not fit": "No", "not settled": "Not settled", "not tested": "Not tested"}
LEGEND = (
    "● the estimate",
    "thick line: its 95 % interval",
    "dashed upright: what chance alone gives",
    "solid upright: what the pixel grid alone gives",
)


@dataclass(frozen=True, kw_only=True)
class Question:
    """Of one transformation: the answer, why, and the numbers, all as fractions of the mean response."""

    what: str
    verdict: str
    reason: str
    by: str
    value: float | None
    low: float | None
    high: float | None
    null: float | None
    floor: float | None
    p_value: float | None
    needed: int | None

    @property
    def numbers(self) -> str:
        """The numbers in words, and how many images would settle it."""
        parts = [
            share(self.value, self.low, self.high) or printable(self.reason),
            f"chance {percent(self.null)}" if self.null is not None else "",
            f"pixel grid {percent(self.floor)}" if self.floor is not None else "",
            f"p = {self.p_value:.2g}" if self.p_value is not None else "",
            f"by {printable(self.by)}" if self.by and self.value is not None else "",
            self.settling,
        ]
        return "; ".join(filter(None, parts))

    @property
    def settling(self) -> str:
        """How many images would settle it, where that is open and known."""
        open_ = self.verdict == "not settled" and self.needed
        return f"about {self.needed:,} images would settle it" if open_ else ""


def questions(report: AuditReport) -> tuple[Question, ...]:
    """The answers of ``report``; of an older one the verdicts on its groups, the smaller groups first."""
    if report.answers:
        return tuple(map(_answered, report.answers))
    found = report.recommendation
    return () if found is None else tuple(_of_groups(found.candidates))


def _answered(answer: Answer) -> Question:
    return Question(
        what=answer.transformation,
        verdict=answer.verdict,
        reason=answer.reason,
        by=" ".join(filter(None, (answer.regularizer, answer.response and f"({answer.response})"))),
        value=answer.relative_epsilon,
        low=answer.ci_low,
        high=answer.ci_high,
        null=answer.null_epsilon,
        floor=answer.floor,
        p_value=answer.p_value,
        needed=answer.images_needed,
    )


def _of_groups(candidates: Sequence[Candidate]) -> Iterator[Question]:
    """The groups with names that people use, and the largest one."""
    strict = [item for item in candidates if not item.adaptive and item.order > 1]
    largest = max(strict, key=lambda item: item.order, default=None)
    for item in sorted(strict, key=lambda item: item.order):
        plain = str(Group.parse(item.group))
        if plain not in TURNS and item is not largest:
            continue
        worst = None if item.verdict == "not tested" else item.worst
        yield Question(
            what=f"{TURNS[plain]} ({plain})" if plain in TURNS else f"all of {plain}",
            verdict=ANSWERED.get(item.verdict, "not tested"),
            reason=item.reason,
            by="" if worst is None else worst.regularizer,
            value=None if worst is None else worst.relative_epsilon,
            low=None if worst is None else worst.ci_low,
            high=None if worst is None else worst.ci_high,
            null=None if worst is None else worst.null_epsilon,
            floor=None if worst is None else worst.floor,
            p_value=None if worst is None else worst.p_value,
            needed=item.images_needed,
        )


def verdict(asked: Sequence[Question], sentence_: str, more: Sequence[str]) -> Verdict:
    """The sentence, else which transformations fit, which do not and which are open; then why, and ``more``."""
    settled = [sentence(f"{item.what}: {printable(item.reason)}") for item in asked if item.verdict == "does not fit"]
    opened = [sentence(f"{item.what}: {item.settling}") for item in asked if item.settling]
    return Verdict(
        sentence=sentence_ or _by_verdict(asked),
        more=(*settled[:2], *opened[:1], *more),
        badges=tuple(Badge(item.what, item.verdict) for item in asked),
    )


def _by_verdict(asked: Sequence[Question]) -> str:
    parts = []
    for answer, said in SAID.items():
        own = [item.what for item in asked if item.verdict == answer]
        if own and (answer != "not tested" or len(own) == len(asked)):
            parts.append(f"{said}: {listed(own)}.")
    return " ".join(parts) or "This report does not say whether these images may be flipped or turned."


def question_strips(asked: Sequence[Question], tolerance: float | None) -> Strips:
    """A strip for each question, all over one axis in percent.

    A change up to ``tolerance``, a fraction, counts as none; None where that is not known.
    """
    items = tuple(
        Strip(item.what, _percents(item.value), item.numbers, *_strip(item), verdict=item.verdict) for item in asked
    )
    accepted = [] if tolerance is None else [f"thin upright: {percent(tolerance)}, up to which counts as none"]
    found = strips_over("By how much the mean response changes", items, (*LEGEND, *accepted))
    return replace(found, accepted=_percents(tolerance))


def _strip(item: Question) -> tuple[float | None, ...]:
    return tuple(map(_percents, (item.low, item.high, item.null, item.floor)))


def _percents(value: float | None) -> float | None:
    return None if value is None else 100 * value


def strips_over(title: str, items: Sequence[Strip], legend: Sequence[str], unit: str = "%") -> Strips:
    """The strips over the smallest axis from 0 with round ticks that holds them; from below 0 where they need it."""
    marks = [(item.value, item.low, item.high, item.null, item.floor) for item in items]
    values = [value for own in marks for value in own if value is not None]
    low, high = min([0.0, *values]), max([0.0, *values])
    step = _round_step((high - low) or 1.0)
    first, last = floor(low / step), max(ceil(high / step), floor(low / step) + 1)
    ticks = tuple(at * step for at in range(first, last + 1))
    return Strips(title, tuple(items), ticks[0], ticks[-1], ticks, unit, tuple(legend))


def _round_step(reach: float) -> float:
    """The smallest of 1, 2, 5, 10 ... of which five or fewer span ``reach``."""
    power = 10.0 ** (floor(log10(reach)) - 1)
    return next(part * power for part in (1, 2, 5, 10, 20, 50, 100) if 5 * part * power >= reach)
