"""Theorem 3.7 as printed: its constants against exact fractions, its lemmas against sums, the whole never violated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from symmetry_audit.errors import SettingError
from symmetry_audit.results import Smoothness
from symmetry_audit.theory import (
    ExactTurn,
    KernelSmoothness,
    QuadraticProblem,
    Waves,
    difference_error,
    difference_filters,
    distance_errors,
    kernel_smoothness,
    mesh_bound,
    mesh_frequencies,
    printed_constants,
    printed_errors,
    trivial_bound,
)
from tests.oracles.printed_bounds import printed_bound

IMAGE = Smoothness(value=0.9, gradient=1.7, hessian=5.3)
BLUR = KernelSmoothness(value=2.1, gradient=7.7, hessian=31.0, area=0.5, radius=0.4, mass=1.0)
KERNEL = KernelSmoothness(value=1.3, gradient=4.1, hessian=19.0, area=0.8, radius=0.6, mass=0.7)


def bounds(shape: Smoothness | KernelSmoothness) -> tuple[float, float, float]:
    return shape.value, shape.gradient, shape.hessian


@pytest.mark.parametrize(("epsilon", "mu", "h", "radius"), [(0.0, 1.0, 0.1, 1.0), (0.37, 2.5, 0.03, 1.4)])
def test_every_constant_is_the_printed_one(epsilon: float, mu: float, h: float, radius: float) -> None:
    radii = radius, BLUR.radius, KERNEL.radius
    wanted = printed_bound(epsilon, mu, h, bounds(IMAGE), bounds(BLUR), bounds(KERNEL), radii)
    found = printed_constants(IMAGE, KERNEL, mu, BLUR)
    names = {"c0": "C0", "c_bar": "Cbar", "c_reg": "Creg", "c1": "C1", "c2": "C2", "c_epsilon": "Chat"}
    for ours, theirs in names.items():
        assert getattr(found, ours) == pytest.approx(wanted[theirs], rel=1e-12), ours
    bound = mesh_bound(epsilon, mu, printed_errors(IMAGE, KERNEL, h, BLUR, radius), trivial=16.0)
    assert bound.total == pytest.approx(wanted["bound"], rel=1e-12)
    assert bound.terms["mesh: regularizer"] == pytest.approx(wanted["C1"] * (radius + 0.6) ** 2 * h**2, rel=1e-12)


def test_without_blur_a_narrow_one_of_mass_1_is_meant() -> None:
    """4 D^2 F2 stands for the integral of |k|: what a flat blur has that fills its square, and C0 D^2 vanishes."""
    narrow = KernelSmoothness(value=1 / (4 * 1e-6**2), gradient=0, hessian=0, area=4e-12, radius=1e-6, mass=1)
    kept = replace(IMAGE, hessian=0.0)  # F2 H1 D^2 is the part of C0 D^2 that a narrow blur does not lose
    none, blurred = (printed_errors(kept, KERNEL, 0.1, blur) for blur in (None, narrow))
    assert none == {name: pytest.approx(value, rel=3e-6) for name, value in blurred.items()}


def bump(x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    """(1 - |x|^2 / radius^2)^3 in the disc and 0 outside, twice continuously differentiable."""
    return np.maximum(1 - (x**2 + y**2) / radius**2, 0) ** 3


def shape_of_bump(radius: float) -> KernelSmoothness:
    at = np.linspace(-radius, radius, 801)
    return kernel_smoothness(bump(*np.meshgrid(at, at), radius), at[1] - at[0])


@pytest.mark.parametrize("points", [4, 7, 12, 40])
def test_lemma_3_5_on_a_bump(points: int) -> None:
    """R(r) = (D_r + D_R)^-2 times both integrals, and the same of sums; the integral of a bump is pi radius^2 / 4."""
    image, kernel = shape_of_bump(1.0), shape_of_bump(0.5)
    h, mean = 2 / points, (1 + 0.5) ** -2
    at = h * (np.arange(-2 * points, 2 * points + 1) + 0.3)  # beyond both, and off the centre
    x, y = np.meshgrid(at, at)
    exact = mean * np.pi / 4 * np.pi * 0.25 / 4
    sums = mean * h**4 * bump(x, y, 1.0).sum() * bump(x, y, 0.5).sum()
    smooth = Smoothness(value=image.value, gradient=image.gradient, hessian=image.hessian)
    assert 0 < abs(sums - exact) <= printed_errors(smooth, kernel, h)["regularizer"]


@pytest.mark.parametrize("points", [8, 16, 32])
def test_the_data_term_of_blurred_bumps(points: int) -> None:
    """Lemma SM5.2, the sums against sums on a mesh many times as fine."""
    blur = shape_of_bump(0.4)
    scale = 1 / (np.pi * 0.16 / 4)  # of mass 1
    blur = replace(blur, **{name: scale * getattr(blur, name) for name in ("value", "gradient", "hessian", "mass")})
    image = Smoothness(**dict(zip(("value", "gradient", "hessian"), bounds(shape_of_bump(1.0)), strict=True)))

    def data(size: int) -> float:
        h = 2 / size
        at = 2 * h * size * np.fft.fftfreq(2 * size)  # [-2, 2]^2, on which nothing wraps around
        x, y = np.meshgrid(at, at)
        of_blur, of_image = (np.fft.fft2(bump(x, y, radius)) for radius in (0.4, 1.0))
        blurred = np.fft.ifft2(of_blur * of_image).real * scale * h**2
        return float(h**2 * ((bump(x, y, 1.0) - blurred) ** 2).sum())

    off = abs(data(points) - data(256))
    assert 0 < off <= printed_errors(image, KERNEL, 2 / points, blur)["data"]


TURNS = {ExactTurn(2, 1): 6, ExactTurn(3, 2): 9, ExactTurn(1, 1): 6, ExactTurn(5, 1): 12}  # and the largest |k|


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("anisotropy", [0.0, 0.01, 0.5])
def test_the_solvable_case_never_violates_it(turn: ExactTurn, anisotropy: float) -> None:
    """For ||x - y||^2 + 2 R, twice its energy; R is quadratic, so its own mesh error takes the place of Lemma 3.5's."""
    weights = 0.05 * (1 + anisotropy), 0.05 * (1 - anisotropy)
    for seed in range(3):
        waves = Waves.random(turn, TURNS[turn], np.random.default_rng(seed))
        shape = waves.smoothness()
        for size in (32, 64):
            mesh, y = QuadraticProblem.of_filters(difference_filters(size, weights)), waves.sample(size)
            x_axis, y_axis = mesh_frequencies(size)
            exact = QuadraticProblem(weights[0] * x_axis**2 + weights[1] * y_axis**2)
            epsilon, own = exact.epsilon(y, turn, mesh), difference_error(shape, mesh.h, sum(weights))
            printed = {**printed_errors(shape, KERNEL, mesh.h), "regularizer": 2 * own}
            bound = mesh_bound(2 * epsilon, mesh.mu, printed, trivial=trivial_bound(shape))
            derived = {**distance_errors(shape, mesh.h, mesh.mu), "regularizer": own}
            sharper = mesh_bound(epsilon, mesh.mu, derived, trivial=trivial_bound(shape))
            assert mesh.equivariance_error(y, turn) <= sharper.total < bound.total
            assert bound.terms["mesh: norm"] == pytest.approx(3 * sharper.terms["mesh: norm"])
            assert bound.terms["mesh: data"] == pytest.approx(6 * sharper.terms["mesh: data"])


def test_errors() -> None:
    with pytest.raises(SettingError, match="mu must be a finite number above 0, got 0"):
        printed_constants(IMAGE, KERNEL, 0.0)
    with pytest.raises(SettingError, match="h must be a finite number above 0, got -1"):
        printed_errors(IMAGE, KERNEL, -1.0)
