"""Outcomes as JUnit XML, which CI systems show as tests."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from symmetry_audit.conditions._check import Outcome
from symmetry_audit.wording import printable

__all__ = ["junit"]


def junit(outcomes: Sequence[Outcome], suite: str) -> bytes:
    """A test case for each of ``outcomes`` in a test suite called ``suite``; UTF-8, ending in a line break.

    Control characters, which XML cannot hold, become spaces. There is no time, so that equal outcomes give equal files.
    """
    numbers = {"tests": str(len(outcomes)), "failures": str(sum(not one.ok for one in outcomes)), "errors": "0"}
    root = ElementTree.Element("testsuites", numbers)
    inner = ElementTree.SubElement(root, "testsuite", {"name": _plain(suite), **numbers, "skipped": "0"})
    for outcome in outcomes:
        about = {"classname": _plain(suite), "name": _plain(outcome.condition.name)}
        case = ElementTree.SubElement(inner, "testcase", about)
        if not outcome.ok:
            said = _plain(outcome.found)
            ElementTree.SubElement(case, "failure", {"message": said, "type": "condition"}).text = said
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _plain(text: str) -> str:
    """Without what XML 1.0 cannot hold: control characters, lone surrogates and the last two of the plane."""
    return "".join(" " if "\ud800" <= char <= "\udfff" or char in "\ufffe\uffff" else char for char in printable(text))
