"""The network pilot from images to its document: what is trained, when it ends, and what a killed one keeps."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from symmetry_audit.errors import ReportError, SettingError
from symmetry_audit.files import locked
from symmetry_audit.pilots import Design, _network, _trainings, network_pilot, ordered, read_pictures
from symmetry_audit.pilots._arms import ArmScores
from symmetry_audit.pilots._runs import RUNS_FILE
from symmetry_audit.results import PILOT_FILE, DatasetInfo, Pilot, read_pilot
from symmetry_audit.tasks import make_task, open_pairs

TASK = make_task("denoise", sigma=25)
DATA = DatasetInfo("stripes", "stripes", 12, "f" * 64)
LOST = {"p4": 0.5, "plain": 0.0, "relaxed": 0.1, "p8": 0.0, "mirrored": 0.0, "augmented": 0.0}


@pytest.fixture
def pictures(tmp_path, rng):
    """Twelve images of one direction: every row is constant."""
    folder = tmp_path / "stripes"
    folder.mkdir()
    for at in range(12):
        rows = rng.integers(0, 256, (32, 1, 1)).astype(np.uint8)
        Image.fromarray(np.broadcast_to(rows, (32, 32, 3)).copy()).save(folder / f"{at:02d}.png")
    return read_pictures(open_pairs(str(folder), TASK), TASK, 0, lambda done, total: None)


def design(*arms, **options):
    return Design(ordered(arms), **{"steps": 4, "minutes": 60.0, **options})


class Trainings:
    """In place of a training: an arm loses its share of a dB, the seed and a little noise decide the rest."""

    def __init__(self, spread=0.01, gain=-1.0, seconds=1.0):
        self.spread, self.gain, self.seconds, self.done = spread, gain, seconds, []

    def __call__(self, arm, task, images, held_out, *, seed, length, device, average, on_step):
        self.done.append((seed, arm.name))
        on_step(length.steps)
        rng = np.random.default_rng([seed, *arm.name.encode()])
        values = 25 + seed - LOST[arm.name] + self.spread * rng.normal(size=len(held_out))
        averaged = tuple(values + self.gain + 0.0001 * rng.normal(size=len(held_out))) if average else None
        return ArmScores((tuple(values - 1), tuple(values)), self.seconds, averaged)


@pytest.fixture
def trainings(monkeypatch):
    def put(**options):
        found = Trainings(**options)
        monkeypatch.setattr(_trainings, "run_arm", found)
        return found

    return put


def document(folder):
    """pilot.json without the seconds, the only numbers that two pilots may differ in, and what hangs on them."""
    found = json.loads((folder / PILOT_FILE).read_text())
    del found["sha256"]
    for run in found["runs"]:
        assert run.pop("seconds") >= 0
    return found


def test_arms_are_in_the_order_of_preference():
    assert ordered(["p8", "p4"]) == ("p4", "plain", "p8")
    assert ordered(["relaxed", "augmented", "mirrored"]) == ("augmented", "mirrored", "plain", "relaxed")
    with pytest.raises(SettingError, match=r'no arm is called "p5". Choose from: p4, aug'):
        ordered(["p5"])
    with pytest.raises(SettingError, match="compares plain with other arms; add some to --arms, such as p4"):
        ordered(["plain"])


def test_a_clear_case_is_decided_at_the_first_look(pictures, tmp_path, trainings):
    done = trainings().done
    found = network_pilot(pictures, DATA, design("p4", "relaxed"), tmp_path / "out")
    assert done == [(seed, arm) for seed in range(3) for arm in ("plain", "p4", "relaxed")]
    assert (found.verdict.kind, found.verdict.arm, found.verdict.rival) == ("decided", "plain", "relaxed")
    assert found.verdict.looks == (3,) and found.seeds == 3 and len(found.runs) == 9
    assert found == Pilot.load(tmp_path / "out") == read_pilot(tmp_path / "out")
    means = {(run.seed, run.arm): run.psnr for run in found.runs}
    for item in found.differences:
        reading = found.readings.index(item.step)
        expected = np.mean([means[seed, item.arm][reading] - means[seed, "plain"][reading] for seed in range(3)])
        assert item.mean == pytest.approx(expected, abs=1e-12)
        assert item.low < item.mean < item.high < 0
    assert [(item.arm, item.step) for item in found.differences] == [
        *(("p4", 2), ("relaxed", 2), ("p4", 4), ("relaxed", 4))
    ]


def test_one_process_at_a_time_writes_into_a_folder(pictures, tmp_path, trainings):
    done = trainings().done
    with locked(tmp_path / "out"), pytest.raises(ReportError, match=r"another run is writing to \S+out; wait for it"):
        network_pilot(pictures, DATA, design("p4"), tmp_path / "out", force=True)
    assert not done


def test_a_case_that_stays_open_ends_after_eight_seeds(pictures, tmp_path, trainings):
    done = trainings(spread=2.0).done
    found = network_pilot(pictures, DATA, design("p4", seed=7), tmp_path / "out")
    assert sorted({seed for seed, _ in done}) == list(range(7, 15))
    assert (found.verdict.kind, found.verdict.arm, found.verdict.looks) == ("undecided", None, (3, 5, 8))


@pytest.mark.parametrize(("gain", "certified"), [(0.1, True), (0.0, False), (-0.5, False)])
def test_the_average_of_the_first_plain_network_is_reported(pictures, tmp_path, trainings, gain, certified):
    """Whatever it says, the arms are trained: it is about four times the computation, and about one network."""
    done = trainings(gain=gain).done
    found = network_pilot(pictures, DATA, design("p4"), tmp_path / "out")
    assert done[0] == (0, "plain") and len(done) == 6 and found.verdict.arm == "plain"
    assert found.average.images == 2 and found.average.certified == certified
    assert found.average.gain_db == pytest.approx(gain, abs=0.01)
    gains = np.array(json.loads((tmp_path / "out" / RUNS_FILE).read_text().splitlines()[1])["averaged"])
    gains -= json.loads((tmp_path / "out" / RUNS_FILE).read_text().splitlines()[1])["psnr"][1]
    low, high = stats.t.interval(0.98, 1, gains.mean(), stats.sem(gains))
    assert (found.average.low, found.average.high) == pytest.approx((low, high))


@pytest.mark.parametrize(("seconds", "seeds"), [(20.0, 2), (9.0, 3), (5.5, 5), (3.0, 8), (60.0, 1)])
def test_no_seed_begins_after_the_time_nor_one_that_leads_to_no_look(pictures, tmp_path, monkeypatch, seconds, seeds):
    """Two arms of so many seconds each in a minute: of 9 s, 3 seeds take 54 s; of 5.5 s, 5 take 55 s."""
    clock = [0.0]
    fake = Trainings(spread=2.0, seconds=seconds)

    def slow(*arguments, **options):
        clock[0] += seconds
        return fake(*arguments, **options)

    monkeypatch.setattr(_trainings, "run_arm", slow)
    monkeypatch.setattr(_network.time, "monotonic", lambda: clock[0])
    found = network_pilot(pictures, DATA, design("p4", minutes=1.0), tmp_path / "out")
    assert found.seeds == seeds and found.verdict.kind == "undecided"
    more = network_pilot(pictures, DATA, design("p4", minutes=60.0), tmp_path / "out")
    assert more.seeds == 8 and len(fake.done) == 16


def test_the_length_fits_the_time(pictures, tmp_path, trainings, monkeypatch):
    trainings()
    for minutes, pace, steps in ((5.0, 0.005, 2000), (5.0, 0.04, 340), (5.0, 0.1, 240), (1.0, 0.06, 120), (5, 9, 120)):
        monkeypatch.setattr(_trainings, "step_seconds", lambda *arguments, pace=pace: pace)
        folder = tmp_path / f"{minutes}-{pace}"
        found = network_pilot(pictures, DATA, design("p4", minutes=minutes, steps=None), folder)
        assert found.steps == steps
        # a machine that has become faster goes on with the same length
        monkeypatch.setattr(_trainings, "step_seconds", lambda *arguments: 1e-6)
        assert network_pilot(pictures, DATA, design("p4", minutes=minutes, steps=None), folder) == found


class Kill(Exception):
    """Stands for a power cut."""


def test_a_killed_pilot_ends_with_the_same_document(pictures, tmp_path, monkeypatch):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    asked = design("p4", steps=2)
    network_pilot(pictures, DATA, asked, whole)
    steps = []

    def kill(done, total, values):
        steps.append((done, total))
        assert set(values) == {"eta"} and values["eta"] >= 0
        if len(steps) == 7:  # in the second step of the fourth run
            raise Kill

    with pytest.raises(Kill):
        network_pilot(pictures, DATA, asked, killed, on_step=kill)
    assert steps == [(at, 32) for at in range(1, 8)]
    assert not (killed / PILOT_FILE).exists()
    lines = (killed / RUNS_FILE).read_text().splitlines()
    assert len(lines) == 1 + 3
    with open(killed / RUNS_FILE, "a") as file:
        file.write('{"seed": 1, "arm": "p4", "psnr": [[12.0')  # a torn line
    original, again = _trainings.run_arm, []

    def counted(arm, *arguments, **options):
        again.append((options["seed"], arm.name))
        return original(arm, *arguments, **options)

    monkeypatch.setattr(_trainings, "run_arm", counted)
    network_pilot(pictures, DATA, asked, killed)
    assert document(killed) == document(whole)
    assert again[0] == (1, "p4") and (1, "plain") not in again
    assert (killed / RUNS_FILE).read_text().splitlines()[:4] == lines
    again.clear()
    network_pilot(pictures, DATA, asked, killed)
    assert again == [] and document(killed) == document(whole)


def test_other_settings_are_refused_until_forced(pictures, tmp_path, trainings):
    trainings()
    network_pilot(pictures, DATA, design("p4"), tmp_path)
    others = [
        (pictures, DATA, design("p8"), "arms"),
        (pictures, DATA, design("p4", steps=6), "steps"),
        (pictures, DATA, design("p4", margin=0.1), "margin"),
        (pictures, DATA, design("p4", seed=1), "seed"),
        (pictures, replace(DATA, fingerprint="0" * 64), design("p4"), "data"),
        (replace(pictures, items=pictures.items[:1] * 12), DATA, design("p4"), "pixels"),
        (replace(pictures, task=make_task("denoise", sigma=50)), DATA, design("p4"), "task"),
    ]
    for images, data, asked, name in others:
        expected = rf"runs.jsonl holds a pilot with other settings \({name}: .*, now .*\); choose another --out, or --f"
        with pytest.raises(ReportError, match=expected):
            network_pilot(images, data, asked, tmp_path)
    found = network_pilot(pictures, DATA, design("p8"), tmp_path, force=True)
    assert found.arms == ("plain", "p8") == Pilot.load(tmp_path).arms


def test_damaged_runs_are_refused_in_one_line(pictures, tmp_path, trainings):
    trainings()
    network_pilot(pictures, DATA, design("p4"), tmp_path)
    path = tmp_path / RUNS_FILE
    checked = path.read_text()
    # as older versions wrote it: the lines of a newer one agree with their checksums
    whole = re.sub(r', "crc32": "\w{8}"', "", checked)
    for text, expected in (
        (checked.replace('"seed": 0', '"seed": 1', 1), r"is damaged \(line 1 does not agree with its checksum\); s"),
        (whole.replace('"psnr"', '"pnsr"', 1), 'has a field "pnsr" that this version does not know'),
        (whole + "nonsense\n", r"is damaged \(line 8 is not JSON\); start over with --force"),
        (whole.replace("symaudit.runs/1", "symaudit.runs/2"), "written by a newer symaudit"),
    ):
        path.write_text(text)
        with pytest.raises(ReportError, match=expected):
            network_pilot(pictures, DATA, design("p4"), tmp_path)


@pytest.mark.slow
def test_stripes_are_best_left_to_the_plain_network(pictures, tmp_path):
    """A real pilot: under p4 the only direction that there is cannot be used."""
    found = network_pilot(pictures, DATA, design("p4", steps=60), tmp_path)
    assert (found.verdict.kind, found.verdict.arm) == ("decided", "plain")
    assert found.verdict.gain_db > 0.1 and not found.average.certified
