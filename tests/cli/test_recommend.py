"""`symaudit recommend` from images to advice: text or JSON, the files, what is kept, and what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from symmetry_audit import measure, recommend, reports
from symmetry_audit.cli.recommend import recommend as command
from symmetry_audit.data import ImageSource, demo_source
from symmetry_audit.errors import DataError, ReportError, SettingError
from symmetry_audit.reports import recommendation_text
from symmetry_audit.results import AuditReport, DatasetInfo, Pilot, Recommendation
from symmetry_audit.synth import SynthSettings, write_dataset
from symmetry_audit.theory import recommend as choose
from tests.old.kinds import as_first
from tests.theory.situations import candidates, network_pilot, photo

DRAWN = ["recommendation.png", "recommendation.svg", "recommendation.pdf"]
FOUND = choose(candidates("p8", photo), images=100)
DENOISE = ("--task", "denoise", "--sigma", "50")


def write(folder: Path, **changes) -> Path:
    """A report of 100 images that are not here."""
    folder.mkdir(exist_ok=True)
    report = AuditReport(DatasetInfo("DIV2K", "DIV2K", 100, "f" * 64), {"sigma": [1.5], "downscale": [1]}, ())
    document = {**report.to_dict(), "recommendation": FOUND.to_dict(), **changes}
    (folder / "report.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


@pytest.fixture
def folder(tmp_path) -> Path:
    return write(tmp_path / "symaudit-DIV2K")


def invoke(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def advised(*arguments) -> Recommendation:
    """The advice as a program reads it."""
    result = invoke(*arguments, "--json", "--no-plot", "-q")
    assert result.exit_code == 0, result.exception
    return Recommendation.from_dict(json.loads(result.stdout))


# --- what it prints and writes


def test_text_on_stdout_and_files_on_stderr(folder):
    result = invoke(folder)
    assert result.exit_code == 0, result.exception
    kept = Recommendation.load(folder)
    assert result.stdout == recommendation_text(kept, "DIV2K")
    assert (kept.build, kept.sentences, kept.candidates) == (FOUND.build, FOUND.sentences, FOUND.candidates)
    names = ["recommendation.json", *DRAWN]
    assert result.stderr.splitlines() == [f"wrote {folder / name}" for name in names]
    assert sorted(path.name for path in folder.iterdir()) == sorted(["report.json", *names])


def test_quiet_and_verbose(folder):
    result = invoke(folder, "-q", "-v", "--no-plot")
    assert result.stderr == ""
    assert result.stdout == recommendation_text(Recommendation.load(folder), "DIV2K", verbose=True)
    assert "Kappa (grey levels)" in result.stdout
    assert "Kappa" not in invoke(folder, "-q", "--no-plot").stdout


def test_json_is_one_document_the_kept_one(folder):
    result = invoke(folder, "--json", "--no-plot")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["schema"] == "symaudit.recommendation/2"
    assert document["law"] == {"p2": "not tested", "p4": "shown", "p8": "refuted"}
    assert document["fingerprint"] == "f" * 64
    assert (folder / "recommendation.json").read_text(encoding="utf-8") == result.stdout
    assert result.stderr == f"wrote {folder / 'recommendation.json'}\n"


def test_report_json_stays_as_it_is(folder):
    before = (folder / "report.json").read_bytes()
    invoke(folder, "--tolerance", "0.2")
    assert (folder / "report.json").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        ([], {}),
        (["--tolerance", "0.08"], {"tolerance": 0.08}),
        (["--tolerance", "0.01"], {"tolerance": 0.01}),
        (["--kappa", "0.1", "--margin", "0.2"], {"kappa": 0.1, "margin": 0.2}),
        (["--budget", "gpu", "--tolerance", "0.08"], {"budget": "gpu", "tolerance": 0.08}),
    ],
)
def test_the_advice_is_given_anew(folder, options, settings):
    found, expected = advised(folder, *options), choose(candidates("p8", photo), images=100, **settings)
    assert (found.build, found.candidates, found.sentences) == (expected.build, expected.candidates, expected.sentences)
    assert (found.tolerance, found.margin, found.kappa) == (expected.tolerance, expected.margin, expected.kappa)
    assert found.group == ("p8" if "gpu" in options else "p4")  # p8 is shown at 8 %


# --- errors


def test_errors_are_raised_for_the_entry_point(tmp_path, folder):
    assert isinstance(invoke(tmp_path / "nowhere").exception, ReportError)
    assert isinstance(invoke(folder, "--kappa", "-1").exception, SettingError)
    for option in ("--kappa", "--tolerance", "--margin"):
        for number in ("nan", "inf"):
            assert isinstance(invoke(folder, option, number).exception, SettingError)
    bare = invoke(write(tmp_path / "bare", recommendation=None))
    assert isinstance(bare.exception, ReportError)
    assert str(bare.exception) == (
        f"{tmp_path / 'bare' / 'report.json'} holds no dataset rows to choose from; measure with --scenario all"
    )
    damaged = invoke(write(tmp_path / "damaged", recommendation={"build": 1}))
    assert isinstance(damaged.exception, ReportError)
    assert "report.json is damaged (recommendation." in str(damaged.exception)
    assert bare.stdout == damaged.stdout == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--pilot",), "--pilot needs a task, such as --task denoise --sigma 50"),
        (("--sigma", "25"), "--sigma needs a task"),
        (("--data", "photos"), "--data needs a task"),
        (("--inputs", "photos"), "--inputs needs a task"),
        (("--task", "denoise"), "sigma"),
        (("--task", "paint"), "paint"),
    ],
)
def test_options_that_need_a_task(folder, options, message):
    result = invoke(folder, *options)
    assert isinstance(result.exception, SettingError), result.output
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)
    assert not (folder / "recommendation.json").exists()


def test_what_no_number_may_be_is_a_usage_error(folder):
    for option in ("--tolerance", "--margin"):
        assert "is not in the range x>=0" in invoke(folder, option, "-1").stderr
    result = invoke(folder, "--kappa", "much")
    assert result.exit_code == 2
    assert "'much' is not a valid float" in result.stderr


def test_exit_codes_of_the_real_command(symaudit, folder):
    done = symaudit("recommend", folder, "--no-plot", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Build p4.")
    wrong = symaudit("recommend", folder, "--kappa=-1")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == "Error: kappa must be a finite number of at least 0, got -1\n"
    missing = symaudit("recommend", folder / "none")
    assert (missing.returncode, missing.stdout) == (1, "")


def test_help_has_an_example_that_runs(folder, monkeypatch):
    text = invoke("--help").stdout
    examples = [line.split() for line in text.splitlines() if line.startswith("    symaudit recommend ")]
    assert len(examples) == 3
    assert examples[0] == ["symaudit", "recommend", "symaudit-DIV2K"]
    monkeypatch.chdir(folder.parent)
    result = invoke(*examples[0][2:])
    assert result.exit_code == 0, result.exception
    assert result.stderr.splitlines()[0] == "wrote symaudit-DIV2K/recommendation.json"


def test_help_imports_nothing_heavy():
    code = "import sys; from symmetry_audit.cli.recommend import recommend\n"
    code += "recommend(['--help'], standalone_mode=False)\n"
    code += "print(sorted({'numpy', 'pandas', 'pyarrow', 'matplotlib', 'torch'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"


# --- images of which the answer is known


def save(folder: Path, images: list[np.ndarray]) -> Path:
    folder.mkdir(parents=True)
    for number, image in enumerate(images):
        Image.fromarray(image.round().clip(0, 255).astype(np.uint8)).save(folder / f"{number:02}.png")
    return folder


def streaks(rng: np.random.Generator, side: int) -> np.ndarray:
    """Bright vertical streaks, a handful in each image."""
    layer = np.zeros((side, side))
    for _ in range(40):
        x, y = rng.integers(0, side), rng.integers(-20, side)
        layer[max(y, 0) : y + 20, x] += 90
    return layer


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> dict[str, Path]:
    """Fields without direction, the same in the rain, one direction for all, and stripes, with their reports."""
    place, rng = tmp_path_factory.mktemp("made"), np.random.default_rng(5)
    write_dataset(place / "fields", SynthSettings(n=12, size=80, ratio=1.0, slope=0.5))
    write_dataset(place / "leaning", SynthSettings(n=12, size=80, ratio=2.0, angle=0.0))
    clean = [np.asarray(Image.open(path).convert("L"), float) for path in sorted((place / "fields").glob("*.png"))]
    save(place / "rainy", [image + streaks(rng, 80) for image in clean])
    for old, new in zip(sorted((place / "rainy").iterdir()), sorted((place / "fields").glob("*.png")), strict=True):
        old.rename(old.with_name(new.name))
    save(place / "stripes", [np.repeat(rng.uniform(0, 255, (80, 1)), 80, axis=1) for _ in range(12)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reports, "render", lambda folder: ())
        for name in ("fields", "leaning", "stripes"):
            out = place / f"{name}-report"
            measure(place / name, reg="tv", group="p8", scenario="dataset_strict", out=out, workers=1)
    return {path.name: path for path in place.iterdir()}


@pytest.fixture
def copied(made, tmp_path):
    """A report of ``made`` that a test may write into."""
    return lambda name: shutil.copytree(made[f"{name}-report"], tmp_path / name)


def test_the_report_alone(copied):
    found = advised(copied("leaning"))
    assert (found.build.name, found.build.evidence) == ("p4, relaxed", "common direction")
    assert found.law["p4"] == "refuted"
    assert found.directions[0].verdict == "one direction"
    assert (found.task, found.linear, found.images) == (None, None, 12)


def test_a_task_that_makes_its_own_degradation(copied):
    folder = copied("leaning")
    result = invoke(folder, *DENOISE, "--no-plot")
    assert result.exit_code == 0, result.exception
    found = Recommendation.load(folder)
    assert (found.build.name, found.build.method, found.build.evidence) == ("p4, relaxed", "gcnn", "linear pilot")
    assert found.task == found.linear.task_text == "denoising, Gaussian noise of sigma 50"
    assert found.linear.gain("p4").verdict == "suspect"
    assert {item.layer for item in found.directions} == {"images"}
    assert "Build p4, relaxed" in result.stdout
    assert "Linear pilot (dB)" in result.stdout
    # images without a common direction lose nothing
    other = advised(copied("fields"), *DENOISE)
    assert (other.build.name, other.linear.gain("p4").verdict) == ("p4", "safe")


def test_pairs_show_the_direction_of_what_degrades(copied, made):
    folder = copied("fields")
    found = advised(folder, "--task", "derain", "--data", made["fields"], "--inputs", made["rainy"])
    rain = [item for item in found.directions if item.layer == "degradation"]
    assert [item.verdict for item in rain] == ["one direction"]
    assert found.directions[0] == rain[0]  # the largest share first
    assert found.linear.gain("p4").verdict == "suspect"
    assert found.group == "p1"
    assert any("what degrades the images has one direction" in sentence for sentence in found.sentences)
    # clean images alone have none, so without the pairs nothing would speak against turns
    assert advised(copied("leaning")).group == "p4"


def test_images_other_than_those_of_the_report(copied, made):
    folder = copied("fields")
    result = invoke(folder, *DENOISE, "--data", made["leaning"])
    assert isinstance(result.exception, DataError)
    assert "other clean images than the report (12 images of" in str(result.exception)
    assert "give those with --data, or measure these" in str(result.exception)
    assert not (folder / "recommendation.json").exists()


def test_what_was_found_of_a_task_is_kept(copied, made):
    folder = copied("fields")
    first = advised(folder, "--task", "derain", "--data", made["fields"], "--inputs", made["rainy"])
    again = advised(folder)
    assert again == first
    stricter = advised(folder, "--tolerance", "0.001", "--margin", "0.2")
    assert (stricter.build, stricter.directions, stricter.linear) == (first.build, first.directions, first.linear)
    assert (stricter.tolerance, stricter.margin) == (0.001, 0.2)
    other = advised(folder, *DENOISE)  # another task
    assert other.task != first.task
    assert {item.layer for item in other.directions} == {"images"}


def test_stale_advice_is_no_advice(copied, made, tmp_path, monkeypatch):
    folder = copied("leaning")
    assert advised(folder, *DENOISE).build.evidence == "linear pilot"
    kept = (folder / "recommendation.json").read_text()
    for name in ("report.json", "run.json"):
        shutil.copy(made["fields-report"] / name, folder)  # other images
    shutil.copy(made["fields-report"] / "responses.parquet", folder)
    found = advised(folder)
    assert (found.linear, found.task, found.group) == (None, None, "p4")
    monkeypatch.setattr(reports, "render", lambda folder: ())
    anew = tmp_path / "anew"  # the same images, measured otherwise
    measure(made["leaning"], reg="tv", group="p8", sigma=2, scenario="dataset_strict", out=anew, workers=1)
    (anew / "recommendation.json").write_text(kept)
    assert advised(anew).linear is None


def test_earlier_advice_that_cannot_be_read_is_replaced(copied):
    folder = copied("fields")
    for text in ("{", '{"schema": "symaudit.recommendation/1"}', "[]"):
        (folder / "recommendation.json").write_text(text)
        result = invoke(folder, "--no-plot")
        assert result.exit_code == 0, result.exception
        assert "Earlier advice is not used: " in result.stderr
        assert Recommendation.load(folder).group == "p4"


def test_an_old_report_is_advised_from_its_responses(copied):
    folder = copied("leaning")
    today = advised(folder)
    (folder / "recommendation.json").unlink()
    path = folder / "report.json"
    (folder / "run.json").unlink()  # an older one notes no hash
    path.write_text(json.dumps(as_first(json.loads(path.read_text()))))
    found = advised(folder)
    # only the floor differs, which is that of pink noise instead of these images
    assert (found.build, found.law) == (today.build, today.law)
    for one, other in zip(found.candidates, today.candidates, strict=True):
        for value, known in zip(one.values, other.values, strict=True):
            for name in ("epsilon", "relative_epsilon", "ci_low", "ci_high", "p_value", "null_epsilon"):
                expected = getattr(known, name)
                assert getattr(value, name) == (expected and pytest.approx(expected, rel=1e-9, abs=1e-12)), name
    (direction,), (known,) = found.directions, today.directions
    assert (direction.share, direction.amplitude) == pytest.approx((known.share, known.amplitude), rel=1e-9)


def test_stripes_share_one_direction(copied):
    folder = copied("stripes")
    report = AuditReport.load(folder)
    for found in (report.recommendation, advised(folder)):
        assert found.directions[0].verdict == "one direction"
        assert found.directions[0].share == pytest.approx(1.0, abs=1e-4)
        assert found.law["p4"] == "refuted"
        assert found.build.name == "p4, relaxed"
        assert any("the images share one direction" in sentence for sentence in found.sentences)
    with_task = advised(folder, *DENOISE)
    assert (with_task.build.name, with_task.build.evidence) == ("p4, relaxed", "linear pilot")
    assert with_task.build.high < -1  # dB


# --- the network pilot


def test_a_pilot_in_the_folder_overrules_the_rest(copied):
    folder = copied("leaning")
    fingerprint = AuditReport.load(folder).dataset.fingerprint
    document = network_pilot("decided", "p4", {"p4": (0.12, 0.07, 0.17)}).to_dict()
    document["data"]["fingerprint"] = fingerprint
    (folder / "pilot.json").write_text(json.dumps(document))
    found = advised(folder)
    assert (found.build.evidence, found.build.name, found.build.gain_db) == ("pilot", "p4", 0.12)
    assert found.task == document["task_text"]
    assert advised(folder, *DENOISE).build.evidence == "linear pilot"  # the pilot was about another task
    document["data"]["fingerprint"] = "0" * 64
    (folder / "pilot.json").write_text(json.dumps(document))
    (folder / "recommendation.json").unlink()
    assert advised(folder).build.evidence == "common direction"


def test_pilot_trains_networks_for_the_task(copied, monkeypatch):
    """Networks are trained elsewhere; here one is handed over."""
    from symmetry_audit.verbs import _pilot

    folder, calls = copied("fields"), []
    monkeypatch.setattr(_pilot, "pilot", lambda *given, **options: calls.append((given, options)))
    assert advised(folder, *DENOISE, "--pilot", "--minutes", "2").linear is not None
    ((data,), options), *others = calls
    assert not others
    assert isinstance(data, ImageSource)
    assert (options["task"], options["sigma"], options["minutes"], options["out"]) == ("denoise", 50, 2.0, folder)


def test_images_are_found_from_another_folder_and_the_demo_everywhere(made, tmp_path, monkeypatch):
    monkeypatch.setattr(reports, "render", lambda folder: ())
    monkeypatch.chdir(made["fields"].parent)
    asked = {"reg": "tv", "group": "p4", "scenario": "dataset_strict", "workers": 1}
    measure("fields", **asked, limit=6, out=tmp_path / "six")
    measure("fields", **asked, sample=7, out=tmp_path / "seven")
    measure(demo_source(), **asked, limit=2, out=tmp_path / "demo")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert recommend("../six", task="denoise", sigma=50).linear.data.images == 6
    assert recommend("../seven", task="denoise", sigma=50).linear.data.images == 7
    assert recommend("../seven", task="denoise", sigma=50, data=made["fields"]).linear.data.images == 7
    with pytest.raises(
        SettingError, match=r"^derain needs pairs, of which no sample is drawn; measure without --sample"
    ):
        recommend("../seven", task="derain", data=made["fields"], inputs=made["rainy"])
    assert recommend("../demo", task="denoise", sigma=50).linear.data.images == 2
    gone = tmp_path / "gone"
    measure(shutil.copytree(made["fields"], tmp_path / "moving"), **asked, out=gone)
    shutil.rmtree(tmp_path / "moving")
    with pytest.raises(DataError, match="which is not here; give their place now with --data"):
        recommend(gone, task="denoise", sigma=50)
    assert recommend(gone, task="denoise", sigma=50, data=made["fields"]).linear.data.images == 12


def test_from_python(copied):
    folder = copied("fields")
    found = recommend(folder, task="denoise", sigma=50)
    assert found == Recommendation.load(folder)
    assert isinstance(found, Recommendation) and not (folder / "recommendation.png").exists()
    with pytest.raises(ReportError):
        Pilot.load(folder)
