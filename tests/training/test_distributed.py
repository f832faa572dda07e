"""Several processes take the steps of one with the same batch: real processes, started as users start them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from symmetry_audit.inference import evaluate
from symmetry_audit.nets import build
from symmetry_audit.tasks import make_task, open_pairs
from symmetry_audit.training._log import read_log
from symmetry_audit.training._measure import shared


def trained(images: tuple[Path, Path], folder: Path, processes: int, *options: str) -> np.ndarray:
    """Losses of the steps of a run by ``processes`` processes."""
    launch = [] if processes == 1 else ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    run = [*launch, "-m", "symmetry_audit.cli", "train", "--task", "denoise", "--sigma", "25", "--preset", "tiny"]
    length = ["--log-every", "1", "--validate-every", "1000", "--batch", "4", "--patch", "32", "--warmup", "0"]
    files = ["--data", images[0], "--valid", images[1], "--out", folder, "--cache-folder", folder.parent / "cache"]
    command = [sys.executable, *map(str, [*run, *length, *files, *options])]
    env = {name: value for name, value in os.environ.items() if not name.startswith("SYMAUDIT_")}
    env |= {"OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=500, env=env)
    except subprocess.TimeoutExpired as error:
        pytest.fail(f"the processes wait for each other: {error.stderr}")
    assert done.returncode == 0, done.stderr
    return np.array([float(row["loss"]) for row in read_log(folder / "log.csv")])


@pytest.mark.parametrize(
    ("steps", "precision", "rate", "tolerance"),
    [
        ("6", "fp64", "3e-3", 1e-8),
        pytest.param("50", "fp64", "3e-3", 1e-8, marks=pytest.mark.slow),
        pytest.param("50", "fp32", "1e-3", 1e-4, marks=pytest.mark.slow),
    ],
)
def test_two_processes_take_the_steps_of_one(images, tmp_path, steps, precision, rate, tolerance):
    """SA, whose hypernetwork has batch statistics; the loss is in grey levels."""
    network = ["--conv", "sa", "--group", "p4", "--tl-steps", "2"]
    options = [*network, "--steps", steps, "--precision", precision, "--lr", rate]
    one = trained(images, tmp_path / "one", 1, *options)
    two = trained(images, tmp_path / "two", 2, *options)
    assert len(one) == int(steps)
    assert np.ptp(one) > 1e-3  # the steps do something
    np.testing.assert_allclose(two, one, rtol=tolerance, atol=0)
    scores = [float(read_log(tmp_path / name / "log.csv")[-1]["valid_psnr"]) for name in ("one", "two")]
    assert scores[1] == pytest.approx(scores[0], rel=1e-4)


def test_shared_validation_gives_the_numbers_of_one_process(images):
    """Three processes share two images: one of them has none."""

    class Three:
        rank, size = 0, 3

        def each(self, find):
            return [find() for self.rank in range(self.size)]

    task = make_task("denoise", sigma=25)
    pairs, seen = open_pairs(str(images[1]), task), []
    network = build("resnet", "cnn", preset="tiny")

    def score(part):
        seen.append(len(part.refs))
        return evaluate(network, part, task)

    whole, parts = evaluate(network, pairs, task), shared(score, pairs, Three())
    assert seen == [1, 1]
    assert (parts.psnr, parts.ssim, parts.input_psnr) == (whole.psnr, whole.ssim, whole.input_psnr)
    assert [row.image for row in parts.images] == [row.image for row in whole.images]


@pytest.mark.slow
def test_eq_reg_turns_all_processes_alike(images, tmp_path):
    options = ["--conv", "cnn", "--group", "p8", "--eq-reg", "1", "--steps", "5", "--precision", "fp64"]
    one = trained(images, tmp_path / "one", 1, *options)
    two = trained(images, tmp_path / "two", 2, *options)
    assert np.ptp(one) > 1e-3
    np.testing.assert_allclose(two, one, rtol=1e-8, atol=0)


@pytest.mark.slow
def test_statistics_of_half_batches_would_be_seen(images, tmp_path):
    """Without synchronised batch statistics the losses part: what the test above would miss, it sees."""
    options = ["--conv", "sa", "--group", "p4", "--steps", "6", "--precision", "fp64", "--lr", "3e-3"]
    one = trained(images, tmp_path / "one", 1, *options)
    halves = trained(images, tmp_path / "halves", 1, *options, "--accumulate", "2")
    assert np.abs(halves / one - 1).max() > 1e-8


def test_a_batch_for_too_many_processes(images, tmp_path):
    with pytest.raises(AssertionError, match="cannot be cut into 1 x 3 equal parts"):
        trained(images, tmp_path / "run", 3, "--conv", "cnn", "--steps", "2")
