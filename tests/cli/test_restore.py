"""`symaudit restore`: folders of files to restored ones, again and again, with what goes wrong on the way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.checkpoints import load_checkpoint
from symmetry_audit.inference import as_samples, restore_image
from tests.cli.conftest import one_document
from tests.conftest import save_photos
from tests.inference.models import save_checkpoint


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    save_checkpoint(folder / "sr", method="fconv")
    save_checkpoint(folder / "sa", method="sa")
    save_checkpoint(folder / "denoise", "denoise")
    save_checkpoint(folder / "wild", "denoise", wild=True)
    return folder


@pytest.fixture
def few(tmp_path, rng):
    return save_photos(tmp_path / "in", rng, count=2, size=(40, 36))


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def tree(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("[!.]*") if path.is_file())


@pytest.mark.parametrize("name", ["sr", "sa"])
def test_a_folder(call, runs, few, tmp_path, name):
    (few / "sub").mkdir()
    shutil.move(few / "photo_1.png", few / "sub" / "b.png")
    code, out, err = call("restore", runs / name, "in", "-o", "out")
    assert (code, out, err) == (0, "Restored 2 images into out\n", "")
    assert tree(tmp_path / "out") == ["photo_0.png", "restoration.json", "restoration.jsonl", "sub/b.png"]
    network = load_checkpoint(runs / name).network()
    expected = as_samples(restore_image(network, pixels(few / "sub" / "b.png")))
    found = pixels(tmp_path / "out" / "sub" / "b.png")
    assert found.shape == (80, 72, 3)
    # folded filters round otherwise, which may tip a value over a half
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_one_file(call, runs, few, tmp_path):
    (few / "photo_0.png").rename(few / "a.png")
    Image.fromarray(pixels(few / "a.png")).save(tmp_path / "small.jpg")
    assert call("restore", runs / "sr", "small.jpg", "-o", "new/large.png")[0] == 0
    assert tree(tmp_path / "new") == ["large.png"]
    code, out, err = call("restore", runs / "sr", "small.jpg", "-o", "new/large.png")
    assert (code, out) == (1, "")
    assert err == "Error: new/large.png already exists; choose another -o, or --force to overwrite it\n"
    assert call("restore", runs / "sr", "small.jpg", "-o", "new/large.png", "--force")[0] == 0


def test_the_same_command_continues(call, runs, few, tmp_path):
    assert call("restore", runs / "sr", "in", "-o", "out", "--limit", 1)[1] == "Restored 1 image into out\n"
    stamp = os.stat(tmp_path / "out" / "photo_0.png").st_mtime_ns
    code, out, err = call("restore", runs / "sr", "in", "-o", "out")
    assert (code, out) == (0, "Restored 1 image into out\n")
    assert err == "1 of 2 images were restored before and are kept; --force restores them again\n"
    assert os.stat(tmp_path / "out" / "photo_0.png").st_mtime_ns == stamp
    done = call("restore", runs / "sr", "in", "-o", "out", "-q")
    assert done == (0, "Restored 0 images into out\n", "")
    assert call("restore", runs / "sr", "in", "-o", "out", "--force")[1] == "Restored 2 images into out\n"
    assert os.stat(tmp_path / "out" / "photo_0.png").st_mtime_ns > stamp


def test_a_result_that_was_edited_is_restored_again_and_named(call, runs, few, tmp_path):
    call("restore", runs / "sr", "in", "-o", "out")
    first, second = sorted((tmp_path / "out").glob("*.png"))
    before = second.read_bytes()
    second.write_bytes(first.read_bytes())
    code, out, err = call("restore", runs / "sr", "in", "-o", "out")
    assert (code, out) == (0, "Restored 1 image into out\n") and second.read_bytes() == before
    assert err.splitlines()[-1] == f"Note: 1 result changed since the last run and restored again: {second.name}"


def test_another_network_cannot_continue(call, runs, few, tmp_path):
    call("restore", runs / "sr", "in", "-o", "out")
    before = pixels(tmp_path / "out" / "photo_0.png")
    for arguments in (
        [runs / "denoise", "in"],
        [runs / "sr", "in", "--self-ensemble"],
        [runs / "sr", "in", "--tile", 9],
    ):
        code, out, err = call("restore", *arguments, "-o", "out")
        assert (code, out) == (1, "")
        assert (
            "out/photo_0.png already exists, and another network, or the same one with other settings, wrote it; choose"
            in err
        )
    np.testing.assert_array_equal(pixels(tmp_path / "out" / "photo_0.png"), before)
    assert call("restore", runs / "denoise", "in", "-o", "out", "--force")[0] == 0
    assert pixels(tmp_path / "out" / "photo_0.png").shape == (40, 36, 3)


def test_files_of_nobody_are_not_overwritten(call, runs, few, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "photo_1.png").write_text("mine", encoding="utf-8")
    code, out, err = call("restore", runs / "sr", "in", "-o", "out")
    assert (code, out) == (
        1,
        "",
    ) and "photo_1.png already exists, and there is no record of which network wrote it" in err
    assert (tmp_path / "out" / "photo_1.png").read_text(encoding="utf-8") == "mine"


def test_json_is_one_document(call, runs, few):
    code, out, err = call("restore", runs / "sr", "in", "-o", "out", "--json", "--device", "cpu")
    document = one_document(out)
    assert (code, err) == (0, "") and document["schema"] == "symaudit.restoration/1"
    assert document["settings"] == {"tile": 512, "overlap": 32, "self_ensemble": False, "device": "cpu"}
    assert [item["file"] for item in document["images"]] == ["out/photo_0.png", "out/photo_1.png"]
    assert all(item["seconds"] > 0 for item in document["images"])
    assert document["kept"] == 0 and document["skipped"] == []


def test_one_bad_image_does_not_stop_the_rest(call, runs, few, tmp_path):
    (few / "bad.png").write_bytes(b"no image")
    code, out, err = call("restore", runs / "sr", "in", "-o", "out")
    assert (code, out) == (4, "Restored 2 images into out\n")
    assert err == "Skipped: bad.png: not a readable PNG, JPEG, TIFF, BMP, WebP, JPEG 2000, AVIF or JPEG XL image\n"
    assert tree(tmp_path / "out") == ["photo_0.png", "photo_1.png", "restoration.json", "restoration.jsonl"]
    again = call("restore", runs / "sr", "in", "-o", "out", "--json", "--allow-skipped")
    assert again[0] == 0 and one_document(again[1])["skipped"][0]["image"] == "bad.png"


def test_a_network_of_nan_writes_nothing(call, runs, few, tmp_path):
    code, out, err = call("restore", runs / "wild", "in", "-o", "out")
    assert (code, out) == (4, "Restored 0 images into out\n")
    assert err.count("the network returned NaN or infinite values") == 2
    assert tree(tmp_path / "out") == ["restoration.json", "restoration.jsonl"]


def test_alpha_is_dropped_with_a_note(call, runs, few):
    Image.fromarray(np.dstack([pixels(few / "photo_0.png"), np.full((40, 36), 9, np.uint8)])).save(few / "a.png")
    code, _, err = call("restore", runs / "denoise", "in", "-o", "out")
    assert code == 0 and err == "The alpha channel was dropped from a.png\n"


def test_results_inside_the_source(call, runs, few, tmp_path):
    for _ in range(2):
        assert call("restore", runs / "denoise", "in", "-o", "in/out")[0] == 0
    assert tree(few / "out") == ["photo_0.png", "photo_1.png", "restoration.json", "restoration.jsonl"]
    code, out, err = call("restore", runs / "denoise", "in", "-o", "./in")
    assert (code, out) == (2, "") and "is the folder of the images themselves; choose another folder for -o" in err


def test_usage_and_missing_things(call, runs, few):
    assert call("restore", runs / "sr", "in")[0] == 2
    code, out, err = call("restore", runs / "none", "in", "-o", "out")
    assert (code, out) == (1, "") and "there is no file" in err
    code, out, err = call("restore", runs / "sr", "nowhere", "-o", "out")
    assert (code, out) == (2, "") and "is not a file, a folder or a dataset" in err


def test_tiles_make_no_seams(call, runs, few, tmp_path):
    for name in ("sr", "sa"):
        call("restore", runs / name, "in", "-o", f"{name}-whole", "--tile", 0)
        call("restore", runs / name, "in", "-o", f"{name}-tiles", "--tile", 13)
        whole, tiles = (pixels(tmp_path / f"{name}-{how}" / "photo_0.png").astype(int) for how in ("whole", "tiles"))
        assert np.abs(whole - tiles).max() <= 1


def test_exit_codes_of_the_real_command(symaudit, runs, few):
    done = symaudit("restore", runs / "sr", "in", "-o", "out")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Restored 2 images into out\n", "")
    wrong = symaudit("restore", runs / "sr", "in", "-o", "in")
    assert wrong.returncode == 2 and wrong.stderr.count("\n") == 1


def test_help_says_how_and_imports_nothing_heavy():
    code = "import sys; from symmetry_audit.cli.restore import restore\n"
    code += "restore(['--help'], standalone_mode=False)\n"
    code += "print(sorted({'numpy', 'pandas', 'matplotlib', 'torch'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"
    assert "Example:" in run.stdout and "Exit codes:" in run.stdout
