"""Batches: where patches come from, independence of ranks and resumption, coverage, and the law of augmentations."""

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from symmetry_audit.errors import SettingError
from symmetry_audit.tasks import AUGMENTATIONS, PatchCache, PatchSampler, make_task, open_pairs

SR, DENOISE, INPAINT = make_task("sr"), make_task("denoise", sigma=20), make_task("inpaint", missing=0.4)
SIDE = 24


def coordinates(number) -> np.ndarray:
    """An image whose pixels say which image and where they are."""
    rows, columns = np.mgrid[:SIDE, : SIDE + 4]
    return np.stack([rows, columns, np.full_like(rows, number)], axis=-1).astype(np.uint8)


@pytest.fixture
def charts(tmp_path):
    """Five images of coordinates."""
    (tmp_path / "charts").mkdir()
    for number in range(5):
        Image.fromarray(coordinates(number)).save(tmp_path / "charts" / f"{number}.png")
    return open_pairs(str(tmp_path / "charts"), DENOISE)


@pytest.fixture
def cache(charts, tmp_path):
    return PatchCache(charts, DENOISE, tmp_path / "cache")


def targets(cache, augment, steps=60, seed=3, patch=8) -> np.ndarray:
    """Clean patches of many batches, as integers (n, 3, p, p)."""
    sampler = PatchSampler(cache, DENOISE, patch, seed, augment)
    return np.concatenate([sampler.batch(step, 16)[1] for step in range(steps)]).astype(int)


def test_batches_have_their_form(charts, tmp_path):
    cache = PatchCache(charts, SR, tmp_path / "cache")
    inputs, clean = PatchSampler(cache, SR, 6, 0).batch(0, 7)
    assert inputs.shape == (7, 3, 6, 6) and clean.shape == (7, 3, 12, 12)
    assert inputs.dtype == clean.dtype == np.float32
    assert inputs.flags.c_contiguous and clean.flags.c_contiguous and inputs.flags.writeable


@pytest.mark.parametrize("blind", [False, True])
def test_patches_of_grey_pictures_have_one_field_of_noise(tmp_path, rng, blind):
    """A grey patch of a colored picture has three, as the picture has."""
    (tmp_path / "two").mkdir()
    grey = np.full((SIDE, SIDE), 90, np.uint8)
    Image.fromarray(grey).save(tmp_path / "two/0.png")
    colored = np.repeat(grey[..., None], 3, axis=2)
    colored[0, 0, 0] = 91
    Image.fromarray(colored).save(tmp_path / "two/1.png")
    cache = PatchCache(open_pairs(str(tmp_path / "two"), DENOISE), DENOISE, tmp_path / "cache")
    spreads = np.ptp(PatchSampler(cache, DENOISE, 8, 0, blind=blind).batch(0, 2)[0], axis=1)
    assert sorted(spread.max() > 1 for spread in spreads) == [False, True]


def test_patches_are_cut_from_one_image_pixel_by_pixel(cache):
    for patch in targets(cache, "none", 10):
        rows, columns, number = patch
        assert len(np.unique(number)) == 1
        np.testing.assert_array_equal(rows - rows[0, 0], np.mgrid[:8, :8][0])
        np.testing.assert_array_equal(columns - columns[0, 0], np.mgrid[:8, :8][1])


def test_every_place_is_drawn_and_alike(cache):
    found = targets(cache, "none", 200)
    tops, lefts = found[:, 0, 0, 0], found[:, 1, 0, 0]
    assert set(tops) == set(range(SIDE - 7)) and set(lefts) == set(range(SIDE + 4 - 7))  # both ends included
    for places in (tops, lefts):
        assert stats.chisquare(np.bincount(places)).pvalue > 1e-4
    assert abs(np.corrcoef(tops, lefts)[0, 1]) < 5 / np.sqrt(len(tops))


def test_inputs_and_targets_show_the_same_place(tmp_path, rng):
    """Blocks of 2 x 2 equal pixels: what shrinking leaves of them is nearest to the block itself."""
    blocks = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8).repeat(2, 0).repeat(2, 1)
    (tmp_path / "one").mkdir()
    Image.fromarray(blocks).save(tmp_path / "one" / "a.png")
    pairs = open_pairs(str(tmp_path / "one"), SR)
    sampler = PatchSampler(PatchCache(pairs, SR, tmp_path / "cache"), SR, 12, 5)
    for step in range(20):
        inputs, clean = sampler.batch(step, 4)
        np.testing.assert_array_equal(clean[:, :, ::2, ::2], clean[:, :, 1::2, 1::2])  # whole blocks
        for one, other in zip(inputs, clean[:, :, ::2, ::2], strict=True):
            assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9
            assert np.corrcoef(one[:, :, ::-1].ravel(), other.ravel())[0, 1] < 0.5


def orientation(patch) -> str:
    """Which of the eight: mirrored left-right, up-down, transposed."""
    rows = patch[0]
    down, across = rows[1, 0] - rows[0, 0], rows[0, 1] - rows[0, 0]
    columns = patch[1]
    turned = down == 0
    steps = (columns[1, 0] - columns[0, 0], across) if turned else (columns[0, 1] - columns[0, 0], down)
    return "".join(name for name, on in zip("hvt", (steps[0] < 0, steps[1] < 0, turned), strict=True) if on)


@pytest.mark.parametrize(
    ("augment", "expected"),
    [
        ("none", {""}),
        ("hflip", {"", "h"}),
        ("flips", {"", "h", "v", "hv"}),
        ("flips+turns", {"", "h", "v", "hv", "t", "ht", "vt", "hvt"}),
    ],
)
def test_augmentations_are_drawn_alike(cache, augment, expected):
    found = [orientation(patch) for patch in targets(cache, augment, 100)]
    counts = {name: found.count(name) for name in set(found)}
    assert set(counts) == expected
    if len(expected) > 1:
        assert stats.chisquare(list(counts.values())).pvalue > 1e-4


def test_there_is_a_test_of_every_augmentation():
    assert list(AUGMENTATIONS) == ["none", "hflip", "flips", "flips+turns", "rotations"]  # the last one with labels


def test_images_are_visited_in_permutations(cache):
    numbers = targets(cache, "flips+turns", 50)[:, 2, 0, 0].reshape(-1, 5)  # batches of 16, epochs of 5
    assert all(sorted(epoch) == list(range(5)) for epoch in numbers.tolist())
    assert len({tuple(epoch) for epoch in numbers.tolist()}) > 30  # of 120, in 160 epochs


@pytest.mark.parametrize("task", [DENOISE, INPAINT], ids=str)
def test_batches_are_a_function_of_seed_and_step(charts, tmp_path, task):
    cache = PatchCache(charts, task, tmp_path / "cache")
    straight = PatchSampler(cache, task, 8, 3)
    batches = [straight.batch(step, 6) for step in range(12)]
    resumed = PatchSampler(cache, task, 8, 3)
    for step in (11, 4, 7):
        for one, other in zip(resumed.batch(step, 6), batches[step], strict=True):
            np.testing.assert_array_equal(one, other)
    other = PatchSampler(cache, task, 8, 4).batch(4, 6)
    assert not np.array_equal(other[1], batches[4][1]) and not np.array_equal(other[0], batches[4][0])
    assert not np.array_equal(batches[4][0], batches[5][0])


@pytest.mark.parametrize("world", [2, 3])
def test_ranks_share_the_batch_of_one(cache, world):
    inputs, clean = PatchSampler(cache, DENOISE, 8, 3).batch(9, 7)
    for rank in range(world):
        mine = PatchSampler(cache, DENOISE, 8, 3).batch(9, 7, rank, world)
        np.testing.assert_array_equal(mine[0], inputs[rank::world])
        np.testing.assert_array_equal(mine[1], clean[rank::world])


def test_samples_draw_their_own_noise(cache):
    inputs, clean = PatchSampler(cache, DENOISE, 8, 3).batch(0, 64)
    noise = (inputs - clean).reshape(64, -1)
    alike = np.corrcoef(noise)[~np.eye(64, dtype=bool)]
    assert np.abs(alike).max() < 6 / np.sqrt(noise.shape[1])
    assert noise.std() == pytest.approx(20, rel=0.05)


def test_a_patch_may_be_the_whole_image(cache):
    assert set(targets(cache, "none", 5, patch=SIDE)[:, 0, 0, 0]) == {0}


def test_what_does_not_fit_is_refused(charts, cache, tmp_path):
    expected = r"0.png \(28 x 24 px when degraded\) is smaller than a patch of 25 px; lower --patch, or"
    with pytest.raises(SettingError, match=expected):
        PatchSampler(cache, DENOISE, 25, 0)
    with pytest.raises(SettingError, match=r"0.png \(14 x 12 px when degraded\) is smaller than a patch of 13 px"):
        PatchSampler(PatchCache(charts, SR, tmp_path / "cache"), SR, 13, 0)
    with pytest.raises(SettingError, match=r'unknown augmentation "spin".* none, hflip, flips'):
        PatchSampler(cache, DENOISE, 8, 0, "spin")
    with pytest.raises(SettingError, match="--patch must be at least 1 px, got 0"):
        PatchSampler(cache, DENOISE, 0, 0)
    with pytest.raises(SettingError, match="--seed must be at least 0, got -1"):
        PatchSampler(cache, DENOISE, 8, -1)
