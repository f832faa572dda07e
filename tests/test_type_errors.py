"""The ceilings of pyright's errors only fall. (Pyright itself runs in `make lint`.)"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

HERE = Path(__file__).resolve().parent
SPEC = importlib.util.spec_from_file_location("type_errors", HERE / "type_errors.py")
assert SPEC and SPEC.loader
type_errors = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(type_errors)


def test_one_error_more_is_told() -> None:
    assert type_errors.risen({"cli": 3, "symmetry_audit/nets": 2}, {"cli": 3, "symmetry_audit/nets": 1}) == [
        "symmetry_audit/nets"
    ]


def test_a_room_without_a_ceiling_has_none_to_spare() -> None:
    assert type_errors.risen({"symmetry_audit/findings": 1}, {"cli": 9}) == ["symmetry_audit/findings"]


def test_no_ceiling_covers_the_public_surface() -> None:
    assert type_errors.risen({"symmetry_audit/layers": 1}, {"symmetry_audit/layers": 5}) == ["symmetry_audit/layers"]
    assert type_errors.lowered({"symmetry_audit/layers": 1}, {"symmetry_audit/layers": 5}) == {}


def test_an_update_lowers_and_never_raises() -> None:
    ceilings = {"cli": 3, "symmetry_audit/nets": 2, "symmetry_audit/audit": 1}
    found = {"cli": 1, "symmetry_audit/nets": 4}
    assert type_errors.lowered(found, ceilings) == {"cli": 1, "symmetry_audit/nets": 2}


def test_every_ceiling_belongs_to_a_room() -> None:
    ceilings = json.loads((HERE / "type_errors.json").read_text())
    assert all((HERE.parent / name).exists() and count > 0 for name, count in ceilings.items())
    assert not set(ceilings) & set(type_errors.PUBLIC)
