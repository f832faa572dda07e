"""A pilot on a cluster: the decision of one process, from no run that this one would not have made."""

from __future__ import annotations

import pytest

from symmetry_audit.errors import ModelError
from symmetry_audit.pilots import _network, _trainings, network_pilot
from symmetry_audit.pilots._runs import RUNS_FILE
from symmetry_audit.verbs import pilot
from tests.conftest import save_photos
from tests.pilots.test_network import DATA, Trainings, design, document, pictures, trainings
from tests.workers.stand_in import StandIn, stand_in

__all__ = ["pictures", "stand_in", "trainings"]  # fixtures


@pytest.mark.parametrize("threads", [1, 2, 20])
@pytest.mark.parametrize("spread", [0.01, 0.3, 2.0])
def test_runs_and_decision_are_those_of_one_process(pictures, tmp_path, trainings, spread, threads):
    """Of 0.01, 3 seeds decide; of 2, not even 8 do."""
    done = trainings(spread=spread).done
    asked = design("p4", "relaxed")
    network_pilot(pictures, DATA, asked, tmp_path / "here")
    alone = done.copy()
    done.clear()
    cluster, steps = StandIn(threads), []
    network_pilot(
        pictures, DATA, asked, tmp_path / "there", cluster=cluster, on_step=lambda *count: steps.append(count[:2])
    )
    assert document(tmp_path / "there") == document(tmp_path / "here")
    assert sorted(done) == sorted(alone)
    assert steps == [(4 * count, 4 * 3 * 8) for count in range(1, len(done) + 1)]
    done.clear()
    network_pilot(pictures, DATA, asked, tmp_path / "there", cluster=cluster)
    assert done == []


def test_real_trainings_give_the_same_numbers(tmp_path, rng, stand_in):
    photos = save_photos(tmp_path / "photos", rng, count=6, size=(32, 32))
    asked = {"task": "denoise", "sigma": 25, "steps": 2, "arms": ["p4"]}
    pilot(photos, out=tmp_path / "here", **asked)
    pilot(photos, out=tmp_path / "there", cluster="any", **asked)
    assert document(tmp_path / "there") == document(tmp_path / "here")
    assert all(len(run) == 1 for run in stand_in.tasks)


class Kill(Exception):
    """Stands for a power cut."""


@pytest.mark.parametrize("count", [1, 4, 5, 7, 9])
def test_a_killed_pilot_goes_on_here_or_there(pictures, tmp_path, trainings, count):
    done = trainings(spread=2.0).done
    network_pilot(pictures, DATA, design("p4"), tmp_path / "whole")
    done.clear()

    def kill(steps, total, values):
        if steps == 4 * count:
            raise Kill

    out = tmp_path / "out"
    with pytest.raises(Kill):
        network_pilot(pictures, DATA, design("p4"), out, cluster=StandIn(3), on_step=kill)
    assert len((out / RUNS_FILE).read_text().splitlines()) == 1 + count
    done.clear()
    network_pilot(pictures, DATA, design("p4"), out, cluster=StandIn(1) if count % 2 else None)
    assert document(out) == document(tmp_path / "whole") and len(done) == 16 - count


def test_runs_behind_a_gap_do_not_count(pictures, tmp_path, trainings, monkeypatch):
    """Workers ended seed 2 before seed 1, then the driver died, and now the time is over."""
    trainings(spread=2.0)
    out = tmp_path / "out"
    network_pilot(pictures, DATA, design("p4"), out)
    header, *lines = (out / RUNS_FILE).read_bytes().splitlines(keepends=True)
    (out / RUNS_FILE).write_bytes(header + b"".join([*lines[:3], *lines[4:6]]))
    found = network_pilot(pictures, DATA, design("p4", minutes=1e-6), out, cluster=StandIn())
    assert found.seeds == 1 and [run.seed for run in found.runs] == [0, 0]


@pytest.mark.parametrize(("seconds", "seeds"), [(60.0, 2), (20.0, 3), (9.0, 5), (2.0, 8)])
def test_no_seed_begins_after_the_time(pictures, tmp_path, monkeypatch, seconds, seeds):
    """Two workers train the two arms of a seed at the same time, and take the runs of two seeds at a time. Of 9 s, 5
    seeds take 45 s and 3 more do not fit; of 20 s the third begins after 40 s, of 60 s none after the first two."""
    clock, fake = [0.0], Trainings(spread=2.0, seconds=seconds)

    def slow(*arguments, **options):
        clock[0] += seconds / 2
        return fake(*arguments, **options)

    monkeypatch.setattr(_trainings, "run_arm", slow)
    monkeypatch.setattr(_network.time, "monotonic", lambda: clock[0])
    found = network_pilot(pictures, DATA, design("p4", minutes=1.0), tmp_path / "out", cluster=StandIn(2))
    assert found.seeds == seeds


@pytest.mark.parametrize(("threads", "pace", "rows"), [(1, 0.04, 16), (2, 0.04, 19 / 2), (100, 0.05, 31 / 6)])
def test_the_length_fits_the_time_of_all_workers(pictures, tmp_path, trainings, monkeypatch, threads, pace, rows):
    """Two arms in 5 minutes, of which 4 are planned with. Looks of 3, 2 and 3 seeds on two threads: at most
    (6 + 4 + 6 + 3) / 2 runs in a row. More threads than the 6 runs of a look count as 6: (16 + 3 * 5) / 6."""
    monkeypatch.setattr(_trainings, "step_seconds", lambda *arguments: pace)
    trainings()
    asked = design("p4", steps=None, minutes=5.0)
    found = network_pilot(pictures, DATA, asked, tmp_path / "out", cluster=StandIn(threads))
    assert found.steps == int(240 / (rows * pace) - 30) // 20 * 20


def test_a_training_that_ends_workers_is_told(pictures, tmp_path, trainings):
    trainings()
    cluster = StandIn(deadly=lambda job: job.seed == 1 and job.arm == "p4")
    with pytest.raises(ModelError, match=r"the training of p4 with seed 1 twice ended the process \(signal 9\); start"):
        network_pilot(pictures, DATA, design("p4"), tmp_path / "out", cluster=cluster)
