"""The same bytes whatever the number of cores, and of threads that the environment asks for, in real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import save_photos

FILES = ("report.json", "responses.parquet", "affine.parquet", "affine.csv")
ASKED = ("--group", "p4", "--reg", "tv,sobel", "--control-images", "1", "--quiet")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system does not bind processes to cores")
def test_a_default_run_has_the_same_bytes_on_one_core_and_on_several(tmp_path: Path, rng: np.random.Generator) -> None:
    photos, cores = save_photos(tmp_path / "photos", rng, count=2, size=(64, 70)), sorted(os.sched_getaffinity(0))
    plain = {name: value for name, value in os.environ.items() if name not in THREADS}
    given = ((cores, {}, 2), (cores[:1], dict.fromkeys(THREADS, "4"), 1))
    found = []
    for number, (allowed, threads, workers) in enumerate(given):
        out = tmp_path / str(number)
        command = [sys.executable, "-m", "symmetry_audit.cli", "measure", str(photos), *ASKED]
        subprocess.run(
            [*command, "--workers", str(workers), "--out", str(out)],
            env=plain | threads,
            check=True,
            stdout=subprocess.DEVNULL,
            preexec_fn=lambda allowed=allowed: os.sched_setaffinity(0, allowed),
        )
        found.append({name: (out / name).read_bytes() for name in FILES})
    assert found[0] == found[1]
