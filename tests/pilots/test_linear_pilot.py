"""The pilot on folders of images: tasks, skipped images, subsets, workers, refusals."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, replace

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.errors import DataError, SettingError
from symmetry_audit.pilots import GROUPS, array_pilot, linear_pilot
from symmetry_audit.pilots._images import LARGEST, noise_kind, prepared
from symmetry_audit.pilots._windows import chosen_window
from symmetry_audit.results import LinearPilot
from symmetry_audit.tasks import Task, imresize, make_task, open_pairs, source_fingerprint
from tests.conftest import save_photos, smooth_noise

NOISY = make_task("denoise", sigma=20)
FAST = {"groups": ("p1m", "p4"), "window": 5}


@pytest.fixture
def pairs(tmp_path, rng):
    return open_pairs(str(save_photos(tmp_path / "six", rng, 6, (40, 33))), NOISY)


def channel(pair) -> np.ndarray:
    """The channel that varies most."""
    pixels = np.asarray(Image.open(pair.clean.path).convert("RGB")).astype(float)
    return pixels[..., pixels.reshape(-1, 3).var(axis=0).argmax()]


def test_denoising_is_the_pilot_on_one_channel_with_its_noise(pairs):
    found = linear_pilot(pairs, NOISY, folds=3, seed=2)
    images = [channel(pair) for pair in pairs.refs]
    expected = array_pilot([(image, image) for image in images], sigma=20, window=11, folds=3, seed=2)
    assert found.gains == expected
    assert [gain.group for gain in found.gains] == list(GROUPS)
    assert (found.window, found.folds, found.noise, found.seed) == (11, 3, "exact", 2)
    assert (found.task, found.task_text) == (NOISY.to_dict(), "denoising, Gaussian noise of sigma 20")
    assert (found.data.images, found.data.fingerprint) == (6, source_fingerprint(pairs))
    assert found.gain("p4") is found.gains[3] and found.gain("p16") is None


def test_pairs_and_shrunk_images_are_pilots_on_what_the_network_gets(tmp_path, rng):
    clean, rainy = (save_photos(tmp_path / name, rng, 4, (34, 41)) for name in ("norain", "rain"))
    derain = make_task("derain")
    pairs = open_pairs(str(clean.parent), derain)
    images = []
    for pair in pairs.refs:
        sides = [np.asarray(Image.open(path / pair.key)).astype(float) for path in (clean, rainy)]
        most = sides[0].reshape(-1, 3).var(axis=0).argmax()
        images.append((sides[0][..., most], sides[1][..., most]))
    found = linear_pilot(pairs, derain, **FAST)
    assert found.noise == "none" and found.gains == array_pilot(images, folds=4, **FAST)

    task = make_task("sr", scale=3)
    pairs = open_pairs(str(clean), task)
    images = [channel(pair)[:33, :39] for pair in pairs.refs]
    small = [np.floor(imresize(image, 1 / 3).clip(0, 255) + 0.5) for image in images]
    expected = array_pilot([(a, imresize(b, 3)) for a, b in zip(images, small, strict=True)], folds=4, **FAST)
    for one, other in zip(linear_pilot(pairs, task, **FAST).gains, expected, strict=True):
        assert one.gain_db == pytest.approx(other.gain_db, abs=1e-9)


@dataclass(frozen=True, kw_only=True)
class Drawn(type(NOISY)):
    """Denoising without a formula."""

    noise_variance = Task.noise_variance


def test_noise_without_a_formula_is_drawn(pairs):
    drawn = Drawn(sigma=20.0)
    found, exact = (linear_pilot(pairs, task, **FAST) for task in (drawn, NOISY))
    assert (found.noise, exact.noise, noise_kind(make_task("sr"))) == ("drawn", "exact", "none")
    for one, other in zip(found.gains, exact.gains, strict=True):
        assert one.gain_db != other.gain_db
        assert one.gain_db == pytest.approx(other.gain_db, abs=0.05)
    assert linear_pilot(pairs, drawn, **FAST) == found
    assert linear_pilot(pairs, drawn, **FAST, seed=1).gains != found.gains


def test_the_bits_do_not_depend_on_the_number_of_workers(pairs, tmp_path):
    alone = linear_pilot(pairs, NOISY, **FAST)
    assert [linear_pilot(pairs, NOISY, **FAST, workers=count) for count in (2, 5)] == [alone, alone]
    packed = tmp_path / "six.zip"
    with zipfile.ZipFile(packed, "w") as file:
        for pair in pairs.refs:
            file.write(pair.clean.path, pair.key)
    assert linear_pilot(open_pairs(str(packed), NOISY), NOISY, **FAST, workers=2).gains == alone.gains


def test_progress_counts_decoding_and_moments(pairs, tmp_path):
    steps = []
    linear_pilot(pairs, NOISY, **FAST, workers=3, progress=lambda done, total: steps.append((done, total)))
    assert steps == [(done, 12) for done in range(1, 13)]


def test_a_limit_draws_images_by_the_seed(pairs):
    sets = [linear_pilot(pairs, NOISY, **FAST, limit=4, seed=seed).data for seed in range(6)]
    assert {data.images for data in sets} == {4}
    assert len({data.fingerprint for data in sets}) > 1
    assert linear_pilot(pairs, NOISY, **FAST, limit=4, seed=0).data == sets[0]
    assert linear_pilot(pairs, NOISY, **FAST, limit=6).data.fingerprint == source_fingerprint(pairs)


def test_images_that_cannot_be_used_are_skipped(pairs, tmp_path, rng):
    folder = pairs.refs[0].clean.path.parent
    whole = linear_pilot(pairs, NOISY, **FAST)
    (folder / "broken.png").write_bytes(b"no picture")
    Image.fromarray(np.zeros((4, 90), np.uint8)).save(folder / "thin.png")
    found = linear_pilot(open_pairs(str(folder), NOISY), NOISY, **FAST)
    assert found.gains == whole.gains and found.data.fingerprint == whole.data.fingerprint
    assert [item.image for item in found.skipped] == ["broken.png", "thin.png"]
    assert found.skipped[1].reason == "smaller than the window of 5 px"


def test_grey_images_count_once(tmp_path, rng):
    for name in ("grey", "colour"):
        (tmp_path / name).mkdir()
    for index in range(4):
        pixels = smooth_noise(rng, 30, 30).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "grey" / f"{index}.png")
        blue = np.stack([0 * pixels, 0 * pixels, pixels], axis=-1)
        Image.fromarray(blue).save(tmp_path / "colour" / f"{index}.png")
    grey, blue = (
        linear_pilot(open_pairs(str(tmp_path / name), NOISY), NOISY, **FAST).gains for name in ("grey", "colour")
    )
    assert grey == blue


@pytest.mark.parametrize("scale", [1, 3])
def test_of_large_images_the_middle_is_read(tmp_path, rng, scale):
    task = NOISY if scale == 1 else make_task("sr", scale=scale)
    pixels = rng.integers(0, 256, (30, 6 * 130 + 3, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    (pair,) = open_pairs(str(tmp_path), task).refs
    found = prepared(pair, task)
    width = found.clean.shape[1]
    assert LARGEST - 2 * scale < width <= LARGEST and found.clean.shape[0] == 30
    assert found.given.shape == (30 // scale, width // scale)
    left = (pixels.shape[1] - width) // 2
    most = pixels[:, left : left + width].reshape(-1, 3).var(axis=0).argmax()
    np.testing.assert_array_equal(found.clean, pixels[:, left : left + width, most])


def test_flat_images_gain_nothing():
    flat = np.full((20, 20), 100.0)
    for gain in array_pilot([(flat, flat)] * 3, **FAST):
        assert (gain.gain_db, gain.low, gain.high) == (0, 0, 0)


@pytest.mark.parametrize(
    ("side", "window"), [(481, 15), (40, 15), (39, 13), (33, 11), (25, 9), (13, 5), (12, 3), (3, 3)]
)
def test_small_images_have_small_windows(side, window):
    assert chosen_window([(side, 900), (900, side), (side + 1, side)]) == window


def test_a_few_small_images_do_not_shrink_the_window():
    assert chosen_window([(10, 10), (200, 300), (300, 200)]) == 15
    assert chosen_window([(10, 10)], 11) == 11


def test_what_is_refused(pairs, tmp_path, rng):
    with pytest.raises(SettingError, match="the window must be an odd number of pixels, 3 or more, got 8"):
        linear_pilot(pairs, NOISY, window=8)
    with pytest.raises(SettingError, match="the window must be an odd number of pixels, 3 or more, got 1"):
        linear_pilot(pairs, NOISY, window=1)
    with pytest.raises(SettingError, match="folds must be at least 2, got 1"):
        linear_pilot(pairs, NOISY, folds=1)
    with pytest.raises(SettingError, match="--limit must be at least 2 for a pilot, got 1"):
        linear_pilot(pairs, NOISY, limit=1)
    with pytest.raises(SettingError, match='"q4" is not a group'):
        linear_pilot(pairs, NOISY, groups=("q4",))
    with pytest.raises(DataError, match="a pilot needs 2 images or more, one to learn from and one to restore; got 1"):
        linear_pilot(replace(pairs, refs=pairs.refs[:1]), NOISY)
    with pytest.raises(DataError, match="a pilot needs 2 images or more, one to learn from and one to restore; got 0"):
        linear_pilot(replace(pairs, refs=()), NOISY)
    image = np.zeros((9, 9))
    with pytest.raises(SettingError, match=r"pair 1 must hold two images \(H, W\) of at least 5 px, got \(9, 9\) and"):
        array_pilot([(image, image), (image, image[1:])], window=5)
    with pytest.raises(SettingError, match="pair 0 must hold two images"):
        array_pilot([(image[:4], image[:4])] * 2, window=5)


def test_results_are_json_and_back(pairs):
    found = linear_pilot(pairs, NOISY, groups=("p4", "p8"), window=7)
    document = json.loads(json.dumps(found.to_dict()))
    assert LinearPilot.from_dict(document) == found
    assert document["gains"][0]["verdict"] == found.gains[0].verdict
    assert document["gains"][0]["curve"] == [
        {"images": 1, "gain_db": found.gains[0].curve[0].gain_db},
        *({"images": 4, "gain_db": point.gain_db} for point in found.gains[0].curve[1:]),
    ]
