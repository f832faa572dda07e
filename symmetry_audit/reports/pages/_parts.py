"""How parts of the images differ: sub-folders or classes, and the directions of single images."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi, sin

import numpy as np

from symmetry_audit.reports.audits._checked import CheckedReport
from symmetry_audit.reports.audits._directions import strict_scenario
from symmetry_audit.reports.pages._blocks import Block, Directions, Strip, Text
from symmetry_audit.reports.pages._images import ImageNumbers
from symmetry_audit.reports.pages._questions import strips_over
from symmetry_audit.reports.pages._words import percent
from symmetry_audit.wording import count, printable

__all__ = ["directions", "folders"]

FOLDERS = 40
SECTORS, BINS = 12, 10  # of the angles in [0, 180), of the ratios
LIMIT = 2.0  # the largest ratio of a fit
READ = (
    "Where the long axes of the ellipses point: area counts images, opposite directions are the same.",
    "How long the ellipses are: height counts images, 1 is a circle.",
)


def folders(run: CheckedReport, regularizer: str) -> list[Block]:
    """A strip for every sub-folder, the least symmetric one first."""
    own = (strict_scenario(run), regularizer, *run.first_scale)
    rows = [
        item
        for item in run.report.analyses.get("folders", ())
        if (item["scenario"], item["regularizer"], item["sigma"], item["downscale"]) == own
        and item["relative_epsilon"] is not None
    ]
    rows.sort(key=lambda item: (-item["relative_epsilon"], item["folder"]))
    if not rows:
        return []
    items = [
        Strip(
            printable(item["folder"]) or "(top)",
            100 * item["relative_epsilon"],
            f"{percent(item['relative_epsilon'])}; {count(item['images'], 'image')}",
        )
        for item in rows[:FOLDERS]
    ]
    notes = ["In small folders it is high by chance."]
    if len(rows) > FOLDERS:
        notes.append(f"The {FOLDERS} least symmetric of {len(rows)} folders; details.md has all.")
    title = f"Relative ε of each folder alone, {run.regularizers[regularizer]}"
    return [strips_over(title, items, ()), Text(tuple(notes))]


def directions(found: ImageNumbers, told: Sequence[str]) -> list[Block]:
    """Histograms of the long axes and of the ratios of all fits, and what was ``told`` of a common direction."""
    made = [item for item in found.ellipses if item is not None]
    if not made:
        return [Text(tuple(map(printable, told)))] if told else []
    limit = f"{count(found.at_limit, 'image')} of {len(made)} at the largest ratio, {LIMIT:g}."
    angles, ratios = [item.alpha % pi for item in made], [item.ratio for item in made]
    return [Directions(_sectors(angles), _bars(ratios), (*READ, limit, *map(printable, told)))]


def _sectors(angles: Sequence[float]) -> tuple[tuple[str, str], ...]:
    """A path for every sector of the circle that has images, and what it says; areas count images."""
    counts, width = np.histogram(angles, bins=SECTORS, range=(0, pi))[0].tolist(), 180 // SECTORS
    return tuple(
        (_sector(k * width + half, width, 100 * (number / max(counts)) ** 0.5), _said(k * width, width, "°", number))
        for k, number in enumerate(counts)
        for half in (0, 180)
        if number
    )


def _sector(start: float, width: float, radius: float) -> str:
    """``width`` degrees of a disc about 0, from ``start`` on, counter-clockwise."""
    turns = (start * pi / 180, (start + width) * pi / 180)
    (x0, y0), (x1, y1) = ((radius * cos(turn), -radius * sin(turn)) for turn in turns)
    return f"M0 0 L{x0:.1f} {y0:.1f} A{radius:.1f} {radius:.1f} 0 0 0 {x1:.1f} {y1:.1f} Z"


def _bars(ratios: Sequence[float]) -> tuple[tuple[float, str], ...]:
    """Heights from 0 to 1, and what they say."""
    counts, width = np.histogram(ratios, bins=BINS, range=(1, LIMIT))[0].tolist(), (LIMIT - 1) / BINS
    most = max(*counts, 1)
    return tuple((number / most, _said(1 + k * width, width, "", number)) for k, number in enumerate(counts))


def _said(start: float, width: float, unit: str, number: int) -> str:
    return f"{start:g} to {start + width:g}{unit}: {count(number, 'image')}"
