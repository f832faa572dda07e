"""`symaudit datasets`: results on stdout, the conversation on stderr, one JSON document, exit codes 0, 1 and 2."""

import json
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from symmetry_audit.cli.datasets import datasets
from symmetry_audit.errors import DataError, SettingError


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMAUDIT_MANIFESTS", str(tmp_path / "manifests"))
    monkeypatch.delenv("SYMAUDIT_DATA", raising=False)


@pytest.fixture
def set5(tmp_path):
    """A data root with five files where those of Set5 belong; their contents are not Set5's."""
    folder = tmp_path / "root/Set5/HR"
    folder.mkdir(parents=True)
    for number in range(5):
        (folder / f"{number}.png").write_bytes(b"x")
    return tmp_path / "root"


@pytest.fixture
def own(tmp_path):
    """The user's own dataset "mine" of two images, just recorded."""
    folder = tmp_path / "own"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        (folder / name).write_text(name)
    assert run("add", "mine", folder).exit_code == 0
    return folder


def run(*arguments):
    return CliRunner().invoke(datasets, [str(argument) for argument in arguments])


def document(result, command):
    """Parse stdout as exactly one JSON document with the schema of ``command``."""
    parsed = json.loads(result.stdout)
    assert parsed["schema"] == f"symaudit.datasets.{command}/1"
    return parsed


def test_list_has_a_line_for_each_dataset_and_marks_own_ones(own):
    rows = [line.split() for line in run("list").stdout.splitlines()]
    assert rows[0] == ["NAME", "IMAGES", "FOLDER", "SPLITS"]
    named = {row[0]: row[1:] for row in rows[1:]}
    assert len(named) == len(rows) - 1 == 14
    assert named["DIV2K"][:4] == ["800", "not", "found", "train,"]
    assert named["RSSCN7"][:4] == ["2800", "not", "found", "all,"]
    assert named["mine*"] == ["2", str(own), "all"]


def test_list_says_where_datasets_are(own, set5, monkeypatch):
    valid = set5 / "DIV2K/DIV2K_valid_HR"
    valid.mkdir(parents=True)
    (valid / "0801.png").touch()
    (set5 / "Set14/HR").mkdir(parents=True)  # without an image
    result = run("list", "--data-root", set5)
    folders = {line.split()[0]: line.split()[2:4] for line in result.stdout.splitlines()}
    assert folders["Set5"] == ["Set5/HR", "HR,"]
    assert folders["DIV2K"] == ["DIV2K/DIV2K_valid_HR", "(valid)"]
    assert folders["Set14"] == ["not", "found"]
    assert result.stderr == f"Folders are in {set5}\n"
    monkeypatch.setenv("SYMAUDIT_DATA", str(set5))
    parsed = document(run("list", "--json"), "list")
    here = {row["name"]: row["here"] for row in parsed["datasets"]}
    assert parsed["data_root"] == str(set5)
    assert (here["Set5"], here["DIV2K"]) == ({"HR": str(set5 / "Set5/HR")}, {"valid": str(valid)})
    assert (here["Set14"], here["mine"]) == ({}, {"all": str(own)})


def test_list_without_a_data_folder_says_so(tmp_path):
    assert run("list").stderr.startswith(
        "Only your own datasets are looked for: no data folder is set; give --data-root"
    )
    assert isinstance(run("list", "--data-root", tmp_path / "nowhere").exception, DataError)


def test_remove_forgets_a_dataset_and_leaves_its_images(own, tmp_path):
    result = run("remove", "Mine")
    assert result.stdout == f"{tmp_path / 'manifests/mine.toml'}\n"
    assert result.stderr == "Mine: no longer a dataset; its images were not touched.\n"
    assert not (tmp_path / "manifests/mine.toml").exists()
    assert sorted(path.name for path in own.iterdir()) == ["a.png", "b.png"]
    assert isinstance(run("show", "mine").exception, SettingError)
    run("add", "mine", own)
    assert document(run("remove", "mine", "--json"), "remove")["manifest"] == str(tmp_path / "manifests/mine.toml")


def test_only_own_datasets_are_removed(own):
    for name, message in (
        ("set5", r'^"set5" is a dataset symaudit ships; only those you added can be removed$'),
        ("mime", r'^you have added no dataset "mime"\. Did you mean "mine"\?$'),
    ):
        error = run("remove", name).exception
        assert isinstance(error, SettingError)
        assert re.search(message, str(error))
    run("remove", "mine")
    assert str(run("remove", "mine").exception) == 'you have added no dataset "mine". You have added none.'


def test_a_damaged_manifest_can_be_removed(tmp_path):
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests/bad.toml").write_text("schema = 1")
    assert run("remove", "bad").exit_code == 0
    assert not (tmp_path / "manifests/bad.toml").exists()


def test_no_line_of_the_commands_is_cut_off():
    assert not [line for line in run("--help").stdout.splitlines()[1:] if line.endswith("...")]


def test_list_goes_on_past_a_malformed_manifest(own, tmp_path):
    (tmp_path / "manifests/bad.toml").write_text("schema = 1")
    result = run("list", "--json")
    parsed = document(result, "list")
    assert {row["name"]: row["own"] for row in parsed["datasets"]}["mine"] is True
    assert [row["name"] for row in parsed["malformed"]] == ["bad"]
    assert "Skipped:" in result.stderr
    assert "bad.toml: schema should be" in result.stderr


def test_show_names_source_licence_checksums_and_traps():
    text = run("show", "urban100").stdout
    for part in ("https://github.com/jbhuang0604/SelfExSR", "not stated by the source", "CVPR 2015", "512 pixels"):
        assert part in text
    assert "folder   Urban100/image_SRF_4 (*_HR.png)" in text
    assert "folder md5 6e0640850d436a359e0a9baf5eabd27b" in text


def test_show_of_a_split_shows_that_split_only():
    text = run("show", "RSSCN7:test").stdout
    assert "RSSCN7:test: 200 images" in text
    assert 'draw     200 of all after 0, seed "symaudit-rsscn7-1"' in text
    assert "RSSCN7:train" not in text
    parsed = document(run("show", "DIV2K:valid", "--json"), "show")
    assert [(split["name"], split["count"]) for split in parsed["splits"]] == [("valid", 100)]


def test_path_prints_the_folder_or_the_files(set5):
    folder = set5 / "Set5/HR"
    assert run("path", "Set5", "--data-root", set5).stdout == f"{folder}\n"
    lines = run("path", "Set5", "--data-root", set5, "--files").stdout.splitlines()
    assert lines == [str(folder / f"{number}.png") for number in range(5)]
    parsed = document(run("path", "Set5:HR", "--data-root", set5, "--files", "--json"), "path")
    assert (parsed["count"], parsed["folders"]) == (5, [str(folder)])
    assert parsed["files"]["0.png"] == str(folder / "0.png")


def test_path_says_that_a_draw_is_not_the_folder(tmp_path):
    for number in range(1, 401):
        for folder in ("aGrass", "bField", "cIndustry", "dRiverLake", "eForest", "fResident", "gParking"):
            (tmp_path / "RSSCN7" / folder).mkdir(parents=True, exist_ok=True)
            (tmp_path / "RSSCN7" / folder / f"{folder[0]}{number:03}.jpg").touch()
    result = run("path", "RSSCN7:test", "--data-root", tmp_path)
    assert result.stdout == f"{tmp_path / 'RSSCN7'}\n"
    assert "--files prints the sampled files" in result.stderr
    assert len(run("path", "RSSCN7:test", "--data-root", tmp_path, "--files").stdout.splitlines()) == 200


def test_data_root_is_read_from_the_environment(set5, monkeypatch):
    monkeypatch.setenv("SYMAUDIT_DATA", str(set5))
    assert run("path", "Set5").stdout == f"{set5 / 'Set5/HR'}\n"


def test_missing_data_and_unknown_names_are_raised_for_the_entry_point(tmp_path):
    missing = run("path", "DIV2K", "--data-root", tmp_path)
    assert isinstance(missing.exception, DataError)
    for part in ("DIV2K/DIV2K_train_HR", "DIV2K_train_HR.zip", "symaudit datasets verify DIV2K --data-root"):
        assert part in str(missing.exception)
    unknown = run("show", "DIV3K")
    assert isinstance(unknown.exception, SettingError)
    assert 'Did you mean "DIV2K"?' in str(unknown.exception)
    assert (missing.stdout, unknown.stdout) == ("", "")


def test_verify_fails_with_1_and_says_why(set5, tmp_path):
    result = run("verify", "Set5", "--data-root", set5)
    assert result.exit_code == 1
    assert "Set5:HR: FAILED" in result.stdout
    assert "5 bytes, expected 851881" in result.stdout
    assert "Next: `symaudit datasets show Set5`" in result.stderr
    parsed = document(run("verify", "Set5", "--data-root", set5, "--json"), "verify")
    found = {check["name"]: check["status"] for check in parsed["checks"]}
    assert found == {"count": "ok", "folder_md5": "failed", "bytes": "failed", "list_sha256": "not known"}
    assert (parsed["ok"], parsed["folders"]) == (False, [str(set5 / "Set5/HR")])
    missing = run("verify", "Set14", "--data-root", set5)
    assert (missing.exit_code, "not found in" in missing.stdout) == (1, True)


def test_verify_of_own_data(own):
    assert run("verify", "mine").exit_code == 0
    (own / "a.png").unlink()
    for number in range(12):
        (own / f"new{number:02}.png").touch()
    result = run("verify", "mine")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert "missing: a.png" in lines
    assert lines.count("extra: and 2 more (--json lists all)") == 1
    assert "extra: new09.png" in lines
    assert "extra: new10.png" not in lines
    assert "Next: `symaudit datasets add mine FOLDER --force`" in result.stderr
    assert len(document(run("verify", "mine", "--json"), "verify")["extra"]) == 12


def test_add_prints_the_manifest_written(own, tmp_path):
    again = run("add", "mine", own)
    assert isinstance(again.exception, SettingError)
    result = run("add", "mine", own, "--force")
    assert result.stdout == f"{tmp_path / 'manifests/mine.toml'}\n"
    assert "mine: 2 images recorded; check them with `symaudit datasets verify mine`" in result.stderr
    assert document(run("add", "mine", own, "--force", "--json"), "add")["count"] == 2


def test_add_takes_files_of_bare_samples(tmp_path):
    (tmp_path / "slices").mkdir()
    (tmp_path / "slices/1.raw").write_bytes(bytes(2 * 12))
    result = run("add", "bare", tmp_path / "slices", "--raw", "4x3,int16,little,HU")
    assert "bare: 1 images recorded" in result.stderr
    assert "samples  4 x 3 int16, little byte order, HU, no header" in run("show", "bare").stdout
    assert document(run("show", "bare", "--json"), "show")["splits"][0]["raw"]["width"] == 4
    assert isinstance(run("add", "more", tmp_path / "slices", "--raw", "4x3").exception, SettingError)


def test_usage_errors_exit_with_2():
    assert run("verify").exit_code == 2
    assert run("add", "mine").exit_code == 2
    assert run("list", "--jsn").exit_code == 2


@pytest.mark.parametrize("command", sorted(datasets.commands))
def test_every_command_has_an_example_and_json(command):
    text = run(command, "--help").stdout
    assert f"Example: symaudit datasets {command}" in text
    assert "--json" in text


def test_names_and_splits_are_completed(own):
    parameter = datasets.commands["show"].params[0]

    def complete(typed):
        return [item.value for item in parameter.shell_complete(None, typed)]

    assert complete("div") == ["DIV2K"]
    assert complete("mi") == ["mine"]
    assert complete("div2k:v") == ["DIV2K:valid", "DIV2K:valid_LR_bicubic_X2", "DIV2K:valid_LR_bicubic_X4"]
    assert complete("nothing:") == []
    own_alone = datasets.commands["remove"].params[0].shell_complete(None, "")
    assert [item.value for item in own_alone] == ["mine"]


def test_nothing_heavy_is_imported_before_it_is_needed():
    code = (
        "import sys; from symmetry_audit.cli.datasets import datasets; "
        "early = {'torch', 'numpy', 'PIL', 'pandas', 'platformdirs', 'symmetry_audit.data'} & set(sys.modules); "
        "datasets(['list', '--json'], standalone_mode=False); "
        "late = {'torch', 'pandas', 'matplotlib', 'tomli_w', 'tqdm'} & set(sys.modules); "
        "sys.exit(f'imported: {early} {late}' if early | late else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 0


@pytest.mark.data
def test_verify_of_real_files(shared_data):
    result = run("verify", "Set5", "--data-root", shared_data)
    assert result.exit_code == 0
    assert result.stdout.endswith("Set5:HR: ok (1 of 4 checks not possible)\n")
