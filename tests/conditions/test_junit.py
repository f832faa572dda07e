"""JUnit XML, read by a parser that shares nothing with the writer, with names that XML has to escape."""

from __future__ import annotations

from xml.dom import minidom

from symmetry_audit.conditions import Condition, check, junit

HOSTILE = '<b> & "q" \' ]]> \x00\x1b\ud800\ufffe é 漢'
PLAIN = '<b> & "q" \' ]]>      é 漢'


NAME = HOSTILE.replace("\ud800", "")  # which TOML cannot hold


def outcomes():
    rows = {"rows": [{"epsilon": 0.2, "about": HOSTILE}]}
    held = Condition(name=NAME, value="epsilon", at_most=1)
    return check(rows, [held, Condition(name="second", value="about", equals="other")])


def test_a_parser_reads_what_was_written() -> None:
    document = minidom.parseString(junit(outcomes(), f"suite {HOSTILE}"))
    (suite,) = document.getElementsByTagName("testsuite")
    numbers = {name: suite.getAttribute(name) for name in ("tests", "failures", "errors", "skipped")}
    assert numbers == {"tests": "2", "failures": "1", "errors": "0", "skipped": "0"}
    assert suite.getAttribute("name") == f"suite {PLAIN}"
    first, second = document.getElementsByTagName("testcase")
    assert first.getAttribute("name") == PLAIN.replace("     é", "    é")
    assert not first.getElementsByTagName("failure")
    (failure,) = second.getElementsByTagName("failure")
    assert failure.getAttribute("message") == f'about is "{PLAIN}", not "other"'
    assert failure.firstChild is not None
    assert failure.firstChild.data == failure.getAttribute("message")


def test_equal_outcomes_give_equal_files() -> None:
    first, second = (junit(outcomes(), "symaudit measure") for _ in range(2))
    assert first == second
    assert first.startswith(b"<?xml") and first.endswith(b"</testsuites>\n")
