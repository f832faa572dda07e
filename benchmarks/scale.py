"""Past one machine: pictures in shards through threads and through a local cluster, also while processes are killed.

    python benchmarks/scale.py make 100000 100 FOLDER     # 100,000 pictures of 64 x 64 px in 100 tar shards
    python benchmarks/scale.py run FOLDER --shards 10 30 100 --runs threads cluster killed --out RESULTS.csv

Each run is a ``symaudit measure`` of its own. Its processes are watched through /proc: seconds of the processor and
peak memory of the driver (the process that was started) and of the workers below it. ``killed`` ends ten random
processes on the way, workers and drivers, and gives the same command again after the death of a driver. All runs of as
many shards must give the same report.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 64
KILLS = 10
TICKS = os.sysconf("SC_CLK_TCK")
MEASURE = ("--reg", "tv", "--scenario", "dataset_strict", "-q")


def make(pictures: int, shards: int, folder: Path) -> None:
    """Write cut-outs of random fields with stripes, as JPEG in tar archives."""
    rng = np.random.default_rng(20261127)
    folder.mkdir(parents=True)
    fields = [_field(rng) for _ in range(32)]
    for shard in range(shards):
        with tarfile.open(folder / f"{shard:04d}.tar", "w") as archive:
            for number in range(shard * pictures // shards, (shard + 1) * pictures // shards):
                field = fields[rng.integers(len(fields))]
                y, x = rng.integers(0, len(field) - SIDE, 2)
                data = io.BytesIO()
                Image.fromarray(field[y : y + SIDE, x : x + SIDE]).save(data, "JPEG", quality=90)
                info = tarfile.TarInfo(f"{number:08d}.jpg")
                info.size = len(data.getvalue())
                archive.addfile(info, io.BytesIO(data.getvalue()))


def _field(rng: np.random.Generator, side: int = 512) -> np.ndarray:
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], 1.3 * np.fft.rfftfreq(side))
    frequency[0, 0] = np.inf
    field = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(side, side))) / frequency, (side, side))
    return np.clip(128 + 50 * field / field.std(), 0, 255).astype(np.uint8)


class Watched:
    """A run whose processes are looked at now and then."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
        self.driver, self.workers = (0.0, 0), dict[int, tuple[float, int]]()

    def look(self) -> list[int]:
        """Note what the processes have used so far; the worker processes."""
        self.driver = _larger(self.driver, _used(self.process.pid))
        found = []
        for child in _children(self.process.pid):
            command = _read(child, "cmdline")
            if "spawn_main" in command:
                found.append(child)
            self.workers[child] = _larger(self.workers.get(child, (0.0, 0)), _used(child))
        return found


def _larger(one: tuple[float, int], other: tuple[float, int]) -> tuple[float, int]:
    return max(one[0], other[0]), max(one[1], other[1])


def _read(process: int, name: str) -> str:
    try:
        return Path(f"/proc/{process}/{name}").read_text()
    except OSError:
        return ""


def _used(process: int) -> tuple[float, int]:
    """Seconds of the processor without children, and the most memory in kB."""
    fields = _read(process, "stat").rpartition(")")[2].split()
    peak = next((int(line.split()[1]) for line in _read(process, "status").splitlines() if line[:6] == "VmHWM:"), 0)
    return (sum(map(int, fields[11:13])) / TICKS if fields else 0.0), peak


def _children(process: int) -> list[int]:
    below = [int(child) for thread in Path(f"/proc/{process}/task").glob("*") for child in _task(process, thread.name)]
    return below + [one for child in below for one in _children(child)]


def _task(process: int, thread: str) -> list[str]:
    return _read(process, f"task/{thread}/children").split()


def measured(kind: str, source: str, out: Path, pictures: int) -> dict[str, object]:
    """One run from its beginning to its report; the report's hash, times and memory."""
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "symmetry_audit.cli", "measure", source, *MEASURE, "--out", str(out)]
    command += [] if kind == "threads" else ["--cluster", "local:2"]
    chance, kills = random.Random(1), []
    started, runs = time.monotonic(), [Watched(command)]
    if kind == "killed":
        pace = pictures / 100_000 * 100  # seconds: less than an undisturbed run takes
        kills = sorted(chance.uniform(5, pace) for _ in range(KILLS))
    while (code := runs[-1].process.poll()) is None or (code and len(runs) <= 2 * KILLS):
        if code is not None:  # the driver was killed, or said to give the same command again
            runs.append(Watched(command))
        workers = runs[-1].look()
        if kills and time.monotonic() - started > kills[0]:
            kills.pop(0)
            victim = chance.choice([runs[-1].process.pid, *workers, *workers])
            (os.killpg if victim == runs[-1].process.pid else os.kill)(victim, signal.SIGKILL)
        time.sleep(0.25)
    if code:
        raise SystemExit(f"{kind}: exit code {code}")
    drivers = [run.driver for run in runs]
    workers = [used for run in runs for used in run.workers.values()]
    return {
        "run": kind,
        "pictures": pictures,
        "seconds": round(time.monotonic() - started, 1),
        "driver_cpu_s": round(sum(used for used, _ in drivers), 1),
        "worker_cpu_s": round(sum(used for used, _ in workers), 1),
        "driver_peak_mb": max(peak for _, peak in drivers) // 1000,
        "worker_peak_mb": max((peak for _, peak in workers), default=0) // 1000,
        "drivers": len(runs),
        "kills": KILLS - len(kills) if kind == "killed" else 0,
        "report_sha256": hashlib.sha256((out / "report.json").read_bytes()).hexdigest()[:16],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    maker = commands.add_parser("make")
    maker.add_argument("pictures", type=int)
    maker.add_argument("shards", type=int)
    maker.add_argument("folder", type=Path)
    runner = commands.add_parser("run")
    runner.add_argument("folder", type=Path)
    runner.add_argument("--shards", type=int, nargs="+", required=True)
    runner.add_argument("--each", type=int, default=1000, help="pictures in a shard")
    runner.add_argument("--runs", nargs="+", default=["threads", "cluster"])
    runner.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    if asked.command == "make":
        make(asked.pictures, asked.shards, asked.folder)
        return
    for shards in asked.shards:
        source = f"{asked.folder}/{{0000..{shards - 1:04d}}}.tar"
        for kind in asked.runs:
            row = measured(kind, source, asked.folder / f"out-{kind}-{shards}", shards * asked.each)
            print(row, flush=True)
            new = not asked.out.exists()
            with asked.out.open("a", newline="") as file:
                writer = csv.DictWriter(file, row)
                if new:
                    writer.writeheader()
                writer.writerow(row)


if __name__ == "__main__":
    main()
