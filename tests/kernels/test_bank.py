"""Sampled kernels against the oracle, and their symmetries against algebra."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from symmetry_audit.groups import Affine, Group
from symmetry_audit.kernels import (
    KERNEL_MODELS,
    STENCILS,
    GaussianKernel,
    distinct_elements,
    factor_bank,
    kernel_model,
    sampled_kernels,
    window_radius,
)
from tests.oracles import symmetry as oracle

NAMES = tuple(STENCILS)
DEFORMED = Affine.from_axes(0.7, 1.8)


@pytest.mark.parametrize("kernel", KERNEL_MODELS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("adaptive", [False, True])
def test_samples_equal_the_oracle(name: str, kernel: str, adaptive: bool) -> None:
    model = kernel_model(kernel)
    stretch = 2.0 if adaptive else 1.0
    radius = window_radius(STENCILS[name], model, stretch)
    assert radius == oracle.window_radius(name, kernel, model.sigma, stretch)
    matrices = Group(8, True).matrices()
    matrices = DEFORMED.conjugate(matrices) if adaptive else matrices
    ours = sampled_kernels(STENCILS[name], matrices, model, radius)
    theirs = [oracle.sampled_kernel(oracle.stencil(name), a, kernel, model.sigma, radius) for a in matrices]
    assert np.abs(ours - theirs).max() < 1e-13 * np.abs(theirs).max() + 1e-15


@pytest.mark.parametrize("kernel", KERNEL_MODELS)
@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_zero_sum_even_when_compressed(kernel: str, ratio: float) -> None:
    for name in NAMES:
        matrices = Affine.from_axes(0.4, ratio).conjugate(Group(8).matrices())
        kernels = sampled_kernels(STENCILS[name], matrices, kernel_model(kernel), 15)
        assert np.abs(kernels.sum((1, 2))).max() < 1e-13 * np.abs(kernels).sum((1, 2)).max()


@pytest.mark.parametrize("name", NAMES)
def test_parity_is_found_where_algebra_says_so(name: str) -> None:
    kernels = sampled_kernels(STENCILS[name], Group(32, True).matrices(), GaussianKernel(), 8)
    same = distinct_elements(kernels)
    symmetries = oracle.symmetries(name)
    assert (same[16] == 0) == (symmetries["odd"] or symmetries["even"])
    assert (same[32:] < 32).all() == symmetries["mirror"]
    assert (same == 0).sum() >= 1 and same[0] == 0


def test_distinct_kernels_of_the_five() -> None:
    """Half of 32 for parity, and a quarter for the Laplacian, which quarter turns leave alone."""
    banks = {name: sampled_kernels(STENCILS[name], Group(32).matrices(), GaussianKernel(), 8) for name in NAMES}
    counts = {name: len(np.unique(distinct_elements(bank))) for name, bank in banks.items()}
    assert counts == {"tv": 16, "tv2": 16, "sobel": 16, "laplacian": 8, "prewitt": 16, "chiral": 32}


def test_distinct_elements_tell_a_faint_difference() -> None:
    kernels = np.random.default_rng(1).normal(size=(1, 5, 5)).repeat(4, axis=0)
    kernels[1] *= -1
    kernels[2, 0, 0] += 1e-6
    assert distinct_elements(kernels).tolist() == [0, 0, 2, 0]


@pytest.mark.parametrize("tolerance", [3e-4, 1e-12])
@pytest.mark.parametrize("kernel", KERNEL_MODELS)
def test_factored_bank_multiplies_out(kernel: str, tolerance: float) -> None:
    model = kernel_model(kernel)
    kernels = np.concatenate([sampled_kernels(STENCILS[n], Group(16).matrices(), model, 8) for n in NAMES])
    bank = factor_bank(kernels, tolerance)
    norms = np.linalg.norm(kernels, axis=(1, 2))
    errors = np.linalg.norm(bank.kernels() - kernels, axis=(1, 2)) / norms
    # at most 17 directions of less than ``tolerance`` are left out of each of two parts in each of two steps,
    # in a metric that is nowhere smaller than the plain one
    assert errors.max() < np.sqrt(2 * 2 * 17) * tolerance
    assert bank.radius == 8


def test_gains_are_close_to_one_and_mend_a_wrong_gain() -> None:
    kernels = sampled_kernels(STENCILS["sobel"], Group(8).matrices(), GaussianKernel(), 8)
    bank = factor_bank(kernels, 3e-4).rounded(np.float32)
    assert np.abs(bank.gains() - 1).max() < 1e-4
    louder = replace(bank, combine=bank.combine * 1.25)
    assert np.allclose(louder.gains(), bank.gains() / 1.25, rtol=1e-12)


def test_factored_bank_is_small() -> None:
    """SPEC's point: 72 distinct kernels of the five lie close to two dozen dimensions."""
    banks = [sampled_kernels(STENCILS[n], Group(32).matrices(), GaussianKernel(), 8) for n in NAMES if n != "chiral"]
    distinct = np.concatenate([kernels[np.unique(distinct_elements(kernels))] for kernels in banks])
    bank = factor_bank(distinct, 3e-4)
    assert bank.combine.shape == (72, 23)
    assert sum(len(row) for row in bank.rows) <= 9
