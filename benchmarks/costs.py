"""CPU time, wall time and memory of whole commands, run in turn, and the ratios of one to the others."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

__all__ = ["Cost", "decoding", "in_turn", "memory_of", "of_commands", "of_work", "ratios", "spread"]

DECODERS = {
    "pillow": "Image.open(name).convert('RGB')",
    "simplejpeg": "decode_jpeg(open(name, 'rb').read())",
    "imagecodecs": "jpeg8_decode(open(name, 'rb').read())",
}
IMPORTS = {
    "pillow": "from PIL import Image",
    "simplejpeg": "from simplejpeg import decode_jpeg",
    "imagecodecs": "from imagecodecs import jpeg8_decode",
}
PROCESSES = 2

Name, Found = TypeVar("Name"), TypeVar("Found")


@dataclass(frozen=True)
class Cost:
    """Seconds of CPU, all processes together, and of wall time."""

    cpu: float
    wall: float


def of_commands(*commands: Sequence[str]) -> Cost:
    """The cost of ``commands``, started together. Raises CalledProcessError where one fails."""
    started = time.perf_counter()
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
    usages = []
    for process, command in zip(running, commands, strict=True):
        _, status, usage = os.wait4(process.pid, 0)  # its own children are in the figures, other processes are not
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        usages.append(usage)
    wall = time.perf_counter() - started
    cpu = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    return Cost(cpu, wall)


def memory_of(command: Sequence[str]) -> float:
    """The largest resident memory of ``command`` in MiB. Raises CalledProcessError where it fails.

    It is started by a small process, for a new process counts the memory of the one that started it.
    """
    code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    found = subprocess.run([sys.executable, "-c", code, *command], check=True, stdout=subprocess.PIPE, text=True)
    return int(found.stdout) / 1024


def of_work(work: Callable[[], object]) -> Cost:
    """The cost of a function in this process."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return Cost(time.process_time() - cpu, time.perf_counter() - wall)


def decoding(paths: Sequence[Path], decoder: str = "pillow") -> Cost:
    """Two processes, each of which decodes half of ``paths`` to RGB and adds up its samples."""
    code = f"import sys; import numpy as np; {IMPORTS[decoder]}\n"
    code += f"for name in sys.argv[1:]: np.asarray({DECODERS[decoder]}).sum()"
    halves = [[str(path) for path in paths[half::PROCESSES]] for half in range(PROCESSES)]
    return of_commands(*([sys.executable, "-c", code, *names] for names in halves))


def in_turn(contenders: Mapping[Name, Callable[[], Found]], rounds: int) -> dict[Name, list[Found]]:
    """What every contender returns, once a round; a round runs all contenders in turn."""
    costs: dict[Name, list[Found]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            costs[name].append(run())
    return costs


def ratios(costs: Mapping[str, Sequence[Cost]], ours: str) -> dict[str, dict[str, dict[str, float]]]:
    """For each other contender the spread of the rounds' ratios of ``ours`` to it, by CPU and by wall time."""
    return {
        name: {
            kind: spread([getattr(a, kind) / getattr(b, kind) for a, b in zip(costs[ours], theirs, strict=True)])
            for kind in ("cpu", "wall")
        }
        for name, theirs in costs.items()
        if name != ours
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, smallest and largest of ``values``."""
    return {"median": median(values), "min": min(values), "max": max(values)}
