"""Dask clusters in real processes: the same bytes as threads, whoever is killed on the way."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import CancelledError
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from symmetry_audit.errors import DataError, SettingError
from symmetry_audit.workers import _cluster as cluster_module
from symmetry_audit.workers import _versions as versions_module
from symmetry_audit.workers import connected
from tests.conftest import save_photos
from tests.workers.processes import environment, finished, kill, scheduler, worker, workers_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

SCRIPT = Path(__file__).with_name("small_partitions.py")
FILES = ("report.json", "responses.parquet", "affine.parquet", "affine.csv")
STRICT = ("--group", "p4", "--reg", "tv", "--scenario", "dataset_strict,sample_strict")
LONG = ("--scenario", "dataset_strict,sample_strict")  # a second of the processor for ten images
FITTED = ("--group", "p4", "--reg", "tv,sobel", "--fit", "joint", "--control-images", "2")


def start(names: int, *args: object) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), str(names), "measure", *map(str, args), "-q"]
    return subprocess.Popen(
        command, env=environment(), text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )


def measured(names: int, *args: object) -> None:
    code, errors = finished(start(names, *args))
    assert code == 0, errors


def results(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES if (folder / name).exists()}


def await_parts(folder: Path, number: int) -> None:
    until = time.monotonic() + 120
    while len(list(folder.glob("records/part-*"))) < number and time.monotonic() < until:
        time.sleep(0.05)


# --- the same bytes


@pytest.mark.parametrize(
    ("kind", "workers", "names"),
    [
        (STRICT, 2, 7),
        *(
            pytest.param(kind, workers, names, marks=pytest.mark.slow)
            for kind in (STRICT, FITTED)
            for workers in (1, 2, 3)
            for names in (7, 64, 512)
        ),
    ],
)
def test_processes_give_the_bytes_of_threads(tmp_path, rng, kind, workers, names) -> None:
    photos = save_photos(tmp_path / "photos", rng, count=20 if kind is STRICT else 9)
    measured(names, photos, *kind, "--out", tmp_path / "threads")
    measured(names, photos, *kind, "--out", tmp_path / "cluster", "--cluster", f"local:{workers}")
    assert not (tmp_path / "threads" / "records").exists()
    assert results(tmp_path / "cluster") == results(tmp_path / "threads")


# --- deaths


@pytest.fixture(scope="module")
def long_run(tmp_path_factory) -> tuple[Path, dict[str, bytes]]:
    """Photos in 16 partitions of five, and what threads find of them."""
    folder = tmp_path_factory.mktemp("long")
    photos = save_photos(folder / "photos", np.random.default_rng(1), count=80, size=(320, 340))
    measured(5, photos, *LONG, "--out", folder / "threads")
    return photos, results(folder / "threads")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_workers_that_are_killed_cost_nothing_but_time(tmp_path, long_run, seed) -> None:
    photos, expected = long_run
    chance = random.Random(seed)
    run = start(5, photos, *LONG, "--out", tmp_path / "run", "--cluster", "local:2")
    await_parts(tmp_path / "run", 1)
    for _ in range(2):
        time.sleep(chance.uniform(0, 2))
        if victims := workers_of(run.pid):
            kill(chance.choice(victims))
    assert finished(run) == (0, "")
    assert results(tmp_path / "run") == expected


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_a_driver_that_is_killed_keeps_the_parts(tmp_path, long_run, seed) -> None:
    photos, expected = long_run
    chance = random.Random(100 + seed)
    run = start(5, photos, *LONG, "--out", tmp_path / "run", "--cluster", "local:2")
    await_parts(tmp_path / "run", 1)
    time.sleep(chance.uniform(0, 3))
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").glob("records/part-*")}
    measured(5, photos, *LONG, "--out", tmp_path / "run", "--cluster", "local:2")
    assert results(tmp_path / "run") == expected
    listed = {json.loads(line)["number"] for line in (tmp_path / "run" / "parts.jsonl").read_text().splitlines()}
    assert listed == set(range(16))
    assert all(path.stat().st_mtime_ns == modified for path, modified in before.items())  # none was measured twice


DEADLY = """
import os, signal
from symmetry_audit.audit import _measure_partition
harmless = _measure_partition.measure_image
def measure_image(ref, *rest, **about):
    return os.kill(os.getpid(), signal.SIGKILL) if ref.key == "photo_3.png" else harmless(ref, *rest, **about)
_measure_partition.measure_image = measure_image
"""


@pytest.mark.slow
def test_an_image_that_ends_its_process_is_left_out_and_all_others_are_measured(tmp_path, rng) -> None:
    photos = save_photos(tmp_path / "photos", rng, count=8)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(DEADLY)  # which every Python that starts runs
    command = [sys.executable, str(SCRIPT), "5", "measure", str(photos), *STRICT, "--cluster", "local:2"]
    env = environment()
    env["PYTHONPATH"] = f"{tmp_path / 'site'}{os.pathsep}{env['PYTHONPATH']}"
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "run")], env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 4, done.stderr
    reason = "twice ended the process that measured it (signal 9): out of memory, or damaged"
    assert f"Skipped: photo_3.png: {reason}" in done.stderr
    assert "Traceback" not in done.stderr
    (photos / "photo_3.png").unlink()
    measured(5, photos, *STRICT, "--out", tmp_path / "others")
    rows = [json.loads((tmp_path / name / "report.json").read_text())["results"] for name in ("run", "others")]
    assert rows[0] == rows[1]


@pytest.mark.slow
def test_fits_of_a_cluster_are_those_of_threads(tmp_path, rng) -> None:
    photos = save_photos(tmp_path / "photos", rng, count=7)
    for name, options in (("threads", ()), ("cluster", ("--cluster", "local:2"))):
        command = [sys.executable, str(SCRIPT), "3", "fit-affine", str(photos), "--group", "p4", "--reg", "tv", "-q"]
        subprocess.run([*command, "--out", str(tmp_path / name), *options], env=environment(), check=True, timeout=300)
    fits = [(tmp_path / name / "affine.parquet").read_bytes() for name in ("threads", "cluster")]
    assert fits[0] == fits[1]


# --- a cluster of separate programs, as on SLURM or behind ssh


@pytest.mark.slow
def test_workers_come_and_go_for_good(tmp_path, long_run) -> None:
    photos, expected = long_run
    with scheduler(tmp_path) as (file, _), worker(file):
        run = start(5, photos, *LONG, "--out", tmp_path / "run", "--cluster", str(file))
        with worker(file, "--no-nanny"):
            await_parts(tmp_path / "run", 2)  # then it is gone for good, with what it had in work
        with worker(file):
            assert finished(run) == (0, "")
    assert results(tmp_path / "run") == expected


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_a_scheduler_that_dies_ends_the_run_in_a_sentence_and_it_continues(tmp_path, long_run, seed) -> None:
    photos, expected = long_run
    command = (photos, *LONG, "--out", tmp_path / "run", "--cluster")
    with scheduler(tmp_path) as (file, process), worker(file):
        run = start(5, *command, str(file))
        await_parts(tmp_path / "run", 1 + 2 * seed)
        kept = len(list((tmp_path / "run").glob("records/part-*")))
        process.kill()
        code, errors = finished(run)
    assert (code, kept > 0) == (1, True)
    assert "the connection to the cluster is lost" in errors and "Traceback" not in errors
    measured(5, *command, "local:2")
    assert results(tmp_path / "run") == expected


@pytest.mark.slow
def test_a_gpu_task_waits_for_a_worker_with_a_gpu(tmp_path) -> None:
    with ExitStack() as stack:
        file, _ = stack.enter_context(scheduler(tmp_path))
        for options in ((), ("--resources", "GPU=1", "--name", "with-gpu")):
            stack.enter_context(worker(file, *options))
        cluster = stack.enter_context(connected(str(file), device="cuda"))
        cluster._client.wait_for_workers(2, timeout=60)
        names = list(cluster.map(_worker_name, iter(range(4)), _worker_name))
    assert names == ["with-gpu"] * 4


def _worker_name(task: int) -> str:
    from distributed import get_worker

    return get_worker().name


@pytest.mark.slow
def test_tasks_that_end_their_workers_are_done_apart(tmp_path) -> None:
    with connected("local:2") as cluster:
        found = sorted(cluster.map(_deadly, iter(range(6)), _harmless))
    assert found == [0, 1, 4, 16, 25, -3]


def _deadly(task: int) -> int:
    if task == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return task * task


def _harmless(task: int) -> int:
    return -task if task == 3 else task * task


# --- what is refused


def test_another_version_is_refused_by_name() -> None:
    wanted = versions_module.versions()
    with pytest.raises(DataError, match=r"the worker on node7 has numpy 1\.0, this machine .*constraints\.txt"):
        versions_module.refuse_others(wanted, "node7", wanted | {"numpy": "1.0"})
    versions_module.refuse_others(wanted, "node7", dict(wanted))


@pytest.mark.parametrize("place", ["nearby", "local:0", "local:x", "missing.json", ""])
def test_a_wrong_place_is_a_wrong_setting(place, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingError, match="--cluster"), connected(place):
        pass


def test_a_scheduler_that_is_not_there_is_told_in_a_sentence(monkeypatch) -> None:
    monkeypatch.setattr(cluster_module, "PATIENCE", 1.0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        pytest.raises(DataError, match=rf"no scheduler answers at tcp://127\.0\.0\.1:{port} .*is it running\?"),
        connected(f"tcp://127.0.0.1:{port}"),
    ):
        pass


def test_nothing_of_a_cluster_is_imported_without_one(tmp_path, photos) -> None:
    code = (
        "import sys; from symmetry_audit.cli.main import main\n"
        f"sys.argv = ['symaudit', 'measure', {str(photos)!r}, '--scenario', 'dataset_strict', '-q', '--out', 'out']\n"
        "try: main()\n"
        "finally: print(sorted({'dask', 'distributed', 's3fs', 'aiobotocore'} & sys.modules.keys()), file=sys.stderr)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, cwd=photos.parent
    )
    assert found.stderr.splitlines()[-1] == "[]"


class _Gone:
    """A client whose scheduler died just now."""

    def nthreads(self) -> dict[str, int]:
        raise ConnectionResetError(104, "in <TCP (closed)>: Connection reset by peer")


class Forgetful:
    """A client whose first futures lose their results, ``losses`` of them; ``done`` is also its queue."""

    loop = None

    def __init__(self, losses: int) -> None:
        self.losses, self.queue, self.sent = losses, [], []

    def as_completed(self, loop: None) -> Forgetful:
        return self

    def nthreads(self) -> dict[str, int]:
        return {"worker": 1}

    def run(self, function, on_error: str) -> dict:
        return {}

    def submit(self, function, task, key: str, **about: object) -> SimpleNamespace:
        self.sent.append(task)
        lost, self.losses = self.losses > 0, self.losses - 1
        late = len(self.sent) % 2  # the scheduler tells it at once, or when the result is asked for

        def result() -> int:
            if lost:
                raise CancelledError
            return function(task)

        return SimpleNamespace(key=key, status="cancelled" if lost and not late else "finished", result=result)

    def add(self, future: SimpleNamespace) -> None:
        self.queue.append(future)

    def __next__(self) -> SimpleNamespace:
        return self.queue.pop(0)

    def clear(self) -> None:
        self.queue.clear()


@pytest.mark.parametrize("losses", [0, 1, 5])
def test_a_result_that_is_lost_with_its_worker_is_made_again(monkeypatch, losses) -> None:
    client = Forgetful(losses)
    monkeypatch.setattr(
        cluster_module,
        "_library",
        lambda name: SimpleNamespace(as_completed=client.as_completed, KilledWorker=ValueError),
    )
    cluster = cluster_module.Cluster(client, {}, print)
    assert sorted(cluster.map(lambda task: task * task, iter(range(4)), abs)) == [0, 1, 4, 9]
    assert len(client.sent) == 4 + losses


def test_a_scheduler_that_loses_every_result_is_given_up(monkeypatch) -> None:
    client = Forgetful(10**6)
    monkeypatch.setattr(
        cluster_module,
        "_library",
        lambda name: SimpleNamespace(as_completed=client.as_completed, KilledWorker=ValueError),
    )
    with pytest.raises(DataError, match="the connection to the cluster is lost"):
        list(cluster_module.Cluster(client, {}, print).map(abs, iter(range(4)), abs))


def test_a_scheduler_that_dies_while_workers_are_counted_is_told_in_a_sentence(monkeypatch) -> None:
    monkeypatch.setattr(cluster_module, "PAUSE", 0.01)
    with pytest.raises(DataError, match=r"^the connection to the cluster is lost; the same command continues"):
        _ = cluster_module.Cluster(_Gone(), {}, print).threads
