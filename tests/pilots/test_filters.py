"""Filters, gains and influences against brute force, and what symmetry must and must not change."""

from __future__ import annotations

import numpy as np
import pytest

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Affine
from symmetry_audit.pilots import GROUPS, array_pilot
from symmetry_audit.pilots._filters import errors, fitted, influences, slopes
from symmetry_audit.pilots._moments import Moments, pair_moments, stacked
from symmetry_audit.pilots._symmetries import window_symmetry
from symmetry_audit.pilots._validation import fold_numbers
from symmetry_audit.synth import gaussian_field
from tests.conftest import smooth_noise
from tests.oracles.linear_filters import TURNS, least_squares_filter, mean_squared_error

SIGMA = 7.0


def smooth_pairs(rng, count=5, height=15, width=13) -> list[tuple[np.ndarray, np.ndarray]]:
    """Smooth images with other ones over them."""
    clean = [smooth_noise(rng, height, width) for _ in range(count)]
    return [(image, image + 0.2 * smooth_noise(rng, height, width, 0.5)) for image in clean]


def moments_of(pairs, side: int, sigma: float = SIGMA) -> Moments:
    return stacked([pair_moments(*pair, side, lambda mean, square: np.full_like(mean, sigma**2)) for pair in pairs])


@pytest.mark.parametrize("name", TURNS)
def test_filters_are_those_of_turned_windows_by_brute_force(rng, name):
    pairs, side = smooth_pairs(rng), 5
    moments = moments_of(pairs, side)
    symmetry = window_symmetry("p4" if name == "p1" else name, side)
    found = fitted(moments.mean(np.arange(3)), symmetry.trivial if name == "p1" else symmetry)
    expected = least_squares_filter(pairs[:3], side, TURNS[name], SIGMA)
    scale = abs(expected).max()
    np.testing.assert_allclose(found.kernel - 1 / 25, expected, rtol=0, atol=1e-10 * scale)
    loss = [mean_squared_error(expected, pair, side, SIGMA) for pair in pairs]
    np.testing.assert_allclose(errors(found, moments), loss, rtol=1e-10)


@pytest.mark.parametrize("name", ["p1m", "updown", "p2", "p4", "p4m"])
def test_gains_are_those_of_cross_validation_by_brute_force(rng, name):
    pairs, side = smooth_pairs(rng), 3
    held_out = fold_numbers(5, 3, 4)
    expected = np.zeros(5)
    for index, pair in enumerate(pairs):
        train = [other for other, fold in zip(pairs, held_out, strict=True) if fold != held_out[index]]
        filters = [least_squares_filter(train, side, TURNS[group], SIGMA) for group in ("p1", name)]
        plain, symmetrised = (mean_squared_error(one, pair, side, SIGMA) for one in filters)
        expected[index] = 10 * np.log10(plain / symmetrised)
    (found,) = array_pilot(pairs, sigma=SIGMA, groups=[name], window=side, folds=3, seed=4)
    assert found.gain_db == pytest.approx(expected.mean(), abs=1e-10)
    assert (found.group, found.pixels) == (name, 9)


@pytest.mark.parametrize("name", ["p2", "p4m", "p8"])
def test_influences_are_derivatives_by_the_weight_of_an_image(rng, name):
    """Against finite differences of the filter from a training set in which one image counts slightly more."""
    pairs, side = smooth_pairs(rng, 6), 7
    moments = moments_of(pairs, side)
    symmetry = window_symmetry(name, side)
    train, test = np.arange(4), moments.chosen(np.arange(4, 6))

    def psnr(weights) -> float:
        mean = Moments(*(np.tensordot(weights / sum(weights), part[:4], 1) for part in vars(moments).values()))
        return float(-10 * np.log10(errors(fitted(mean, symmetry), test)).sum())

    found = fitted(moments.mean(train), symmetry)
    moved = influences(found, slopes(found, test), moments)[train]
    moved = (moved - moved.mean()) / len(train)
    for image in train:
        step = 1e-4 * np.eye(4)[image]
        numeric = (psnr(np.ones(4) + step) - psnr(np.ones(4) - step)) / 2e-4
        assert moved[image] == pytest.approx(numeric, abs=0.02 * abs(moved).max())  # the ridge's own part is left out


# --- the window


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize("side", [5, 9, 15])
def test_elements_are_means_of_pixels_and_form_a_group(name, side):
    symmetry = window_symmetry(name, side)
    assert all(turn.shape == (symmetry.pixels, side * side) for turn in symmetry.elements)
    for turn in symmetry.elements:
        np.testing.assert_allclose(turn.sum(axis=1), 1, atol=1e-12)
    if name != "p8":
        dense = [turn.toarray() for turn in symmetry.elements]
        np.testing.assert_array_equal(dense[0], np.eye(side * side))
        for a in dense:
            for b in dense:
                assert any(np.array_equal(a @ b, c) for c in dense)


@pytest.mark.parametrize(("name", "count"), [("p1m", 2), ("updown", 2), ("p2", 2), ("p4", 4), ("p4m", 8), ("p8", 8)])
def test_elements_are_those_of_the_group(name, count):
    assert len(window_symmetry(name, 5).elements) == count


def test_permutations_are_turns_of_the_window(rng):
    window = rng.normal(size=(5, 5))
    for name, turns in TURNS.items():
        if name != "p1":
            found = [(turn @ window.ravel()).reshape(5, 5) for turn in window_symmetry(name, 5).elements]
            expected = {turn(window).tobytes() for turn in turns}
            assert {np.ascontiguousarray(one).tobytes() for one in found} == expected


def test_interpolation_reads_a_turned_wave():
    """A plane wave of 8 px, turned by 45 degrees. Further out the splines feel the border of the window."""
    turn = window_symmetry("p8", 15)
    assert not turn.exact and turn.pixels == 113  # whole points of a disc of radius 6
    y, x = np.mgrid[-7:8, -7:8].reshape(2, -1)
    x_in, y_in = (np.rint(turn.elements[0] @ places) for places in (x, y))
    found = turn.elements[1] @ np.cos(2 * np.pi * x / 8 + 0.3)
    expected = [np.cos(2 * np.pi * (x_in + sign * y_in) / np.sqrt(2) / 8 + 0.3) for sign in (-1, 1)]
    middle = np.hypot(x_in, y_in) <= 3
    assert min(abs(found - one)[middle].max() for one in expected) < 3e-3
    assert min(abs(found - one).max() for one in expected) < 0.05


def test_groups_that_cannot_be():
    with pytest.raises(SettingError, match='"q4" is not a group'):
        window_symmetry("q4", 5)
    with pytest.raises(SettingError, match='the group "p1" changes nothing, so a pilot cannot measure it; choose p4'):
        window_symmetry("p1", 5)
    with pytest.raises(SettingError, match="p8 needs a window of 5 px or more to be interpolated, got 3; enlarge"):
        window_symmetry("p8", 3)


# --- data of known symmetry


def fields(rng, count: int, ratio: float, limit=0.3) -> list[tuple[np.ndarray, np.ndarray]]:
    deformation = Affine.from_axes(0.0, ratio)
    images = [128 + 40 * gaussian_field((128, 128), deformation, rng=rng, limit=limit) for _ in range(count)]
    return [(image, image) for image in images]


@pytest.mark.parametrize("ratio", [1.0, 1.3, 2.0])
def test_fields_of_one_direction_have_the_price_of_their_spectrum(rng, ratio):
    """The table of exact prices at sigma 50: 0, 0.080, 0.349 dB for p4 and 0, 0.087, 0.410 for p8 (23 px window)."""
    exact = {1.0: (0, 0), 1.3: (-0.080, -0.087), 2.0: (-0.349, -0.410)}[ratio]
    mirror, p4, p8 = array_pilot(fields(rng, 12, ratio), sigma=50, groups=("p1m", "p4", "p8"))
    assert mirror.gain_db == pytest.approx(0, abs=0.002)
    assert p4.gain_db == pytest.approx(exact[0], abs=0.02)
    assert p8.gain_db == pytest.approx(exact[1], abs=0.02)
    expected = "safe" if ratio == 1 else "suspect"
    assert [mirror.verdict, p4.verdict, p8.verdict] == ["safe", expected, expected]


def test_turning_all_images_changes_nothing_but_rounding(rng):
    pairs = [(a[:40, :33], b[:40, :33]) for a, b in fields(rng, 6, 1.6)]
    turned = [(np.rot90(a), np.rot90(b)) for a, b in pairs]
    groups = ("p2", "p4", "p4m", "p8")
    found = (array_pilot(images, sigma=30, groups=groups, window=9) for images in (pairs, turned))
    for one, other in zip(*found, strict=True):
        assert one.gain_db == pytest.approx(other.gain_db, abs=1e-9)
        assert one.low == pytest.approx(other.low, abs=1e-9)


def test_a_mirror_of_turned_images_is_the_other_mirror(rng):
    pairs = [(a[:40, :33], b[:40, :33]) for a, b in smooth_pairs(rng, 6, 48, 48)]
    turned = [(np.rot90(a), np.rot90(b)) for a, b in pairs]
    (lying,) = array_pilot(pairs, sigma=9, groups=["p1m"], window=5)
    (standing,) = array_pilot(turned, sigma=9, groups=["updown"], window=5)
    assert lying.gain_db == pytest.approx(standing.gain_db, abs=1e-9)


def test_stripes_lose_decibels(rng):
    """Rows against columns: every row of the image constant, noise that is the same turned by a quarter."""
    rows = [128 + np.repeat(rng.normal(0, 25, (48, 1)), 48, axis=1) for _ in range(8)]
    columns = [np.repeat(rng.normal(0, 25, (1, 48)), 48, axis=0) for _ in range(8)]
    pairs = [(image, image + noise) for image, noise in zip(rows, columns, strict=True)]
    mirror, half, quarter = array_pilot(pairs, sigma=5, groups=("p1m", "p2", "p4"), window=9)
    assert quarter.gain_db < -4 and quarter.verdict == "suspect"
    assert min(mirror.gain_db, half.gain_db) > -0.02


def rainy(rng, clean: np.ndarray) -> np.ndarray:
    """Streaks of 9 px, brighter than the image, that lean to the left or to the right, and never lie flat."""
    streaks = np.zeros(clean.shape)
    for row, column in rng.integers(0, np.array(clean.shape) - 10, (60, 2)):
        lean = rng.uniform(-0.4, 0.4)
        for step in range(9):
            streaks[row + step, min(max(round(column + lean * step), 0), clean.shape[1] - 1)] = 80
    return clean + streaks


def test_rain_wants_mirrors_and_no_turns(rng):
    clean = [smooth_noise(rng, 64, 64) for _ in range(16)]
    pairs = [(image, rainy(rng, image)) for image in clean]
    mirror, quarter = array_pilot(pairs, groups=("p1m", "p4"), window=9)
    assert mirror.verdict == "safe"
    assert quarter.verdict == "suspect" and quarter.gain_db < -0.3


# --- interpolation


@pytest.mark.parametrize("sigma", [5, 15, 50])
def test_fields_without_direction_lose_what_interpolation_costs(rng, sigma):
    """Fields up to the finest waves of the grid, on which p8 loses most."""
    pairs = [(image, image) for image in (40 * gaussian_field((96, 96), rng=rng, limit=0.5) for _ in range(12))]
    exact, turned = array_pilot(pairs, sigma=sigma, groups=("p4", "p8"))
    assert exact.interpolation_db == 0
    fewer_unknowns = exact.gain_db  # which p8 gains by as well
    assert turned.gain_db - fewer_unknowns == pytest.approx(turned.interpolation_db, rel=0.2, abs=0.001)
    assert turned.verdict == "safe"
    assert turned.interpolation_db == pytest.approx({5: -0.06, 15: -0.01, 50: -0.001}[sigma], rel=0.5)


def test_what_interpolation_costs_is_not_known_without_noise(rng):
    exact, turned = array_pilot(smooth_pairs(rng, 4, 24, 24), groups=("p4", "p8"), window=7)
    assert (exact.interpolation_db, turned.interpolation_db) == (0, None)
    assert turned.verdict == "undecided"
