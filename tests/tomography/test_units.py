"""Hounsfield units, and slices and masks on the grid of a geometry."""

from __future__ import annotations

import numpy as np
import pytest

from symmetry_audit.errors import ImageError, SettingError
from symmetry_audit.tomography import FanBeam, fit_mask, fit_slice, materials, to_hu, to_mu

GEOMETRY = FanBeam(side=16, views=8, detectors=9)


def test_air_and_water():
    np.testing.assert_allclose(to_mu(np.array([-1000.0, 0, 1000])), [0, 0.192, 0.384])
    np.testing.assert_allclose(to_hu(to_mu(np.array([-1000.0, -3.5, 5000]))), [-1000, -3.5, 5000], atol=1e-9)


@pytest.mark.parametrize(("hu", "share"), [(-1000, 0), (100, 0), (450, 0.25), (800, 0.5), (1500, 1), (3000, 1)])
def test_materials(hu, share):
    mu = to_mu(np.array([[float(hu)]]))
    water, bone = materials(mu)
    assert bone == pytest.approx(share * mu)
    assert water + bone == pytest.approx(mu)


def test_slices_are_clipped_and_kept_where_they_fit(rng):
    hu = rng.uniform(-3000, 3000, (16, 16))
    found = fit_slice(hu, GEOMETRY)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.maximum(hu, -1000), rtol=1e-6)


def test_slices_are_averaged_before_they_are_clipped():
    """Halving with antialiasing weighs 1 3 3 1 along each axis, of which a chessboard leaves the mean."""
    board = np.indices((32, 32)).sum(0) % 2 * 200.0 - 1150.0
    np.testing.assert_allclose(fit_slice(board, GEOMETRY)[2:-2, 2:-2], -1000)
    np.testing.assert_allclose(fit_slice(board + 500, GEOMETRY)[2:-2, 2:-2], -550)


def test_masks_stay_binary():
    """A pixel is metal where at least half of its weight, 1/8 3/8 3/8 1/8 along each axis, is."""
    mask = np.zeros((32, 32), np.uint8)
    mask[10:16, 8:21] = 255
    found = fit_mask(mask, GEOMETRY)
    expected = np.zeros((16, 16), bool)
    expected[5:8, 4:10] = True  # the last column of the mask alone is half of column 10, but no whole half
    assert found.dtype == bool
    np.testing.assert_array_equal(found[:, :10], expected[:, :10])
    assert found[6, 10] == (3 / 8 + 1 / 8 >= 0.5)
    np.testing.assert_array_equal(fit_mask(found, GEOMETRY), found)


@pytest.mark.parametrize("work", [fit_slice, fit_mask])
@pytest.mark.parametrize("shape", [(16, 15), (16, 16, 1), (0, 0)])
def test_only_squares(work, shape):
    with pytest.raises(SettingError, match=r"must be square, \(H, H\), got shape"):
        work(np.zeros(shape), GEOMETRY)


def test_holes_in_a_slice():
    hu = np.zeros((16, 16))
    hu[3, 3] = np.nan
    with pytest.raises(ImageError, match="holds NaN or infinite values; set them to -1000 HU"):
        fit_slice(hu, GEOMETRY)
