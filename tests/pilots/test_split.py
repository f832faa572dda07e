"""The images of a pilot: windows, duplicates, and a split for every seed."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.errors import DataError
from symmetry_audit.options import silent_progress
from symmetry_audit.pilots import _split
from symmetry_audit.pilots._split import read_pictures
from symmetry_audit.tasks import make_task, open_pairs
from tests.conftest import save_photos

DENOISE = make_task("denoise", sigma=25)


def pictures(folder, task=DENOISE, seed=0, progress=silent_progress):
    return read_pictures(open_pairs(str(folder), task), task, seed, progress)


def test_a_seed_holds_out_other_images_than_it_trains_on(tmp_path, rng):
    found = pictures(save_photos(tmp_path / "a", rng, count=12))
    assert (len(found.items), found.held_out, found.patch) == (12, 2, 32)
    kinds = []
    for seed in range(60):
        split = found.split(seed)
        assert (len(split), len(split.held_out)) == (10, 2)
        train = {split[at][1].tobytes() for at in range(len(split))}
        held_out = {clean.tobytes() for _, clean in split.held_out}
        assert len(train) == 10 and len(held_out) == 2 and not train & held_out
        kinds.append(frozenset(held_out))
    assert len(set(kinds)) > 30
    assert set.union(*map(set, kinds)) == {clean.tobytes() for _, clean in found.items}


def test_a_split_depends_on_its_seed_alone(tmp_path, rng):
    found = pictures(save_photos(tmp_path / "a", rng, count=7))
    one, two, other = found.split(3), found.split(3), found.split(4)
    for (a, b), (c, d) in zip(one.held_out, two.held_out, strict=True):
        assert np.array_equal(a, c) and np.array_equal(b, d)
    assert not np.array_equal(one.held_out[0][0], other.held_out[0][0])
    noise = one.held_out[0][0] - one.held_out[0][1]
    assert noise.std() == pytest.approx(25, rel=0.1) and one.held_out[0][0].dtype == np.float32


@pytest.mark.parametrize(("count", "held_out"), [(6, 2), (12, 2), (20, 4), (90, 16)])
def test_a_fifth_is_held_out(count, held_out):
    blank = np.zeros((8, 8, 3), np.uint8)
    assert _split.Pictures(DENOISE, ((blank, blank),) * count, 8).held_out == held_out


def test_near_duplicates_stand_on_no_side_twice(tmp_path, rng):
    folder = save_photos(tmp_path / "a", rng, count=7)
    brighter = np.asarray(Image.open(folder / "photo_3.png")).clip(0, 245) + 10
    Image.fromarray(brighter.astype(np.uint8)).save(folder / "photo_9.png")
    found = pictures(folder)
    assert len(found.items) == 7
    assert [(item.image, item.reason) for item in found.skipped] == [
        ("photo_9.png", "nearly the same picture as photo_3.png")
    ]


def test_images_of_one_direction_are_no_duplicates(tmp_path, rng):
    """Every row is constant: of 64 frequencies of a perceptual hash 56 are 0, and all hashes are alike."""
    (tmp_path / "a").mkdir()
    for at in range(6):
        rows = rng.integers(0, 256, (32, 1, 1)).astype(np.uint8)
        Image.fromarray(np.broadcast_to(rows, (32, 40, 3)).copy()).save(tmp_path / "a" / f"{at}.png")
    assert len(pictures(tmp_path / "a").items) == 6


def test_large_images_are_cut_and_many_are_drawn(tmp_path, rng, monkeypatch):
    monkeypatch.setattr(_split, "MOST", 8)
    folder = save_photos(tmp_path / "a", rng, count=12, size=(300, 40))
    calls = []
    found = pictures(folder, progress=lambda done, total: calls.append((done, total)))
    assert len(found.items) == 8 and calls[-1] == (8, 8) and len(calls) == 8
    assert all(clean.shape == (256, 40, 3) and clean.base is None for _, clean in found.items)
    assert all(clean.shape == (96, 40, 3) for _, clean in found.split(0).held_out)
    again = [item[1].tobytes() for item in pictures(folder).items]
    other = [item[1].tobytes() for item in pictures(folder, seed=1).items]
    assert again == [item[1].tobytes() for item in found.items] != other


def test_pairs_are_cut_at_the_same_place(tmp_path, rng):
    for name in ("rain", "norain"):
        (tmp_path / "a" / name).mkdir(parents=True)
    for at in range(6):
        clean = rng.integers(0, 200, (120, 310, 3)).astype(np.uint8)
        Image.fromarray(clean).save(tmp_path / "a" / "norain" / f"{at}.png")
        Image.fromarray(clean + 50).save(tmp_path / "a" / "rain" / f"{at}.png")
    found = pictures(tmp_path / "a", make_task("derain"))
    split = found.split(0)
    assert all(np.array_equal(rainy, clean + 50) for rainy, clean in found.items)
    assert all(np.array_equal(rainy, clean + 50.0) and clean.shape == (96, 96, 3) for rainy, clean in split.held_out)


def test_super_resolution_is_cut_on_the_coarse_grid(tmp_path):
    """Columns are their own number: a coarse column c lies over the fine ones 2c and 2c + 1."""
    (tmp_path / "a").mkdir()
    for at in range(6):
        columns = np.clip(np.arange(250) + at, 0, 255).astype(np.uint8)
        picture = np.broadcast_to(columns[None, :, None], (100, 250, 3)).copy()
        picture[:, :, 1] = np.random.default_rng(at).integers(0, 256, (100, 1))
        Image.fromarray(picture).save(tmp_path / "a" / f"{at}.png")
    split = pictures(tmp_path / "a", make_task("sr", scale=2)).split(1)
    for coarse, fine in split.held_out:
        assert (coarse.shape, fine.shape) == ((48, 48, 3), (96, 96, 3))
        middle = fine[:, 40:42, 0].mean()
        assert coarse[:, 20, 0].mean() == pytest.approx(middle, abs=1)


def test_held_out_grey_images_have_one_field_of_noise(tmp_path, rng):
    (tmp_path / "a").mkdir()
    for at in range(6):
        Image.fromarray(rng.integers(0, 256, (40, 40), dtype=np.uint8)).save(tmp_path / "a" / f"{at}.png")
    for noisy, clean in pictures(tmp_path / "a").split(0).held_out:
        assert np.ptp(noisy, axis=2).max() == 0 and (noisy - clean).std() > 3


def test_small_images_have_small_patches(tmp_path, rng):
    found = pictures(save_photos(tmp_path / "a", rng, count=6, size=(25, 25)))
    assert found.patch == 24
    tiny = save_photos(tmp_path / "b", rng, count=7, size=(40, 40))
    Image.fromarray(rng.integers(0, 256, (10, 12, 3)).astype(np.uint8)).save(tiny / "tiny.png")
    found = pictures(tiny)
    assert (len(found.items), found.patch) == (7, 32)
    assert not found.broken and found.skipped[0].reason == "12 x 10 px when degraded, smaller than a patch of 32 px"


def test_too_few_images_are_refused_with_the_number_needed(tmp_path, rng):
    folder = save_photos(tmp_path / "a", rng, count=5)
    with pytest.raises(
        DataError, match=r'a pilot needs at least 6 different images, "[^"]*a" has 5 that can be used; a'
    ):
        pictures(folder)
    (folder / "broken.png").write_text("no image")
    with pytest.raises(DataError, match=r"has 5 that can be used \(broken.png: .+\); add images"):
        pictures(folder)
