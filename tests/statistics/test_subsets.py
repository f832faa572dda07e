"""Random subsets, made visible by profiles that differ in one cell each, and how epsilon settles."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from symmetry_audit.errors import SettingError
from symmetry_audit.statistics import SubsetCurve, default_sizes, enough, subgroup_error
from symmetry_audit.statistics._subsets import BLOCK
from tests.oracles import statistics as oracle


def epsilons_of(profiles: np.ndarray, **options: object) -> np.ndarray:
    curve = SubsetCurve(len(profiles), **options)
    for profile in profiles:
        curve.add(profile)
    return curve.epsilons()


def members_of(images: int, sizes: list[int], **options: object) -> np.ndarray:
    """Which images each subset holds, (sizes, repeats, images) of 0 and 1, by one cell of epsilon 1 per image."""
    profiles = np.stack([np.zeros((images, images)), np.eye(images)], axis=-1)
    members = epsilons_of(profiles, sizes=sizes, **options) * np.reshape(sizes, (-1, 1, 1))
    assert np.allclose(members, members.round(), rtol=0, atol=1e-9)
    return members.round().astype(int)


@pytest.mark.parametrize("images", [7, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 44])
def test_epsilons_against_the_oracle(images: int, rng: np.random.Generator) -> None:
    sizes = [1, 5, images - 1, images]
    members = members_of(images, sizes, repeats=3, seed=4)
    assert set(np.unique(members)) == {0, 1}
    assert (members.sum(-1) == np.reshape(sizes, (-1, 1))).all()
    profiles = rng.uniform(1, 9, (images, 2, 6))
    found = epsilons_of(profiles, sizes=sizes, repeats=3, seed=4)
    for at in np.ndindex(found.shape):
        chosen = profiles[members[at[:2]] == 1, at[2]]
        assert found[at] == pytest.approx(oracle.epsilon(chosen.mean(0)), rel=1e-11)


def test_every_subset_is_equally_likely() -> None:
    images, repeats, size = BLOCK + 44, 4000, 90
    members = members_of(images, [size], repeats=repeats, seed=4)[0]
    share = size / images
    assert np.abs(members.mean(0) - share).max() < 5 * (share * (1 - share) / repeats) ** 0.5
    # hypergeometric: 44 share images of the last block, with the variance that belongs to it
    tail = members[:, BLOCK:].sum(1)
    variance = size * (44 / images) * (BLOCK / images) * (images - size) / (images - 1)
    assert tail.mean() == pytest.approx(44 * share, abs=5 * (variance / repeats) ** 0.5)
    assert tail.var() == pytest.approx(variance, rel=5 * (2 / repeats) ** 0.5)


def test_the_whole_dataset_is_one_subset(rng: np.random.Generator) -> None:
    profiles = rng.uniform(1, 9, (300, 3, 8))
    last = epsilons_of(profiles, seed=0)[-1]
    assert last.shape == (20, 3)
    assert np.allclose(last, subgroup_error(profiles.mean(0)), rtol=1e-11)


def test_equal_images_need_no_more_than_the_least_size() -> None:
    profiles = np.tile([1.0, 4.0], (100, 1))
    curve = epsilons_of(profiles, seed=0)
    assert (curve == 3).all()
    assert enough(default_sizes(100), curve) == 5


def test_epsilon_falls_as_images_that_differ_are_added(rng: np.random.Generator) -> None:
    profiles = rng.normal(10, 1, (400, 16))
    means = epsilons_of(profiles, seed=0).mean(1)
    assert means[0] > 2 * means[-1]
    assert (np.diff(means[:7]) < 0).all()


def test_default_sizes() -> None:
    assert default_sizes(900) == (5, 9, 16, 28, 50, 90, 159, 284, 505, 900)
    assert default_sizes(7) == (5, 6, 7)
    assert default_sizes(3) == (3,)
    assert default_sizes(1) == (1,)
    assert SubsetCurve(900, seed=0).sizes == default_sizes(900)


def test_enough_by_hand() -> None:
    means = np.array([[2.0, 1.0, 0.0], [1.05, 1.0, 3.0], [1.2, 1.0, 0.0], [0.95, 1.0, 0.0], [1.0, 1.0, 0.0]])
    epsilons = np.stack([means - 0.5, means + 0.5], axis=1)  # the mean over repeats decides
    assert enough((5, 10, 20, 40, 80), epsilons).tolist() == [40, 5, 20]
    assert enough((5, 10, 20, 40, 80), epsilons, tolerance=0.25).tolist() == [10, 5, 20]


def test_enough_against_the_oracle(rng: np.random.Generator) -> None:
    sizes = default_sizes(900)
    epsilons = 1 + rng.exponential(1, (10, 4, 30)) / np.reshape(sizes, (-1, 1, 1)) ** 0.5
    expected = [oracle.enough(sizes, column, 0.1) for column in epsilons.mean(1).T]
    assert enough(sizes, epsilons).tolist() == expected
    assert len(set(expected)) > 1


@pytest.mark.parametrize("sizes", [[], [0, 5], [5, 11], [5, 5], [6, 5]])
def test_sizes_that_cannot_be(sizes: list[int]) -> None:
    with pytest.raises(SettingError, match="ascend within 1 to 10, the number of images, got"):
        SubsetCurve(10, sizes=sizes, seed=0)


def test_wrong_numbers_are_refused() -> None:
    with pytest.raises(SettingError, match="at least one image, got 0"):
        SubsetCurve(0, seed=0)
    with pytest.raises(SettingError, match="2 images were announced and 0 added"):
        SubsetCurve(2, seed=0).epsilons()


def test_memory_does_not_grow_with_the_images() -> None:
    peaks = []
    for images in (600, 6000):
        tracemalloc.start()
        curve = SubsetCurve(images, sizes=(5, 50, 500), seed=0)
        for n in range(images):
            curve.add(np.full((3, 8), float(n)))
        curve.epsilons()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]
