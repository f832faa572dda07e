"""The invariance of a classifier as text for the terminal, LaTeX and CSV."""

from __future__ import annotations

import csv
import io

from symmetry_audit.reports._columns import column
from symmetry_audit.reports._table import Part, Table, tex_table, text_table
from symmetry_audit.results import Invariance
from symmetry_audit.wording import count, csv_row, printable

__all__ = ["invariance_csv", "invariance_tex", "invariance_text"]

HEADER = ("Element", "Angle", "Logits (%)", "Their floor (%)", "Labels changed", "Share (%)", "95 % interval")


def invariance_text(found: Invariance) -> str:
    """Errors of the logits and changed labels by element, and the verdict; ends in a line break."""
    return text_table(_table(found))


def invariance_tex(found: Invariance) -> str:
    r"""``invariance_text`` as a LaTeX ``table`` float with booktabs rules."""
    return tex_table(_table(found), "tab:invariance")


def invariance_csv(found: Invariance) -> str:
    """One line for each image and element at full precision; mean squares of logits over the classes."""
    head = ("model", "image", "element", "angle_deg", "mirrored", "error", "floor", "contrast", "predicted")
    rows = [
        (found.model.name, item.image, name, angle, mirrored, error, floor, item.contrast, predicted)
        for item in found.images
        for name, angle, mirrored, error, floor, predicted in zip(
            *(found.names, found.angles_deg, found.mirrored, item.error, item.floor, item.predicted), strict=True
        )
    ]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(map(csv_row, [head, *rows]))
    return text.getvalue()


def _table(found: Invariance) -> Table:
    elements = found.elements[1:]
    columns = [
        column([_percent(one.relative) for one in elements]),
        column([_percent(one.relative_floor) for one in elements]),
        [str(one.changed) for one in elements],
        column([100 * one.changed / len(found.images) for one in elements]),
        [" to ".join(f"{100 * end:.1f}" for end in one.interval) for one in elements],
    ]
    angles = zip(found.names[1:], found.angles_deg[1:], found.mirrored[1:], strict=True)
    labels = [(name, f"{angle:g} m" if mirrored else f"{angle:g}") for name, angle, mirrored in angles]
    rows = tuple((*label, *cells) for label, *cells in zip(labels, *columns, strict=True))
    images = count(len(found.images), "image")
    caption = f"{printable(found.model.name)} under {found.group} on {printable(found.data.name)} ({images})."
    crop = found.settings["crop"]
    cut = "the largest centered square" if crop is None else f"centered squares of at most {crop} px"
    seen = ", outside their inscribed disc faded to the mean" if found.settings["faded"] else ""
    notes = (
        f"Images: {cut}{seen}.",
        "Logits: root of the mean square of L(pi_A Y) - L(Y), divided by that of L(Y), both less their mean over the "
        "classes. Floor: the change by resampling alone, of a rotation there and back and a shift by half a pixel; 0 "
        "for quarter turns and mirrors. Labels changed: images for which another class is predicted; interval: "
        "Wilson's. m: after the mirror.",
        *found.verdict,
    )
    return Table(caption, (Part(HEADER, 1, (("", rows),)),), notes)


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value
