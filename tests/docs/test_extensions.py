"""The extensions of the documentation: all that they must cover is covered, and no page would load anything."""

from __future__ import annotations

import importlib
import inspect
import re
import runpy
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason='the documentation needs its tools: pip install ".[docs]"')

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def extension() -> Iterator[object]:
    """Imports one of the site's own extensions by name."""
    sys.path.insert(0, str(DOCS / "extensions"))
    yield importlib.import_module
    sys.path.remove(str(DOCS / "extensions"))


@pytest.fixture(scope="module")
def conf() -> dict[str, object]:
    before = list(sys.path)
    found = runpy.run_path(str(DOCS / "conf.py"))
    sys.path[:] = before
    return found


def test_the_configuration_is_nitpicky_and_has_the_version_of_the_package(conf) -> None:
    assert conf["nitpicky"] is True
    assert f"version = {conf['version']}\n" in (ROOT / "setup.cfg").read_text(encoding="utf-8")
    assert {"mathml", "offline", "references"} <= set(conf["extensions"])


def test_every_command_and_every_option_has_its_place(extension, tmp_path: Path) -> None:
    from symmetry_audit.cli.main import VERBS, cli

    assert extension("commands").write_commands(tmp_path) == list(VERBS)
    for name in VERBS:
        page = (tmp_path / f"{name}.md").read_text(encoding="utf-8")
        options = [item for item in cli.get_command(None, name).params if item.param_type_name == "option"]
        missing = [item.opts[-1] for item in options if not item.hidden and f"{item.opts[-1]}" not in page]
        assert missing == [], name
    assert f"# symaudit {name}\n" in page


def test_commands_of_a_group_are_on_its_page(extension, tmp_path: Path) -> None:
    extension("commands").write_commands(tmp_path)
    page = (tmp_path / "datasets.md").read_text(encoding="utf-8")
    assert "## symaudit datasets add\n" in page
    assert "````{option} --raw FORMAT\n" in page


def test_every_public_name_is_in_the_reference(extension, tmp_path: Path) -> None:
    rooms = extension("rooms")
    found = rooms.write_rooms(tmp_path)
    public = {f"{room}.{name}" for room in rooms.PUBLIC for name in importlib.import_module(room).__all__}
    assert public <= set(found)
    text = "".join(path.read_text(encoding="utf-8") for path in tmp_path.glob("*.md"))
    described = set(re.findall(r"^\.\. (?:auto\w+|py:data):: (\S+)$", text, re.MULTILINE))
    assert set(found.values()) == described
    assert found["symmetry_audit.verbs.measure"] == "symmetry_audit.measure"


def test_the_public_rooms_are_those_of_contributing(extension) -> None:
    line = next(
        line
        for line in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| **public**")
    )
    assert {name for name in re.findall(r"`(symmetry_audit[\w.]*)`", line)} <= set(extension("rooms").PUBLIC)


def test_docstrings_are_read_as_plain_text(extension) -> None:
    plain = extension("rooms").plain
    assert plain(["|x| * 2, ``a | b``", "* one"]) == [r"\|x\| \* 2, ``a | b``", "* one"]
    assert plain([">>> a | b", "c | d", "", "e | f"]) == [">>> a | b", "c | d", "", r"e \| f"]


@pytest.mark.parametrize(
    ("name", "known"),
    [
        *(("AuditReport", True), ("np.ndarray", True), ("torch.Tensor", True), ("int", True), ("Any", True)),
        *(("np.ndarrai", False), ("symmetry_audit.results.Raport", False), ("Raport", False)),
    ],
)
def test_names_in_docstrings_exist_or_the_build_fails(extension, name: str, known: bool) -> None:
    assert extension("references").exists(name) is known


def test_every_field_of_the_report_is_explained(extension) -> None:
    from symmetry_audit import results

    columns = extension("columns")
    kinds = {kind.__name__ for kind in columns.classes_below(results.AuditReport)}
    explained = {"AuditReport", "ResultRow", "DatasetInfo", "SkippedImage", "Answer", "LeftOut"}
    assert explained | {"Recommendation"} <= kinds
    for name in (*explained, "AffineFit", "FailedFit"):
        kind = getattr(results, name)
        documented = inspect.getdoc(kind) or ""
        written = [item.name for item in fields(kind) if item.compare]
        assert [field for field in written if not columns.meaning(documented, field)] == [], name
    fit = inspect.getdoc(results.AffineFit) or ""
    assert columns.meaning(fit, "coherence").startswith("``orientation`` (as alpha)")
    assert columns.meaning(fit, "cohere") == ""


def test_every_section_of_the_results_is_a_page(extension, tmp_path: Path) -> None:
    measured = extension("measured")
    (tmp_path / "of-an-earlier-build.md").touch()
    text = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    pages = measured.write_sections(text, tmp_path)
    assert len(pages) == len(re.findall(r"^## ", text, re.MULTILINE)) == len(set(pages))
    assert {path.stem for path in tmp_path.iterdir()} == set(pages)
    written = "".join((tmp_path / f"{page}.md").read_text(encoding="utf-8") for page in pages)
    assert "](on-a-cuda-machine.md)" in written
    kept = [line for line in text.split("\n## ", 1)[1].splitlines() if line.startswith("|")]
    assert [line for line in kept if line not in written] == []
    index = measured.index_of(text)
    assert all(f"/docs/build/benchmarks/{page}\n" in index for page in pages)
    assert measured.titled("2026-11-27: a scan (x86_64)") == ("A scan", "2026-11-27; x86_64")
    assert "](../" not in written
    assert measured.titled("On a CUDA machine") == ("On a CUDA machine", "")


@pytest.mark.parametrize(
    ("text", "suffix", "found"),
    [
        ('<script src="https://a.org/x.js"></script>', ".html", ["https://a.org/x.js"]),
        ('<link rel="stylesheet" href="//a.org/x.css">', ".html", ["//a.org/x.css"]),
        ('<img src="a.png" srcset="https://a.org/b.png 2x">', ".html", ["https://a.org/b.png 2x"]),
        ("<style>p { background: url(http://a.org/b.png) }</style>", ".html", ["http://a.org/b.png"]),
        ('<p style="background: url(https://a.org/b.png)">', ".html", ["https://a.org/b.png"]),
        ('<a href="https://a.org">a link</a><img src="../b.png">', ".html", []),
        (
            '@import "https://a.org/x.css"; p { background: url("data:image/png;base64,//8=") }',
            ".css",
            ["https://a.org/x.css"],
        ),
        ('fetch("https://a.org/x.json") // see https://b.org', ".js", ["https://a.org/x.json"]),
    ],
)
def test_a_page_that_loads_from_elsewhere_is_found_out(extension, text: str, suffix: str, found: list[str]) -> None:
    assert extension("offline").outside(text, suffix) == found


def test_formulas_become_mathml(extension) -> None:
    from docutils import nodes

    writer = type("Writer", (), {"body": []})()
    with pytest.raises(nodes.SkipNode):
        extension("mathml").visit_block(writer, nodes.math_block("", r"\varepsilon \le 2"))
    assert '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">' in writer.body[0]
    assert "ε" in writer.body[0]
