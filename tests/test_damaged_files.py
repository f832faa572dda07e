"""Files are read in a process of their own: what reads, what is refused, and damage that is the same every time."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.append(str(Path(__file__).resolve().parent.parent / "benchmarks"))  # as for scripts, which they are

from benchmarks._probe import CRASHED, HUNG, READ, REFUSED, Probe
from benchmarks.fuzz import damaged, seeds

SEEDS = seeds(None)


def test_every_format_to_damage_reads_while_it_is_intact(tmp_path: Path) -> None:
    found = {}
    with Probe() as probe:
        for name, files in SEEDS.items():
            for number, (suffix, data) in enumerate(files):
                path = tmp_path / f"{name}{number}{suffix}"
                path.write_bytes(data)
                found[path.name] = probe.read(path)
    assert {name: outcome.reason for name, outcome in found.items() if outcome.status != READ} == {}
    assert found["zip0.zip"].images == 4
    assert found["nifti0.nii"].images == 3


def test_a_file_that_is_no_image_is_refused_and_the_process_goes_on(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no image")
    Image.new("L", (3, 2)).save(tmp_path / "b.png")
    with Probe() as probe:
        assert probe.read(tmp_path / "a.png").status == REFUSED
        assert probe.read(tmp_path / "b.png").status == READ


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [("import os; os.kill(os.getpid(), 11)", CRASHED, "SIGSEGV"), ("import time; time.sleep(60)", HUNG, "more than")],
)
def test_a_process_that_dies_or_hangs_is_told(
    tmp_path: Path, code: str, status: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "reader.py"
    script.write_text(code)
    monkeypatch.setattr("benchmarks._probe.__file__", str(script))
    with Probe(limit=5) as probe:
        outcome = probe.read(tmp_path / "a.png")
    assert outcome.status == status
    assert outcome.reason.startswith(reason)


def test_a_decoded_picture_is_compared_with_another_library(tmp_path: Path) -> None:
    pytest.importorskip("cv2")
    pixels = np.random.default_rng(0).integers(0, 256, (9, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    with Probe(compared="cv2") as probe:
        assert probe.read(tmp_path / "a.png").difference == pytest.approx(0, abs=1e-4)


def test_damage_follows_from_the_seed_alone() -> None:
    (_, data), (_, other) = SEEDS["png"]
    made = [damaged(data, other, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert made[0] == made[1]
    assert made[0] not in (data, made[2])
