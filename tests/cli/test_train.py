"""`symaudit train`: from a report to a network, what it prints, and what it refuses."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.checkpoints import load_checkpoint
from symmetry_audit.layers import relaxation_of_layers
from symmetry_audit.results import AuditReport
from tests.cli.conftest import STRICT, Killable, one_document
from tests.conftest import save_photos, smooth_noise
from tests.old.kinds import as_first

SHORT = (
    "--preset",
    "tiny",
    "--steps",
    "3",
    "--batch",
    "2",
    "--patch",
    "32",
    "--validate-every",
    "2",
    "--log-every",
    "1",
)


@pytest.fixture
def sets(tmp_path, rng, monkeypatch) -> tuple[str, str]:
    """Names of folders of training and validation photographs in tmp_path; the user's cache is there, too."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    save_photos(tmp_path / "photos", rng, 4, (72, 80))
    save_photos(tmp_path / "valid", rng, 1)
    return "photos", "valid"


@pytest.fixture
def train(call, sets):
    """Run `symaudit train` on the photographs; --task denoise unless another is named."""

    def run(*arguments: object, short: tuple[str, ...] = SHORT) -> tuple[int, str, str]:
        task = () if "--task" in arguments else ("--task", "denoise", "--sigma", "25")
        return call("train", "--data", sets[0], "--valid", sets[1], *task, *short, *arguments)

    return run


@pytest.fixture
def report(call, sets, undrawn, tmp_path) -> Path:
    """A report of the training photographs with joint fits, which advises p4."""
    code, _, err = call("measure", sets[0], "--group", "p4", "--no-controls", "--fit", "joint", "--out", "audit")
    assert code == 0, err
    return advising(tmp_path / "audit", group="p4", method="gcnn")


def advising(folder: Path, **build: object) -> Path:
    """Let the report advise this network, whatever its few photographs say."""
    path = folder / "report.json"
    document = json.loads(path.read_text())
    document["recommendation"]["build"] |= build
    document["recommendation"]["sentences"] = ["The test wants it."]
    path.write_text(json.dumps(document))
    (folder / "run.json").unlink(missing_ok=True)  # it notes the hash of what was measured
    return folder


def test_from_report_to_restored_image(call, train, report, sets, tmp_path):
    code, out, err = train("--from-report", "audit", "--conv", "sa", "--out", "net")
    assert code == 0, err
    assert "From audit:\n  group p4: The test wants it.\n  w starts at" in err
    assert "geometric median of 4 joint fits" in err
    assert "resnet tiny, sa over p4; 3 steps of 2 patches of 32 px; 4 images, validated on 1" in err
    assert out.startswith("net: ")
    checkpoint = load_checkpoint(tmp_path / "net")
    loaded = AuditReport.load(report)
    assert checkpoint.card.audit["fingerprint"] == loaded.dataset.fingerprint
    assert checkpoint.card.data["fingerprint"] == loaded.dataset.fingerprint
    assert checkpoint.card.settings["tl_steps"] == 1
    assert {"best.safetensors", "log.csv", "learning_curve.png", "settings.json"} <= {
        p.name for p in (tmp_path / "net").iterdir()
    }
    code, out, err = call("evaluate", "net", "--data", sets[1], "--json")
    assert code == 0, err
    document = one_document(out)
    assert document["protocol"] == "rgb"
    assert document["mean"]["psnr"] == pytest.approx(checkpoint.card.validation["psnr"], abs=1e-3)
    code, _, err = call("restore", "net", "valid", "-o", "restored")
    assert code == 0, err
    assert np.asarray(Image.open(tmp_path / "restored" / "photo_0.png")).shape == (64, 56, 3)


def test_w_starts_where_the_report_says(train, report, tmp_path):
    assert train("--from-report", "audit", "--conv", "sa", "--out", "net", "--lr", "1e-12")[0] == 0
    checkpoint = load_checkpoint(tmp_path / "net")
    deformation = checkpoint.network().deformations()[0]
    assert deformation.coordinates().tolist() == pytest.approx(checkpoint.card.audit["w"], abs=1e-6)
    assert max(map(abs, checkpoint.card.audit["w"])) > 1e-3


def test_hypernetwork_learns_the_fits_of_the_report(train, report, tmp_path, monkeypatch):
    from symmetry_audit.training import _prefit

    monkeypatch.setattr(_prefit.prefit, "__kwdefaults__", {**_prefit.prefit.__kwdefaults__, "steps": 20})
    code, _, err = train("--from-report", "audit", "--conv", "sa", "--hyper-init", "audit", "--out", "net")
    assert code == 0, err
    assert "hypernetwork pre-fitted to w_n of 4 images" in err
    last = [
        value for name, value in load_checkpoint(tmp_path / "net").weights.items() if name.endswith("head.4.weight")
    ]
    assert last[0].abs().max() > 1e-3


def test_hyper_init_audit_needs_fits(train):
    code, _, err = train("--conv", "sa", "--group", "p4", "--hyper-init", "audit")
    assert (code, err.splitlines()[-1]) == (
        2,
        "Error: the report has no fit for any training image; use --hyper-init zero",
    )


@pytest.mark.parametrize(("group", "taken", "method"), [("p32", "p8", "fconv"), ("p4", "p4", "gcnn")])
def test_advised_groups(train, report, tmp_path, group, taken, method):
    advising(report, group=group, method=method)
    code, _, err = train("--from-report", "audit", "--out", "net")
    assert code == 0, err
    architecture = load_checkpoint(tmp_path / "net").card.architecture
    assert (architecture["group"], architecture["method"]) == (taken, method)


def test_a_plain_network_is_never_built_without_saying_so_and_why(train, report):
    advising(report, group="p1", method="cnn")
    code, out, err = train("--from-report", "audit", "--dry-run")
    assert code == 0, err
    assert "  group p1: The test wants it.\n  method cnn: the trivial group needs no equivariant layers\n" in err
    assert one_document(out)["settings"]["architecture"]["method"] == "cnn"


def dry(train, *arguments: object) -> tuple[dict, str]:
    """The settings of a run from the report, and what is said."""
    code, out, err = train("--from-report", "audit", "--dry-run", *arguments)
    assert code == 0, err
    return one_document(out)["settings"], err


def test_relaxation_and_augmentation_are_taken_and_said_and_options_win(train, report):
    advising(report, relax=0.1, augment="hflip")
    settings, err = dry(train)
    assert (settings["relax"], settings["augment"], settings["architecture"]["relaxed"]) == (0.1, "hflip", True)
    assert "  relaxed at 0.1: something speaks against the group, so the network may leave it\n" in err
    assert "  augmentation hflip: as the report advises\n" in err
    settings, err = dry(train, "--augment", "flips+turns", "--relax", "0.3")
    assert (settings["relax"], settings["augment"]) == (0.3, "flips+turns")
    assert "relaxed at 0.1" not in err
    assert "as the report advises" not in err
    # another network than the advised one is not relaxed, and nobody says that it is
    for other in (("--conv", "fconv"), ("--group", "p2"), ("--conv", "cnn")):
        settings, err = dry(train, *other)
        assert (settings["relax"], settings["augment"]) == (None, "hflip")
        assert "relaxed at" not in err


def test_the_advice_goes_before_the_recipe(train, report):
    advising(report, augment="none")
    short = ("--recipe", "sa-sr-stage1", "--task", "sr", "--scale", "2", "--batch", "1")
    code, out, err = train("--from-report", "audit", "--dry-run", *short, short=("--preset", "tiny"))
    assert code == 0, err
    assert one_document(out)["settings"]["augment"] == "none"  # of the recipe: flips+turns


def test_eq_reg_with_an_advised_relaxed_network(train, report, tmp_path):
    advising(report, relax=0.1)
    code, _, err = train("--from-report", "audit", "--eq-reg", "0.5", "--out", "net")
    assert code == 0, err
    assert "gcnn over p4, EQ-Reg 0.5 towards p4, relaxed at 0.1" in err
    assert [load_checkpoint(tmp_path / "net").card.settings[name] for name in ("eq_reg", "relax")] == [0.5, 0.1]


def test_eq_reg_needs_a_group_where_none_is_advised(train, report):
    advising(report, group="p1", method="cnn")
    code, _, err = train("--from-report", "audit", "--eq-reg", "0.5")
    assert (code, "--eq-reg needs a group; add --group" in err) == (2, True)


def test_advice_about_the_task_goes_before_that_of_the_report(call, train, report, sets):
    """What `recommend` left for this task; for another task, or other measurements, the report's own advice holds."""
    assert call("recommend", "audit", "--task", "denoise", "--sigma", "25", "--no-plot")[0] == 0
    advising(report, group="p2", method="fconv")
    assert dry(train)[0]["architecture"]["group"] != "p2"
    assert dry(train, "--task", "denoise", "--sigma", "50")[0]["architecture"]["group"] == "p2"
    document = json.loads((report / "report.json").read_text())
    document["recommendation"]["candidates"][-1]["values"][0]["epsilon"] += 0.01
    (report / "report.json").write_text(json.dumps(document))
    assert dry(train)[0]["architecture"]["group"] == "p2"


def test_an_old_report_is_advised_from_its_responses(call, train, report):
    path = report / "report.json"
    document = json.loads(path.read_text())
    (row,) = [row for row in document["results"] if row["scenario"] == "dataset_strict"][:1]
    assert row["relative_epsilon"] is not None
    path.write_text(json.dumps(as_first(document)))
    settings, err = dry(train)
    assert settings["architecture"]["group"] == "p4"
    assert "  group p4: Build p4" in err
    (report / "responses.parquet").unlink()
    code, _, err = train("--from-report", "audit")
    assert (code, "responses.parquet" in err.splitlines()[-1]) == (1, True)


def test_flags_go_before_the_report(train, report):
    code, out, err = train("--from-report", "audit", "--conv", "tl", "--group", "p8", "--dry-run")
    assert code == 0
    settings = one_document(out)["settings"]
    assert (settings["architecture"]["method"], settings["architecture"]["group"]) == ("tl", "p8")
    assert "group p8: as requested; the report advises p4" in err


@pytest.mark.parametrize(
    ("arguments", "method", "group", "layers"),
    [
        (("--conv", "cnn", "--group", "p8"), "cnn", "p8", None),
        (("--conv", "cnn", "--from-report", "audit"), "cnn", "p4", None),
        (("--conv", "fconv", "--group", "p4", "--eq-layers", "3"), "fconv", "p4", 3),
        (("--conv", "cnn", "--group", "p4", "--eq-layers", "body.*, output"), "cnn", "p4", ["body.*", "output"]),
    ],
)
def test_eq_reg(train, report, tmp_path, arguments, method, group, layers):
    code, _, err = train("--eq-reg", "0.5", *arguments, "--out", "net")
    assert code == 0, err
    assert f"EQ-Reg 0.5 towards {group}" in err
    card = load_checkpoint(tmp_path / "net").card
    assert card.architecture["method"] == method
    assert [card.settings[name] for name in ("eq_reg", "eq_group", "eq_layers")] == [0.5, group, layers]


def test_relax(train, tmp_path):
    code, _, err = train("--relax", "0.5", "--conv", "fconv", "--group", "p4", "--lr", "1e-3", "--out", "net")
    assert code == 0, err
    assert "fconv over p4, relaxed at 0.5" in err
    found = relaxation_of_layers(load_checkpoint(tmp_path / "net").network())
    assert len(found) == 11
    assert min(found.values()) > 0  # the best state may be that of any step but the first, which changes all


def test_a_report_about_other_images(train, report, rng, tmp_path):
    save_photos(tmp_path / "photos" / "more", rng, 1)
    code, _, err = train("--from-report", "audit")
    assert code == 1
    assert 'about images other than --data (4 images of "photos")' in err.splitlines()[-1]
    assert train("--from-report", "audit", "--allow-other-data")[0] == 0


def test_a_report_of_another_schema(train, report):
    path = report / "report.json"
    path.write_text(path.read_text().replace("symaudit.report/2", "symaudit.report/9"))
    code, _, err = train("--from-report", "audit")
    assert (code, 'has schema "symaudit.report/9", which this version does not know' in err) == (1, True)


def test_a_report_that_advises_nothing(call, train, sets, undrawn):
    assert call("measure", sets[0], "--group", "p4", "--scenario", "sample_strict", "--out", "audit")[0] == 0
    code, _, err = train("--from-report", "audit")
    assert (code, "advises no group; measure with --scenario all" in err) == (1, True)


def test_validation_images_that_are_trained_on(train, tmp_path):
    shutil.copy(tmp_path / "photos" / "photo_1.png", tmp_path / "valid" / "other.png")
    code, _, err = train()
    assert code == 1
    assert "1 validation images are in the training set: other.png = photo_1.png (exact)" in err
    assert train("--allow-leak")[0] == 0


def test_json_is_one_document(train):
    code, out, _ = train("--json", "-q")
    assert code == 0
    document = one_document(out)
    assert document["schema"] == "symaudit.training/1"
    assert (document["step"], document["validation"]["images"]) == (3, 1)


def test_quiet_says_nothing(train):
    assert train("-q")[2] == ""


def test_the_same_command_finds_its_run_finished(train):
    first = train("--out", "net")
    again = train("--out", "net")
    assert again[0] == 0
    assert again[1].rpartition(",")[0] == first[1].rpartition(",")[0]
    assert "continuing after step 3 of 3" in again[2]


def test_a_folder_of_another_run(train):
    assert train("--out", "net")[0] == 0
    code, _, err = train("--out", "net", "--lr", "5e-4")
    assert (code, "net holds another run (lr 0.001, not 0.0005); start over with --force" in err) == (1, True)
    assert train("--out", "net", "--lr", "5e-4", "--force")[0] == 0


@pytest.mark.parametrize("task", ["sr", "derain", "inpaint"])
def test_every_task_trains(train, tmp_path, rng, task):
    options = {"sr": ("--scale", "3", "--patch", "20"), "inpaint": ("--missing", "0.5", "--peak", "30"), "derain": ()}[
        task
    ]
    if task == "derain":
        for name in ("photos", "valid"):
            rainy = tmp_path / name / "rain"
            rainy.mkdir()
            (tmp_path / name / "norain").mkdir()
            for path in sorted((tmp_path / name).glob("*.png")):
                pixels = np.asarray(Image.open(path)).astype(float)
                streaks = 40 * (smooth_noise(rng, *pixels.shape[:2]) > 160)[..., None]
                Image.fromarray((pixels + streaks).clip(0, 255).astype(np.uint8)).save(rainy / path.name)
                path.rename(tmp_path / name / "norain" / path.name)
    code, _, err = train("--task", task, *options, "--out", "net")
    assert code == 0, err
    found = load_checkpoint(tmp_path / "net")
    assert found.task.name == task
    assert found.card.settings["augment"] == ("hflip" if task == "derain" else "flips+turns")  # rain falls downwards


def test_training_without_clean_images(train, call):
    """The mask is fixed, nothing is flipped, and an evaluation names both protocols."""
    inpaint = ("--task", "inpaint", "--missing", "0.3", "--peak", "20")
    equivariant = ("--transforms", "quarter-turns", "--ei-weight", "0.5", "--eq-reg", "0.1", "--group", "p4")
    code, _, err = train(*inpaint, "--self-supervised", "rei", *equivariant, "--out", "net")
    assert code == 0, err
    assert "unet tiny, cnn, EQ-Reg 0.1 towards p4, REI over quarter-turns" in err
    found = load_checkpoint("net")
    assert found.task.mask_seed == 0
    chosen = {"self_supervised": "rei", "transforms": "quarter-turns", "ei_weight": 0.5, "augment": "none"}
    assert {name: found.card.settings[name] for name in chosen} == chosen
    document = one_document(call("evaluate", "net", "--data", "valid", "--json", "-q")[1])
    assert document["model"]["method"].endswith(" + EQ-Reg, REI")
    numbers = {(item["protocol"], item["name"]): item for item in document["further"]}
    rei = numbers["rei", "PSNR"]
    below = document["input"]["psnr"] - rei["input_value"]
    assert document["protocol"] == "rgb" and 4.77 <= below < 8  # 10 log10 3, and how far white is from 255
    shown = call("evaluate", "net", "--data", "valid", "-q")[1]
    assert f"rei: mean PSNR {rei['value']:.2f} dB (input {rei['input_value']:.2f})" in shown
    chosen = ("--mask-seed", "3", "--augment", "flips", "--backbone", "resnet")
    planned = one_document(train(*inpaint, "--self-supervised", "ei", *chosen, "--dry-run")[1])["settings"]
    assert (planned["task"]["mask_seed"], planned["augment"]) == (3, "flips")
    assert planned["architecture"]["backbone"] == "resnet"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--task", "denoise"), 2, "sigma"),
        (
            ("--task", "sr", "--self-supervised", "ei"),
            2,
            "--self-supervised is for denoise or inpaint; remove it for sr",
        ),
        (("--recipe", "rei-inpaint", "--task", "derain"), 2, "remove it for derain"),
        (("--lr", "inf"), 2, "--lr takes a finite number, got inf"),
        (("--conv", "fconf"), 2, 'no method is called "fconf". Did you mean "fconv"'),
        (("--conv", "fconv", "--group", "p3"), 2, "32 channels cannot be divided among the 3 elements of p3"),
        (("--recipe", "sa-dance"), 2, 'no recipe is called "sa-dance"'),
        (("--patch", "500"), 2, "smaller than a patch of 500 px"),
        (
            ("--backbone", "resnet", "--preset", "paper", "--conv", "sa", "--hyper-init", "audit"),
            2,
            "use --preset small",
        ),
        (("--task", "derain"), 1, '"photos" has no folder of clean images'),
        (("--weights", "nothing.safetensors"), 1, "there is no file nothing.safetensors"),
        (("--cache-limit", "1e-9"), 2, "--cache-limit"),
        (("--eq-reg", "0.1"), 2, "--eq-reg needs a group; add --group, such as --group p4"),
        (("--eq-reg", "0"), 2, "--eq-reg"),
        (
            ("--conv", "cnn", "--group", "p4"),
            2,
            "a plain network has no group: add --eq-reg 0.1 to teach it p4, use",
        ),
        (("--eq-layers", "2"), 2, "EQ-Reg needs a weight"),
        (("--eq-reg", "0.1", "--group", "p3"), 2, "has 32 channels, not a multiple of the 3 elements of p3"),
        (("--eq-reg", "0.1", "--group", "p4", "--eq-layers", "boddy.*"), 2, 'no layer is called "boddy.*"'),
        (("--relax", "0.1"), 2, "a plain convolution cannot be relaxed"),
    ],
)
def test_what_is_refused(train, arguments, code, message):
    found, out, err = train(*arguments)
    assert (found, out) == (code, "")
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize("where", ["photos", "photos/net", "valid"])
def test_samples_do_not_land_among_the_images(train, where):
    code, _, err = train("--out", where)
    assert code == 2
    assert f"{where} is inside {where.partition('/')[0]}, whose images are used; choose another --out" in err


def test_a_config_file(train, tmp_path):
    (tmp_path / "run.toml").write_text('lr = 2e-3\nschedule = "constant"\n')
    code, out, _ = train("--config", "run.toml", "--schedule", "cosine", "--dry-run")
    settings = one_document(out)["settings"]
    assert (code, settings["lr"], settings["schedule"]) == (0, 2e-3, "cosine")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_was_stopped_continues(train, sets, tmp_path, how):
    """A real process; its weights in the end are those of a run that was not stopped."""
    long = (
        "--preset",
        "tiny",
        "--steps",
        "12",
        "--batch",
        "2",
        "--patch",
        "32",
        "--validate-every",
        "4",
        "--log-every",
        "1",
    )
    files = (
        "--data",
        sets[0],
        "--valid",
        sets[1],
        "--task",
        "denoise",
        "--sigma",
        "25",
        "--conv",
        "fconv",
        "--group",
        "p4",
    )
    process = Killable(tmp_path, tmp_path / "net" / "log.csv", "train", *files, *long, "--out", "net")
    process.wait_for(5)
    code, _, err = process.stop(how)
    if how != signal.SIGKILL:
        assert (code, "the same command continues" in err) == (130, True)
    threads = os.environ.get("OMP_NUM_THREADS")
    code, _, err = train("--conv", "fconv", "--group", "p4", "--out", "net", short=long)
    assert (code, "continuing after step" in err) == (0, True), (err, threads)
    assert train("--conv", "fconv", "--group", "p4", "--out", "whole", short=long)[0] == 0
    one, other = (load_checkpoint(tmp_path / name).weights for name in ("net", "whole"))
    for name, value in one.items():
        assert (value == other[name]).all(), name


def test_measuring_strictly_gives_a_start_without_w(call, train, sets, undrawn):
    assert call("measure", sets[0], "--group", "p4", *STRICT, "--out", "audit")[0] == 0
    code, _, err = train("--from-report", "audit", "--conv", "sa", "--group", "p4", "--out", "net")
    assert code == 0, err
    assert "w starts at" not in err
