"""LI against one element at a time, NMAR against cases in which its prior is right, and the prior itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.cluster.vq import kmeans2
from scipy.ndimage import convolve

from symmetry_audit.errors import SettingError
from symmetry_audit.metrics import rmse_hu
from symmetry_audit.tomography import FanBeam, fbp, interpolate_trace, nmar, nmar_prior, project
from tests.oracles import fan_beam as oracle

GEOMETRY = FanBeam(side=64, views=96, detectors=99)


def test_every_element(rng):
    sinogram, trace = rng.normal(size=(12, 17)), rng.uniform(size=(12, 17)) < 0.6
    trace[:, 9] = False
    trace[0] = False
    trace[1, :9] = trace[2, 10:] = True  # runs that reach the ends
    expected = [oracle.interpolated(*line) for line in zip(sinogram.tolist(), trace.tolist(), strict=True)]
    np.testing.assert_allclose(interpolate_trace(sinogram, trace), expected, atol=1e-14)


def test_lines_are_kept_and_the_input_too(rng):
    sinogram = np.outer(rng.normal(size=5), np.arange(30.0)) + rng.normal(size=(5, 1))
    trace = np.zeros((5, 30), bool)
    trace[:, 4:9] = trace[:, 20:22] = True
    spoilt = np.where(trace, 99.0, sinogram)
    np.testing.assert_allclose(interpolate_trace(spoilt, trace), sinogram, atol=1e-12)
    assert (spoilt[trace] == 99).all()


def test_nothing_to_interpolate_from():
    trace = np.zeros((3, 5), bool)
    trace[1] = True
    with pytest.raises(SettingError, match="covers the whole detector in a view; use a smaller mask"):
        interpolate_trace(np.zeros((3, 5)), trace)
    with pytest.raises(SettingError, match=r"must have one shape, \(views, detectors\), got \(3, 5\) and \(5, 3\)"):
        interpolate_trace(np.zeros((3, 5)), trace.T)


def phantom() -> tuple[np.ndarray, np.ndarray]:
    """A body of water with two bones, in 1/cm, and metal between them."""
    x = GEOMETRY.centres
    image = 0.192 * (np.hypot(x[:, None] / 1.2, x) < 5.5)
    for place in (-2.5, 2.5):
        image[np.hypot(x[:, None], x - place) < 1.2] = 0.45
    return image.astype(np.float32), np.hypot(x[:, None] + 0.1, x) < 0.6


def test_nmar_where_the_classes_are_right():
    """Every ray of the trace by hand; and the phantom is made of the prior's classes, so NMAR is better than LI."""
    image, metal = phantom()
    trace = project(torch.from_numpy(metal.astype(np.float32)), GEOMETRY).numpy() > 0
    whole = project(torch.from_numpy(image), GEOMETRY)
    spoilt = np.where(trace, 9.0, whole.numpy())
    best = fbp(whole, GEOMETRY).numpy()
    plain = fbp(torch.from_numpy(interpolate_trace(spoilt, trace).astype(np.float32)), GEOMETRY).numpy()
    found = nmar(spoilt, trace, metal, GEOMETRY)
    assert found.shape == (64, 64) and found.dtype == np.float32
    prior = project(torch.from_numpy(nmar_prior(plain, metal)), GEOMETRY).numpy().clip(0.2)
    lines = zip((spoilt / prior).tolist(), trace.tolist(), prior.tolist(), strict=True)
    by_hand = np.array([np.multiply(oracle.interpolated(ratio, hidden), line) for ratio, hidden, line in lines])
    np.testing.assert_allclose(found, fbp(torch.from_numpy(by_hand), GEOMETRY).numpy(), atol=1e-5)
    assert rmse_hu(found, best, metal) < 0.6 * rmse_hu(plain, best, metal)


def test_prior_against_another_k_means(rng):
    image, metal = phantom()
    image = image + rng.normal(scale=0.01, size=image.shape)
    filled = np.where(metal, 0.192, image)
    means, classes = kmeans2(filled.ravel(), np.array([0, 0.192, 0.384]), iter=100, minit="matrix")
    assert set(classes) == {0, 1, 2}
    low, high = (means[:-1] + means[1:]) / 2
    taps = np.exp(-(np.arange(-2, 3) ** 2) / 2)
    smooth = convolve(filled, np.outer(taps, taps) / taps.sum() ** 2, mode="nearest")
    clear = np.minimum(abs(smooth - low), abs(smooth - high)) > 1e-6
    expected = np.where(smooth <= low, 0, np.where(smooth < max(high, 1.2 * 0.192), 0.192, smooth))
    np.testing.assert_allclose(nmar_prior(image, metal)[clear], expected[clear], atol=1e-6)


def test_prior_of_water_alone_has_no_bone():
    """Class 3 is empty and keeps its mean; class 2 then ends at the midpoint."""
    image, none = np.zeros((16, 16)), np.zeros((16, 16), bool)
    image[4:12, 4:12] = 0.2
    assert set(np.unique(nmar_prior(image, none))) == {np.float32(0), np.float32(0.192)}
