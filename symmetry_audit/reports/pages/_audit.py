"""The page of an audit: nine screens, always in this order."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from symmetry_audit.reports.audits._answers import answers_sentences
from symmetry_audit.reports.audits._checked import CheckedReport, checked
from symmetry_audit.reports.audits._details import details_parts
from symmetry_audit.reports.audits._table1 import table1_parts
from symmetry_audit.reports.pages._advice import advice
from symmetry_audit.reports.pages._blocks import Block, Screen, Text, Verdict
from symmetry_audit.reports.pages._glossary import glossary
from symmetry_audit.reports.pages._how import how_made, listed_settings, run_facts
from symmetry_audit.reports.pages._idea import idea
from symmetry_audit.reports.pages._images import ImageNumbers, image_numbers
from symmetry_audit.reports.pages._page import made_page
from symmetry_audit.reports.pages._parts import directions, folders
from symmetry_audit.reports.pages._pictures import Pictures, shown
from symmetry_audit.reports.pages._questions import Question, question_strips, questions, verdict
from symmetry_audit.reports.pages._ranked import Choice, moving_images, ranked
from symmetry_audit.reports.pages._tables import numbers
from symmetry_audit.results import AuditReport
from symmetry_audit.wording import GREY_LEVELS, printable

__all__ = ["audit_page"]

WORDS = (
    *(
        "relative ε",
        "response",
        "abs, energy, rectified",
        "regularizer",
        "fits",
        "does not fit",
        "not settled",
        "not tested",
        "95 % interval",
    ),
    *("chance", "pixel grid", "p", "quarter turns", "p4", "ellipse", "adaptive", "R²", "held out"),
)
IMAGE_SCREENS = {
    "idea": "One picture of the idea",
    "images": "Images",
    "folders": "Folders or classes",
    "directions": "Directions",
}
ABSENT = (Text(("This report has no numbers for that.",)),)
ONE_FOLDER = (Text(("All images lie in one folder.",)),)


def audit_page(folder: str | Path, report: AuditReport | CheckedReport, pictures: Pictures, data: str) -> str:
    """report.html of the report in ``folder``, the same bytes for the same report and pictures.

    ``pictures`` reads the images named that are still there; without any the page stands and says so. ``data`` is what
    the command to train calls the images. Raises ReportError where the folder cannot be used.
    """
    folder, run = Path(folder), checked(report)
    found, asked = image_numbers(folder, run), questions(run.report)
    tolerance = None if run.report.recommendation is None else run.report.recommendation.tolerance
    place = printable(folder.resolve().name)
    name = shlex.quote(place)
    screens = [
        Screen("verdict", "May I flip, may I turn?", (_verdict(run.report, asked),)),
        Screen(
            "do",
            "What to do",
            (advice(run.report, asked, place, data),),
            f"symaudit recommend {name} --task denoise --sigma 25" if run.report.dataset.unit == GREY_LEVELS else "",
        ),
        Screen("sure", "How sure this is", (question_strips(asked, tolerance),) if asked else ABSENT),
        *_of_images(run, found, pictures),
        Screen("numbers", "All numbers", tuple(_numbers(run)), f"symaudit verify {name}"),
        _made(folder, run),
    ]
    pixels = run.report.settings.get("pixels")
    quick = f" A quick look at about {pixels:,} pixels of each." if pixels else ""
    few = found is not None and len(found.names) < run.report.dataset.images
    sample = f" Single images are shown of {len(found.names):,}, drawn at random." if found and few else ""
    mirrors = " and mirrors" if run.group.mirrored else ""
    about = (
        f"{run.images}, measured under turns by {360 / run.group.rotations:g}°{mirrors} ({run.group}).{quick}{sample}"
    )
    return made_page(f"How symmetric is {run.dataset}?", about, tuple(screens))


def _of_images(run: CheckedReport, found: ImageNumbers | None, pictures: Pictures) -> list[Screen]:
    """The screens that rest on single images; each says so where the report has nothing for it."""
    blocks: tuple[list[Block], ...] = ([], [], [], [])
    if found is not None:
        regularizer = next(iter(run.regularizers))
        choice = Choice.of(found, moving_images(run, regularizer))
        small = shown(pictures(choice.names))
        blocks = (
            idea(found, small),
            ranked(found, choice, run.unit, small),
            folders(run, regularizer),
            directions(found, _common(run.report)),
        )
    return [
        Screen(key, title, tuple(own) or (ONE_FOLDER if key == "folders" else ABSENT))
        for (key, title), own in zip(IMAGE_SCREENS.items(), blocks, strict=True)
    ]


def _verdict(report: AuditReport, asked: Sequence[Question]) -> Verdict:
    """In the words of the terminal; then what to build, a decision that does not follow from the answers alone."""
    found = report.recommendation
    said = list(answers_sentences(report))
    built = said.pop() if found is not None else ""
    if found is not None and found.group != "p1" and any(item.verdict == "does not fit" for item in asked):
        built = f"All the same: {built[:1].lower()}{built[1:]}"
    evidence = [] if found is None else [text for text in found.sentences if text.startswith("Evidence")]
    more = " ".join([built, *map(printable, evidence[:1])]).strip()
    return verdict(asked, " ".join(said), [more] if more else [])


def _common(report: AuditReport) -> list[str]:
    """What the recommendation says of a direction that images share."""
    sentences = () if report.recommendation is None else report.recommendation.sentences
    return [text for text in sentences if "common direction" in text]


def _numbers(run: CheckedReport) -> list[Block]:
    """Table 1 with all that stands below it, and the analyses."""
    blocks: list[Block] = []
    titles = ("Table 1", "Statistics", "Held out", "Quick look")
    for title, part in zip(titles, table1_parts(run), strict=True):
        blocks += numbers(title, part, link="table1.csv" if title == "Table 1" else "")
    for section in details_parts(run):
        blocks += numbers(section.title, section.part, section.words)
    return blocks


def _made(folder: Path, run: CheckedReport) -> Screen:
    report = run.report
    command, facts = run_facts(folder, "measure")
    about = [
        ("images from", report.dataset.source),
        ("SHA-256 of the images", report.dataset.fingerprint),
        ("settings", listed_settings(report.settings)),
        *facts,
    ]
    return how_made(about, glossary(*WORDS), report.skipped, report.warnings, command, unnamed=report.skipped_unnamed)
