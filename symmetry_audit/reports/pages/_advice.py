"""Screen 2 of an audit: how to augment, which network to build, and the command that trains it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from symmetry_audit.reports.audits._answers import AUGMENTS
from symmetry_audit.reports.pages._blocks import Card, Cards
from symmetry_audit.reports.pages._questions import Question
from symmetry_audit.reports.pages._words import listed, sentence
from symmetry_audit.results import AuditReport, Recommendation
from symmetry_audit.wording import GREY_LEVELS, printable

__all__ = ["advice"]

SETTLED = ("fits", "does not fit")
PILOT = "symaudit recommend with --task (seconds), then with --pilot (minutes): they try it on your task."


def advice(report: AuditReport, asked: Sequence[Question], folder: str, data: str) -> Cards:
    """The cards; ``folder`` and ``data`` are what the command calls the report and its images."""
    found = report.recommendation
    cards = [_augment(asked, found), *([] if found is None else [_network(found), _train(report, found, folder, data)])]
    return Cards(tuple(cards))


def _augment(asked: Sequence[Question], found: Recommendation | None) -> Card:
    """As the recommendation says; where it leaves that open, what the answers allow."""
    chosen = None if found is None else found.build.augment
    fits, refuted = (listed([item.what for item in asked if item.verdict == name]) for name in SETTLED)
    allowed = [f"Allowed: {fits}."] if fits else []
    forbidden = [f"Not: {refuted}."] if refuted else []
    answer = " ".join([*allowed, *forbidden]) or "Not settled by these images."
    if chosen is not None:
        answer = sentence(AUGMENTS.get(chosen, chosen))
    reason = " ".join(
        [
            *([f"{fits}: these images are the same afterwards."] if fits else []),
            *([f"{refuted}: the network would see images that do not occur."] if refuted else []),
        ]
    )
    reason = reason or "They are too few, or too varied, to allow or to forbid flips and turns."
    change = next((f"{item.what}: {item.settling}." for item in asked if item.settling), "other images.")
    return Card("Augment", answer, reason[:1].upper() + reason[1:], change)


def _network(found: Recommendation) -> Card:
    """The group and the method, with the first sentence of evidence."""
    build, told = found.build, [printable(text) for text in found.sentences]
    evidence = [text for text in told if text.partition(",")[0] in ("Evidence", "Undecided")]
    reason = " ".join(evidence) or next((text for text in told[1:] if "prior" in text), "")
    change = "nothing more is needed: small networks were tried." if build.evidence == "pilot" else PILOT
    return Card("Network", " ".join(told[:1]), reason, change)


def _train(report: AuditReport, found: Recommendation, folder: str, data: str) -> Card:
    title = "If you train tomorrow"
    if report.dataset.unit != GREY_LEVELS:
        return Card(title, "See docs/CT.md.", "Tasks for CT slices have settings of their own.")
    words = ["symaudit", "train", "--from-report", folder, "--task", "denoise", "--sigma", "25"]
    words += ["--data", data, "--hold-out", "1/4", "--preset", "tiny", "--minutes", "20"]
    words += ["--out", f"network-{found.build.group}"]
    return Card(
        title,
        f"A small {printable(found.build.name)} network for noise, in 20 minutes.",
        "--from-report takes group, method and augmentation from this report.",
        "another task, such as --task sr --scale 2; more time.",
        shlex.join(words),
    )
