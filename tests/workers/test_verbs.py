"""evaluate, restore and pilot on Dask clusters in real processes: what one process gives, whoever is killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from symmetry_audit.pilots._runs import RUNS_FILE
from symmetry_audit.workers import connected
from tests.conftest import save_photos
from tests.inference.models import save_checkpoint
from tests.pilots.test_network import document
from tests.workers.processes import environment, finished, kill, scheduler, worker, workers_of

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")]


def start(verb: str, *args: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "symmetry_audit.cli", verb, *map(str, args), "-q"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=environment(), text=True, start_new_session=True, **pipes)


def printed(run: subprocess.Popen[str]) -> str:
    out, errors = run.communicate(timeout=300)
    assert (run.returncode, errors) == (0, "")
    return out


def scores(text: str) -> dict[str, Any]:
    found = json.loads(text)
    del found["sha256"]
    for image in found["images"]:
        image.pop("seconds")
    return found


def await_that(ready: Callable[[], bool]) -> None:
    until = time.monotonic() + 120
    while not ready() and time.monotonic() < until:
        time.sleep(0.05)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return save_checkpoint(tmp_path / "denoise", "denoise")


@pytest.fixture
def photos(tmp_path: Path, rng) -> Path:
    return save_photos(tmp_path / "photos", rng, count=30, size=(80, 76))


@pytest.mark.parametrize("seed", range(3))
def test_an_evaluation_outlives_its_workers(network, photos, seed) -> None:
    """Workers that are started again have the network, too."""
    asked = ("evaluate", network, "--data", photos, "--json", "--self-ensemble", "--device", "cpu")
    expected = scores(printed(start(*asked)))
    chance, run = random.Random(seed), start(*asked, "--cluster", "local:2")
    await_that(lambda: len(workers_of(run.pid)) == 2)
    for _ in range(2):
        time.sleep(chance.uniform(0, 3))
        if victims := workers_of(run.pid):
            kill(chance.choice(victims))
    assert scores(printed(run)) == expected


def test_a_worker_that_joins_late_has_the_network(tmp_path, network, photos) -> None:
    asked = ("evaluate", network, "--data", photos, "--json", "--self-ensemble", "--device", "cpu")
    expected = scores(printed(start(*asked)))
    with scheduler(tmp_path) as (file, _), ExitStack() as first:
        first.enter_context(worker(file, "--no-nanny"))
        run = start(*asked, "--cluster", file)
        time.sleep(8)
        with worker(file):
            time.sleep(4)
            first.close()  # gone for good
            assert scores(printed(run)) == expected


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.png")}


@pytest.mark.parametrize("victim", ["worker", "driver", "scheduler"])
def test_restored_files_outlive_everybody(tmp_path, network, photos, victim) -> None:
    out = tmp_path / "out"
    printed(start("restore", network, photos, "-o", tmp_path / "expected", "--self-ensemble"))
    asked = ("restore", network, photos, "-o", out, "--self-ensemble", "--cluster")
    with scheduler(tmp_path) as (file, process), worker(file), ExitStack() as second:
        one = second.enter_context(worker(file, "--no-nanny"))
        run = start(*asked, file)
        await_that(lambda: len(list(out.glob("*.png"))) > 4)
        before = {path: path.stat().st_mtime_ns for path in out.glob("*.png")}
        if victim == "driver":
            os.killpg(run.pid, signal.SIGKILL)
            run.communicate()
        else:
            kill(one.pid if victim == "worker" else process.pid)
            code, errors = finished(run)
            lost = "the connection to the cluster is lost; the same command continues" in errors
            assert (code, lost) == ((0, False) if victim == "worker" else (1, True)), errors
            assert "Traceback" not in errors
    if victim != "worker":
        assert len(written(out)) < 30
        printed(start(*asked, "local:2"))
    assert written(out) == written(tmp_path / "expected") and len(written(out)) == 30
    assert all(path.stat().st_mtime_ns == modified for path, modified in before.items())


@pytest.mark.parametrize("victim", ["worker", "driver"])
def test_a_pilot_outlives_everybody(tmp_path, rng, victim) -> None:
    photos = save_photos(tmp_path / "photos", rng, count=8, size=(40, 40))
    asked = (
        "pilot",
        photos,
        "--task",
        "denoise",
        "--sigma",
        "25",
        "--steps",
        "8",
        "--arms",
        "p4",
        "--device",
        "cpu",
        "--out",
    )
    printed(start(*asked, tmp_path / "expected"))
    out = tmp_path / "out"
    run = start(*asked, out, "--cluster", "local:2")
    await_that(lambda: (out / RUNS_FILE).exists() and len((out / RUNS_FILE).read_text().splitlines()) > 3)
    if victim == "worker":
        kill(workers_of(run.pid)[0])
        printed(run)
    else:
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
        printed(start(*asked, out, "--cluster", "local:2"))
    assert document(out) == document(tmp_path / "expected")


def test_items_that_end_their_workers_are_told(tmp_path) -> None:
    with scheduler(tmp_path) as (file, _), worker(file), worker(file):
        with connected(str(file)) as cluster:
            found = sorted(cluster.each(_deadly, iter([(0, 1), (2, 3, 4), (5,)]), _told))
        assert found == [(0, ""), (1, ""), (2, ""), (3, "signal 9"), (4, ""), (5, "")]
        with connected(str(file)) as cluster:
            assert set(cluster._client.run(_held).values()) == {0}  # nothing stays behind


def _deadly(item: int) -> tuple[int, str]:
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return item, ""


def _told(item: int, how: str) -> tuple[int, str]:
    return item, how


def _held() -> int:
    from symmetry_audit.workers import _carried

    return len(_carried._held) + len(_carried._unpacked)
