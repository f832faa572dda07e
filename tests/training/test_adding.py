"""The examples of CONTRIBUTING, "Adding a method, a basis, a network, a task", followed to the letter."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from symmetry_audit import catalogue
from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Affine
from symmetry_audit.layers import BASES, METHODS, EquivariantConv2d, SharedDeformation
from symmetry_audit.nets import BACKBONES, build, costs, presets_of, size_of
from symmetry_audit.tasks import TASKS, PatchCache, Task, make_task, open_pairs
from symmetry_audit.testing import assert_equivariant
from symmetry_audit.training import start_from_report
from tests.training.test_start import report

PAGE = Path(__file__).resolve().parents[2] / "CONTRIBUTING.md"
BLOCK = re.compile(r"```python\n# (symmetry_audit/\S+)\.py(?:, in (\w+))?\n(.*?)```", re.S)


@dataclass(frozen=True)
class Block:
    """One example of the page: a whole new file, or the entry in a table of a file that there is."""

    module: str
    table: str | None
    code: str


def blocks() -> list[Block]:
    found = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    return [Block(path.replace("/", ".").removesuffix(".__init__"), table or None, code) for path, table, code in found]


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> dict[str, Block]:
    """Everything on the page, added; the entries by their tables."""
    made: dict[str, object] = {}
    for block in blocks():
        if block.table is None:
            module = ModuleType(block.module)
            monkeypatch.setitem(sys.modules, block.module, module)
            exec(compile(block.code, block.module, "exec"), vars(module))
            made |= {name: getattr(module, name) for name in module.__all__}
        else:
            home = import_module(block.module)
            for name, entry in eval("{" + block.code + "}", {**vars(home), **made}).items():
                monkeypatch.setitem(getattr(home, block.table), name, entry)
    for name in set(catalogue.TASKS) - set(TASKS):  # read when the package is imported
        monkeypatch.setitem(TASKS, name, import_module(catalogue.TASKS[name]).TASK)
    return {block.table: block for block in blocks() if block.table}


def test_the_page_costs_what_it_says(added):
    """One new file at most and one entry of one line, for each of the four."""
    assert set(added) == {"METHODS", "BASES", "BACKBONES", "TASKS"}
    assert all(block.code.count("\n") == 1 for block in added.values())
    assert len([block for block in blocks() if block.table is None]) == 3
    assert "lbconv" in METHODS and "hermite" in BASES and "dncnn" in BACKBONES and "deblur" in TASKS


def test_a_method_with_a_learned_w_starts_from_the_audit(added, run, settings):
    start = start_from_report(report(), "f" * 64, method="lbconv")
    assert start.w is not None
    chosen = settings("lbconv", start=(start.w.a, start.w.b), steps=1, lr=1e-12)
    best = run(chosen).best
    assert (best.card.w["a"], best.card.w["b"]) == pytest.approx((start.w.a, start.w.b), abs=1e-6)
    moved = run(settings("lbconv", start=(start.w.a, start.w.b), steps=2), "moved").best
    assert moved.card.w["a"] != pytest.approx(start.w.a, abs=1e-6)


def test_a_basis_serves_every_method(added, run, settings):
    for method in ("fconv", "tl", "sa"):
        network = build("resnet", method, preset="tiny", group="p4", basis="hermite")
        assert {part.basis.size for part in network.modules() if isinstance(part, EquivariantConv2d)} == {15}
    network = build("resnet", "fconv", preset="tiny", group="p4", basis="hermite").double()
    assert_equivariant(network, "p4", torch.rand(1, 3, 9, 9, dtype=torch.float64), tolerance=1e-12)
    chosen = settings("sa", steps=1)
    chosen = chosen.model_copy(update={"architecture": {**chosen.architecture, "basis": "hermite"}})
    assert run(chosen).best.network().architecture["basis"] == "hermite"


def test_a_network_has_every_method_and_the_presets_that_it_says(added, run, settings):
    assert presets_of("dncnn") == ("small", "tiny")
    assert size_of("dncnn", "tiny").channels == 32
    with pytest.raises(SettingError, match='dncnn has no preset "paper"; choose small or tiny'):
        build("dncnn", preset="paper")
    with pytest.raises(SettingError, match="dncnn has scale 1, got 2; edsr, rdn and rcan enlarge"):
        build("dncnn", preset="tiny", scale=2)
    assert costs("dncnn", "fconv", "tiny").parameters > 1000
    for method in METHODS:
        network = build("dncnn", method, preset="tiny")
        assert network(torch.rand(2, 3, network.smallest, network.smallest)).shape[1] == 3
    network = build("dncnn", "lbconv", preset="tiny", start=Affine(0.2, 0.1))
    assert sum(isinstance(part, SharedDeformation) for part in network.modules()) == 1
    assert run(settings("sa", backbone="dncnn", steps=1)).best.network().architecture["backbone"] == "dncnn"


def test_a_task_trains_on_its_own_pixels(added, run, settings, images, tmp_path):
    """Denoising has filled the cache with the same files before."""
    run(settings(steps=1), "denoise")
    task = make_task("deblur", blur=5)
    assert Task.from_dict(json.loads(json.dumps(task.to_dict()))) == task
    result = run(settings(task=task, steps=1), "deblur")
    assert result.best.task == task
    assert result.best.card.validation["input_psnr"] < 60  # the input is not the clean image
    for given, clean in PatchCache(open_pairs(str(images[0]), task), task, tmp_path / "cache"):
        np.testing.assert_array_equal(given, task.prepare(clean)[0])
    with pytest.raises(SettingError, match="--blur must be an odd number of pixels, 3 or more, got 4"):
        make_task("deblur", blur=4)
    with pytest.raises(SettingError, match="--blur belongs to deblur; remove it for denoise"):
        make_task("denoise", sigma=5, blur=3)
