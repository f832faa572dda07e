"""On which device a verb runs."""

from __future__ import annotations

import pytest
import torch

from symmetry_audit import measure
from symmetry_audit.data import ImageSource
from symmetry_audit.errors import SettingError
from symmetry_audit.options import RunOptions
from symmetry_audit.verbs import _machine
from symmetry_audit.verbs._machine import resolve_device, resolved, results_folder
from tests.conftest import save_photos


def test_devices(monkeypatch):
    assert resolve_device("cpu") == "cpu"
    monkeypatch.setattr(_machine, "_graphics_driver", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == "cpu"
    with pytest.raises(SettingError, match=r"^no CUDA device is available to PyTorch; use --device cpu, or install a "):
        resolve_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert (resolve_device("auto"), resolve_device("cuda")) == ("cuda", "cuda")


def test_without_a_graphics_driver_torch_is_not_asked(monkeypatch):
    monkeypatch.setattr(_machine, "_graphics_driver", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: pytest.fail("importing torch takes a second"))
    assert resolve_device("auto") == "cpu"


def test_every_name_has_a_folder_of_its_own():
    """Letters of every script stay; where a character has to go, names that meet are told apart."""
    names = ["森林", "河流", "हिन्दी", "हिन्द", "🌲", "🌊", "a b", "a-b", "a&b", "a\u3000b", "a.b_c"]
    found = [results_folder("symaudit", ImageSource(name, name, ())).name for name in names]
    assert len(set(found)) == len(names)
    assert found[:6] == [f"symaudit-{name}" for name in names[:6]] and found[-1] == "symaudit-a.b_c"
    assert not set("".join(found)) & set(" \u3000&")
    assert (
        results_folder("symaudit", ImageSource("x", "x", (), short_name="DIV2K:valid")).name == "symaudit-DIV2K-valid"
    )


def test_the_device_of_a_cluster_is_not_looked_for_on_this_machine(monkeypatch):
    monkeypatch.setattr("symmetry_audit.verbs._machine._graphics_driver", lambda: False)
    assert resolved(RunOptions(cluster="local", device="cuda", workers=3)) == ("cuda", 3)
    assert resolved(RunOptions(cluster="local", workers=3)) == ("cpu", 3)


@pytest.mark.parametrize("images", [3, 4])
def test_a_run_of_many_images_says_what_it_costs_before_it_starts(tmp_path, rng, monkeypatch, images):
    for module in ("_costs", "_partition"):
        monkeypatch.setattr(f"symmetry_audit.audit.{module}.MANY", 3)
    photos, said, seen = save_photos(tmp_path / "photos", rng, count=images), [], []
    quick = {"reg": "tv", "group": "p4", "scenario": "dataset_strict", "workers": 1}
    talk = {"say": lambda line: said.append((line, len(seen))), "progress": lambda *state: seen.append(state)}
    measure(photos, out=tmp_path / "run", **quick, **talk)
    assert (tmp_path / "run" / "records").exists() == (images > 3)
    costs = [(line, before) for line, before in said if "by the cost model" in line]
    assert len(costs) == (images > 3)
    for line, before in costs:
        assert line.startswith("4 images: about ") and before == 0
