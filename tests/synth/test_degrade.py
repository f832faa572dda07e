"""Grey levels: contrast, the clipped share, noise and rounding."""

from __future__ import annotations

import numpy as np
import pytest

from symmetry_audit.errors import SettingError
from symmetry_audit.synth import dead_leaves, degrade, gaussian_field


def clipped(pixels: np.ndarray) -> float:
    """Percentage of the pixels at either end."""
    return 100 * np.isin(pixels, (0, 255)).mean()


def test_by_hand(rng):
    field = np.array([[-4.0, -1.0, 0.01, 1.0, 4.0]])
    assert degrade(field, rng=rng).tolist() == [[0, 88, 128, 168, 255]]
    assert degrade(field, rng=rng).dtype == np.uint8


@pytest.mark.parametrize("kind", [gaussian_field, dead_leaves])
@pytest.mark.parametrize(("clip", "noise"), [(0.5, 0), (5, 0), (40, 0), (5, 10), (2, 40)])
def test_the_clipped_share_is_the_one_asked_for(rng, kind, clip, noise):
    field = kind((128, 128), rng=rng)
    assert clipped(degrade(field, clip=clip, noise=noise, rng=rng)) == pytest.approx(clip, abs=0.1)


def test_without_clip_next_to_nothing_saturates(rng):
    white = gaussian_field((128, 128), rng=rng, power=np.ones_like)
    assert clipped(degrade(white, rng=rng)) < 0.3  # 0.15 in law
    assert clipped(degrade(dead_leaves((128, 128), rng=rng), rng=rng)) == 0


def test_clipping_keeps_the_order_of_grey_levels(rng):
    field = gaussian_field((64, 64), rng=rng)
    levels = degrade(field, clip=30, rng=rng).ravel()[np.argsort(field, axis=None)]
    assert (np.diff(levels.astype(int)) >= 0).all()
    assert {0, 255} < set(levels.tolist())


def test_noise_has_the_sigma_asked_for_and_is_white(rng):
    field = np.zeros((256, 256))
    noise = degrade(field, noise=12, rng=rng).astype(float)
    # rounding adds 1/12 to the variance
    assert noise.var() == pytest.approx(144 + 1 / 12, rel=5 * (2 / noise.size) ** 0.5)
    assert noise.mean() == pytest.approx(127.5, abs=5 * 12 / 256)
    neighbours = np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]
    assert abs(neighbours) < 5 / 256


def test_a_share_that_no_contrast_gives_is_refused(rng):
    message = r"^no contrast saturates 1% of the pixels; choose another --clip, or less --noise$"
    with pytest.raises(SettingError, match=message):
        degrade(gaussian_field((64, 64), rng=rng), clip=1, noise=100, rng=rng)
    with pytest.raises(SettingError, match=message):
        degrade(np.zeros((8, 8)), clip=1, rng=rng)
