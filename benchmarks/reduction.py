"""Time and memory of the reduction of many records to a report: ``python benchmarks/reduction.py [IMAGES ...]``.

Records are made up, so no image is read: strict responses of five regularizers under p32, all with hashes of their own.
Each number of images has a process of its own, which writes responses.parquet too.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from symmetry_audit.audit import AuditSettings, ImageRecord, Measurements, make_settings
from symmetry_audit.audit._plan import strict_bank
from symmetry_audit.data import ImageSource
from symmetry_audit.findings import build_report
from symmetry_audit.reports import RESPONSES_FILE, ResponseWriter
from symmetry_audit.results import AuditReport

SIZES = (10_000, 100_000, 1_000_000)
SHAPES = 997  # different profiles, which images scale
FOLDERS = 50


class Records:
    """``images`` records, made anew in each iteration: a common direction, an own one, an own contrast."""

    def __init__(self, settings: AuditSettings, images: int, kernels: int) -> None:
        rng = np.random.default_rng(0)
        self.images = images
        theta = np.linspace(0, 2 * np.pi, kernels, endpoint=False)
        own = rng.rayleigh(0.1, (SHAPES, 1)) * np.cos(2 * (theta - rng.uniform(0, np.pi, (SHAPES, 1))))
        self._strict = 10 * (1 + 0.03 * np.cos(2 * theta) + own)
        self._flips = rng.uniform(9, 11, (SHAPES, 1, 8))
        self._spectrum = np.ones((len(settings.models) * len(settings.downscale), 1)) / np.arange(1, 65)

    def __call__(self) -> Iterator[ImageRecord]:
        for n in range(self.images):
            digest = hashlib.sha256(b"%d" % n)
            contrast = 0.5 + digest.digest()[0] / 256
            yield ImageRecord(
                image=f"{n * FOLDERS // self.images:02d}/{n:09d}.png",
                stamp="",
                sha256=digest.hexdigest(),
                pixel_sha256=digest.hexdigest(),
                width=512,
                height=384,
                depth="8-bit",
                turned=False,
                left_out=0.0,
                arrays={
                    "strict": contrast * self._strict[None, n % SHAPES],
                    "spectrum": self._spectrum,
                    "flips": contrast * self._flips[n % SHAPES],
                },
            )


def measured(images: int) -> tuple[AuditSettings, Measurements]:
    """A run of made-up records."""
    settings = make_settings(scenario="sample_strict,dataset_strict")
    banks = tuple(strict_bank(settings, model) for model in settings.models)
    records = Records(settings, images, sum(len(kernels) for kernels in banks[0].kernels))
    return settings, Measurements(banks, images, 0, (), "grey levels", ("made up",), records)


def reduced(images: int, folder: Path) -> AuditReport:
    """The report of a run of made-up records, with its responses in ``folder``."""
    settings, found = measured(images)
    with ResponseWriter(folder / RESPONSES_FILE, settings.group) as writer:
        return build_report(ImageSource("made up", "made up", ()), settings, found, keep=writer.extend)


def one(images: int) -> None:
    """Print a line about the reduction of ``images`` records."""
    with tempfile.TemporaryDirectory() as folder:
        started, clock = time.process_time(), time.perf_counter()
        report = reduced(images, Path(folder))
        cpu, wall = time.process_time() - started, time.perf_counter() - clock
        size = (Path(folder) / RESPONSES_FILE).stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row = next(row for row in report.results if row.scenario == "dataset_strict")
    print(
        f"{images:>9,} images: peak {peak:5.0f} MiB, {cpu:7.1f} s CPU, {1e3 * cpu / images:.3f} ms an image, "
        f"{wall:7.1f} s wall, responses {size / 2**20:7.1f} MiB, relative epsilon {row.relative_epsilon:.5f} "
        f"({row.relative_ci_low:.5f} to {row.relative_ci_high:.5f}), chance {row.relative_null:.5f}",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", nargs="*", type=int, default=list(SIZES))
    sizes = parser.parse_args().images
    if len(sizes) == 1:
        one(sizes[0])
    else:
        for each in sizes:
            subprocess.run([sys.executable, __file__, str(each)], check=True)
