"""Dead leaves have the deformation, the variance and the flip bias that were asked for."""

from __future__ import annotations

import numpy as np
import pytest

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Affine
from symmetry_audit.synth import dead_leaves
from symmetry_audit.synth._leaves import FINE, RADII, _shaded, _smoothed, _topmost


def slope_skewness(field: np.ndarray, axis: int) -> float:
    slope = np.diff(field, axis=axis)
    return (slope**3).mean() / (slope**2).mean() ** 1.5


@pytest.mark.parametrize("degrees", [30, 75, 120])
def test_leaves_are_long_in_the_direction_cos_alpha_minus_sin_alpha(rng, long_axis, degrees):
    affine = Affine.from_axes(np.radians(degrees), 2.0)
    alpha, ratio = long_axis(dead_leaves((160, 160), affine, rng=rng) for _ in range(16))
    # one image of this size is off by 0.05 rad
    assert alpha == pytest.approx(np.radians(degrees), abs=0.05)
    assert 1.5 < ratio < 2.0  # biased low


@pytest.mark.slow
@pytest.mark.parametrize("degrees", [30, 75, 120])
def test_the_direction_of_many_leaves_is_exact(rng, long_axis, degrees):
    affine = Affine.from_axes(np.radians(degrees), 1.5)
    alpha, _ = long_axis(dead_leaves((384, 384), affine, rng=rng) for _ in range(40))
    assert alpha == pytest.approx(np.radians(degrees), abs=0.02)


def test_every_point_shows_the_first_leaf_that_covers_it(rng):
    affine = Affine.from_axes(1.0, 1.7)
    shape = (60, 75)
    top, leaves = _topmost(shape, affine, rng, 0.0)
    y, x = ((np.indices(shape) + 0.5) / FINE)[..., None]
    # |D^-1 (x - centre)| < radius, leaf by leaf
    u, v = np.einsum("ij,jyxn->iyxn", np.linalg.inv(affine.matrix), np.stack([x, y]) - leaves.centers[:, None, None])
    inside = np.hypot(u, v) < leaves.radii
    assert inside.any(-1).all()
    assert np.array_equal(top, inside.argmax(-1))


def test_leaves_reach_into_the_image_from_all_sides(rng):
    affine = Affine.from_axes(0.3, 2.0)
    height, width = 30, 70
    leaves = _topmost((height * FINE, width * FINE), affine, rng, 0.0)[1]
    rim = affine.matrix @ (RADII[1] * np.stack([np.cos(turn := np.linspace(0, 7, 2000)), np.sin(turn)]))
    reach = rim.max(axis=1)  # of the largest leaf from its centre
    assert leaves.centers.min(axis=1) == pytest.approx(-reach, abs=2)
    assert leaves.centers.max(axis=1) == pytest.approx(np.array([width, height]) + reach, abs=2)


def test_radii_fall_as_a_power_law_over_the_whole_range(rng):
    radii = _topmost((300, 300), Affine(0, 0), rng, 0.0)[1].radii
    assert RADII[0] <= radii.min() < radii.max() <= RADII[1]
    # density 1 / r^3: a quarter of the leaves is larger than twice the smallest
    share = (2.0**-2 - 16.0**-2) / (1 - 16.0**-2)
    assert (radii > 2 * RADII[0]).mean() == pytest.approx(share, abs=5 * (0.25 * 0.75 / radii.size) ** 0.5)


def test_mean_zero_and_variance_one_in_law_before_the_blur(rng):
    scenes = np.stack([_shaded((300, 300), Affine(0, 0), rng, 0.5) for _ in range(60)])
    # over scenes this small the mean spreads by 0.25, the mean square by 0.2
    assert scenes.mean() == pytest.approx(0, abs=5 * 0.25 / 60**0.5)
    assert (scenes**2).mean() == pytest.approx(1, abs=5 * 0.2 / 60**0.5)


def test_leaves_are_opaque_domes(rng):
    """Along a leaf's own pixels the level is one paraboloid, whose summit lies half-way to the rim."""
    affine = Affine.from_axes(2.0, 1.4)
    state = rng.bit_generator.state
    top, leaves = _topmost((240, 240), affine, rng, 0.3)
    rng.bit_generator.state = state
    scene = _shaded((240, 240), affine, rng, 0.3)
    index = np.bincount(top.ravel()).argmax()
    rows, columns = np.nonzero(top == index)
    points = (np.stack([columns, rows]) + 0.5) / FINE - leaves.centers[:, index, None]
    place = np.linalg.inv(affine.matrix) @ points / leaves.radii[index]
    assert (np.linalg.norm(place, axis=0) < 1).all()
    dome = 0.75 - ((place - leaves.lights[:, index, None] / 2) ** 2).sum(axis=0)
    assert np.allclose(scene[rows, columns], 2**0.5 * leaves.levels[index] + dome, atol=1e-9)


def test_smoothing_keeps_the_place_of_waves_within_the_band_and_removes_the_others():
    shape, fine = (48, 60), (48 * FINE, 60 * FINE)
    affine = Affine.from_axes(0.4, 1.5)

    def wave(shape: tuple[int, int], step: float, k: np.ndarray) -> np.ndarray:
        y, x = (np.indices(shape) + 0.5) * step
        return np.cos(2 * np.pi * (k[0] * x + k[1] * y) + 0.3)

    for k in (np.array([6 / 60, -4 / 48]), np.array([3 / 60, 9 / 48])):
        q = np.linalg.norm(affine.matrix.T @ k)
        smoothed = _smoothed(wave(fine, 1 / FINE, k), shape, affine)
        assert np.allclose(smoothed, np.exp(-2 * np.pi**2 * q**2) * wave(shape, 1, k), atol=1e-12)
    for k in (np.array([20 / 60, 20 / 48]), np.array([66 / 60, 0])):
        assert np.abs(_smoothed(wave(fine, 1 / FINE, k), shape, affine)).max() < 1e-12


@pytest.mark.parametrize("shape", [(40, 90), (33, 64)])
def test_fields_have_the_shape_asked_for(rng, shape):
    field = dead_leaves(shape, Affine.from_axes(0.3, 1.5), rng=rng)
    assert field.shape == shape
    assert field.dtype == np.float64
    assert np.isfinite(field).all() and field.std() > 0.3


def test_flip_bias_shows_in_the_skewness_of_slopes_along_x_alone(rng):
    count = 12
    for bias, expected in ((0.0, 0.0), (1.0, -1.2)):
        fields = [dead_leaves((160, 160), rng=rng, flip_bias=bias) for _ in range(count)]
        along_x, along_y = (np.array([slope_skewness(field, axis) for field in fields]) for axis in (1, 0))
        # over images of this size the skewness spreads by 0.3
        assert along_x.mean() == pytest.approx(expected, abs=5 * 0.3 / count**0.5)
        assert along_y.mean() == pytest.approx(0, abs=5 * 0.3 / count**0.5)


def test_flip_bias_moves_lights_to_the_right_and_leaves_their_axes_alone(rng):
    lights = {}
    for bias in (0.0, 0.4, 1.0):
        lights[bias] = _topmost((90, 90), Affine(0, 0), np.random.default_rng(3), bias)[1].lights
        assert np.allclose(np.linalg.norm(lights[bias], axis=0), 1)
    assert np.array_equal(np.abs(lights[0.0]), np.abs(lights[1.0]))
    assert np.array_equal(lights[0.0][1], lights[1.0][1])
    spread = 5 * (0.25 / lights[0.0].shape[1]) ** 0.5
    for bias, share in ((0.0, 0.5), (0.4, 0.7)):
        assert (lights[bias][0] > 0).mean() == pytest.approx(share, abs=spread)
    assert (lights[1.0][0] > 0).all()


@pytest.mark.parametrize("bias", [-0.1, 1.01, float("nan")])
def test_a_share_lies_between_0_and_1(rng, bias):
    with pytest.raises(SettingError, match=r"^the flip bias must be between 0 and 1, got "):
        dead_leaves((16, 16), rng=rng, flip_bias=bias)
