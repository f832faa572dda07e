"""`symaudit verify`: 0 for an untouched report, 1 for every change to it or to its images."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from symmetry_audit import api, measure
from symmetry_audit import reports as drawing
from symmetry_audit.cli.main import main
from symmetry_audit.data import manifests
from symmetry_audit.errors import DataError, ReportError
from tests.conftest import save_photos


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> Path:
    """A folder with photos/ and their report in run/, measured from inside it."""
    folder = tmp_path_factory.mktemp("measured")
    save_photos(folder / "photos", np.random.default_rng(5), count=3)
    (folder / "photos/broken.png").write_bytes(b"")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(drawing, "render", lambda folder: ())  # verify reads neither tables nor figures
        measure("photos", reg="tv,chiral", group="p4", out="run")
    return folder


@pytest.fixture
def place(measured, tmp_path, monkeypatch) -> Path:
    """A copy of ``measured`` as the current directory."""
    monkeypatch.delenv("SYMAUDIT_DATA", raising=False)
    monkeypatch.setattr(drawing, "render", lambda folder: ())
    copy = shutil.copytree(measured, tmp_path / "copy")
    info = json.loads((copy / "run/run.json").read_text()) | {"directory": str(copy)}
    (copy / "run/run.json").write_text(json.dumps(info))
    monkeypatch.chdir(copy)
    return copy


@pytest.fixture
def run(capsys):
    """Run ``symaudit verify`` in this process; give exit code, stdout and stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(["verify", *map(str, arguments)])
        captured = capsys.readouterr()
        return stop.value.code, captured.out, captured.err

    return call


def edit_report(folder: Path, edit) -> None:
    document = json.loads((folder / "report.json").read_text())
    edit(document)
    (folder / "report.json").write_text(json.dumps(document))


def test_an_untouched_report_holds_and_a_changed_image_is_found_by_the_real_command(place, symaudit):
    before = {path: path.stat().st_mtime_ns for path in place.rglob("*")}
    done = symaudit("verify", "run", "--json", cwd=place)
    assert (done.returncode, done.stderr) == (0, "")
    expected = {"schema": "symaudit.verification/1", "report": "run", "ok": True, "differences": []}
    assert json.loads(done.stdout) == expected
    assert {path: path.stat().st_mtime_ns for path in place.rglob("*")} == before

    shutil.copy(place / "photos/photo_0.png", place / "photos/photo_1.png")
    done = symaudit("verify", "run", cwd=place)
    first, *_, last = done.stdout.splitlines()
    assert done.returncode == 1
    assert first == "the image files are not those of the report: the fingerprint differs"
    assert last == "run does not hold"


def test_a_report_holds(place, run):
    assert run("run") == (0, "run holds: every number was measured again\n", "")


@pytest.mark.parametrize(
    ("row", "name", "change"),
    [
        (0, "relative_epsilon", 1.01),
        (1, "normalized_epsilon", 1.01),
        (1, "q25", 1.01),
        (2, "mean_response", 1.01),
        (3, "worst_angle_deg", 2),
        (3, "visible_elements", 2),
    ],
)
def test_an_edited_number_is_named(place, run, row, name, change):
    def edit(document):
        document["results"][row][name] *= change

    edit_report(place / "run", edit)
    code, out, _ = run("run")
    assert code == 1
    assert f": {name} is " in out
    assert out.endswith("run does not hold\n")


def test_an_edited_epsilon_no_longer_belongs_to_the_responses(place, run):
    def edit(document):
        document["results"][0]["epsilon"] *= 1.001

    edit_report(place / "run", edit)
    code, out, err = run("run")
    assert (code, out) == (1, "")
    assert "run/responses.parquet: tv sample_strict" in err


def test_edited_settings_give_other_numbers(place, run):
    edit_report(place / "run", lambda document: document["settings"].update(margin=18))
    code, out, _ = run("run", "--json")
    document = json.loads(out)
    assert (code, document["ok"]) == (1, False)
    assert any("mean_response" in text for text in document["differences"])


@pytest.mark.parametrize("element", range(4))
def test_an_edited_response_is_found(place, run, element):
    path = place / "run/responses.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    assert (rows[-1]["image"], rows[-1]["regularizer"]) == ("photo_2.png", "chiral")
    rows[-1]["response"][element] *= 1.001
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path)
    code, out, err = run("run")
    assert code == 1
    assert "responses.parquet" in out + err


def test_a_damaged_responses_file_is_one_line(place, run):
    path = place / "run/responses.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    code, out, err = run("run")
    assert (code, out) == (1, "")
    assert err.startswith("Error: run/responses.parquet is damaged or not a Parquet file")


def test_a_removed_image_is_found(place, run):
    (place / "photos/photo_2.png").unlink()
    code, out, _ = run("run")
    assert code == 1
    assert out.startswith("the report has 3 images, the source now gives 2\n")


def test_an_image_that_can_be_read_now_is_found(place, run):
    shutil.copy(place / "photos/photo_0.png", place / "photos/broken.png")
    code, out, _ = run("run")
    assert code == 1
    assert "the images left out are not those of the report: 0 now, not 1\n" in out


def test_images_that_are_all_gone(place, run):
    shutil.rmtree(place / "photos")
    message = 'Error: run was measured from "photos", which is not here; --source says where the images lie now\n'
    assert run("run") == (1, "", message)


def test_the_images_are_found_from_another_directory_and_where_they_were_moved(place, run, monkeypatch, tmp_path):
    monkeypatch.chdir("/")
    assert run(place / "run")[0] == 0
    (place / "photos").rename(tmp_path / "moved")
    assert run(place / "run")[0] == 1
    assert run(place / "run", "--source", tmp_path / "moved")[0] == 0
    (place / "run/run.json").unlink()
    assert run(place / "run", "--source", tmp_path / "moved", "-q", "--workers", "1", "--device", "cpu")[0] == 0


def test_images_here_go_before_those_in_the_directory_of_the_run(place, run, monkeypatch, tmp_path):
    """A copied tree is checked with its own images, though the first ones are still where they were."""
    copy = shutil.copytree(place, tmp_path / "another")
    (copy / "photos/photo_0.png").unlink()
    monkeypatch.chdir(copy)
    assert run("run")[0] == 1
    monkeypatch.chdir(place)
    assert run(copy / "run")[0] == 0


def test_a_dataset_is_found_by_its_name(place, run, monkeypatch):
    monkeypatch.setenv("SYMAUDIT_MANIFESTS", str(place / "manifests"))
    (place / "photos/broken.png").unlink()
    (place / "root").mkdir()
    (place / "photos").rename(place / "root/mine")
    manifests.add("mine", place / "root/mine")
    measure("mine", reg="tv", group="p4", out="mine-run")
    assert run("mine-run")[0] == 0


def test_a_folder_named_demo_is_not_the_demo(place, run):
    (place / "photos").rename(place / "demo")
    measure("demo", reg="tv", group="p4", out="of-demo")
    assert run("of-demo")[0] == 0


def test_a_folder_that_is_no_report(run, tmp_path):
    code, out, err = run(tmp_path / "none")
    assert (code, out) == (1, "")
    assert "none/report.json: No such file or directory; give the folder that `symaudit measure` wrote" in err


def test_the_same_in_python(place):
    assert api.verify("run") == ()
    (place / "photos/photo_0.png").unlink()
    assert len(api.verify(Path("run"), workers=1)) >= 2
    with pytest.raises(DataError, match=r'^no images in "run"'):
        api.verify("run", source="run")
    (place / "run/responses.parquet").unlink()
    with pytest.raises(ReportError, match=r"responses\.parquet is missing"):
        api.verify("run")
