"""Long examples in Python on pages of the documentation: they run, or ask for what there is."""

from __future__ import annotations

import re
from pathlib import Path
from unittest.mock import NonCallableMagicMock

import pytest

import symmetry_audit
from symmetry_audit.results import Alignment, Evaluation, Recommendation
from tests.data.shard_files import tar_of

DOCS = Path(__file__).resolve().parents[2] / "docs"


def python_example(page: str, word: str) -> str:
    """The only Python block of a page with ``word`` in it."""
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    (example,) = [block for block in blocks if word in block]
    return example


def test_the_layers_example_runs() -> None:
    example = python_example("explanation/layers.md", "Layers(")
    found: dict[str, object] = {}
    exec(example, found)  # our own page
    images = found["images"]
    assert (found["plain"](images[:1]) - found["model"].eval()(images[:1])).abs().max() < 1e-5


def test_the_example_of_shards_runs(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shards").mkdir()
    for index in range(4):
        tar_of(tmp_path / "shards" / f"{index:04d}.tar", [("a.png", b"12345"), ("b.cls", b"1")])
    exec(python_example("howto/shards.md", "open_shards"), {})  # our own page
    beside = "('1 file of other kinds beside the images: .cls 1',)"
    expected = [(f"{index:04d}.tar/a.png 5", f"{index:04d}.tar {beside} []") for index in range(4)]
    assert capsys.readouterr().out.splitlines() == [line for lines in expected for line in lines]


def asking(name: str, result: type, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Let the verb ``name`` check its request and do nothing; its result has the names of ``result`` alone."""
    verb, asked = getattr(symmetry_audit, name), []

    def call(*args: object, **options: object) -> object:
        given = bool(args) and isinstance(args[0], verb.request)
        asked.append(args[0] if given else verb.request(*args, **options))
        found = NonCallableMagicMock(spec=[*dir(result), *result.__dataclass_fields__])
        if hasattr(found, "folder"):
            found.folder = Path("run")
        return found

    monkeypatch.setattr(symmetry_audit, name, call)
    return asked


def test_the_python_example_asks_for_what_there_is(monkeypatch, capsys) -> None:
    """Every option, value and name in it; running it as it stands would take ten minutes."""
    from symmetry_audit.training import TrainResult

    results = {
        "measure": symmetry_audit.AuditReport,
        "recommend": Recommendation,
        "train": TrainResult,
        "evaluate": Evaluation,
        "align": Alignment,
    }
    asked = {name: asking(name, result, monkeypatch) for name, result in results.items()}
    example = python_example("tutorials/audit-to-training.md", "AlignRequest")
    exec(example, {})  # our own page
    assert {name: len(requests) for name, requests in asked.items()} == dict.fromkeys(results, 1) | {"measure": 2}
    with pytest.raises(symmetry_audit.SymmetryAuditError, match="grup"):
        exec(example.replace("group=", "grup=", 1), {})
