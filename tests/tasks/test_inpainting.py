"""Inpainting with a fixed mask and the preparation of EI and REI, and A^+ y of their table."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.errors import ImageError, SettingError
from symmetry_audit.metrics import find_protocol
from symmetry_audit.tasks import Task, make_task

PUBLISHED = {"missing": 0.3, "mask_seed": 0, "square": 512, "resize": 256}  # [EI], [REI]


def image(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    return rng.integers(1, 256, (height, width, 3), dtype=np.uint8)


def test_the_mask_is_that_of_its_seed_and_size(rng):
    """It is stored beside the pixels, and the same for all images of one size and every visit."""
    task = make_task("inpaint", missing=0.3, mask_seed=0)
    clean = image(rng, 200, 180)
    given, target = task.prepare(clean)
    assert target is clean and given.shape == (200, 180, 4) and given.dtype == np.uint8
    np.testing.assert_array_equal(given[..., :3], clean)
    kept = given[..., 3] == 255
    assert set(np.unique(given[..., 3])) == {0, 255}
    assert abs(kept.mean() - 0.7) < 5 * math.sqrt(0.21 / kept.size)
    np.testing.assert_array_equal(task.prepare(image(rng, 200, 180))[0][..., 3] == 255, kept)
    other = make_task("inpaint", missing=0.3, mask_seed=1)
    assert 0.3 < (other.prepare(clean)[0][..., 3] != given[..., 3]).mean() < 0.55  # 2 x 0.3 x 0.7 by chance
    for seed in (0, 1):
        found = task.corrupt(given, np.random.default_rng(seed))
        np.testing.assert_array_equal(found, clean * kept[..., None].astype(np.float32))


def test_a_measurement_is_the_noisy_image_and_its_mask(rng):
    """A dark pixel without photons is measured all the same."""
    task = make_task("inpaint", missing=0.3, peak=5, mask_seed=0)
    given, _ = task.prepare(np.full((60, 60, 3), 40, np.uint8))
    y, kept = task.measurement(given, np.random.default_rng(3))
    np.testing.assert_array_equal(kept[..., 0], given[..., 3] == 255)
    assert not (y * (1 - kept)).any() and (y[kept[..., 0] == 1] == 0).any()
    np.testing.assert_array_equal(task.corrupt(given, np.random.default_rng(3)), y)
    assert task.noise == (51, 0)  # grey levels of one photon
    drawn = make_task("inpaint", missing=0.3)
    y, kept = drawn.measurement(given[..., :3], np.random.default_rng(3))
    np.testing.assert_array_equal((y == 0).all(axis=2), kept[..., 0] == 0)
    assert drawn.noise == (0, 0)


def test_the_middle_of_an_image_is_reduced(rng):
    """By bilinear interpolation with antialiasing: weights of a triangle two pixels wide on each side."""
    clean = image(rng, 12, 15)
    task = make_task("inpaint", missing=0.3, square=8, resize=4)
    given, target = task.prepare(clean)
    assert given is target and target.shape == (4, 4, 3)
    square = clean[2:10, 3:11].astype(float)
    centres = 2 * np.arange(4) + 0.5
    weights = np.clip(1 - np.abs(np.arange(8) - centres[:, None]) / 2, 0, None)
    weights /= weights.sum(1, keepdims=True)
    expected = np.einsum("ia,jb,abc->ijc", weights, weights, square)
    assert np.abs(target - expected).max() <= 1  # rounded after each of two passes
    whole = make_task("inpaint", missing=0.3, square=8).prepare(clean)[1]
    np.testing.assert_array_equal(whole, square)


def test_pixels_are_shared_only_where_they_are_the_same():
    tasks = [
        make_task("inpaint", missing=0.3, peak=20),
        *(make_task("inpaint", missing=missing, mask_seed=seed) for missing, seed in ((0.3, 0), (0.3, 1), (0.5, 0))),
        make_task("inpaint", missing=0.3, square=8),
        make_task("inpaint", missing=0.3, square=8, resize=4),
        make_task("inpaint", missing=0.3, mask_seed=0, square=8, resize=4),
    ]
    identities = [str(task.preparation) for task in tasks]
    assert len(set(identities)) == len(tasks)
    noisy = make_task("inpaint", missing=0.3, peak=20, mask_seed=0)
    assert noisy.preparation == tasks[1].preparation  # noise is drawn later
    assert make_task("inpaint", missing=0.5, square=8).preparation == tasks[4].preparation


@pytest.mark.parametrize(
    "wrong", [{"mask_seed": -1}, {"mask_seed": 0.5}, {"square": 0}, {"square": True}, {"resize": 0}]
)
def test_wrong_numbers(wrong):
    with pytest.raises(SettingError, match=r"--(mask-seed|square|resize) must be a whole number of [01] or more"):
        make_task("inpaint", missing=0.3, **wrong)


def test_refusals(rng):
    for wrong in ({"resize": 4}, {"square": 8, "resize": 9}):
        with pytest.raises(SettingError, match="--resize reduces the central square"):
            make_task("inpaint", missing=0.3, **wrong)
    with pytest.raises(ImageError, match="15 x 7 px is smaller than --square 8; lower it, or remove the image"):
        make_task("inpaint", missing=0.3, square=8).prepare(image(rng, 7, 15))
    with pytest.raises(SettingError, match="--mask-seed belongs to inpaint; remove it for denoise"):
        make_task("denoise", sigma=25, mask_seed=0)


def expected_psnr(clean: np.ndarray, kept: np.ndarray, gamma: float) -> tuple[float, float]:
    """rei and rgb of A^+ y in the mean over the noise: missing values are lost, others have the variance gamma b."""
    b = clean / 255
    squares = float(np.where(kept[..., None], gamma * b, b * b).sum())
    rei = 20 * math.log10(math.sqrt(kept.size) * float(b.max()) / math.sqrt(squares))
    return rei, 10 * math.log10(b.size / squares)


@pytest.mark.data
def test_the_first_column_of_the_published_table(shared_data: Path):
    """A^+ y of 20 images of Urban100, every fifth: to 0.1 dB of a computation apart, and near the published mean.

    The table is of ten images, of which these hold two; their standard deviation is the width to expect.
    """
    table = {0.01: (5.7, 1.5), 0.05: (5.1, 1.4), 0.1: (4.4, 1.3)}
    tasks = {gamma: make_task("inpaint", peak=1 / gamma, **PUBLISHED) for gamma in table}
    kept = np.random.default_rng([0, 256, 256]).random((256, 256)) >= 0.3
    found, expected = {gamma: [] for gamma in table}, {gamma: [] for gamma in table}
    files = sorted((shared_data / "Urban20" / "HR").glob("*.png"))
    assert len(files) == 20
    for path in files:
        with Image.open(path) as file:
            picture = file.convert("RGB")
        left, top = (picture.width - 512) // 2, (picture.height - 512) // 2
        square = picture.crop((left, top, left + 512, top + 512)).resize((256, 256), Image.Resampling.BILINEAR)
        given, clean = tasks[0.05].prepare(np.asarray(picture))
        for gamma, task in tasks.items():
            y = task.corrupt(given, np.random.default_rng(0))
            found[gamma].append([find_protocol(name).psnr(y, clean) for name in ("rei", "rgb")])
            expected[gamma].append(expected_psnr(np.asarray(square, float), kept, gamma))
    for gamma, (mean, width) in table.items():
        np.testing.assert_allclose(found[gamma], expected[gamma], rtol=0, atol=0.1)
        rei = np.array(found[gamma])[:, 0]
        assert rei.mean() == pytest.approx(mean, abs=0.3)
        assert rei.std() == pytest.approx(width, abs=0.3)


def test_tasks_of_older_versions_have_no_mask():
    old = {"name": "inpaint", "scale": 1, "sigma": None, "missing": 0.3, "peak": 20.0}
    task = Task.from_dict(old)
    assert task == make_task("inpaint", missing=0.3, peak=20) and task.to_dict() == old
