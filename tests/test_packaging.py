"""What is installed is what is in the tree."""

from __future__ import annotations

import configparser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_every_package_is_listed_in_setup_cfg() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    found = {
        ".".join(init.parent.relative_to(ROOT).parts) for init in (ROOT / "symmetry_audit").rglob("__init__.py")
    } | {"symmetry_audit.cli", "symmetry_audit.data_manifests"}
    assert set(setup["options"]["packages"].split()) == found


def test_the_torch_pin_satisfies_the_requirement() -> None:
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert pins == ["torch==2.13.0"]
