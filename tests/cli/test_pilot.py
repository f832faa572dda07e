"""`symaudit pilot`: the sentence first, one JSON document, where it is written, and what is refused."""

from __future__ import annotations

import json
import shutil

import pytest

from symmetry_audit.pilots import _trainings
from symmetry_audit.results import Pilot
from tests.cli.conftest import one_document
from tests.conftest import save_photos
from tests.old.kinds import OLD
from tests.pilots.test_network import Trainings

DENOISE = ("--task", "denoise", "--sigma", "25", "--steps", "4", "--minutes", "60")


@pytest.fixture
def trainings(monkeypatch):
    """No network is trained: p4 loses half a dB, relaxed a tenth."""
    found = Trainings()
    monkeypatch.setattr(_trainings, "run_arm", found)
    return found


@pytest.fixture
def photos(tmp_path, rng):
    return save_photos(tmp_path / "photos", rng, count=6, size=(32, 32))


def test_the_sentence_comes_first(call, photos, trainings, tmp_path):
    code, out, err = call("pilot", photos, *DENOISE)
    assert code == 0
    found = Pilot.load(tmp_path / "symaudit-pilot-photos")
    first, *numbers = out.splitlines()
    assert first == found.sentence and first.startswith("Build plain: +0.1") and len(numbers) <= 10
    assert err.splitlines() == []  # so short a run reports no progress
    assert found.data.name == "photos" and found.data.images == found.used == 6


def test_json_is_one_document(call, photos, trainings, tmp_path):
    code, out, err = call("pilot", photos, *DENOISE, "--json", "-q", "--arms", "p4,relaxed", "--out", "there")
    document = one_document(out)
    assert (code, err, document["schema"]) == (0, "", "symaudit.pilot/1")
    assert document["arms"] == ["p4", "plain", "relaxed"] and document["steps"] == 4
    assert json.loads((tmp_path / "there" / "pilot.json").read_text()) == document


def test_the_same_command_continues_and_another_is_refused(call, photos, trainings):
    assert call("pilot", photos, *DENOISE, "-q")[0] == 0
    done = len(trainings.done)
    assert call("pilot", photos, *DENOISE, "-q")[0] == 0 and len(trainings.done) == done
    code, out, err = call("pilot", photos, *DENOISE, "-q", "--margin", "0.2")
    assert (code, out) == (1, "")
    assert err.startswith("Error: symaudit-pilot-photos/runs.jsonl holds a pilot with other settings (margin: 0.05, no")
    assert call("pilot", photos, *DENOISE, "-q", "--margin", "0.2", "--force")[0] == 0


def test_ctrl_c_keeps_the_runs(call, photos, monkeypatch, tmp_path):
    fake = Trainings()

    def stopped(*arguments, **options):
        if len(fake.done) == 3:
            raise KeyboardInterrupt
        return fake(*arguments, **options)

    monkeypatch.setattr(_trainings, "run_arm", stopped)
    code, out, err = call("pilot", photos, *DENOISE)
    assert (code, out) == (130, "") and err.strip().startswith("Interrupted. To continue")
    assert len((tmp_path / "symaudit-pilot-photos" / "runs.jsonl").read_text().splitlines()) == 1 + 3


def test_beside_a_report_of_the_same_images(call, trainings, tmp_path, rng):
    shutil.copytree(OLD / "report", tmp_path / "report")
    images = tmp_path / "photos"
    shutil.copytree(OLD / "photos", images)
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    code, _, err = call("pilot", images, *DENOISE, "--out", "report", "-q")
    assert (code, err) == (4, "")  # broken.png, which the audit skipped too
    assert Pilot.load(tmp_path / "report").data.fingerprint == report["dataset"]["fingerprint"]
    other = save_photos(tmp_path / "other", rng, count=6, size=(32, 32))
    code, _, err = call("pilot", other, *DENOISE, "--out", "report", "-q")
    assert code == 1
    assert err == "Error: report holds a report about other images; choose another --out, or the same images\n"


@pytest.mark.parametrize(
    ("options", "code", "expected"),
    [
        (("--arms", "p5"), 2, 'no arm is called "p5". Choose from: p4, augmented'),
        (("--arms", "plain"), 2, "a pilot compares plain with other arms; add some to --arms, such as p4"),
        (("--limit", "5"), 1, "a pilot needs at least 6 different images"),
        (("--margin", "0"), 2, "0.0 is not in the range"),
        (("--sigma", "25", "--inputs", "photos"), 2, "--inputs is for tasks with pairs; denoise degrades"),
    ],
)
def test_refusals(call, photos, trainings, options, code, expected):
    found, out, err = call("pilot", photos, *DENOISE, *options)
    assert (found, out) == (code, "") and expected in err and trainings.done == []


def test_skipped_images_have_an_exit_code(call, photos, trainings):
    (photos / "photo_9.png").write_bytes((photos / "photo_0.png").read_bytes())
    code, _, err = call("pilot", photos, *DENOISE)
    assert code == 4 and "Skipped: photo_9.png: nearly the same picture as photo_0.png" in err
    assert call("pilot", photos, *DENOISE, "--allow-skipped", "-q")[0] == 0
