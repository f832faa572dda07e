"""The null level from fewer fields than images, against simulated datasets of the full size."""

from __future__ import annotations

import numpy as np
import pytest

from symmetry_audit.statistics import NullFields, relative_error, subgroup_error
from tests.oracles import statistics as slow

ORDER = 8
ANGLES = 2 * np.pi * np.arange(ORDER) / ORDER
DATASETS = 60


def fields(rng: np.random.Generator, fixed: float, count: int) -> np.ndarray:
    """Profiles (count, 8): two harmonics by chance, different in every field, and one that all share."""
    chance = rng.standard_normal((4, count, 1)) * np.array([1.0, 1.0, 0.5, 0.5])[:, None, None]
    waves = np.array([np.cos(2 * ANGLES), np.sin(2 * ANGLES), np.cos(ANGLES), np.sin(ANGLES)])[:, None]
    level = 100 * (1 + 0.1 * rng.standard_normal((count, 1)))
    return level * (1 + 0.02 * ((chance * waves).sum(0) + fixed * np.cos(3 * ANGLES)))


def added(profiles: np.ndarray, seed: int = 0) -> NullFields:
    found = NullFields(seed)
    for profile in profiles:
        found.add(profile)
    return found


@pytest.mark.parametrize(("measure", "oracle"), [(subgroup_error, slow.epsilon), (relative_error, slow.relative)])
@pytest.mark.parametrize("images", [128, 900, 20000])
@pytest.mark.parametrize("fixed", [0.0, 0.1, 0.3, 3.0])
def test_few_fields_tell_the_level_of_many_to_their_standard_error(fixed, images, measure, oracle) -> None:
    """Chance rules at 0, a common deviation at 3; between them 64 fields cannot quite tell them apart."""
    rng = np.random.default_rng(1)
    # the mean of many profiles is a Gaussian: enough draws of it stand for whole datasets
    many = fields(rng, fixed, 20000)
    drawn = rng.multivariate_normal(many.mean(0), np.cov(many.T) / images, 400)
    truth = np.mean([oracle(mean) for mean in drawn])
    found = np.array([added(fields(rng, fixed, 64), seed).level(measure, images) for seed in range(DATASETS)])
    errors, stated = np.abs(found[:, 0] - truth), found[:, 1]
    assert (errors < 2 * stated).mean() > 0.85
    assert abs(found[:, 0].mean() - truth) < stated.mean()
    # and the standard error is no larger than it must be
    assert stated.mean() < 2 * np.sqrt(np.square(errors).mean())


def test_the_epsilon_of_fewer_fields_would_be_too_large() -> None:
    """By sqrt(900 / 64) where chance alone rules: what this estimate is for."""
    rng = np.random.default_rng(2)
    naive = np.mean([slow.epsilon(fields(rng, 0.0, 64).mean(0)) for _ in range(50)])
    truth = np.mean([slow.epsilon(fields(rng, 0.0, 900).mean(0)) for _ in range(50)])
    assert naive == pytest.approx(truth * np.sqrt(900 / 64), rel=0.15)
    found = np.mean([added(fields(rng, 0.0, 64), seed).level(subgroup_error, 900)[0] for seed in range(50)])
    assert abs(found - truth) < 0.5 * (naive - truth)


def test_as_many_fields_as_images_give_their_own_epsilon(rng: np.random.Generator) -> None:
    profiles = fields(rng, 0.5, 40)
    for measure, oracle in ((subgroup_error, slow.epsilon), (relative_error, slow.relative)):
        level, error = added(profiles).level(measure, 40)
        assert level == pytest.approx(oracle(profiles.mean(0)), rel=1e-12)
        naive = [oracle(profiles[rng.integers(40, size=40)].mean(0)) for _ in range(2000)]
        assert error == pytest.approx(np.std(naive), rel=0.25)


def test_mean_and_covariance_are_those_of_numpy(rng: np.random.Generator) -> None:
    profiles = 1e4 + rng.standard_normal((30, 2, 3, ORDER))
    found = added(profiles)
    assert np.allclose(found.mean(), profiles.mean(0), rtol=1e-13, atol=0)
    for cell in np.ndindex(2, 3):
        assert np.allclose(found.covariance()[cell], np.cov(profiles[:, *cell].T), rtol=0, atol=1e-9)


def test_cells_and_elements_are_those_asked_for(rng: np.random.Generator) -> None:
    profiles = np.stack([fields(rng, 0.2, 20), fields(rng, 1.0, 20)], axis=1)
    elements = np.array([0, 2, 4, 6])
    both = added(profiles).level(subgroup_error, 100, elements)
    for at in range(2):
        alone = added(profiles[:, at][:, elements]).level(subgroup_error, 100)
        assert (both[0][at], both[1][at]) == pytest.approx(alone, rel=1e-9)


def test_one_field_says_nothing_of_more(rng: np.random.Generator) -> None:
    profile = fields(rng, 0.5, 1)
    assert added(profile).level(subgroup_error, 1) == (pytest.approx(slow.epsilon(profile[0])), None)
    level, error = added(profile).level(subgroup_error, 2)
    assert np.isnan(level) and error is None


def test_equal_fields_have_no_chance_and_flat_ones_no_epsilon() -> None:
    profile = 100 + np.cos(ANGLES)
    level, error = added(np.stack([profile] * 5)).level(subgroup_error, 50)
    assert (level, error) == (pytest.approx(slow.epsilon(profile), rel=1e-9), pytest.approx(0, abs=1e-9))
    level, error = added(np.zeros((5, ORDER))).level(subgroup_error, 50)
    assert (float(level), float(error)) == (0.0, 0.0)
