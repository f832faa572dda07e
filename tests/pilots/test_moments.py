"""Moments against loops over windows, and noise against draws and formulas."""

from __future__ import annotations

import numpy as np
import pytest

from symmetry_audit.pilots._images import Prepared, task_moments
from symmetry_audit.pilots._moments import mean_moments, pair_moments, stacked
from symmetry_audit.tasks import make_task
from tests.oracles.linear_filters import windows


def levels(rng, height, width) -> np.ndarray:
    return rng.integers(0, 256, (height, width)).astype(float)


@pytest.mark.parametrize(("shape", "side"), [((12, 17), 5), ((17, 12), 7), ((7, 9), 7), ((6, 5), 3), ((5, 5), 5)])
def test_moments_are_means_over_all_windows(rng, shape, side):
    clean, degraded = levels(rng, *shape), levels(rng, *shape)
    found = pair_moments(clean, degraded, side)
    given, targets = windows(clean - degraded.mean(), degraded - degraded.mean(), side)
    given = np.array(given).reshape(len(given), -1)
    np.testing.assert_allclose(found.second, given.T @ given / len(given), rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.cross, given.T @ targets / len(given), rtol=0, atol=1e-9)
    assert found.power == pytest.approx(np.mean(np.square(targets)), rel=1e-12)
    assert not found.noise.any()


def test_an_image_is_its_own_pair(rng):
    clean = levels(rng, 11, 13)
    found, general = pair_moments(clean, clean, 5), pair_moments(clean, clean + 1e-9, 5)
    np.testing.assert_allclose(found.cross, general.cross, atol=1e-5)


def test_noise_is_told_the_mean_and_the_square_of_every_pixel(rng):
    image = levels(rng, 11, 13)
    given = np.array(windows(image, image, 5)[0]).reshape(-1, 25)
    found = pair_moments(image, image, 5, lambda mean, square: 1000 * mean + square)
    expected = 1000 * given.mean(0) + ((given - image.mean()) ** 2).mean(0)
    np.testing.assert_allclose(found.noise, expected, rtol=1e-12)


def test_means_of_moments(rng):
    parts = [pair_moments(levels(rng, 9, 9), levels(rng, 9, 9), 3) for _ in range(3)]
    chosen = stacked(parts).mean(np.array([0, 2]))
    np.testing.assert_allclose(chosen.second, (parts[0].second + parts[2].second) / 2, rtol=1e-13)
    np.testing.assert_allclose(mean_moments([parts[0], parts[2]]).cross, chosen.cross, rtol=1e-13)
    np.testing.assert_array_equal(stacked(parts).chosen(np.array([1])).power, [parts[1].power])


# --- noise of tasks


def drawn(task, image: np.ndarray, rng) -> np.ndarray:
    """One input as ``noise_variance`` means it. No pixel that is kept comes out as 0."""
    noisy = task.corrupt(np.repeat(image[..., None], 3, axis=2).astype(np.uint8), rng)[..., 0].astype(float)
    if task.name != "inpaint":
        return noisy
    level = image.mean()
    return np.where(noisy == 0, level, level + (noisy - level) / (1 - task.missing))


TASKS = [
    make_task("denoise", sigma=20),
    make_task("denoise", sigma=(5, 35)),
    make_task("inpaint", missing=0.3),
    make_task("inpaint", missing=0.6, peak=200),
]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.text)
def test_the_formula_has_the_moments_of_the_draws(rng, task):
    image = rng.integers(60, 256, (7, 6)).astype(np.uint8)
    exact = task_moments(Prepared("a", "", image, image), task, 3, 0)
    level = image.mean()
    seconds, crosses = [], []
    for _ in range(4000):
        given, targets = windows(image - level, drawn(task, image, rng) - level, 3)
        given = np.array(given).reshape(-1, 9)
        seconds.append(given.T @ given / len(given))
        crosses.append(given.T @ targets / len(given))
    for draws, expected in ((seconds, exact.second + np.diag(exact.noise)), (crosses, exact.cross)):
        error = np.std(draws, axis=0) / np.sqrt(len(draws))
        assert (abs(np.mean(draws, axis=0) - expected) < 4.5 * error).all()
    assert exact.noise.min() > 0


def test_formulas_by_hand():
    one = np.ones(1)
    assert make_task("denoise", sigma=3).noise_variance(one, one) == 9
    assert make_task("denoise", sigma=(0, 3)).noise_variance(one, one) == 3  # E sigma^2 of a uniform sigma
    # value 100, level 90, kept with probability 1/4: 90 + 4 x 10 or 90, so 1/4 (40 - 10)^2 + 3/4 10^2
    found = make_task("inpaint", missing=0.75).noise_variance(100 * one, 100 * one)
    assert found == pytest.approx(1 / 4 * 30**2 + 3 / 4 * 10**2)
    # 1/4 of the time the photon noise, whose variance is 100 x 255/51, times 4^2
    found = make_task("inpaint", missing=0.75, peak=51).noise_variance(100 * one, 0 * one)
    assert found == pytest.approx(4**2 * 100 * 255 / 51 / 4)


def test_tasks_without_noise_have_none():
    assert make_task("sr").noise_variance(np.ones(3), np.ones(3)).tolist() == [0, 0, 0]
    assert not make_task("derain").noisy
    assert make_task("inpaint", missing=0.1).noisy
