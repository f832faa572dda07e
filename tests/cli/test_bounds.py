"""`symaudit bounds`: text or JSON on stdout, where the images come from, and every error with its exit code."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from symmetry_audit.cli.bounds import bounds as command
from symmetry_audit.results import AuditReport, RunBounds
from symmetry_audit.theory import image_smoothness
from tests.cli.conftest import STRICT, one_document
from tests.demo_run import demo_run

GIVEN = ("--smoothness", "1", "0.05", "0.01")


@pytest.fixture
def run(call, undrawn, photos):
    """A folder with the strict rows of four photographs, in the working directory."""
    code, _, err = call("measure", photos, "--out", "run", "--group", "p8", "--margin", "8", "--device", "cpu", *STRICT)
    assert code == 0, err
    return "run"


def theorem(document: dict, name: str, at: int = 0) -> dict:
    return next(bound for bound in document["rows"][at]["bounds"] if bound["theorem"] == name)


def test_the_demo_run(tmp_path_factory, symaudit):
    place, _, _ = demo_run(tmp_path_factory, symaudit)
    done = symaudit("bounds", "symaudit-demo", "--mu", "10", "--limit", "5", cwd=place)
    assert (done.returncode, done.stderr) == (0, "Reading 5 images of demo to find F, G and H\n")
    assert done.stdout.startswith("Bounds on the equivariance error of restoring demo (17 images), mu = 10.\n")
    assert "maximum of finite differences of 5 images" in " ".join(done.stdout.split())
    assert "m = 660 px" in " ".join(done.stdout.split())  # of the fourth one
    report = AuditReport.load(place / "symaudit-demo")
    done = symaudit("bounds", "symaudit-demo", *GIVEN, "--json", cwd=place)
    found = RunBounds.from_dict(one_document(done.stdout))
    assert (done.returncode, done.stderr) == (0, "")
    assert [(row.regularizer, row.scenario, row.epsilon) for row in found.rows] == [
        (row.regularizer, row.scenario, row.epsilon) for row in report.results
    ]
    for row in found.rows:
        assert row.bounds[0].total == pytest.approx(8 * row.epsilon / 255)
        assert row.bounds[1].total == pytest.approx(sum(row.bounds[1].terms.values()))


def test_constants_come_from_the_runs_own_images(call, run, photos):
    code, out, err = call("bounds", run, "--json")
    assert (code, err) == (0, "Reading 4 images of photos to find F, G and H\n")
    luma = [np.asarray(Image.open(path)) @ [0.299, 0.587, 0.114] / 255 for path in sorted(photos.iterdir())]
    expected, document = image_smoothness(luma), one_document(out)
    found = document["smoothness"]
    assert document["points"] == max(max(image.shape) for image in luma)
    assert [bound["theorem"] for bound in document["rows"][0]["bounds"]] == ["3.3", "3.7", "3.7 as printed"]
    assert found["estimator"] == "maximum of finite differences of 4 images"
    assert [found[name] for name in ("value", "gradient", "hessian")] == pytest.approx(
        [expected.value, expected.gradient, expected.hessian]
    )
    assert call("bounds", run, "--limit", "1")[2] == "Reading 1 image of photos to find F, G and H\n"
    code, out, _ = call("bounds", run, "--json", "-q", "--estimator", "q99.9", "--limit", "1")
    few = one_document(out)["smoothness"]
    assert few["estimator"] == "99.9 % quantile of finite differences of 1 image"
    assert few["gradient"] < found["gradient"]


def test_rotation_and_mesh_terms_of_a_known_kernel(call, run):
    """tv at sigma 1.5: F2, G2, H2 and mass of g(x - 1/2) - g(x + 1/2), by dense evaluation."""
    u = np.arange(-7.5, 7.5 + 1e-9, 0.02)
    x, y = np.meshgrid(u, u)
    phi = sum(c * np.exp(-((x - p) ** 2 + y**2) / 4.5) / (4.5 * np.pi) for c, p in ((-1, -0.5), (1, 0.5)))
    down, right = np.gradient(phi, 0.02)
    yy, yx = np.gradient(down, 0.02)
    _, xx = np.gradient(right, 0.02)
    hessian = (np.abs(xx + yy) / 2 + np.hypot((xx - yy) / 2, yx)).max()
    product = hessian + 2 * 0.05 * np.hypot(down, right).max() + 0.01 * np.abs(phi).max()
    code, out, err = call("bounds", run, *GIVEN, "--mu", "2", "--json")
    assert (code, err) == (0, "")
    found = theorem(one_document(out), "3.7")["terms"]
    assert found["mesh: filter"] == pytest.approx(2 * 4 * 225 / 12 * product, rel=0.03)
    distance = (np.sqrt(2) + np.log(1 + np.sqrt(2))) / 6
    assert found["mesh: sum"] == pytest.approx(2 * 4 * distance * 0.05 * np.abs(phi).sum() * 0.02**2, rel=0.01)
    assert found["mesh: norm"] + found["mesh: data"] == pytest.approx(8 * (0.01 + 0.05**2))


def test_loss_and_kappa(call, run):
    code, out, _ = call("bounds", run, *GIVEN, "--loss", "0.5", "--complexity", "4", "--dimension", "2", "--json")
    document = one_document(out)
    assert code == 0
    assert document["kappa"] == pytest.approx(1 / 4 * 255 / 4)
    assert theorem(document, "4.2")["terms"]["loss"] == 1.0
    assert {row["pays"] for row in document["rows"]} <= {True, False, None}
    text = call("bounds", run, *GIVEN, "--loss", "0.5", "--complexity", "4", "--dimension", "2")[1]
    assert "Thm 4.2" in text and "Allowed ε" in text and "κ = 15.94 grey levels" in text


def test_vacuous_bounds_are_called_so(call, run):
    code, out, _ = call("bounds", run, "--smoothness", "1", "1", "2", "--json")
    assert code == 0
    assert theorem(one_document(out), "3.7")["vacuous"] is True
    assert theorem(one_document(out), "3.3")["vacuous"] is False


def test_images_that_were_moved(call, run, photos):
    shutil.move(photos, photos.parent / "elsewhere")
    code, out, err = call("bounds", run)
    assert (code, out) == (1, "")
    assert err == (
        f'Error: {run} was measured from "{photos}", which is not here; give their place now with --source\n'
    )
    code, _, err = call("bounds", run, "--source", photos.parent / "elsewhere")
    assert (code, err) == (0, "Reading 4 images of elsewhere to find F, G and H\n")


def test_images_that_the_run_left_out_stay_out_others_are_an_error(call, undrawn, photos):
    (photos / "broken.png").write_bytes(b"no image")
    code, _, _ = call("measure", photos, "--out", "run", "--group", "p4", "--margin", "8", "--device", "cpu", *STRICT)
    assert code == 4
    code, out, _ = call("bounds", "run", "--json")
    assert code == 0
    assert one_document(out)["smoothness"]["estimator"].endswith("of 4 images")
    (photos / "photo_1.png").write_bytes(b"no image")
    code, out, err = call("bounds", "run", "-q")
    assert (code, out) == (1, "")
    assert "cannot read photo_1.png of the run: not a readable" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--mu", "0"), "mu must be a finite number above 0, got 0"),
        (("--mu", "nan"), "--mu takes a finite number, got nan"),
        (("--loss", "-1"), "loss must be a finite number of at least 0, got -1"),
        (("--complexity", "1"), "--complexity and --dimension belong together; give both or neither"),
        (("--dimension", "1"), "--complexity and --dimension belong together; give both or neither"),
        (("--complexity", "1", "--dimension", "0"), "dimension must be a finite number above 0, got 0"),
        (("--complexity", "-1", "--dimension", "2"), "complexity must be a finite number above 0, got -1"),
        (("--smoothness", "1", "-0.5", "0.1"), "--smoothness takes three finite numbers of at least 0, got 1 -0.5 0.1"),
        (("--smoothness", "1", "0.5", "inf"), "--smoothness takes a finite number, got inf"),
    ],
)
def test_wrong_numbers_are_wrong_usage(call, run, options, message):
    code, out, err = call("bounds", run, *GIVEN, *options)
    assert (code, out, err) == (2, "", f"Error: {message}\n")


def test_an_unknown_estimator(call, run):
    code, out, err = call("bounds", run, "-q", "--estimator", "mean")
    assert (code, out, err) == (2, "", 'Error: unknown estimator "mean". Choose from: max, q99.9.\n')


def test_reports_that_cannot_be_read(call, run, tmp_path):
    code, out, err = call("bounds", "nowhere")
    assert (code, out) == (1, "")
    assert "cannot read nowhere/report.json" in err
    document = json.loads((tmp_path / run / "report.json").read_text())
    document["settings"]["response"] = "loud"
    (tmp_path / run / "report.json").write_text(json.dumps(document))
    (tmp_path / run / "run.json").unlink()  # it notes the hash of what was measured
    code, out, err = call("bounds", run, *GIVEN)
    assert (code, out) == (1, "")
    assert err == "Error: the report's settings name no known response ('loud'); measure again with --force\n"


def test_usage(call):
    assert call("bounds")[0] == 2
    assert call("bounds", "run", "--smoothness", "1", "2")[0] == 2


def test_help_has_examples_and_imports_nothing_heavy():
    text = CliRunner().invoke(command, ["--help"]).stdout
    assert "symaudit bounds symaudit-demo --smoothness 1 0.05 0.01" in text
    assert "Exit codes:" in text
    code = "import sys; from symmetry_audit.cli.bounds import bounds\n"
    code += "bounds(['--help'], standalone_mode=False)\n"
    code += "print(sorted({'numpy', 'pandas', 'pyarrow', 'matplotlib', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
