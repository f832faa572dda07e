"""Every page is reached, its links lead somewhere, and its examples name what there is."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

import symmetry_audit
from tests.test_readme import used_options

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "build" not in path.relative_to(DOCS).parts)


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r" ", "-", re.sub(r"[^\w -]", "", heading.lower())) for heading in headings}


def broken(page: Path) -> list[str]:
    """Links and references of a page to files, headings and pages that are not there; built ones are left to Sphinx."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    found = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if "://" not in link and (not target.exists() or (anchor and anchor not in anchors(target))):
            found.append(link)
    for name in re.findall(r"\{doc\}`([^`<>]+)`", text):
        target = ROOT / name.lstrip("/") if name.startswith("/") else page.parent / name
        if "build" not in target.parts and not target.with_name(f"{target.name}.md").is_file():
            found.append(name)
    return found


@pytest.mark.parametrize("page", [path.relative_to(ROOT).as_posix() for path in PAGES])
def test_links_lead_somewhere(page: str) -> None:
    assert broken(ROOT / page) == []


def test_a_broken_link_is_found_out(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text("# One thing\n[x](b.md) [y](#one-thing) [z](#two) {doc}`c` [w](https://a.org)", encoding="utf-8")
    assert broken(page) == ["b.md", "#two", "c"]


def test_every_page_is_reached() -> None:
    """From the contents of the index, directly or through another page's."""
    listed = {
        name
        for page in PAGES
        for block in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        for name in block.split()
    }
    names = {page.relative_to(DOCS).with_suffix("").as_posix() for page in PAGES} - {"index", "INDEX_PAGE"}
    assert [name for name in sorted(names) if name not in listed and f"/docs/{name}" not in listed] == []
    notebooks = {f"/notebooks/{path.stem}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert notebooks <= listed


def blocks(language: str) -> list[tuple[str, str]]:
    """The code blocks of one language on all pages, each with its page."""
    pattern = rf"```{language}\n(.*?)```"
    return [
        (page.relative_to(ROOT).as_posix(), block)
        for page in PAGES
        for block in re.findall(pattern, page.read_text(encoding="utf-8"), re.DOTALL)
    ]


def test_options_in_examples_exist() -> None:
    from symmetry_audit.cli.main import VERBS, cli

    used = used_options("".join(block for _, block in blocks("console")))
    assert len(used) >= 12
    assert set(used) <= set(VERBS)
    for name, options in used.items():
        command = cli.get_command(None, name)
        params = [item for held in (command, *getattr(command, "commands", {}).values()) for item in held.params]
        known = {option for item in params for option in (*item.opts, *item.secondary_opts)}
        assert options <= known, name


def unknown_names(block: str) -> list[str]:
    """What a Python example imports from us that is not there, and the keywords that a verb would refuse."""
    found = []
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("symmetry_audit"):
            module = importlib.import_module(str(node.module))
            found += [alias.name for alias in node.names if not hasattr(module, alias.name)]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).startswith("symmetry_audit."):
            verb = getattr(symmetry_audit, ast.unparse(node.func).split(".")[1], None)
            known = inspect.signature(verb).parameters if hasattr(verb, "request") else None
            found += [word.arg for word in node.keywords if word.arg and known is not None and word.arg not in known]
            found += [] if verb else [ast.unparse(node.func)]
    return found


def test_python_examples_name_what_there_is() -> None:
    assert len(blocks("python")) >= 6
    assert {page: unknown_names(block) for page, block in blocks("python") if unknown_names(block)} == {}


def test_a_python_example_that_is_out_of_date_is_found_out() -> None:
    block = "import symmetry_audit\nfrom symmetry_audit.groups import Grup\nsymmetry_audit.measure('x', grup='p8')"
    assert unknown_names(block) == ["Grup", "grup"]
    assert unknown_names("symmetry_audit.mesure('x')") == ["symmetry_audit.mesure"]
