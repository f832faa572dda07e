"""Metal artefact reduction from a folder of slices to a network, its scores and its symmetry."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from symmetry_audit import align, evaluate, pilot, restore, train
from symmetry_audit.errors import SettingError

SIDE = 64


@pytest.fixture(scope="module")
def ct(tmp_path_factory):
    """Slices of noisy tissue in air, of which the second set is another one, and masks."""
    folder = tmp_path_factory.mktemp("ct")
    rng = np.random.default_rng(0)
    away = np.hypot(*(np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2))
    for split in ("train", "test"):
        (folder / split).mkdir()
        slice_ = np.where(away < 28, rng.normal(0, 60, (SIDE, SIDE)), -1000)
        tifffile.imwrite(folder / split / "a.tif", slice_.astype(np.int16))
    masks = np.zeros((2, 16, 16), np.uint8)
    masks[0, 6:10, 6:10] = masks[1, 4:12, 7:9] = 1
    np.save(folder / "metal.npy", masks)
    return folder


@pytest.fixture(scope="module")
def run(ct):
    """A network over p4 with EQ-Reg after two steps, and what was said of it."""
    result = train(
        task="mar",
        data=ct / "train",
        inputs=ct / "metal.npy",
        valid=ct / "test",
        valid_inputs=ct / "metal.npy",
        **{"ct_side": SIDE, "views": 48, "scans": 2, "eq_reg": 0.1, "method": "gcnn", "group": "p4", "preset": "tiny"},
        **{"steps": 2, "batch": 2, "patch": 32, "cache_folder": ct / "cache", "out": ct / "run"},
    )
    return result


def test_a_run_is_scored_in_its_own_protocols(run, ct):
    assert run.best.architecture["backbone"] == "dicdnet" and run.best.card.settings["loss"] == "mar"
    assert run.best.card.validation["protocol"] == "mar" and run.best.card.validation["images"] == 2
    assert (run.folder / "samples" / "step_0000002_0.png").is_file()
    found = evaluate(run.folder, data=ct / "test", inputs=ct / "metal.npy")
    assert found.psnr == pytest.approx(run.best.card.validation["psnr"])
    assert {one.protocol for one in found.further} == {"mar", "mar-statistic", "mar-window"}


def test_its_symmetry_is_measured(run, ct):
    """The image path is equivariant from end to end, and the mask turns with the image."""
    found = align(run.folder, data=ct / "test", inputs=ct / "metal.npy", group="p4", limit=1)
    assert max(row.relative for row in found.scenarios[0].elements) < 1e-3


@pytest.mark.parametrize(("task", "backbone"), [("mar", "resnet"), ("denoise", "dicdnet")])
def test_networks_of_other_images_are_refused(ct, tmp_path, task, backbone):
    """A grey image of metal and an RGB image would be compared channel by channel without a word."""
    (tmp_path / "photos").mkdir()
    Image.fromarray(np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3)).save(tmp_path / "photos" / "a.png")
    sets = {"data": tmp_path / "photos", "valid": tmp_path / "photos", "allow_leak": True, "sigma": 5}
    if task == "mar":
        sets = {
            "data": ct / "train",
            "inputs": ct / "metal.npy",
            "valid": ct / "test",
            "valid_inputs": ct / "metal.npy",
        }
        sets |= {"ct_side": SIDE, "views": 48}
    with pytest.raises(SettingError, match=f"{backbone} is no network for {task}; use "):
        train(task=task, backbone=backbone, **sets, cache_folder=ct / "cache", out=tmp_path / "run")


def test_what_needs_a_picture_alone_is_refused(run, ct):
    with pytest.raises(SettingError, match="restoring files is for tasks that get a degraded picture alone; mar needs"):
        restore(run.folder, ct / "test", out=ct / "restored")
    with pytest.raises(SettingError, match="a pilot is for tasks that get a degraded picture alone"):
        pilot(ct / "test", task="mar", inputs=str(ct / "metal.npy"), out=ct / "pilot")
