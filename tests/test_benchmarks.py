"""What the benchmarks of speed stand on: their images, the costs of commands, and the ratios."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import stats

sys.path.append(str(Path(__file__).resolve().parent.parent / "benchmarks"))  # as for scripts, which they are

from benchmarks._resumable import add_row, kept, rows
from benchmarks.classify import Row, read_rows, table
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


def test_runs_that_ended_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    assert rows(path) == []
    for number in (1, 2):
        add_row(path, {"arm": "a, b", "seed": number})
    assert path.read_bytes() == b'arm,seed\n"a, b",1\n"a, b",2\n'
    assert rows(path) == [{"arm": "a, b", "seed": "1"}, {"arm": "a, b", "seed": "2"}]
    measured: list[float] = []

    def measure() -> dict[str, float]:
        measured.append(len(measured))
        return {"psnr": 30.25}

    assert [kept(tmp_path / "scores.json", measure) for _ in range(2)] == [{"psnr": 30.25}] * 2
    assert measured == [0]


def test_rows_of_the_classification_benchmark_are_read_back_and_compared_by_seed(tmp_path: Path) -> None:
    runs = [
        Row("plain", 0, 1.0, 10, 60.0, 200, 100, 1.0, 0.25),
        Row("p4", 0, 1.0, 8, 60.0, 200, 110, 0.9, 0.0),
        Row("plain", 1, 1.0, 10, 60.0, 200, 120, 1.0, 0.15),
        Row("p4", 1, 1.0, 8, 60.0, 200, 124, 0.9, 0.0),
        Row("p4", 0, 2.0, 16, 120.0, 200, 150, 0.8, 0.0),
    ]
    for row in runs:
        add_row(tmp_path / "rows.csv", asdict(row))
    assert read_rows(tmp_path / "rows.csv") == runs
    lines = {line.split()[0]: line.split() for line in table(runs, minutes=1.0).splitlines()}
    assert lines["plain"] == ["plain", "2", "10", "55.00", "50.1", "to", "59.8", "20.00"]
    low, high = stats.t.interval(0.95, 1, 3.5, scale=1.5)  # gains 5 and 2 points
    assert lines["p4"][3] == "58.50"
    assert lines["p4"][7:11] == ["+3.50", f"({low:+.2f}", "to", f"{high:+.2f})"]
