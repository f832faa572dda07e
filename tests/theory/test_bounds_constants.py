"""F, G, H from samples, and that the mesh errors they give are never exceeded."""

from __future__ import annotations

import numpy as np
import pytest

from symmetry_audit.errors import SettingError
from symmetry_audit.results import Smoothness
from symmetry_audit.theory import (
    KernelSmoothness,
    difference_error,
    distance_errors,
    image_smoothness,
    kernel_smoothness,
    quadrature_error,
    response_errors,
    stretched,
)
from tests.oracles import bounds as oracle

SIDE = 2.0


def grid(m: int) -> tuple[np.ndarray, np.ndarray]:
    """Midpoints of the m x m cells of [-1, 1]^2, x and y."""
    at = -1 + SIDE / m * (np.arange(m) + 0.5)
    return np.meshgrid(at, at)


def bump(m: int) -> np.ndarray:
    """A C1 bump with bounded second derivatives that vanishes on the border: (1 - x^2)^2 (1 - y^2)^2."""
    x, y = grid(m)
    return (1 - x**2) ** 2 * (1 - y**2) ** 2


BUMP = Smoothness(value=1.0, gradient=1.55, hessian=8.0)  # |f''| <= 8 at the middle of a side


def test_f_g_h_of_known_functions() -> None:
    y, x = np.mgrid[:40, :50].astype(float)
    plane = image_smoothness([0.01 * (3 * x + 4 * y)])
    assert (plane.gradient, plane.hessian) == (pytest.approx(0.05), pytest.approx(0.0, abs=1e-12))
    assert plane.value == pytest.approx(0.01 * (3 * 49 + 4 * 39))
    bowl = image_smoothness([0.001 * (x**2 - 2 * x * y)])  # eigenvalues of [[2, -2], [-2, 0]]: 1 +- sqrt 5
    assert bowl.hessian == pytest.approx(0.001 * (1 + np.sqrt(5)))
    wave = image_smoothness([np.sin(0.1 * x)])
    assert wave.gradient == pytest.approx(0.1, rel=2e-3)
    assert wave.hessian == pytest.approx(0.01, rel=2e-3)
    assert wave.estimator == "maximum of finite differences of 1 image"


def test_the_largest_image_counts_and_the_quantile_leaves_single_pixels_out() -> None:
    flat, spike = np.full((200, 200), 0.5), np.full((200, 200), 0.5)
    spike[100, 100] = 1.0
    both = image_smoothness([flat, spike])
    assert (both.value, both.gradient, both.hessian) == (1.0, pytest.approx(np.sqrt(0.5)), pytest.approx(1.0))
    some = image_smoothness([flat, spike], "q99.9")
    assert (some.value, some.gradient, some.hessian) == (1.0, 0.0, 0.0)
    assert some.estimator == "99.9 % quantile of finite differences of 2 images"


def test_kernels_by_samples() -> None:
    spacing = 0.05
    u = np.arange(-200, 201) * spacing
    x, y = np.meshgrid(u, u)
    sigma = 1.5
    gauss = np.where(np.hypot(x, y) < 9, np.exp(-(x**2 + y**2) / (2 * sigma**2)) / (2 * np.pi * sigma**2), 0.0)
    found, peak = kernel_smoothness(gauss, spacing), 1 / (2 * np.pi * sigma**2)
    assert found.value == pytest.approx(peak)
    assert found.gradient == pytest.approx(peak * np.exp(-0.5) / sigma, rel=2e-2)  # neighbours a step apart
    assert found.hessian == pytest.approx(peak / sigma**2, rel=1e-3)
    assert found.mass == pytest.approx(1.0, abs=1e-6)
    assert found.area == pytest.approx(np.pi * 81, rel=1e-2)
    lone = np.zeros((5, 5))
    lone[2, 3] = 1.0
    assert kernel_smoothness(lone, 0.5).radius == pytest.approx(0.5)
    assert kernel_smoothness(np.zeros((3, 3)), 0.5).radius == 0
    wider = found.scaled(2.0)
    assert found.radius == pytest.approx(9, rel=1e-2)
    assert (wider.mass, wider.area, wider.radius) == (found.mass, 4 * found.area, 2 * found.radius)
    sampled = kernel_smoothness(np.kron(gauss, [[1]]) / 4, 2 * spacing)  # the same samples, twice as far apart
    for name in ("value", "gradient", "hessian", "area", "radius", "mass"):
        assert getattr(wider, name) == pytest.approx(getattr(sampled, name)), name


def test_stretched_as_the_chain_rule_has_it() -> None:
    y, x = np.mgrid[-3:3:301j, -3:3:301j]
    step = 0.02
    plain, squeezed = (image_smoothness([np.exp(-((a * x) ** 2) - (y / a) ** 2)]) for a in (1.0, 1.5))
    allowed = stretched(plain, 1.5)
    assert squeezed.gradient <= allowed.gradient * (1 + step) and squeezed.hessian <= allowed.hessian * (1 + step)
    assert squeezed.hessian > 0.9 * allowed.hessian  # attained at the centre
    kernel = stretched(KernelSmoothness(value=1, gradient=1, hessian=1, area=1, radius=3, mass=1), 2.0)
    assert (kernel.value, kernel.gradient, kernel.hessian) == (1, 2, 4)
    assert (kernel.area, kernel.radius, kernel.mass) == (1, 6, 1)


@pytest.mark.parametrize("m", [4, 8, 16, 64])
def test_midpoint_sums_are_off_by_no_more_than_the_quadrature_error(m: int) -> None:
    h = SIDE / m
    off = abs(h**2 * bump(m).sum() - (16 / 15) ** 2)
    assert off <= quadrature_error(8.0, h)
    x, _ = grid(m)
    parabola = abs(h**2 * (x**2).sum() - 4 / 3)
    assert parabola == pytest.approx(quadrature_error(2.0, h) / 2)  # equality needs curvature both ways
    x, y = grid(m)
    bowl = abs(h**2 * (x**2 + y**2).sum() - 8 / 3)
    assert bowl == pytest.approx(quadrature_error(2.0, h))


@pytest.mark.parametrize("m", [4, 8, 16, 64])
def test_squared_distances_are_off_by_no_more_than_norm(m: int) -> None:
    h = SIDE / m
    w = 2 * bump(m)  # of two images as far apart as they can be
    exact = 4 * (256 / 315) ** 2 * (128 / 128) ** 2  # the integral of (1 - x^2)^4 is 256/315
    found = distance_errors(BUMP, h, mu=3.0)
    assert abs(h**2 * (w**2).sum() - exact) <= found["norm"]
    assert found["data"] == 1.5 * found["norm"]


def responses(m: int, power: int, fine: int = 8) -> tuple[float, float]:
    """Mesh and nearly exact values of the integral of |phi * r|^power for phi(x) = x_1 (1 - |x|^2 / rho^2)^2."""
    rho = 0.5

    def value(size: int) -> float:
        h = SIDE / size
        at = h * np.fft.fftfreq(size, 1 / size)
        x, y = np.meshgrid(at, at)
        phi = x * np.maximum(1 - (x**2 + y**2) / rho**2, 0) ** 2
        r = 0.5 + 0.5 * np.cos(np.pi * x) * np.cos(np.pi * y)
        q = h**2 * np.fft.ifft2(np.fft.fft2(phi) * np.fft.fft2(r)).real
        return h**2 * (np.abs(q) ** power).sum()

    return value(m), value(512)


@pytest.mark.parametrize(("response", "power"), [("abs", 1), ("energy", 2)])
@pytest.mark.parametrize("m", [6, 8, 16, 32])
def test_responses_are_off_by_no_more_than_their_errors(response: str, power: int, m: int) -> None:
    image = Smoothness(value=1.0, gradient=np.pi / 2, hessian=np.pi**2 / 2)
    u = np.linspace(-0.5, 0.5, 401)
    x, y = np.meshgrid(u, u)
    kernel = kernel_smoothness(x * np.maximum(1 - (x**2 + y**2) / 0.25, 0) ** 2, u[1] - u[0])
    mesh, exact = responses(m, power)
    found = response_errors(image, kernel, SIDE / m, response)
    assert set(found) == {"filter", "sum"}
    assert 0 < abs(mesh - exact) <= sum(found.values())


def test_errors_of_responses_as_the_oracle_writes_them() -> None:
    kernel = KernelSmoothness(value=0.9, gradient=2.1, hessian=3.3, area=0.5, radius=0.4, mass=0.7)
    image = Smoothness(value=1.0, gradient=3.0, hessian=20.0)
    for response in ("abs", "energy"):
        expected = oracle.response_errors((1.0, 3.0, 20.0), (0.9, 2.1, 3.3), 0.5, 0.7, 0.1, 4.0, response)
        found = response_errors(image, kernel, 0.1, response)
        assert [found["filter"], found["sum"]] == pytest.approx(expected, rel=1e-5)


def test_half_of_the_difference_error_is_attained_by_a_single_wave() -> None:
    """Its |d_xx r|^2 is half of H^2 on the average."""
    size, weight = 256, 0.3
    at = np.pi * 2 / size * np.arange(size)
    wave = np.tile(np.cos(2 * at), (size, 1))
    slopes = (np.roll(wave, -1, axis=1) - wave) * size / 2
    sums = weight / 2 * (2 / size) ** 2 * (slopes**2).sum()
    exact = weight / 2 * 4 * (2 * np.pi) ** 2 / 2
    image = Smoothness(value=1.0, gradient=2 * np.pi, hessian=(2 * np.pi) ** 2)
    assert exact - sums == pytest.approx(difference_error(image, 2 / size, weight) / 2, rel=1e-3)


def test_orders_in_h() -> None:
    kernel = KernelSmoothness(value=1, gradient=2, hessian=3, area=0.5, radius=0.4, mass=0.7)
    halves = [response_errors(BUMP, kernel, h, name) for name in ("abs", "energy") for h in (1e-4, 5e-5)]
    ratios = [{name: halves[at][name] / halves[at + 1][name] for name in ("filter", "sum")} for at in (0, 2)]
    assert ratios[0] == {"filter": pytest.approx(4), "sum": pytest.approx(2)}  # kinks of |q|: first order
    assert ratios[1] == {"filter": pytest.approx(4, rel=1e-3), "sum": pytest.approx(4)}
    assert difference_error(BUMP, 0.2, 1.0) == pytest.approx(4 * difference_error(BUMP, 0.1, 1.0))


def test_errors() -> None:
    with pytest.raises(SettingError, match=r'unknown estimator "mean"\. Choose from: max, q99\.9'):
        image_smoothness([np.zeros((4, 4))], "mean")
    with pytest.raises(SettingError, match="need at least one image"):
        image_smoothness([])
    with pytest.raises(SettingError, match=r"needs an array of at least 3 x 3, got shape \(2, 9\)"):
        image_smoothness([np.zeros((2, 9))])
    with pytest.raises(SettingError, match=r"got shape \(3,\)"):
        kernel_smoothness(np.zeros(3), 1.0)
    kernel = KernelSmoothness(value=1, gradient=2, hessian=3, area=0.5, radius=0.4, mass=0.7)
    with pytest.raises(SettingError, match=r'unknown response "ab"\. Did you mean "abs"'):
        response_errors(BUMP, kernel, 0.1, "ab")
