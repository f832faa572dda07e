"""Images made smaller for display."""

from __future__ import annotations

import numpy as np
import pytest

from symmetry_audit.reports._reduced import reduced


@pytest.mark.parametrize("shape", [(3000, 2000), (4000, 700), (481, 999), (480, 400), (1, 1)])
def test_large_images_are_reduced_to_means(shape):
    luminance = np.random.default_rng(0).uniform(0, 255, shape)
    small = reduced(luminance, 480)
    step = max(max(shape) // 480, 1)
    assert max(small.shape) < 960
    assert small.shape == (-(-shape[0] // step), -(-shape[1] // step))
    assert small[0, 0] == pytest.approx(luminance[:step, :step].mean())
    assert small[-1, -1] == pytest.approx(luminance[(small.shape[0] - 1) * step :, -1:].mean(), abs=255)
