"""The last screen of every page: how it was made, so that somebody else can make it again."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from symmetry_audit.reports.pages._blocks import Block, Code, Screen, Terms, Text
from symmetry_audit.results import SkippedImage, read_run
from symmetry_audit.wording import count, printable

__all__ = ["how_made", "listed_settings", "run_facts"]

SHOWN = 50  # skipped images and warnings
ELSEWHERE = ("out", "force", "resume", "workers", "device", "plot")  # options that change no number
CITATION = (
    "Please cite the paper that defines ε: Aligning Network Equivariance with Data Symmetry, arXiv:2605.13744; and "
    "symaudit as its CITATION.cff says."
)


def how_made(
    facts: Iterable[tuple[str, str]],
    glossary: Terms,
    skipped: Sequence[SkippedImage] = (),
    warnings: Sequence[str] = (),
    command: str = "",
    *,
    unnamed: int = 0,
) -> Screen:
    """The command where it is known, facts, warnings, what was skipped and why, the words, the citation.

    ``unnamed`` images were skipped beside the ``skipped`` ones.
    """
    blocks: list[Block] = [Code(command)] if command else []
    blocks.append(Terms("Settings, versions, hashes", tuple((name, printable(value)) for name, value in facts)))
    if warnings:
        blocks.append(Text(tuple(map(printable, warnings[:SHOWN])), "Warnings"))
    if skipped:
        shown = tuple((printable(item.image), printable(item.reason)) for item in skipped[:SHOWN])
        number = len(skipped) + unnamed
        rest = number - len(shown)
        title = f"Skipped: {count(number, 'image')}{f'; the first {SHOWN}' if rest else ''}"
        blocks.append(Terms(title, shown, folded=True))
    return Screen("made", "How this was made", (*blocks, glossary, Text((CITATION,), "Citation")))


def run_facts(folder: Path, verb: str) -> tuple[str, list[tuple[str, str]]]:
    """The command that gives the same numbers, and the versions of libraries, by the folder's run.json.

    Empty where that is missing or of another form: a page does not fail for it. Raises ReportError where it is damaged.
    """
    document = read_run(folder)
    request, versions = document.get("request"), document.get("versions")
    if not isinstance(request, dict) or not isinstance(versions, dict):
        return "", []
    return _command(verb, request), [("versions", ", ".join(f"{name} {versions[name]}" for name in versions))]


def _command(verb: str, request: Mapping[str, Any]) -> str:
    """What was asked as a command line; empty where the images were not named by a text."""
    source = request.get("source")
    words = ["symaudit", verb if source is not None else "demo"]
    if source is not None and not isinstance(source, str):
        return ""
    words += [source] if source else []
    for name, value in request.items():
        flag = f"--{name.replace('_', '-')}"
        if name == "source" or name in ELSEWHERE or value is None:
            continue
        if isinstance(value, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
        else:
            words += [flag, ",".join(map(str, value)) if isinstance(value, list) else str(value)]
    return shlex.join(map(printable, words))


def listed_settings(settings: Mapping[str, Any]) -> str:
    """The settings of a run in one line, without those that are off."""
    told = {name: value for name, value in settings.items() if value not in (None, False)}
    return ", ".join(f"{name.replace('_', ' ')} {_said(value)}" for name, value in told.items())


def _said(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "+".join(str(item.get("name", item)) if isinstance(item, dict) else f"{item}" for item in value)
    return "on" if value is True else str(value)
