"""V of an image with padding: which pixels it has, by distances; what is filled and what is cut off."""

from __future__ import annotations

import numpy as np
import pytest

from symmetry_audit.audit._domain import coarser, coarser_valid, domain, filled
from symmetry_audit.audit._image import scaled_copies
from symmetry_audit.audit._settings import make_settings
from symmetry_audit.errors import ImageError


def disc(height: int, width: int, radius: float) -> np.ndarray:
    y, x = np.indices((height, width))
    return np.hypot(y - (height - 1) / 2, x - (width - 1) / 2) <= radius


def far(valid: np.ndarray, margin: int) -> np.ndarray:
    """V in the whole image, from the distances of all pairs of pixels; what is outside the image is not valid."""
    around = np.pad(valid, margin + 1)
    bad, every = (np.argwhere(part) for part in (~around, np.ones_like(around)))
    squares = np.square(every[:, None] - bad).sum(-1).min(1).reshape(around.shape)
    return (squares > margin * margin)[margin + 1 : -margin - 1, margin + 1 : -margin - 1]


@pytest.mark.parametrize("margin", [0, 1, 4, 7])
def test_v_is_what_is_far_from_all_that_is_no_data(rng: np.random.Generator, margin: int) -> None:
    for height, width, share in ((31, 40, 0.001), (40, 27, 0.01), (24, 24, 0.1)):
        valid = disc(height, width, 22) & (rng.random((height, width)) > share)
        image, theirs = rng.random((height, width)), far(valid, margin)
        found = domain(image, valid, margin)
        if found is None:
            assert not theirs.any()
            continue
        rows, columns = np.flatnonzero(theirs.any(1)), np.flatnonzero(theirs.any(0))
        box = theirs[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert np.array_equal(np.ones_like(box) if found.inside is None else found.inside, box)
        around = slice(rows[0] - margin, rows[-1] + margin + 1), slice(columns[0] - margin, columns[-1] + margin + 1)
        assert np.array_equal(found.image, image[around])
        assert np.array_equal(np.ones_like(found.image) if found.valid is None else found.valid, valid[around])
        rectangle = (height - 2 * margin) * (width - 2 * margin)
        assert found.left_out == pytest.approx(1 - theirs.sum() / rectangle)


def test_bars_leave_the_rectangle_that_a_crop_has(rng: np.random.Generator) -> None:
    image, valid = rng.random((80, 60)), np.zeros((80, 60), bool)
    valid[9:-20, 3:] = True
    found = domain(image, valid, 6)
    assert found is not None and found.valid is None and found.inside is None
    assert np.array_equal(found.image, image[9:-20, 3:])
    assert found.left_out == pytest.approx(1 - (51 - 12) * (57 - 12) / (68 * 48))


def test_an_image_without_padding_stays_as_it_is(rng: np.random.Generator) -> None:
    image = rng.random((40, 50))
    for valid in (None, np.ones((40, 50), bool)):
        found = domain(image, valid, 5)
        assert found is not None and np.array_equal(found.image, image)
        assert (found.valid, found.inside, found.left_out) == (None, None, 0.0)
    assert domain(image, None, 20) is None


def test_a_disc_prefers_no_direction() -> None:
    """The second moments of V about its middle: exactly equal by symmetry, and the diagonal ones as axes."""
    found = domain(np.zeros((301, 301)), disc(301, 301, 150.5), 15)
    assert found is not None and found.inside is not None
    y, x = np.argwhere(found.inside).T - (np.array(found.inside.shape)[:, None] - 1) / 2
    fourth = np.mean(x**4 + y**4 - 6 * x**2 * y**2) / np.mean((x**2 + y**2) ** 2)  # cos 4 angle
    assert np.mean(x * x) == pytest.approx(np.mean(y * y)) and np.mean(x * y) == pytest.approx(0)
    assert abs(fourth) < 5e-3  # of the square it is -0.2


@pytest.mark.parametrize("padding", [np.nan, np.inf, -3024.0, 1e30])
def test_padding_has_no_effect_on_what_is_filled(rng: np.random.Generator, padding: float) -> None:
    image, valid = rng.normal(40, 9, (30, 30)), disc(30, 30, 12)
    found = filled(np.where(valid, image, padding), valid)
    assert np.array_equal(found[valid], image[valid])
    assert (found[~valid] == np.float32(image[valid].mean())).all()
    single = filled(np.where(valid, image, padding).astype(np.float32), valid)
    assert single.dtype == np.float32 and found.dtype == np.float64


@pytest.mark.parametrize("factor", [2, 3])
def test_valid_pixels_of_a_coarser_copy_see_no_padding(rng: np.random.Generator, factor: int) -> None:
    image, valid = rng.normal(40, 9, (90, 77)), disc(90, 77, 35) & (rng.random((90, 77)) > 0.001)
    one, other = (coarser(np.where(valid, image, value), factor) for value in (0.0, 1e4))
    kept = coarser_valid(valid, factor)
    assert kept is not None and kept.shape == one.shape and 0.2 < kept.mean() < 0.9
    assert np.array_equal(one[kept], other[kept])
    seen = np.pad(valid, 0)
    for y, x in np.argwhere(kept):
        assert seen[y * factor : y * factor + 4 * factor + 1, x * factor : x * factor + 4 * factor + 1].all()
    assert coarser_valid(None, factor) is None and coarser_valid(valid, 1) is valid
    assert coarser_valid(np.ones((9, 50), bool), 3).size == 0


def test_an_empty_v_is_an_error_that_says_why(rng: np.random.Generator) -> None:
    settings, image = make_settings(reg="tv", downscale=2), rng.random((120, 120))
    with pytest.raises(
        ImageError, match="no pixel after downscaling is farther than 13 px from padding; use a smaller"
    ):
        scaled_copies(image, settings, disc(120, 120, 28))
    with pytest.raises(ImageError, match="no pixel is farther than 13 px from padding; use a smaller --margin"):
        scaled_copies(image, make_settings(reg="tv"), disc(120, 120, 10))
    fine = scaled_copies(image, settings, disc(120, 120, 58))
    assert [scale.inside.any() for scale in fine] == [True, True]
    assert [len(scale.image) for scale in fine] == [116, 53]
