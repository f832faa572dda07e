"""Runs, schedulers and workers in processes of their own, and how to end them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def environment() -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("SYMAUDIT_")}
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return env | {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, paths))}


def finished(run: subprocess.Popen[str], timeout: float = 300) -> tuple[int, str]:
    _, errors = run.communicate(timeout=timeout)
    return run.returncode, errors


def children(process: int) -> list[int]:
    """All processes below ``process``, by /proc."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    below = parents.get(process, [])
    return below + [one for child in below for one in children(child)]


def workers_of(process: int) -> list[int]:
    """The worker processes below a run: those that were spawned, and not what keeps track of resources."""
    found = []
    for child in children(process):
        try:
            command = Path(f"/proc/{child}/cmdline").read_bytes()
        except OSError:
            continue
        if b"spawn_main" in command:
            found.append(child)
    return found


def kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


@contextmanager
def scheduler(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen]]:
    file = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--no-dashboard", "--scheduler-file", str(file)], env=environment(), stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 60
        while not file.exists() and time.monotonic() < until:
            time.sleep(0.1)
        yield file, process
    finally:
        process.kill()
        process.wait()


@contextmanager
def worker(file: Path, *options: str, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen]:
    command = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(file), "--nthreads", "1"]
    process = subprocess.Popen(
        [*command, "--no-dashboard", *options], env=environment() | (env or {}), stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        for child in [*children(process.pid), process.pid]:
            kill(child)
        process.wait()
