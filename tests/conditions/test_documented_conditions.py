"""docs/CONDITIONS.md: its example is read as it stands, and the tables and values that it names exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from symmetry_audit.conditions import check, load_conditions, tables_of
from symmetry_audit.data import demo_source
from symmetry_audit.results import TRANSFORMATIONS, ComparedRow, DatasetVerdict
from symmetry_audit.verbs import evaluate, measure
from tests.conftest import ROOT, save_photos

PAGE = (ROOT / "docs" / "CONDITIONS.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([a-z-]+)` \| ([^|]+) \| ([^|]+) \| ([^|]*) \|$", re.MULTILINE)


def documented(command: str) -> list[tuple[str, list[str], list[str]]]:
    """Table, values and selectors of each row about ``command``."""
    found = []
    for name, table, values, selectors in ROW.findall(PAGE):
        if name == command:
            words = re.sub(r"\([^)]*\)", "", values)
            found.append((table.strip("` "), re.findall(r"`([^`]+)`", words), re.findall(r"`([^`]+)`", selectors)))
    return found


def test_the_example_is_read(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "checks.toml").write_text(example, encoding="utf-8")
    conditions = load_conditions(tmp_path / "checks.toml")
    assert conditions[1].selectors["transformation"][0] in TRANSFORMATIONS
    rows = [{"group": "p4", "scenario": "dataset_strict", "relative_epsilon": e, "regularizer": r} for e, r in
            ((0.05, "tv"), (0.07143, "tv2"), (0.01, "sobel"), (0.02, "laplacian"), (0.03, "prewitt"))]  # fmt: skip
    answers = [{"transformation": "flip left-right", "verdict": "not settled"}]
    lines = [outcome.text for outcome in check({"results": rows, "answers": answers}, conditions)]
    assert "\n".join(lines) in PAGE


def names_of(document: dict, table: str) -> tuple[set[str], set[str]]:
    """Own fields of a table, and all fields of its rows."""
    (found,) = (one for one in tables_of(document) if one.path == {"the document itself": "result"}.get(table, table))
    return set(found.own), set().union(*found.rows)


def test_names_of_an_audit() -> None:
    document = measure(demo_source(), group="p4", reg="tv", scenario="dataset_strict", limit=12).to_dict()
    for table, values, selectors in documented("measure"):
        if table == "answers" and not document["answers"]:
            continue
        own, fields = names_of(document, table)
        assert set(values) <= own, table
        assert set(selectors) <= fields, table
    assert len(documented("measure")) == 4


def test_names_of_an_evaluation(tmp_path: Path, rng) -> None:
    document = evaluate("bicubic", data=save_photos(tmp_path / "in", rng, count=1, size=(40, 36)), scale=2).to_dict()
    for table, values, selectors in documented("evaluate"):
        own, fields = names_of(document, table)
        assert set(values) <= own, table
        assert set(selectors) <= fields, table


def test_names_of_an_alignment() -> None:
    document = json.loads((ROOT / "tests" / "old" / "0.1" / "alignment.json").read_text(encoding="utf-8"))
    rows = documented("align")
    assert len(rows) == 2
    for table, values, selectors in rows:
        own, fields = names_of(document, table)
        assert set(values) <= own, table
        assert set(selectors) <= fields, table


@pytest.mark.parametrize(("table", "kind"), [("rows", ComparedRow), ("verdicts", DatasetVerdict)])
def test_names_of_a_comparison(table: str, kind: type) -> None:
    (found,) = (row for row in documented("compare-datasets") if row[0] == table)
    assert {*found[1], *found[2]} <= set(kind.__dataclass_fields__)
