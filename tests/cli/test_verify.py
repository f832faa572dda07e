"""`symaudit verify`: 0 for an untouched report, 1 for every change to it or to its images."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from symmetry_audit import measure, verify
from symmetry_audit import reports as drawing
from symmetry_audit.cli.main import main
from symmetry_audit.data import manifests
from symmetry_audit.errors import DataError, ReportError
from symmetry_audit.results import dump_checked
from tests.conftest import save_photos

STRICT = "sample_strict,dataset_strict"
SAME = "numbers may differ by 1e-09 of themselves: same processor capability and versions"
COMPARED = f"Compared: {SAME}\n"


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> Path:
    """A folder with photos/ and their reports in run/ and adaptive/, measured from inside it."""
    folder = tmp_path_factory.mktemp("measured")
    save_photos(folder / "photos", np.random.default_rng(5), count=3)
    (folder / "photos/broken.png").write_bytes(b"")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(drawing, "render", lambda folder: ())
        measure("photos", reg="tv,chiral", group="p4", scenario=STRICT, out="run")
        measure("photos", reg="tv,chiral", group="p4", out="adaptive")
        given = {"affine": "adaptive/affine.csv", "controls": False}
        measure("photos", reg="tv,chiral", group="p4", out="given", **given)
    return folder


@pytest.fixture
def place(measured, tmp_path, monkeypatch) -> Path:
    """A copy of ``measured`` as the current directory."""
    monkeypatch.delenv("SYMAUDIT_DATA", raising=False)
    monkeypatch.setattr(drawing, "render", lambda folder: ())
    copy = shutil.copytree(measured, tmp_path / "copy")
    for name in ("run", "adaptive", "given"):
        info = json.loads((copy / name / "run.json").read_text()) | {"directory": str(copy)}
        del info["sha256"]  # since it was edited
        (copy / name / "run.json").write_text(json.dumps(info))
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
    assert json.loads(done.stdout) == expected | {"tolerance": SAME}
    assert {path: path.stat().st_mtime_ns for path in place.rglob("*")} == before

    shutil.copy(place / "photos/photo_0.png", place / "photos/photo_1.png")
    done = symaudit("verify", "run", cwd=place)
    first, *_, last = done.stdout.splitlines()
    assert done.returncode == 1
    assert first == "the image files are not the report's: the fingerprint differs"
    assert last == "run does not hold"


def test_a_report_holds_and_nothing_is_drawn_to_see_that(place, run, monkeypatch):
    monkeypatch.setattr(drawing, "render", None)
    assert run("run") == (0, "run holds: every number was measured again\n", COMPARED)


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


# --- how closely


def edit_run(folder: Path, edit) -> None:
    """Edit run.json and give it the checksum of its new content, as a program would."""
    document = json.loads((folder / "run.json").read_text())
    edit(document)
    document.pop("sha256", None)
    (folder / "run.json").write_text(dump_checked(document))


def nudged(place: Path, share: float, name: str = "gain") -> None:
    """The adaptive row of tv with a number that is off by so much of the mean response; all checksums agree."""

    def edit(document):
        row = adaptive_row(document, "tv")
        row[name] += share * row["mean_response"]

    edit_report(place / "adaptive", edit)
    digest = hashlib.sha256((place / "adaptive/report.json").read_bytes()).hexdigest()
    if (place / "adaptive/run.json").exists():
        edit_run(place / "adaptive", lambda info: info.update(report_sha256=digest))


@pytest.mark.parametrize("share", [1e-3, -1e-3, 1e-7, 1e-9])
@pytest.mark.parametrize("name", ["gain", "ci_high", "held_out_epsilon", "random_epsilon"])
def test_the_smallest_edit_is_noticed_where_the_arithmetic_is_the_same(place, run, share, name):
    nudged(place, share, name)
    code, out, err = run("adaptive")
    assert (code, err) == (1, COMPARED)
    assert re.match(rf"tv, dataset_adaptive: {name} is \S+, recomputed \S+\nadaptive does not hold\n", out)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda info: info["arithmetic"].update(simd=["X86_V2"]), r"simd is X86_\S+.*, was X86_V2"),
        (lambda info: info["arithmetic"].update(blas=["Zen"]), r"blas is \S+, was Zen"),
        (lambda info: info["arithmetic"].update(capability="AVX2"), r"capability is \S+, was AVX2"),
        (lambda info: info["versions"].update(torch="1.0"), r"torch is \S+, was 1\.0"),
        (lambda info: info.update(engines=["by hand"]), "responses are computed in another way"),
    ],
    ids=["numpy", "blas", "torch", "version", "engine"],
)
def test_on_another_processor_or_with_other_versions_rounding_passes(place, run, edit, told):
    import torch  # so that it says its capability, as it does in a run that needs it

    edit_run(place / "adaptive", edit)
    nudged(place, 1.6e-3)  # of three images, one may be off by 5e-3
    code, _, err = run("adaptive")
    start = r"Compared: strict numbers may differ by 1e-05 of the mean response, adaptive by 0\.0003, "
    start += "as between processors: "
    assert (code, torch.__name__) == (0, "torch")
    assert re.fullmatch(f"{start}{told}\n", err)
    nudged(place, 1e-4)
    assert run("adaptive")[0] == 1


def test_reports_of_older_versions_are_compared_as_they_were(place, run):
    edit_run(place / "adaptive", lambda info: info.pop("arithmetic"))
    nudged(place, 4.9e-3)
    code, _, err = run("adaptive")
    why = "run.json does not record the arithmetic of the report"
    assert (code, err) == (
        0, f"Compared: strict numbers may differ by 0.0001 of the mean response, adaptive by 0.005: {why}\n"
    )  # fmt: skip
    (place / "adaptive/run.json").unlink()
    assert run("adaptive")[2] == err


def test_json_says_the_tolerance(place, run):
    code, out, err = run("run", "--json", "-q")
    document = json.loads(out)
    assert (code, err, document["ok"], document["tolerance"]) == (0, "", True, SAME)


# --- adaptive reports


@pytest.mark.parametrize("report", ["adaptive", "given"])
def test_an_adaptive_report_holds(place, run, report):
    assert run(report) == (0, f"{report} holds: every number was measured again\n", COMPARED)


def adaptive_row(document: dict, regularizer: str) -> dict:
    (row,) = (
        row for row in document["results"] if (row["scenario"], row["regularizer"]) == ("dataset_adaptive", regularizer)
    )
    return row


def test_edited_adaptive_numbers_are_named(place, run):
    names = ("gain", "random_epsilon", "held_out_epsilon", "held_out_gain_low", "ci_high", "null_epsilon")

    def edit(document):
        row = adaptive_row(document, "chiral")
        row["normalized_epsilon"] += 0.006
        for name in names:
            row[name] += 0.006 * row["mean_response"]

    edit_report(place / "adaptive", edit)
    code, out, _ = run("adaptive")
    assert code == 1
    *told, last = out.splitlines()
    named = {re.match("chiral, dataset_adaptive: (.*) is ", line)[1] for line in told}
    assert (named, last) == ({"normalized_epsilon", *names}, "adaptive does not hold")


def test_edited_analyses_are_named(place, run):
    parts = ("fits", "transfer", "leverage", "subsets")

    def edit(document):
        for part in parts:
            document["analyses"][part].pop()

    edit_report(place / "adaptive", edit)
    code, out, _ = run("adaptive")
    told = [f'the analysis "{part}" differs from the recomputed one' for part in parts]
    assert (code, out.splitlines()) == (1, [*told, "adaptive does not hold"])


def test_an_edited_recommendation_is_found(place, run):
    def edit(document):
        document["recommendation"]["build"]["group"] = "p2"

    edit_report(place / "adaptive", edit)
    told = "the recommendation does not follow from its candidates\nadaptive does not hold\n"
    assert run("adaptive")[:2] == (1, told)


@pytest.mark.parametrize("column", ["response", "leverage"])
def test_an_edited_adaptive_response_is_found(place, run, column):
    path = place / "adaptive/responses.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    assert (rows[-1]["image"], rows[-1]["scenario"]) == ("photo_2.png", "dataset_adaptive")
    if column == "leverage":
        rows[-1]["leverage"] += 0.01 * rows[-1]["response"][0]
    else:
        # two changes that leave the mean profile alone
        rows[-1]["response"][1] *= 1.01
        twin = next(row for row in rows if row["image"] == "photo_1.png" and same_row(row, rows[-1]))
        twin["response"][1] -= rows[-1]["response"][1] * (1 - 1 / 1.01)
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path)
    code, out, err = run("adaptive")
    assert (code, err) == (1, COMPARED)
    assert "chiral, dataset_adaptive: the responses of photo_" in out


def same_row(one: dict, other: dict) -> bool:
    return all(one[name] == other[name] for name in ("scenario", "regularizer", "sigma", "downscale"))


def test_given_fits_are_read_from_the_report_folder_itself(place, run):
    (place / "adaptive/affine.csv").unlink()  # where they came from
    assert run("given")[0] == 0
    table = pq.read_table(place / "given/affine.parquet")
    rows = table.to_pylist()
    for row in rows:
        row["a"] = None if row["a"] is None else row["a"] / 2
    pq.write_table(pa.Table.from_pylist(rows, table.schema), place / "given/affine.parquet")
    code, out, _ = run("given")
    assert code == 1
    assert "dataset_adaptive: " in out
    (place / "given/affine.parquet").unlink()
    code, out, err = run("given")
    assert (code, out) == (1, "")
    assert err.startswith(
        "Error: the fits that given was measured with are damaged: given/affine.parquet is not a table"
    )


# --- damage


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
    assert out.startswith("the report has 3 images, the source now has 2\n")


def test_an_image_that_can_be_read_now_is_found(place, run):
    shutil.copy(place / "photos/photo_0.png", place / "photos/broken.png")
    code, out, _ = run("run")
    assert code == 1
    assert "the skipped images are not the report's: 0 now, 1 in the report\n" in out


def test_images_that_are_all_gone(place, run):
    shutil.rmtree(place / "photos")
    message = 'Error: run was measured from "photos", which is not here; give their place now with --source\n'
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
    measure("mine", reg="tv", group="p4", scenario=STRICT, out="mine-run")
    assert run("mine-run")[0] == 0


def test_a_folder_named_demo_is_not_the_demo(place, run):
    (place / "photos").rename(place / "demo")
    measure("demo", reg="tv", group="p4", scenario=STRICT, out="of-demo")
    assert run("of-demo")[0] == 0


def test_a_folder_that_is_no_report(run, tmp_path):
    code, out, err = run(tmp_path / "none")
    assert (code, out) == (1, "")
    assert "none/report.json: No such file or directory; give the folder that `symaudit measure` wrote" in err


def test_the_same_in_python(place):
    said: list[str] = []
    assert verify("run", say=said.append) == ()
    assert said == [COMPARED.rstrip()]
    (place / "photos/photo_0.png").unlink()
    assert len(verify(Path("run"), workers=1)) >= 2
    with pytest.raises(DataError, match=r'^no images in "run"'):
        verify("run", source="run")
    (place / "run/responses.parquet").unlink()
    with pytest.raises(ReportError, match=r"responses\.parquet is missing"):
        verify("run")
