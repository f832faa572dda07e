"""The manifests that are shipped, against their sources' counts and, where they are at hand, the real files."""

import hashlib
import re
from pathlib import Path

import pytest

from symmetry_audit.data import manifests
from symmetry_audit.errors import DataError

from .samples import fill, keys, statuses

COUNTS = {  # images in each split, from the datasets' own pages and repositories
    "Ada4DIR": dict.fromkeys(["train_clean", "train_noise", "train_blur", "train_dark", "train_haze", "test", "val"]),
    "BSD100": {"HR": 100, "LR_X2": 100},
    "DIV2K": {
        "train": 800,
        "valid": 100,
        "all": 900,
        "train_LR_bicubic_X2": 800,
        "valid_LR_bicubic_X2": 100,
        "train_LR_bicubic_X4": 800,
        "valid_LR_bicubic_X4": 100,
    },
    "Rain100H": {"train_rain": 1800, "train_norain": 1800, "test_rain": 100, "test_norain": 100},
    "Rain12": {"test_rain": 12, "test_norain": 12},
    "Rain1400": {"train_rain": 12600, "train_norain": 900, "test_rain": 1400, "test_norain": 100},
    "Rain200H": {"train_rain": None, "train_norain": None, "test_rain": 200, "test_norain": 200},
    "Rain200L": {"train_rain": None, "train_norain": None, "test_rain": 200, "test_norain": 200},
    "Rain100L": {"train_rain": 200, "train_norain": 200, "test_rain": 100, "test_norain": 100},
    "RSSCN7": {"all": 2800, "train": 2600, "test": 200},
    "Set14": {"HR": 14, "LR_X2": 14},
    "Set5": {"HR": 5, "LR_X2": 5},
    "Urban100": {"HR": 100, "train_90": 90, "test_10": 10},
}


def test_shipped_datasets_have_the_counts_of_their_sources():
    found = {m.name: {split.name: m.count(split) for split in m.splits} for m in manifests.shipped()}
    assert found == COUNTS


def test_shipped_manifests_are_complete_relative_and_named_after_their_file():
    for manifest in manifests.shipped():
        assert manifest.origin == f"{manifest.name.lower()}.toml"
        assert manifest.url.startswith("http")
        for layout in (layout for split in manifest.splits for layout in split.layouts):
            assert not Path(layout.folder).is_absolute()
            assert re.fullmatch(r"[\w./-]+", layout.folder)


def test_the_900_images_of_the_paper_are_train_and_valid():
    assert manifests.load_manifest("div2k").split("ALL").parts == ("train", "valid")


def test_merged_div2k_folder_is_split_by_number(tmp_path):
    fill(tmp_path / "DIV2K/DIV2K_train_HR", *(f"{number:04}.png" for number in range(1, 901)))
    div2k = manifests.load_manifest("DIV2K")
    train, valid = (keys(manifests.locate(div2k, split, tmp_path)) for split in ("train", "valid"))
    assert (train[0], train[-1], len(train)) == ("0001.png", "0800.png", 800)
    assert (valid[0], valid[-1], len(valid)) == ("0801.png", "0900.png", 100)
    both = keys(manifests.locate(div2k, "all", tmp_path))
    assert both[:1] + both[-1:] == ["train/0001.png", "valid/0900.png"]
    assert len(set(both)) == 900


def test_rsscn7_draw_never_changes(tmp_path):
    classes = ["aGrass", "bField", "cIndustry", "dRiverLake", "eForest", "fResident", "gParking"]
    names = [f"{folder}/{folder[0]}{number:03}.jpg" for folder in classes for number in range(1, 401)]
    fill(tmp_path / "RSSCN7", *names)
    rsscn7 = manifests.load_manifest("RSSCN7")
    test, train = (keys(manifests.locate(rsscn7, split, tmp_path)) for split in ("test", "train"))
    assert (len(test), len(train), sorted(test + train)) == (200, 2600, names)
    naive = sorted(names, key=lambda k: hashlib.sha256(f"symaudit-rsscn7-1 {k[-8:]}".encode()).hexdigest())
    assert test == sorted(naive[:200])
    digest = hashlib.sha256("\n".join(test).encode()).hexdigest()
    assert digest == "7bb3be6a6255dbfc3ac77cb3a9d7182c0643c2bcae4f23a4a849a18047d7f938"


@pytest.mark.parametrize(("folder", "ending"), [("Urban100/HR", ".png"), ("Urban100/image_SRF_4", "_SRF_4_HR.png")])
def test_urban100_is_split_by_number(tmp_path, folder, ending):
    fill(tmp_path / folder, *(f"img_{number:03}{ending}" for number in range(1, 101)), f"img_001{ending[:-6]}LR.png")
    urban = manifests.load_manifest("Urban100")
    train, test = (keys(manifests.locate(urban, split, tmp_path)) for split in ("train_90", "test_10"))
    assert train == [f"img_{number:03}{ending}" for number in range(1, 91)]
    assert test == [f"img_{number:03}{ending}" for number in range(91, 101)]


def test_files_without_public_checksums_are_counted_and_no_more(tmp_path):
    rain = manifests.load_manifest("Rain12")
    fill(tmp_path / "Rain12/rain", *(f"{number}.png" for number in range(12)))
    result = manifests.verify(rain, "test_rain", tmp_path)
    assert (statuses(result), result.ok) == ({"count": "ok", "checksums": "not known"}, True)
    (tmp_path / "Rain12/rain/3.png").unlink()
    assert statuses(manifests.verify(rain, "test_rain", tmp_path))["count"] == "failed"


@pytest.mark.data
@pytest.mark.parametrize("name", ["Set5", "Set14", "BSD100"])
def test_real_files_are_the_published_ones(shared_data, name):
    result = manifests.verify(manifests.load_manifest(name), None, shared_data)
    assert statuses(result) == {"count": "ok", "folder_md5": "ok", "bytes": "ok", "list_sha256": "not known"}


@pytest.mark.data
@pytest.mark.parametrize("name", ["Set5", "Set14", "BSD100"])
def test_real_files_under_their_original_names(shared_data, tmp_path, name):
    folder = fill(tmp_path / name / "image_SRF_2", "img_001_SRF_2_LR.png")
    for path in (shared_data / name / "HR").iterdir():
        (folder / f"{path.stem}_SRF_2_HR.png").symlink_to(path)
    result = manifests.verify(manifests.load_manifest(name), None, tmp_path)
    assert statuses(result) == dict.fromkeys(["count", "folder_md5", "bytes", "list_sha256"], "ok")


@pytest.mark.data
def test_a_part_of_a_real_dataset_is_not_taken_for_the_whole(shared_data):
    with pytest.raises(DataError, match="expected 2800 images, found 112 in"):
        manifests.locate(manifests.load_manifest("RSSCN7"), "test", shared_data)
    with pytest.raises(DataError, match="expected 100 images, found 20 in"):
        manifests.locate(manifests.load_manifest("Rain100L"), "test_norain", shared_data)
