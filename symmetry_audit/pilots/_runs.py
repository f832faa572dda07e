"""The runs of a pilot on disk, one line each, appended and flushed: a killed pilot loses the run in work alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from symmetry_audit.checked_lines import Damage, checked_line, read_line
from symmetry_audit.errors import ReportError
from symmetry_audit.results import Origin, read_value

__all__ = ["RUNS_FILE", "Run", "RunLog"]

RUNS_FILE = "runs.jsonl"
RUNS_SCHEMA = "symaudit.runs/1"


@dataclass(frozen=True)
class Run:
    """One arm and seed: PSNR in dB of every held-out image at both readings, and of the averaged network at the last
    reading where it was asked for; seconds of training."""

    seed: int
    arm: str
    psnr: tuple[tuple[float, ...], ...]
    seconds: float
    averaged: tuple[float, ...] | None = None


class RunLog:
    """``runs`` by (seed, arm), kept in a file whose first line holds ``settings``, all that the numbers depend on.

    ``begun`` are the settings of the file, None if there was none. Only complete lines count; a torn last line is cut
    off.
    """

    def __init__(self, folder: Path, *, force: bool = False) -> None:
        """Read the file, or forget it if ``force``. Raises ReportError where it is damaged or newer."""
        self._path = folder / RUNS_FILE
        self.begun: dict[str, Any] | None = None
        self.runs: dict[tuple[int, str], Run] = {}
        if self._path.exists() and not force:
            self._read()

    def begin(self, settings: Mapping[str, Any]) -> None:
        """Start the file, or go on with it. Raises ReportError if it has other settings."""
        new: dict[str, Any] = json.loads(json.dumps(settings))  # as read from a file
        if self.begun is None:
            self._path.write_bytes(checked_line({"schema": RUNS_SCHEMA, **new}))
            self.begun = new
        begun = self.begun
        names = [name for name in begun | new if begun.get(name) != new.get(name)]
        if names:
            old, now = (json.dumps(where.get(names[0]))[:60] for where in (begun, new))
            raise ReportError(
                f"{self._path} holds a pilot with other settings ({names[0]}: {old}, now {now}); "
                "choose another --out, or --force to start over"
            )

    def append(self, run: Run) -> None:
        """Write one run and flush it."""
        with open(self._path, "ab") as file:
            file.write(checked_line(asdict(run)))
        self.runs[run.seed, run.arm] = run

    def _read(self) -> None:
        data = self._path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        origin = Origin(str(self._path), "start over with --force")
        for number, line in enumerate(whole.splitlines()):
            try:
                document, _ = read_line(line + b"\n")
            except Damage:
                raise origin.damaged(f"line {number + 1} does not agree with its checksum") from None
            except ValueError:
                raise origin.damaged(f"line {number + 1} is not JSON") from None
            if number == 0:
                origin.check_schema(document, RUNS_SCHEMA)
                self.begun = {name: value for name, value in document.items() if name != "schema"}
            else:
                run = read_value(Run, document, origin)
                self.runs[run.seed, run.arm] = run
        if len(whole) < len(data):
            with open(self._path, "r+b") as file:
                file.truncate(len(whole))
