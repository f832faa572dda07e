"""The span of a family of kernels: what it reproduces, and how faint what it leaves out is."""

from __future__ import annotations

import re

import numpy as np
import pytest

from symmetry_audit.groups import Affine, Group
from symmetry_audit.kernels import (
    STENCILS,
    BicubicKernel,
    GaussianKernel,
    KernelSubspace,
    kernel_subspace,
    sampled_banks,
)
from symmetry_audit.kernels._factored import smooth_metric


def combined(subspace: KernelSubspace, kernels: np.ndarray) -> np.ndarray:
    return np.tensordot(subspace.coefficients(kernels), subspace.basis, 1)


def deformed(angles: int, ratios: tuple[float, ...], shift: float = 0.0, order: int = 8) -> np.ndarray:
    """tv and tv2 under half of p``order``, deformed along ``angles`` axes by each of ``ratios``, (n, 29, 29)."""
    axes = [Affine.from_axes(shift + np.pi * i / angles, ratio) for ratio in ratios for i in range(angles)]
    matrices = np.concatenate([axis.conjugate(Group(order).matrices()[: order // 2]) for axis in axes])
    return sampled_banks((STENCILS["tv"], STENCILS["tv2"]), matrices, GaussianKernel(), 14).reshape(-1, 29, 29)


def norms(kernels: np.ndarray) -> np.ndarray:
    return np.linalg.norm(kernels, axis=(-2, -1))


@pytest.mark.parametrize("seed", range(20))
def test_a_known_span_is_found_and_reproduced(seed: int) -> None:
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(3, 7, 7))
    kernels = np.tensordot(rng.normal(size=(20, 3)), directions, 1)
    subspace = kernel_subspace(kernels, 1e-4)
    assert subspace.basis.shape == subspace.dual.shape == (3, 7, 7)
    for member in (kernels, directions, directions.sum(0)):
        assert np.allclose(combined(subspace, member), member, rtol=0, atol=1e-10)


def test_a_tolerance_finer_than_rounding_is_refused_and_the_suggested_one_is_taken(rng: np.random.Generator) -> None:
    kernels = np.tensordot(rng.normal(size=(20, 3)), rng.normal(size=(3, 7, 7)), 1)
    with pytest.raises(ValueError, match=r"tolerance 1e-06 is lost in rounding; take [0-9.e-]+ or more") as refusal:
        kernel_subspace(kernels, 1e-6)
    suggested = float(re.search(r"take (\S+)", str(refusal.value))[1])
    assert len(kernel_subspace(kernels, suggested).basis) == 3


@pytest.mark.parametrize("size", [3, 7, 29, 61])
def test_the_tolerance_that_suits_all_kernels_suits_the_smoothest(size: int) -> None:
    """Of one sign and the shape that the metric counts most."""
    metric, _ = smooth_metric(size)
    smoothest = np.linalg.eigh(metric)[1][:, -1]
    assert len(kernel_subspace(np.outer(smoothest, smoothest)[None], 8e-6 * size).basis) == 1
    with pytest.raises(ValueError, match="lost in rounding"):
        kernel_subspace(np.outer(smoothest, smoothest)[None], 7e-6 * size)


@pytest.mark.parametrize("angles", [4, 16])  # fewer kernels than pixels, and more
def test_the_finest_tolerance_keeps_as_many_directions_as_an_svd(angles: int) -> None:
    kernels = deformed(angles, (1.0, 1.4, 2.0), order=16)
    metric, _ = smooth_metric(29)
    normed = metric @ (kernels / norms(kernels)[:, None, None]) @ metric
    sizes = np.linalg.svd(normed.reshape(len(kernels), -1), compute_uv=False) / np.sqrt(len(kernels))
    for tolerance in (5e-6, 1e-5, 1e-4, 3e-3):
        # a direction within rounding of the tolerance may count or not
        least, most = np.count_nonzero(sizes > 1.1 * tolerance), np.count_nonzero(sizes > 0.9 * tolerance)
        assert least <= len(kernel_subspace(kernels, tolerance).basis) <= most


def test_the_dual_finds_the_coefficients_of_the_basis(rng: np.random.Generator) -> None:
    subspace = kernel_subspace(deformed(4, (1.0, 2.0)), 1e-3)
    chosen = rng.normal(size=(5, 2, len(subspace.basis)))
    found = subspace.coefficients(np.tensordot(chosen, subspace.basis, 1))
    assert found.shape == chosen.shape
    assert np.allclose(found, chosen, rtol=0, atol=1e-9)


@pytest.mark.parametrize("tolerance", [1e-1, 1e-2, 1e-3, 1e-5])
def test_what_is_left_out_is_fainter_than_the_tolerance(tolerance: float) -> None:
    """Every direction left out carries at most tolerance^2 of the mean square of the normed kernels, in a metric
    that is nowhere smaller than the plain one."""
    kernels = deformed(4, (1.0, 1.4, 2.0))
    subspace = kernel_subspace(kernels, tolerance)
    relative = norms(combined(subspace, kernels) - kernels) / norms(kernels)
    left_out = min(len(kernels), kernels[0].size) - len(subspace.basis)
    assert np.sqrt(np.square(relative).mean()) < tolerance * np.sqrt(left_out)


def test_a_finer_tolerance_keeps_more() -> None:
    kernels = deformed(8, (1.0, 1.4, 2.0))
    sizes = [len(kernel_subspace(kernels, tolerance).basis) for tolerance in (1e-1, 1e-2, 1e-3)]
    assert sizes == sorted(set(sizes))


def test_loud_kernels_do_not_drown_quiet_ones() -> None:
    kernels = deformed(4, (1.0, 2.0))
    scale = np.where(np.arange(len(kernels)) % 2, 1e-3, 1e3)[:, None, None]
    plain, scaled = kernel_subspace(kernels, 1e-3), kernel_subspace(scale * kernels, 1e-3)
    assert plain.basis.shape == scaled.basis.shape
    assert np.allclose(combined(scaled, kernels), combined(plain, kernels), rtol=0, atol=1e-10)


def test_members_between_the_given_ones_are_reproduced_too() -> None:
    """What fits rely on: a few deformations span all others."""
    subspace = kernel_subspace(deformed(8, (1.0, 1.25, 1.5, 1.75, 2.0), order=32), 3e-3)
    between = deformed(5, (1.1, 1.6), shift=0.13)
    assert (norms(combined(subspace, between) - between) / norms(between)).max() < 0.02


def test_more_pixels_than_kernels_and_the_reverse() -> None:
    """Both sides of the Gram matrix give the same span."""
    few = deformed(2, (1.0, 1.4))
    many = np.concatenate([few] * (1 + few[0].size // len(few)))
    assert len(few) < few[0].size < len(many)
    one, other = kernel_subspace(few, 1e-3), kernel_subspace(many, 1e-3)
    assert np.allclose(combined(one, few), combined(other, few), rtol=0, atol=1e-10)


def test_kernels_that_vanish_on_the_mesh_span_nothing() -> None:
    """As second-order TV of the bicubic model does under a quarter turn deformed by ratio 2."""
    matrices = Affine.from_axes(0.0, 2.0).conjugate(Group(4).matrices())
    kernels = sampled_banks((STENCILS["tv2"],), matrices, BicubicKernel(), 8)[0]
    assert norms(kernels).min() < 1e-12 < 0.1 < norms(kernels).max()
    subspace = kernel_subspace(kernels, 1e-5)
    assert len(subspace.basis) == 1
    assert np.allclose(combined(subspace, kernels), kernels, rtol=0, atol=1e-12)


def test_smooth_directions_are_kept_before_rough_ones() -> None:
    """Of equally large deviations from a common kernel those are kept that smooth images respond to more."""
    x, y = np.meshgrid(np.arange(-7, 8), np.arange(-7, 8))
    bump = np.exp(-(x**2 + y**2) / 18)
    smooth, rough = x * bump, (-1.0) ** (x + y) * bump
    common = y * bump
    faint = [direction / np.linalg.norm(direction) * 1e-3 * np.linalg.norm(common) for direction in (smooth, rough)]
    kernels = np.stack([common + sign * part for part in faint for sign in (1, -1)])
    subspace = kernel_subspace(kernels, 1e-2)
    errors = [np.linalg.norm(combined(subspace, part) - part) / np.linalg.norm(part) for part in faint]
    assert errors[0] < 0.1 < 0.9 < errors[1]
