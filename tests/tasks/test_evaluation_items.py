"""Test images: prepared as for training, with noise that depends on the seed and the name alone."""

import tarfile

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.errors import DataError
from symmetry_audit.tasks import evaluation_items, fingerprint, make_task, open_pairs, resize_8bit
from tests.conftest import save_photos

SR, DENOISE = make_task("sr", scale=3), make_task("denoise", sigma=(5, 50))


def items(source, task, seed=0) -> dict:
    return {item.key: item for item in evaluation_items(open_pairs(str(source), task), task, seed)}


def pixels(path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_images_are_cut_and_shrunk(photos):
    for key, item in items(photos, SR).items():
        whole = pixels(photos / key)
        np.testing.assert_array_equal(item.clean, whole[:63, :54])
        np.testing.assert_array_equal(item.input, resize_8bit(item.clean, 1 / 3))
        assert item.input.dtype == np.float32 and item.clean.dtype == np.uint8
        assert item.fingerprint == fingerprint(whole)
        assert item.grey is False


def test_pairs_come_as_they_are(tmp_path, rng):
    save_photos(tmp_path / "set" / "gt", rng, 2)
    save_photos(tmp_path / "set" / "lq", rng, 2)
    for key, item in items(tmp_path / "set", make_task("derain")).items():
        np.testing.assert_array_equal(item.clean, pixels(tmp_path / "set" / "gt" / key))
        np.testing.assert_array_equal(item.input, pixels(tmp_path / "set" / "lq" / key))


def test_grey_and_deep_images(tmp_path, rng):
    import tifffile

    deep = rng.integers(0, 65536, (20, 20), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "deep.tif", deep, photometric="minisblack", metadata=None)
    (item,) = items(tmp_path / "deep.tif", DENOISE).values()
    assert item.grey is True
    np.testing.assert_array_equal(item.clean, np.rint(deep / 257)[..., None].repeat(3, 2))


@pytest.mark.parametrize("task", [DENOISE, make_task("inpaint", missing=0.3, peak=20)], ids=["denoise", "inpaint"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_grey_pictures_have_one_field_of_noise_and_colors_three(tmp_path, rng, task, mode):
    """Also where grey is saved as RGB."""
    grey = Image.fromarray(rng.integers(30, 220, (40, 40), dtype=np.uint8))
    grey.convert(mode).save(tmp_path / "grey.png")
    Image.fromarray(rng.integers(30, 220, (40, 40, 3), dtype=np.uint8)).save(tmp_path / "color.png")
    found = {key: item.input - item.clean for key, item in items(tmp_path, task).items()}
    assert np.ptp(found["grey.png"], axis=2).max() == 0 and found["grey.png"].std() > 3
    assert (np.ptp(found["color.png"], axis=2) > 0).mean() > 0.6  # of inpainting 70 % are kept


def test_noise_does_not_depend_on_the_other_images(photos, tmp_path):
    found = items(photos, DENOISE)
    again = evaluation_items(open_pairs(str(photos / "photo_2.png"), DENOISE), DENOISE, 0)
    np.testing.assert_array_equal(next(again).input, found["photo_2.png"].input)
    with tarfile.open(tmp_path / "set.tar", "w") as archive:
        for path in sorted(photos.iterdir(), reverse=True):
            archive.add(path, path.name)
    for key, item in items(tmp_path / "set.tar", DENOISE).items():
        np.testing.assert_array_equal(item.input, found[key].input)


def test_noise_depends_on_seed_and_name(tmp_path):
    (tmp_path / "flat").mkdir()
    for name in ("a", "b"):
        Image.new("RGB", (32, 32), (128,) * 3).save(tmp_path / "flat" / f"{name}.png")
    first, other = items(tmp_path / "flat", DENOISE), items(tmp_path / "flat", DENOISE, seed=1)
    drawn = [item.input - 128 for item in (*first.values(), *other.values())]
    alike = np.corrcoef([noise.ravel() for noise in drawn])[~np.eye(4, dtype=bool)]
    assert np.abs(alike).max() < 0.1
    assert len({round(float(noise.std())) for noise in drawn}) > 1  # each with its own sigma


def test_an_image_that_cannot_be_used_ends_it(photos):
    (photos / "photo_1.png").write_bytes(b"no picture")
    running = evaluation_items(open_pairs(str(photos), DENOISE), DENOISE, 0)
    assert next(running).key == "photo_0.png"
    with pytest.raises(DataError, match=r"photo_1.png: not a readable PNG"):
        next(running)
