"""The kernels of the deformed group: against the oracle, and what the subspace and the polynomials make of them."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from symmetry_audit.engine import kernel_rows
from symmetry_audit.fits import DeformedFamily
from symmetry_audit.groups import Affine, Group
from symmetry_audit.kernels import KERNEL_MODELS, STENCILS, GaussianKernel, KernelModel, kernel_model
from tests.conftest import smooth_noise
from tests.oracles import affine as oracle
from tests.oracles import symmetry

FOUR = ("tv", "tv2", "sobel", "prewitt")
GROUPS = ("p1", "p2", "p3", "p4", "p5", "p8", "p32", "p1m", "p5m", "p8m")


@cache
def family(group: str, names: tuple[str, ...] = FOUR, model: KernelModel | None = None) -> DeformedFamily:
    stencils = tuple(STENCILS[name] for name in names)
    return DeformedFamily(stencils, Group.parse(group), model or GaussianKernel())


def oracle_matrices(group: str, affine: Affine) -> np.ndarray:
    return symmetry.deformed(symmetry.group_matrices(group), oracle.deformation(*oracle.from_ab(affine.a, affine.b)))


@pytest.mark.parametrize(
    ("group", "distinct", "index"),
    [
        ("p1", [0], [0]),
        ("p2", [0], [0, 0]),
        ("p5", [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]),
        ("p8", [0, 1, 2, 3], [0, 1, 2, 3, 0, 1, 2, 3]),
        ("p4m", [0, 1, 4, 5], [0, 1, 0, 1, 2, 3, 2, 3]),
        ("p3m", list(range(6)), list(range(6))),
        ("p32", list(range(16)), [*range(16), *range(16)]),
    ],
)
def test_half_turns_are_computed_once(group: str, distinct: list[int], index: list[int]) -> None:
    assert family(group).distinct.tolist() == distinct
    assert family(group).index.tolist() == index


@pytest.mark.parametrize("group", ["p8", "p8m", "p32"])
def test_one_stencil_without_parity_keeps_every_element(group: str) -> None:
    order = Group.parse(group).order
    for names in (("chiral",), ("tv", "chiral")):
        assert family(group, names).distinct.tolist() == family(group, names).index.tolist() == list(range(order))


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("names", [FOUR, ("laplacian", "chiral")], ids=["four", "chiral"])
def test_representatives_respond_like_every_element(group: str, names: tuple[str, ...]) -> None:
    """Up to sign each element's kernel is that of its representative, under any deformation."""
    ours, w = family(group, names), Affine.from_axes(0.7, 1.6)
    kernels = ours.kernels(w)[:, ours.index]
    for name, mine in zip(names, kernels, strict=True):
        theirs = oracle.kernel_stack(name, oracle_matrices(group, w), 1.5, ours.radius)
        sign = np.sign((mine * theirs).sum((1, 2)))[:, None, None]
        assert np.abs(sign * mine - theirs).max() < 1e-13, name


@pytest.mark.parametrize("kernel", KERNEL_MODELS)
@pytest.mark.parametrize("group", ["p5", "p4m"])
def test_kernels_are_those_of_the_oracle(group: str, kernel: str) -> None:
    model, w = kernel_model(kernel), Affine.from_axes(2.1, 1.9)
    ours = family(group, (*FOUR, "chiral"), model)
    assert ours.radius == max(symmetry.window_radius(s.name, kernel, model.sigma, 2.0) for s in ours.stencils)
    found = ours.kernels(w)
    for name, mine in zip((*FOUR, "chiral"), found, strict=True):
        for element, one in zip(oracle_matrices(group, w), mine, strict=True):
            theirs = symmetry.sampled_kernel(symmetry.stencil(name), element, kernel, model.sigma, ours.radius)
            assert np.abs(one - theirs).max() < 1e-13
    assert np.array_equal(ours.kernels(w, (3, 1)), found[[3, 1]])


def test_the_group_is_that_of_d_d_transposed() -> None:
    """The same kernels, in another order, for D and for D times a rotation of the group."""
    w, element = Affine.from_axes(0.4, 1.7), Group(8).matrices()[3]
    turned = w.matrix @ element
    other = turned @ Group(8).matrices() @ np.linalg.inv(turned)
    assert np.allclose(other, w.conjugate(Group(8).matrices()), rtol=0, atol=1e-14)


def test_families_are_values() -> None:
    one, other = (DeformedFamily((STENCILS["tv"],), Group(8), GaussianKernel()) for _ in range(2))
    assert one == other and hash(one) == hash(other)
    assert one != DeformedFamily((STENCILS["tv"],), Group(8), GaussianKernel(2.0))


def relative_profiles(image: np.ndarray, kernels: np.ndarray) -> np.ndarray:
    """Mean responses divided by their mean over the group, (R, E)."""
    rows = kernel_rows(image, kernels.reshape(-1, *kernels.shape[2:]), kernels.shape[2] // 2, dtype=torch.float64)
    found = rows.mean(0).reshape(kernels.shape[:2])
    return found / found.mean(1, keepdims=True)


def rms(profiles: np.ndarray) -> float:
    """Root mean square over the elements, the worst stencil."""
    return float(np.sqrt(np.square(profiles).mean(1)).max())


# rms errors of relative profiles that symmetry_audit.fits._problem states for its subspace
ACCURACY = [(1.2, 1e-3), (1.5, 1e-3), (2.0, 3e-3)]


@pytest.mark.parametrize(("ratio", "subspace"), ACCURACY)
@pytest.mark.parametrize(
    ("group", "names"),
    [("p32", FOUR), ("p8", FOUR), ("p5", FOUR), ("p8m", FOUR), ("p4", ("tv", "chiral"))],
)
def test_profiles_in_the_subspace(
    rng: np.random.Generator, group: str, names: tuple[str, ...], ratio: float, subspace: float
) -> None:
    """Groups with few rotations as well: their kernels lie farther apart, those of all deformations do not."""
    image, ours, stencils = smooth_noise(rng, 121, 133), family(group, names), tuple(range(len(names)))
    for alpha in rng.uniform(0, np.pi, 2):
        w = Affine.from_axes(alpha, ratio)
        kernels = ours.kernels(w)
        combined = [ours.subspace.coefficients(kernels), ours.coefficients(w, stencils)]
        exact, projected, interpolated = (
            relative_profiles(image, k) for k in (kernels, *(np.tensordot(c, ours.subspace.basis, 1) for c in combined))
        )
        assert rms(projected - exact) < subspace
        assert rms(interpolated - exact) < subspace
        assert rms(interpolated - projected) < subspace / 3  # the polynomials end, and are worst, at ratio 2


@pytest.mark.parametrize("model", [kernel_model("bicubic"), kernel_model("fourier"), GaussianKernel(1.0)], ids=str)
def test_kernels_that_change_too_fast_are_not_interpolated(model: KernelModel) -> None:
    ours, w = family("p8", FOUR, model), Affine.from_axes(0.3, 1.8)
    found = ours.coefficients(w, (2, 0))
    assert np.array_equal(found, ours.subspace.coefficients(ours.kernels(w, (2, 0))))


def test_coefficients_of_some_stencils_are_rows_of_all() -> None:
    ours, w = family("p8"), Affine.from_axes(0.3, 1.8)
    everything = ours.coefficients(w, (0, 1, 2, 3))
    assert everything.shape == (4, 4, len(ours.subspace.basis))
    assert np.allclose(ours.coefficients(w, (2, 0)), everything[[2, 0]], rtol=1e-6, atol=1e-6)
