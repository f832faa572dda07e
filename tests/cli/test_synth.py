"""`symaudit synth`: exit codes, stdout and stderr."""

from __future__ import annotations

import json
import os

import pandas as pd
import pytest

from symmetry_audit.cli.main import main
from symmetry_audit.synth import SynthSettings

SMALL = ("--n", 3, "--size", 32)


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run ``symaudit synth`` in this process, in tmp_path; give exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("SYMAUDIT_")]:
        monkeypatch.delenv(name)

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(["synth", *map(str, arguments)])
        captured = capsys.readouterr()
        return stop.value.code, captured.out, captured.err

    return call


def test_a_process_writes_a_dataset_and_continues_it(symaudit, tmp_path):
    done = symaudit("synth", "set", *SMALL)
    line = "3 images of 32 x 32 px in set; their deformations: set/truth.csv\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, line, "")
    assert len(list((tmp_path / "set").glob("image_*.png"))) == 3
    done = symaudit("synth", "set", *SMALL, "--noise", "2")
    assert (done.returncode, done.stdout) == (1, "")
    told = "set holds a dataset with other settings (noise: 0.0, now 2.0); choose another folder, or --force"
    assert done.stderr == f"Error: {told} to start over\n"
    assert symaudit("synth", "set", *SMALL, "--noise", "2", "--force", "-q").returncode == 0
    done = symaudit("synth", "set", "--flip-bias", "1")
    assert (done.returncode, done.stdout) == (2, "")


def test_json_is_one_document_that_says_what_synth_json_says(run, tmp_path):
    code, out, err = run("set", *SMALL, "--kind", "dead-leaves", "--flip-bias", "0.5", "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert (document.pop("folder"), document.pop("truth")) == ("set", "truth.csv")
    assert document == json.loads((tmp_path / "set/synth.json").read_text())
    settings = SynthSettings(n=3, size=32, kind="dead-leaves", flip_bias=0.5)
    assert document == {"schema": "symaudit.synth/1", "settings": settings.to_dict()}


@pytest.mark.parametrize(
    ("ratio", "angle", "expected"),
    [
        ("1.1:1.8", "random", {"ratio": [1.1, 1.8], "angle": [0, 180]}),
        ("1", "30", {"ratio": [1, 1], "angle": [30, 30]}),
        ("1.5", "-10:10", {"ratio": [1.5, 1.5], "angle": [-10, 10]}),
    ],
)
def test_ratio_and_angle_are_a_number_or_a_range(run, ratio, angle, expected):
    document = json.loads(run("set", *SMALL, "--ratio", ratio, "--angle", angle, "--json")[1])
    assert {name: document["settings"][name] for name in expected} == expected
    truth = pd.read_csv("set/truth.csv")
    low, high = expected["ratio"]
    assert truth.ratio.between(low - 1e-12, high + 1e-12).all()


def test_options_come_from_the_environment_too(run, monkeypatch):
    monkeypatch.setenv("SYMAUDIT_SYNTH_RATIO", "1.2:1.3")
    assert json.loads(run("set", *SMALL, "--json")[1])["settings"]["ratio"] == [1.2, 1.3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ratio", "big"], "Invalid value for '--ratio': \"big\" is not a number or a range such as 5:35"),
        (["--ratio", "1:2:3"], "Invalid value for '--ratio': \"1:2:3\" is not a number or a range such as 5:35"),
        (
            ["--angle", "rndom"],
            "Invalid value for '--angle': \"rndom\" is not random, a number or a range such as",
        ),
        (["--ratio", "1.8:1.1"], "--ratio runs from the lower number to the higher; write 1.1:1.8"),
        (["--kind", "leaves"], "Invalid value for '--kind': 'leaves' is not one of 'gaussian', 'dead-leaves'."),
        (["--n", "0"], "--n must be between 1 and 100000, got 0"),
        (
            ["--flip-bias", "1"],
            "a gaussian field has the same distribution after a half turn; --flip-bias needs",
        ),
        (["--clip", "0.1", "--noise", "100"], "no contrast saturates 0.1% of the pixels; choose another --clip, or"),
    ],
)
def test_wrong_usage_exits_with_2(run, arguments, message):
    code, out, err = run("set", *SMALL, *arguments) if "--n" not in arguments else run("set", *arguments)
    assert (code, out) == (2, "")
    assert message in err.splitlines()[-1]


def test_a_folder_of_photographs_is_left_alone(run, photos):
    before = {path: path.read_bytes() for path in photos.iterdir()}
    code, out, err = run(photos, *SMALL, "--force")
    assert (code, out) == (1, "")
    assert err.endswith("holds other files and no dataset of `symaudit synth`; choose another folder\n")
    assert {path: path.read_bytes() for path in photos.iterdir()} == before
