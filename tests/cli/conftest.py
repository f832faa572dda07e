"""What tests of several verbs share: small runs without figures, one JSON document, and processes to kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from symmetry_audit import reports
from symmetry_audit.cli.main import main

STRICT = ("--scenario", "sample_strict,dataset_strict")


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out tables and figures, which take most of the time of a small run."""
    monkeypatch.setattr(reports, "render", lambda folder: ())


@pytest.fixture
def call(capsys, monkeypatch, tmp_path) -> Callable[..., tuple[int, str, str]]:
    """Run ``symaudit`` in this process, in tmp_path, without SYMAUDIT_* variables; give exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("SYMAUDIT_")]:
        monkeypatch.delenv(name)

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(list(map(str, arguments)))
        captured = capsys.readouterr()
        return stop.value.code, captured.out, captured.err

    return run


def one_document(text: str) -> dict:
    """``text`` as exactly one JSON document without NaN or Infinity."""

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


class Killable:
    """A ``symaudit`` in a process of its own that is stopped once its journal has grown."""

    def __init__(self, folder: Path, journal: Path, *arguments: str) -> None:
        self.journal = journal
        self.process = subprocess.Popen(
            [sys.executable, "-m", "symmetry_audit.cli", *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a suite in the background ignores it
        )

    def images(self) -> int:
        return max(0, self.journal.read_bytes().count(b"\n") - 1) if self.journal.exists() else 0

    def wait_for(self, images: int) -> None:
        limit = time.monotonic() + 120
        while self.images() < images:
            assert self.process.poll() is None and time.monotonic() < limit, self.process.communicate()
            time.sleep(0.002)

    def stop(self, how: signal.Signals) -> tuple[int, str, str]:
        self.process.send_signal(how)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err
