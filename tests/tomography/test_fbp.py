"""Filtered backprojection: against one pixel at a time, and discs that it has to give back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from symmetry_audit.tomography import FanBeam, fbp
from tests.oracles import fan_beam as oracle


@pytest.mark.parametrize("geometry", [FanBeam(7, 16, 10, 3.0), FanBeam(8, 8, 9)])
def test_every_pixel_of_a_tiny_beam(rng, geometry):
    sinogram = rng.normal(size=geometry.shape)
    expected = oracle.fbp(sinogram, geometry.side, geometry.field)
    np.testing.assert_allclose(fbp(torch.from_numpy(sinogram), geometry).numpy(), expected, atol=1e-12)


def test_a_disc_comes_back():
    """From its chords in closed form: neither this project's projector nor its pixels are in them."""
    geometry = FanBeam(side=64, views=96, detectors=129)
    centre, radius = 1.5 + 2.0j, 3.0
    chords = oracle.chords(geometry.views, geometry.detectors, geometry.field, centre, radius)
    found = fbp(torch.from_numpy(0.2 * chords), geometry).numpy()
    x = geometry.centres
    distance = np.hypot(x[:, None] - centre.real, x - centre.imag)
    assert found[distance < 2.2].mean() == pytest.approx(0.2, rel=2e-3)
    assert found[distance < 2.2].std() < 0.004
    assert abs(found[(distance > 3.8) & (np.hypot(x[:, None], x) < 7)].mean()) < 5e-4
