"""The evaluation of a classifier as text for the terminal, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from symmetry_audit.reports._table import NULL, Part, Table, tex_table, text_table
from symmetry_audit.results import Classification, ClassScore
from symmetry_audit.wording import count, csv_row, printable

__all__ = ["classification_csv", "classification_tex", "classification_text", "confusion_csv"]

HEADER = ("Class", "Images", "Correct", "Recall (%)", "95 % interval", "Precision (%)", "Most often taken for")


def classification_text(found: Classification) -> str:
    """Accuracy with its interval, and a line for each class; ends in a line break."""
    return text_table(_table(found))


def classification_tex(found: Classification) -> str:
    r"""``classification_text`` as a LaTeX ``table`` float with booktabs rules."""
    return tex_table(_table(found), "tab:classification")


def classification_csv(found: Classification) -> str:
    """One line for each image at full precision; the cross-entropy is in nats."""
    names = ("image", "label", "predicted", "cross_entropy", "seconds")
    rows = [
        (found.model.name, found.data.name, *(getattr(item, name) for name in names), int(item.label == item.predicted))
        for item in found.images
    ]
    return _csv([("model", "data", *names, "correct"), *rows])


def confusion_csv(found: Classification) -> str:
    """How many images of each class (a line) were predicted to be of each class (a column)."""
    names = [item.name for item in found.classes]
    rows = [(name, *row) for name, row in zip(names, found.confusion, strict=True)]
    return _csv([("class", *names), *rows])


def _csv(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(map(csv_row, rows))
    return text.getvalue()


def _table(found: Classification) -> Table:
    rows = [_row(item, _confused(found, at)) for at, item in enumerate(found.classes)]
    images = len(found.images)
    total = (str(images), str(found.correct), _percent(found.accuracy), _ends(found.interval), NULL, NULL)
    steps = "" if found.model.step is None else f" after {found.model.step} steps"
    low, high = (100 * end for end in found.interval)
    accuracy = (
        f"Accuracy {100 * found.accuracy:.2f} %, 95 % interval {low:.2f} to {high:.2f} % ({found.correct} of "
        f"{count(images, 'image')}); cross-entropy {found.cross_entropy:.4f} nats."
    )
    notes = [
        accuracy,
        "Recall: the share of the images of a class that are recognized. Precision: the share of the images predicted "
        "to be of a class that are. Intervals: Wilson's, with images as independent draws.",
        *([f"Skipped: {count(len(found.skipped), 'image')}."] if found.skipped else []),
    ]
    caption = f"{printable(found.model.name)}{steps} on {printable(found.data.name)} ({count(images, 'image')})."
    part = Part(HEADER, 1, (("", (*rows, ("All", *total))),))
    return Table(caption, (part,), tuple(notes))


def _row(item: ClassScore, confused: str) -> tuple[str, ...]:
    return (
        *(printable(item.name), str(item.images), str(item.correct), _percent(item.recall)),
        *(_ends(item.interval), _percent(item.precision), confused),
    )


def _confused(found: Classification, at: int) -> str:
    """The class that most images of class ``at`` are mistaken for, and how many."""
    others = [(number, -other) for other, number in enumerate(found.confusion[at]) if other != at and number]
    if not others:
        return NULL
    number, other = max(others)
    return f"{printable(found.classes[-other].name)} ({number})"


def _percent(share: float | None) -> str:
    return NULL if share is None else f"{100 * share:.2f}"


def _ends(interval: tuple[float, float] | None) -> str:
    return NULL if interval is None else " to ".join(_percent(end) for end in interval)
