"""One real `symaudit demo` for all tests that look at it: it takes a quarter of a minute."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

__all__ = ["demo_run"]


def demo_run(
    tmp_path_factory: pytest.TempPathFactory, symaudit: Callable[..., subprocess.CompletedProcess[str]]
) -> tuple[Path, str, str]:
    """The folder in which it ran, its stdout and its stderr; run by the first test of a session that asks."""
    place = tmp_path_factory.getbasetemp() / "demo-run"
    if not place.exists():
        place.mkdir()
        done = symaudit("demo", cwd=place)
        assert done.returncode == 0, done.stderr
        (place / "stdout").write_text(done.stdout, encoding="utf-8")
        (place / "stderr").write_text(done.stderr, encoding="utf-8")
    return place, *((place / name).read_text(encoding="utf-8") for name in ("stdout", "stderr"))
