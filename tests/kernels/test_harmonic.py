"""Harmonic plans as arithmetic: what they apply, what their gains and their errors say. The engine's tests run them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import convolve2d

from symmetry_audit.groups import Group
from symmetry_audit.kernels import (
    STENCILS,
    GaussianKernel,
    HarmonicPlan,
    distinct_elements,
    harmonic_plan,
    sampled_kernels,
    window_radius,
)
from symmetry_audit.kernels._kernel_spectra import GRID, SAFETY, expected_error, power_spectra

NAMES = ("tv", "tv2", "laplacian", "chiral")


@pytest.fixture(scope="module")
def kernels() -> list[np.ndarray]:
    matrices, model = Group(8, True).matrices(), GaussianKernel()
    parts = []
    for name in NAMES:
        radius = window_radius(STENCILS[name], model)
        sampled = sampled_kernels(STENCILS[name], matrices, model, radius)
        kept = sampled[np.unique(distinct_elements(sampled))]
        parts.append(np.pad(kept, ((0, 0), *[(8 - radius,) * 2] * 2)))
    return parts


@pytest.fixture(scope="module")
def plan(kernels: list[np.ndarray]) -> HarmonicPlan:
    found = harmonic_plan(kernels, 1.5, 15, 2e-5)
    assert found is not None
    return found


def composites(plan: HarmonicPlan) -> np.ndarray:
    """The kernels that the plan applies, multiplied out one by one."""
    line = np.concatenate([plan.blur[:0:-1], plan.blur])
    return np.stack([convolve2d(stencil, np.outer(line, line)) for stencil in plan.stencils])


def over_the_plane(kernels: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Root-mean-square responses to an image of this ``power`` (n, n), by the whole plane of frequencies."""
    thin = GRID // len(power)
    spectra = np.fft.fft2(kernels, (GRID, GRID))[:, ::thin, ::thin]
    return np.sqrt((np.abs(spectra) ** 2 * power).sum((1, 2)))


def test_what_it_applies_is_near_the_kernels(plan: HarmonicPlan, kernels: list[np.ndarray]) -> None:
    exact = np.concatenate(kernels)
    found = composites(plan)
    border = (found.shape[1] - exact.shape[1]) // 2
    inner = found[:, border:-border, border:-border]
    # up to the sign, to which no response is sensitive
    gaps = np.minimum(np.abs(inner - exact).max((1, 2)), np.abs(inner + exact).max((1, 2)))
    assert gaps.max() < 2e-3 * np.abs(exact).max()
    assert np.abs(found.sum((1, 2))).max() < 1e-6 * np.abs(exact).sum((1, 2)).max()


@pytest.mark.parametrize("side", [16, 64, 128])
def test_gains_make_the_response_to_the_spectrum_of_an_image_right(
    plan: HarmonicPlan, kernels: list[np.ndarray], rng: np.random.Generator, side: int
) -> None:
    half = rng.uniform(0.1, 1, (side, side))
    power = half + np.roll(half[::-1, ::-1], (1, 1), (0, 1))  # that of a real image: equal at k and -k
    power[:, 0] *= 50  # stripes: the columns that the half plane counts once
    expected = over_the_plane(np.concatenate(kernels), power) / over_the_plane(composites(plan), power)
    assert np.allclose(plan.gains(power), expected, rtol=1e-9, atol=0)
    assert np.array_equal(plan.gains(np.zeros((side, side))), np.ones(len(expected)))


@pytest.mark.parametrize("place", [(0, 0), (0, 20), (20, 0), (20, 20)], ids=["brightness", "x", "y", "diagonal"])
def test_a_kernel_that_a_spectrum_does_not_reach_has_a_gain_of_one(
    plan: HarmonicPlan, kernels: list[np.ndarray], place: tuple[int, int]
) -> None:
    """Waves across a derivative: its remains there are rounding, whose quotient could be any number."""
    power = np.zeros((GRID, GRID))
    power[place] = power[-place[0], -place[1]] = 1.0
    exact = np.concatenate(kernels)
    blind = over_the_plane(exact, power) < 1e-9 * over_the_plane(exact, np.ones_like(power))
    assert blind.any()
    assert (plan.gains(power)[blind] == 1).all()
    assert (np.abs(plan.gains(power)[~blind] - 1) < 0.01).all()


def test_the_expected_error_of_a_known_misfit(kernels: list[np.ndarray]) -> None:
    """A kernel that is 0.1 % too strong errs by that; the gain takes it away."""
    exact = power_spectra(np.concatenate(kernels))
    strong = exact * 1.001**2
    assert expected_error(exact, strong, with_gains=False) == pytest.approx(SAFETY * 1e-3, rel=1e-6)
    assert expected_error(exact, strong) < 1e-12
    # and a misfit that grows with the frequency is not a matter of strength
    axis = np.fft.fftfreq(GRID)
    rising = exact * (1 + 1e-2 * np.hypot(axis[:, None], axis[: GRID // 2 + 1])) ** 2
    assert 1e-4 < expected_error(exact, rising) < 1e-2


def test_no_plan_within_a_tolerance_that_none_keeps(kernels: list[np.ndarray]) -> None:
    assert harmonic_plan(kernels, 1.5, 15, 1e-9) is None
    assert harmonic_plan(kernels, 1.5, 7, 1.0) is None  # no room for what the kernels reach


def test_mirror_images_are_pairs(plan: HarmonicPlan) -> None:
    """Under p8m: of the 5 distinct kernels of tv three are one pair and three alone, and none is left out."""
    targets = np.concatenate([group.targets.ravel() for group in plan.groups])
    assert sorted(targets[targets >= 0]) == list(range(len(plan.exact)))
    assert [len(group.targets) for group in plan.groups] == [3, 3, 2, 8]
