"""On which device a verb runs."""

from __future__ import annotations

import pytest
import torch

from symmetry_audit.errors import SettingError
from symmetry_audit.verbs import _machine
from symmetry_audit.verbs._machine import resolve_device


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
