"""Which pixels of an image count: its file, padding, the user's mask, the body."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.audit import make_settings, open_masks
from symmetry_audit.audit._valid import valid_pixels
from symmetry_audit.data import DecodedImage
from symmetry_audit.errors import ImageError, SettingError


def picture(luminance: np.ndarray, unit: str = "grey levels", valid: np.ndarray | None = None) -> DecodedImage:
    return DecodedImage(luminance, "float", False, "", unit, valid)


def saved(path: Path, mask: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask.astype(np.uint8)).save(path)
    return path


def barred(rng: np.random.Generator) -> np.ndarray:
    image = rng.uniform(10, 200, (60, 50))
    image[:15] = image[-15:] = 0
    return image


def test_padding_is_looked_for_unless_told_not_to_or_marked_already(rng: np.random.Generator) -> None:
    image, settings = barred(rng), make_settings()
    found = valid_pixels(picture(image), "a", settings)
    assert found is not None and found.sum() == 30 * 50 and found[15:-15].all()
    assert valid_pixels(picture(image), "a", make_settings(padding=False)) is None
    assert valid_pixels(picture(image, "HU"), "a", settings) is None
    marked = rng.random((60, 50)) < 0.9
    assert valid_pixels(picture(image, valid=marked), "a", settings) is marked
    with pytest.raises(ImageError, match="no pixel holds data"):
        valid_pixels(picture(image, valid=np.zeros((60, 50), bool)), "a", settings)


def test_masks_by_name_and_one_for_all(rng: np.random.Generator, tmp_path: Path) -> None:
    image, one, other = barred(rng), rng.random((60, 50)) < 0.5, rng.random((60, 50)) < 0.5
    saved(tmp_path / "masks" / "deep" / "a.png", 255 * one)
    saved(tmp_path / "masks" / "b.bmp", other)  # any value but zero
    masks, settings = open_masks(tmp_path / "masks"), make_settings(padding=False)
    assert np.array_equal(valid_pixels(picture(image), "deep/a.jpg", settings, masks), one)
    assert np.array_equal(valid_pixels(picture(image), "b.dcm", settings, masks), other)
    assert np.array_equal(
        valid_pixels(picture(image), "b.dcm", make_settings(), masks), other
    )  # no other is looked for
    marked = rng.random((60, 50)) < 0.9
    assert np.array_equal(valid_pixels(picture(image, valid=marked), "b.dcm", settings, masks), other & marked)
    with pytest.raises(ImageError, match='has no mask; --mask needs a picture called "c" for it'):
        valid_pixels(picture(image), "c.png", settings, masks)
    with pytest.raises(ImageError, match=r"50 x 61 px, but its mask b\.bmp is 50 x 60 px"):
        valid_pixels(picture(np.zeros((61, 50))), "b.png", settings, masks)
    single = open_masks(tmp_path / "masks" / "b.bmp")
    assert np.array_equal(valid_pixels(picture(image), "anything.png", settings, single), other)


def test_masks_that_cannot_serve(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"--mask: .*nothing.* is not a file, a folder or a dataset"):
        make_settings(mask=tmp_path / "nothing")
    saved(tmp_path / "twice" / "a.png", np.ones((4, 4)))
    saved(tmp_path / "twice" / "a.bmp", np.ones((4, 4)))
    with pytest.raises(SettingError, match=r"holds both a\.bmp and a\.png; keep one of them"):
        open_masks(tmp_path / "twice")
    broken = tmp_path / "a.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"its mask a\.png: "):
        valid_pixels(picture(np.zeros((4, 4))), "a.png", make_settings(padding=False), open_masks(broken))


def test_settings_hold_a_digest_of_the_masks(tmp_path: Path) -> None:
    path = saved(tmp_path / "m" / "a.png", np.ones((5, 5)))
    first = make_settings(mask=path)
    assert first.mask == make_settings(mask=tmp_path / "m").mask  # the same names and bytes
    saved(path, np.eye(5))
    assert make_settings(mask=path).mask != first.mask
    assert make_settings().mask is None


def test_the_body_is_the_largest_part_with_its_holes() -> None:
    image = np.full((80, 90), -1000.0)
    image[10:60, 20:70] = 40.0  # body
    image[25:40, 30:45] = -850.0  # lung
    image[70:74, 5:85] = 100.0  # table
    image[59, 20:70] = -3024.0
    expected = np.zeros((80, 90), bool)
    expected[10:59, 20:70] = True
    found = valid_pixels(picture(image, "HU"), "a", make_settings(body=True))
    assert np.array_equal(found, expected)
    cut = valid_pixels(picture(image, "HU", np.arange(90) < 60 + np.zeros((80, 1))), "a", make_settings(body=True))
    assert cut is not None and np.array_equal(cut, expected & (np.arange(90) < 60))
    with pytest.raises(ImageError, match="--body needs CT values in HU, and this image has grey levels; drop --body"):
        valid_pixels(picture(image), "a", make_settings(body=True))
    with pytest.raises(ImageError, match="--body finds no pixel above -500 HU"):
        valid_pixels(picture(image - 2000, "HU"), "a", make_settings(body=True))
