"""`symaudit compare-datasets`: from images to the answer, pairs, and what is refused."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.results import AuditReport
from symmetry_audit.verbs import measure
from tests.cli.conftest import one_document

IMAGES = 12
AUDIT = {"group": "p4", "reg": "tv,sobel", "scenario": "dataset_strict"}


def save(folder: Path, pictures: list[np.ndarray], suffix: str = "png") -> Path:
    folder.mkdir()
    for at, picture in enumerate(pictures):
        Image.fromarray(np.rint(picture).clip(0, 255).astype(np.uint8)).save(folder / f"{at}.{suffix}")
    return folder


@pytest.fixture(scope="module")
def audits(tmp_path_factory):
    """Stripes (not symmetric), the same with noise (less so), and in between; and noise alone, of other names."""
    place = tmp_path_factory.mktemp("audits")
    rng = np.random.default_rng(0)
    waves = [60 * np.sin(np.arange(48) * (0.5 + 0.02 * at)) for at in range(IMAGES)]
    clean = [128 + np.tile(wave, (48, 1)) + rng.normal(0, 8, (48, 48)) for wave in waves]
    noise = [rng.normal(0, 1, (48, 48)) for _ in clean]
    pairs = list(zip(clean, noise, strict=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("symmetry_audit.reports.render", lambda folder: ())
        for name, strength in (("clean", 0), ("noisy", 60), ("better", 20)):
            folder = save(place / name, [one + strength * other for one, other in pairs])
            measure(folder, out=place / f"audit-{name}", **AUDIT)
        save(place / "other", [128 + 40 * one for one in noise], "bmp")
        (place / "other" / "0.bmp").rename(place / "other" / "first.bmp")
        measure(place / "other", out=place / "audit-other", **AUDIT)
        measure(place / "noisy", out=place / "audit-p2", **AUDIT | {"group": "p2", "reg": "tv,chiral"})
        measure(place / "noisy", out=place / "audit-margin", **AUDIT | {"margin": 9})
        measure(place / "noisy", out=place / "audit-single", **AUDIT | {"scenario": "sample_strict"})
    return place


@pytest.fixture
def run(call, audits, monkeypatch):
    monkeypatch.chdir(audits)
    return lambda *arguments: call("compare-datasets", *arguments)


@pytest.fixture(autouse=True)
def _here(audits, call, monkeypatch):
    monkeypatch.chdir(audits)


ROLES = ("--clean", "audit-clean", "--degraded", "audit-noisy", "--restored", "audit-better")


def test_a_degradation_audit(run, audits, tmp_path):
    code, out, err = run(
        *ROLES, "--figure", tmp_path / "f.png", "--latex", tmp_path / "t.tex", "--csv", tmp_path / "t.csv"
    )
    assert code == 0
    assert out.startswith("In part: the symmetry error of better goes back towards that of clean (p4, strict): ")
    assert "Paired: all 12 images are in every set." in out
    assert [line.split()[-1][-5:] for line in err.splitlines()] == ["t.csv", "t.tex", "f.png"]
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")


def test_numbers_are_those_of_the_reports(run, audits):
    code, out, _ = run("audit-clean", "audit-noisy", "audit-other", "--json")
    rows = one_document(out)["rows"]
    assert code == 0
    for name in ("clean", "noisy", "other"):
        for row in AuditReport.load(audits / f"audit-{name}").results:
            same = {"dataset": name, "regularizer": row.regularizer, "group": "p4"}
            (found,) = (one for one in rows if same.items() <= one.items())
            pairs = {"relative_epsilon": row.relative_epsilon, "mean_response": row.mean_response}
            pairs |= {"ci_low": row.relative_ci_low, "ci_high": row.relative_ci_high}
            assert {key: found[key] for key in pairs} == pytest.approx(pairs, rel=1e-9)


def test_a_second_run_prints_the_same(run):
    assert run(*ROLES, "--json") == run(*ROLES, "--json")


def test_several_networks(run):
    out = run(*ROLES, "--restored", "audit-other", "--json")[1]
    document = one_document(out)
    assert [item["role"] for item in document["datasets"]] == ["clean", "degraded", "restored", "restored"]
    assert [item["shared"] for item in document["datasets"]] == [12, 12, 12, 11]


def test_pairs_by_full_name_and_none(run):
    documents = {
        key: one_document(run("audit-clean", "audit-other", "--pair-by", key, "--json")[1]) for key in ("name", "none")
    }
    assert {key: [item["shared"] for item in found["datasets"]] for key, found in documents.items()} == {
        "name": [12, 0],
        "none": [0, 0],
    }
    assert "Unpaired" in run("audit-clean", "audit-other", "--pair-by", "name")[1]


def test_conditions(run, tmp_path):
    checks = tmp_path / "checks.toml"
    checks.write_text(
        '[[condition]]\nname = "most is undone"\nvalue = "undone"\nrole = "restored"\ngroup = "p4"\nat_least = 0.99\n'
        '[[condition]]\nname = "an answer"\ntable = "verdicts"\nvalue = "verdict"\nrole = "restored"\n'
        'group = "p4"\nequals = "partly restored"\n',
        encoding="utf-8",
    )
    code, out, _ = run(*ROLES, "--conditions", checks)
    assert code == 3
    first, second = out.splitlines()[-2:]
    assert first.startswith("failed: most is undone: undone is 0.")
    assert second == 'ok: an answer: verdict is "partly restored"'


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "give two or more folders that `symaudit measure` wrote, or --clean, --degraded, --restored"),
        (("audit-clean",), 2, "give two or more folders"),
        (("audit-clean", "audit-clean"), 2, "audit-clean is given twice; give each run once"),
        (("audit-clean", *ROLES), 2, "give runs, or --clean, --degraded and --restored, not both; drop --clean"),
        (ROLES[:4], 2, "--clean needs --restored beside it"),
        (ROLES[2:4], 2, "--degraded needs --clean beside it"),
        (("audit-clean", "absent"), 1, "cannot read absent/report.json"),
        (("audit-clean", "audit-noisy", "--tolerance", "0"), 2, "--tolerance"),
        (("audit-clean", "audit-noisy", "--figure", "f.gif"), 2, '--figure is drawn as .svg, .pdf, .png, got "f.gif"'),
        (
            ("audit-clean", "audit-margin"),
            2,
            "audit-margin was measured with --margin 9, audit-clean with 15; measure it again: symaudit measure",
        ),
        (
            ("audit-clean", "audit-p2"),
            2,
            "audit-p2 was measured with --group p2, audit-clean with p4; measure it again",
        ),
        (("audit-clean", "audit-single"), 1, "sees any element of p4; measure with --reg chiral, or with a dataset"),
    ],
)
def test_what_is_refused(run, arguments, code, message):
    found = run(*arguments)
    assert found[0] == code
    assert message in found[2]
    assert not found[1]


def test_the_command_that_is_given_measures_alike(run, call, undrawn):
    shutil.copytree("audit-p2", "audit-copy")
    command = shlex.split(run("audit-clean", "audit-copy")[2].split("measure it again: ")[1])
    assert command[:2] == ["symaudit", "measure"]
    assert call(*command[1:])[0] == 0
    assert run("audit-clean", "audit-copy")[0] == 0


def test_sets_of_one_name_are_told_apart_by_their_folders(run):
    shutil.copytree("audit-noisy", "audit-again")
    document = one_document(run("audit-noisy", "audit-again", "--json")[1])
    assert [item["name"] for item in document["datasets"]] == ["audit-noisy", "audit-again"]
    assert {row["difference"] for row in document["rows"]} == {None, 0.0}
    assert {item["verdict"] for item in document["verdicts"]} == {"does not differ"}


def test_help_names_the_commands_that_make_the_sets(run):
    out = run("--help")[1]
    assert "symaudit degrade" in out and "symaudit restore" in out
