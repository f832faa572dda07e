"""The page of a pilot: which network to build, by tiny ones that were trained on the task."""

from __future__ import annotations

from symmetry_audit.reports._table import Part
from symmetry_audit.reports.networks._pilot import pilot_conditions, pilot_header, pilot_remarks, pilot_row
from symmetry_audit.reports.pages._blocks import Block, Screen, Strip, Verdict
from symmetry_audit.reports.pages._glossary import glossary
from symmetry_audit.reports.pages._how import how_made
from symmetry_audit.reports.pages._page import made_page
from symmetry_audit.reports.pages._questions import strips_over
from symmetry_audit.reports.pages._tables import numbers as blocks_of
from symmetry_audit.results import Pilot
from symmetry_audit.wording import numbers, printable

__all__ = ["pilot_page"]

LEGEND = ("● the mean over the seeds", "thick line: its limits at the level of the verdict", "0: as good as plain")
WORDS = ("arm", "seed", "held out", "margin", "PSNR", "p4", "quarter turns")


def pilot_page(found: Pilot) -> str:
    """The page of ``found``, the same bytes for the same pilot."""
    table = Part(pilot_header(found), 1, (("", tuple(pilot_row(found, arm) for arm in found.arms)),))
    remarks = tuple(map(printable, pilot_remarks(found)))
    screens = (
        Screen("verdict", "Which network to build?", (Verdict(printable(found.sentence), remarks),)),
        Screen("sure", "How sure this is", (_gains(found),)),
        Screen("numbers", "All numbers", tuple(blocks_of("One row for each arm", table, folded=False))),
        how_made(_facts(found), glossary(*WORDS), found.skipped),
    )
    return made_page(f"Pilot: {printable(found.data.name)}", printable(pilot_conditions(found)), screens)


def _gains(found: Pilot) -> Block:
    """A strip for each arm but the plain one, at the last reading."""
    items = [
        Strip(item.arm, item.mean, f"{item.mean:+.2f} dB{_limits(item.low, item.high)}", item.low, item.high)
        for item in found.differences
        if item.step == found.steps
    ]
    return strips_over("Against the plain network, held-out images", items, LEGEND, "dB")


def _limits(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({low:+.2f} to {high:+.2f})"


def _facts(found: Pilot) -> list[tuple[str, str]]:
    return [
        ("images from", found.data.source),
        ("SHA-256 of the images", found.data.fingerprint),
        ("training", f"{found.steps} steps of {found.batch} patches of {found.patch} px, {found.width} channels"),
        ("seeds", f"{found.seeds}, the first is {found.seed}; looked at after {numbers(found.looks)}"),
        ("margin", f"{found.margin:g} dB"),
    ]
