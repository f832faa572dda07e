"""Whatever the code cites exists: sections of docs/, labels and letters of the glossary, rooms of the map."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from symmetry_audit.kernels import KERNEL_MODELS, STENCILS
from symmetry_audit.metrics import MAR_PROTOCOLS, PROTOCOLS
from symmetry_audit.results import LAWS, SCENARIOS
from tests.oracles import symmetry as oracle
from tests.test_architecture import ALLOWED

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
FOLDERS = ("symmetry_audit", "cli", "data_manifests", "tests", "benchmarks")
DOCUMENTS = {"SPEC": "SPEC.md", "ARCHITECTURES": "ARCHITECTURES.md"}

NUMBER = r"\d+(?:\.\d+)*"
# "SPEC 3", "SPEC 3-6", "SPEC 3 and 5", "SPEC sections 3, 5 and 6", "SPEC.md, section 1"
CITATION = re.compile(
    rf"\b({'|'.join(DOCUMENTS)})(?:\.md,)?(?: sections?)? ({NUMBER}(?:(?:-|, | and |, and ){NUMBER})*)(?![\w%])"
)
LABEL = re.compile(r"\[[A-Z]{2}\]")
SHAPE = re.compile(r"\(((?:\.\.\., )?[A-Za-z0-9_. +*/-]+(?:, [A-Za-z0-9_. +*/-]+)+|[A-Z],)\)")


def texts() -> Iterator[tuple[str, str]]:
    """Name and text of every Python file but this one, whose citations are made up."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path != Path(__file__).resolve():
                yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def cited(text: str) -> set[tuple[str, str]]:
    """(document, section) of everything that ``text`` cites, ranges and lists written out."""
    found = set()
    for document, sections in CITATION.findall(re.sub(r"\s+(?:# )?", " ", text)):
        for part in re.split(r", and |, | and ", sections):
            first, _, last = part.partition("-")
            wanted = map(str, range(int(first), int(last) + 1)) if last else [first]
            found |= {(document, section) for section in wanted}
    return found


def headings(document: str) -> set[str]:
    """The numbers of a document's headings: "3" of "## 3. Groups", "1.1" of "### 1.1 Totals"."""
    text = (DOCS / DOCUMENTS[document]).read_text(encoding="utf-8")
    return set(re.findall(rf"^#{{2,4}} ({NUMBER})\.? ", text, re.MULTILINE))


def missing(text: str) -> set[tuple[str, str]]:
    """What ``text`` cites and no document has."""
    return {(document, section) for document, section in cited(text) if section not in headings(document)}


def defined() -> set[str]:
    """What the glossary's tables define, in bold in their first column."""
    rows = re.findall(r"^\| (\*\*.*?) \|", (DOCS / "GLOSSARY.md").read_text(encoding="utf-8"), re.MULTILINE)
    return {word for row in rows for word in re.findall(r"\*\*(.+?)\*\*", row)}


def shape_letters(text: str) -> set[str]:
    """The single capital letters in shapes such as (S, R, T) that the docstrings of ``text`` give."""
    nodes = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = [ast.get_docstring(node) or "" for node in ast.walk(ast.parse(text)) if isinstance(node, nodes)]
    shapes = [shape for docstring in docstrings for shape in SHAPE.findall(docstring)]
    return {letter for shape in shapes for letter in re.findall(r"(?:^|, )([A-Z])(?=,|$)", shape)}


# ---------------------------------------------------------------- the tests of the readers


def test_every_way_to_cite_is_read() -> None:
    assert cited("(SPEC 3)") == {("SPEC", "3")}
    assert cited("SPEC 3-5 and 7.") == {("SPEC", number) for number in ("3", "4", "5", "7")}
    assert cited("written from SPEC sections 3, 5, 9 and ARCHITECTURES 1-2, 4.") == {
        *(("SPEC", number) for number in ("3", "5", "9")),
        *(("ARCHITECTURES", number) for number in ("1", "2", "4")),
    }
    assert cited("SPEC.md, sections 1 and 3. SPEC's point; ARCHITECTURES 2.8); SPEC\n    # 11, as printed") == {
        *(("SPEC", number) for number in ("1", "3", "11")),
        ("ARCHITECTURES", "2.8"),
    }


@pytest.mark.parametrize("text", ["SPEC 99", "SPEC 3.7", "SPEC sections 3 and 99", "ARCHITECTURES 1.99", "SPEC 9-99"])
def test_a_made_up_citation_is_found_out(text: str) -> None:
    assert missing(f'"""A docstring ({text})."""')


def test_every_letter_of_a_shape_is_read() -> None:
    assert shape_letters('"""From (S, m) to (..., R, T), and (B, resamples), (N,)."""\nx = (Q, R)') == set("SRTBN")


# ---------------------------------------------------------------- what they find


def test_every_cited_section_exists() -> None:
    found = {name: missing(text) for name, text in texts()}
    assert not {name: sections for name, sections in found.items() if sections}


def test_the_code_cites_its_specification() -> None:
    names = {name for name, text in texts() if cited(text) and not name.startswith("tests")}
    assert len(names) > 30


def test_labels_of_papers_are_defined() -> None:
    labels = {label for _, text in texts() for label in LABEL.findall(text)}
    assert {"[SA]", "[EQ]"} <= labels <= defined()


def test_letters_of_shapes_are_defined() -> None:
    letters = {letter for name, text in texts() if not name.startswith("tests") for letter in shape_letters(text)}
    assert set("SRTEFN") <= letters
    assert letters <= defined()
    assert {"m", "K", "V", "w", "ε", "epsilon"} <= defined()


def test_names_that_users_meet_are_specified() -> None:
    from symmetry_audit.layers import METHODS

    text = (DOCS / "SPEC.md").read_text(encoding="utf-8")
    names = (*STENCILS, *KERNEL_MODELS, *SCENARIOS, *LAWS, *PROTOCOLS, *MAR_PROTOCOLS, *METHODS)
    assert [name for name in names if f"`{name}`" not in text] == []


def test_the_table_of_floors_is_right() -> None:
    """SPEC 2, by the slow reference; half a unit of the last printed digit is rounding."""
    rows = re.findall(
        r"^\| `(\w+)`(?:, sigma (\S+) px)? \| ([\d.e|\- ]+) \|$", (DOCS / "SPEC.md").read_text("utf-8"), re.MULTILINE
    )
    assert [(kernel, sigma) for kernel, sigma, _ in rows] == [
        *(("bicubic", ""), ("fourier", "")),
        *(("gaussian", "1"), ("gaussian", "1.5")),
    ]
    for kernel, sigma, cells in rows:
        for name, printed in zip(oracle.FIVE, cells.split(" | "), strict=True):
            floor = oracle.closed_form_floor(name, "p32", float(sigma or 0) or None, lambda k: k**-2.0, kernel)
            assert abs(floor - float(printed)) <= half_a_unit(printed), (kernel, sigma, name)


def half_a_unit(printed: str) -> float:
    """Half a unit of the last digit: 0.005 for "0.29", 5e-6 for "1e-5"."""
    return 5 * 10.0 ** (Decimal(printed).as_tuple().exponent - 1)


def test_every_room_is_on_the_map() -> None:
    """In an order in which nothing imports what is listed below it, as the map says."""
    listed = re.findall(r"^\| `(\w+)` \|", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(set(ALLOWED) - {"__init__"})
    below = {room: ALLOWED[room] & set(listed[place:]) for place, room in enumerate(listed)}
    assert {room: others for room, others in below.items() if others} == {}


@pytest.mark.parametrize("page", sorted([*DOCS.glob("*.md"), *ROOT.glob("*.md")]), ids=lambda path: path.name)
def test_links_between_pages_work(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    for target, _, anchor in (link.partition("#") for link in links if "://" not in link):
        other = page if not target else (page.parent / target).resolve()
        assert other.is_file(), target
        if not anchor:
            continue
        titles = re.findall(r"^#+ (.+)$", other.read_text(encoding="utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}
        assert anchor in anchors, anchor
