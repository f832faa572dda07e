"""What the benchmarks of speed stand on: their images, the costs of commands, and the ratios."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.costs import Cost, decoding, in_turn, memory_of, of_commands, of_work, ratios
from benchmarks.mosaics import as_jpeg, crops, links, make_mosaics

BUSY = "import time; start = time.process_time()\nwhile time.process_time() < start + {}: pass"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_cpu_time_is_that_of_all_commands_and_their_children() -> None:
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY.format(0.4)!r}], check=True)"
    idle = of_commands(python("pass"), python("pass"))
    busy = of_commands(python(BUSY.format(0.3)), python(nested))
    assert 0.6 < busy.cpu - idle.cpu < 1.0
    assert busy.wall > 0.4


def test_memory_is_that_of_the_command_not_of_this_process() -> None:
    held = np.ones(100 * 2**20, np.uint8)
    small, large = (memory_of(python(f"print(len(b'x' * {size}))")) for size in (1, held.nbytes))
    assert small < 50
    assert 95 < large - small < 120


def test_a_command_that_fails_ends_the_benchmark() -> None:
    with pytest.raises(subprocess.CalledProcessError, match="exit status 3"):
        of_commands(python("raise SystemExit(3)"))


def test_work_in_this_process_has_a_cost() -> None:
    cost = of_work(lambda: sum(range(2_000_000)))
    assert 0 < cost.cpu <= cost.wall * 1.5


def test_contenders_run_in_turn_and_ratios_are_of_one_round() -> None:
    order: list[str] = []

    def contender(name: str, seconds: list[float]) -> Cost:
        order.append(name)
        value = seconds[order.count(name) - 1]
        return Cost(value, 2 * value)

    costs = in_turn({"a": lambda: contender("a", [2, 8, 9]), "b": lambda: contender("b", [1, 2, 9])}, 3)
    assert order == ["a", "b"] * 3
    expected = {"median": 2, "min": 1, "max": 4}
    assert ratios(costs, "a") == {"b": {"cpu": expected, "wall": expected}}


def opened(path: Path, format: str) -> np.ndarray:
    with Image.open(path, formats=[format]) as image:
        return np.asarray(image)


def test_images_are_the_same_every_time_and_linked_not_copied(tmp_path: Path) -> None:
    first, again = (make_mosaics(tmp_path / name, 2, (700, 350)) for name in ("first", "again"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    assert first[0].read_bytes() != first[1].read_bytes()
    pixels = opened(first[0], "PNG")
    assert pixels.shape == (350, 700, 3)
    assert all(pixels[y, x].any() for y, x in ((0, 0), (345, 5), (100, 690)))
    linked = links(tmp_path / "links", first, 5)
    assert [path.samefile(first[index % 2]) for index, path in enumerate(linked)] == [True] * 5
    cut = crops(tmp_path / "crops", first, 3, (120, 80))
    assert [opened(path, "PNG").shape for path in cut] == [(80, 120, 3)] * 3
    jpegs = as_jpeg(tmp_path / "jpegs", first)
    assert [opened(path, "JPEG").shape for path in jpegs] == [(350, 700, 3)] * 2
    assert decoding(jpegs, "simplejpeg").cpu > 0
    assert decoding(first).cpu > 0
