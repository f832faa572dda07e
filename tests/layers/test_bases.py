"""Samples of the filter bases against the oracle, and their smoothness in the deformation.

EXACT covers float64 rounding; the mixing matrix divides by the smallest eigenvalue of a Gram matrix, MIXED covers that.
"""

from __future__ import annotations

from math import cos, log, pi, sin

import numpy as np
import pytest
import torch

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Affine, Group
from symmetry_audit.layers import BASES, Basis, FreeDeformation, SharedDeformation, make_basis
from tests.oracles import layers as oracle

EXACT, MIXED = 1e-12, 1e-9
GROUPS = ("p1", "p2", "p4", "p8", "p16", "p4m", "p8m")
SIZES = {
    "pixel": {3: 9, 5: 25, 7: 49},
    "bicubic": {3: 9, 5: 25, 7: 49},
    "difference": {5: 9},
    "fourier": {3: 9, 5: 25, 7: 49},
    "harmonic": {3: 6, 5: 15, 7: 28},
    "steerable": {3: 6, 5: 11, 7: 18},
}
CASES = [
    (name, p, group)
    for name, sizes in SIZES.items()
    for p in sizes
    for group in GROUPS
    if name != "pixel" or group in ("p1", "p2", "p4", "p4m")
]
DEFORMED = (
    oracle.inverse_smooth(0.3, -0.2),
    oracle.inverse_smooth(-log(2.0), 0.0),
    oracle.inverse_free(0.3, 1.2, 0.8),
)
RELATED = pytest.mark.parametrize("name", ["bicubic", "difference", "fourier", "harmonic", "steerable"])


def samples(basis: Basis, inverse: np.ndarray | None = None) -> np.ndarray:
    """As the oracle has them, (order, K, p, p)."""
    found = basis.sample(None if inverse is None else torch.from_numpy(inverse)).numpy()
    return found.reshape(*found.shape[:2], basis.kernel_size, basis.kernel_size)


def relation(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The matrix that takes the wanted functions to the found ones, both orthonormal over elements and points."""
    return np.einsum("okyx,olyx->kl", found, wanted) / len(found)


@pytest.mark.parametrize(("name", "p", "group"), CASES)
def test_samples(name: str, p: int, group: str) -> None:
    """Unmixed functions one by one; mixed ones by span, then by their symmetric root, deformed ones by the same."""
    masked = Group.parse(group).rotations not in (1, 2, 4)
    basis, wanted = make_basis(name, p, Group.parse(group), masked), oracle.basis(name, p, group)
    found = samples(basis)
    assert basis.size == SIZES[name][p]
    assert found.shape == wanted.shape == (Group.parse(group).order, SIZES[name][p], p, p)
    if name not in oracle.MIXED:
        assert np.abs(found - wanted).max() < EXACT
        return
    assert oracle.span_distance(found, wanted) < MIXED
    signed = relation(found, wanted)
    assert np.abs(signed - np.round(signed)).max() < MIXED
    assert (np.abs(np.round(signed)).sum(0) == 1).all()
    assert (np.abs(np.round(signed)).sum(1) == 1).all()


@pytest.mark.parametrize(
    ("name", "p", "group"),
    [(name, p, group) for name, p, group in CASES if name != "pixel" and (p == 5 or group in ("p1", "p8m"))],
)
def test_deformed_samples(name: str, p: int, group: str) -> None:
    """The oracle's mask follows the same smooth ramp, so masked functions are compared at deformed points too."""
    basis = make_basis(name, p, Group.parse(group), True)
    if name in oracle.MIXED:
        signed = np.round(relation(samples(basis), oracle.basis(name, p, group, masked=True)))
    for inverse in DEFORMED:
        found, wanted = samples(basis, inverse), oracle.basis(name, p, group, inverse, masked=True)
        if name in oracle.MIXED:
            wanted = np.einsum("kl,olyx->okyx", signed, wanted)
        assert np.abs(found - wanted).max() < (MIXED if name in oracle.MIXED else EXACT)


@pytest.mark.parametrize("name", oracle.MIXED)
def test_mixing_is_the_symmetric_root(name: str) -> None:
    basis = make_basis(name, 5, Group(8))
    mixing, raw = basis.mixing, basis.raw(basis.inverses)
    gram = torch.einsum("okp,olp->kl", raw, raw) / 8
    identity = torch.eye(basis.size, dtype=torch.float64)
    assert torch.allclose(mixing, mixing.T, rtol=0, atol=MIXED)
    assert (torch.linalg.eigvalsh(mixing) > 0).all()
    assert torch.allclose(mixing @ gram @ mixing, identity, rtol=0, atol=MIXED)


@pytest.mark.parametrize("name", ["bicubic", "fourier"])
@pytest.mark.parametrize("group", ["p1", "p2", "p4", "p4m", "p8"])
def test_masked(name: str, group: str) -> None:
    """The corner of the window is damped by exp(-5) under the mask of 5 x 5 pixels, before normalisation."""
    with_mask, without = (make_basis(name, 5, Group.parse(group), masked) for masked in (True, False))
    ratio = with_mask.raw(with_mask.inverses)[0, :, 0] - without.raw(without.inverses)[0, :, 0] * np.exp(-5.0)
    assert ratio.abs().max() < EXACT
    assert not torch.equal(with_mask.undeformed, without.undeformed)


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("group", ["p1", "p8m"])
def test_one_pixel(name: str, group: str) -> None:
    basis = make_basis(name, 1, Group.parse(group))
    order = Group.parse(group).order
    assert torch.equal(basis.sample(), torch.ones(order, 1, 1, dtype=torch.float64))
    inverses = torch.eye(2, dtype=torch.float64).expand(3, 2, 2)
    assert basis.sample(inverses).shape == (3, order, 1, 1)


@RELATED
def test_a_batch_of_deformations_is_each_of_them(name: str) -> None:
    basis = make_basis(name, 5, Group.parse("p8m"))
    inverses = torch.from_numpy(np.stack(DEFORMED))
    together = basis.sample(inverses)
    for one, inverse in zip(together, inverses, strict=True):
        assert torch.allclose(one, basis.sample(inverse), rtol=0, atol=EXACT)
    assert torch.allclose(basis.sample(torch.eye(2, dtype=torch.float64)), basis.sample(), rtol=0, atol=EXACT)


def test_bases_are_made_once() -> None:
    assert make_basis("fourier", 5, Group(8)) is make_basis("fourier", 5, Group(8))
    assert make_basis("fourier", 5, Group(8)) is not make_basis("fourier", 5, Group(8), False)


@pytest.mark.parametrize(("p", "q"), [(5, 3), (7, 3), (9, 5), (11, 5)])
@pytest.mark.parametrize("group", ["p1", "p4m", "p8"])
def test_coarse_functions_are_those_of_a_smaller_window_stretched(p: int, q: int, group: str) -> None:
    """exp(i pi (q - 1)(k x + l y) / q) for x, y in [-1, 1] over the window: OSCNet's, written as its authors do."""
    basis = make_basis("coarse", p, Group.parse(group))
    assert basis.size == q**2
    axis, count = np.linspace(-1, 1, p), range(-(q - 1) // 2, (q + 1) // 2)
    waves = []
    for a, b, c, d in np.linalg.inv(Group.parse(group).matrices()).reshape(-1, 4):
        y, x = np.meshgrid(axis, axis, indexing="ij")
        mask = np.exp(-np.maximum(x**2 + y**2 - 1, 0) / 0.2)
        u, v = a * x + b * y, c * x + d * y
        waves.append([mask * np.exp(1j * np.pi * (q - 1) / q * (k * u + m * v)) for k in count for m in count])
    wanted = np.moveaxis(np.array(waves), 1, -1).reshape(-1, q**2)
    found = samples(basis).transpose(0, 2, 3, 1).reshape(-1, q**2)
    rest = found - wanted @ np.linalg.lstsq(wanted, found, rcond=None)[0]
    assert np.abs(rest).max() < MIXED
    assert np.allclose(found.T @ found / len(waves), np.eye(q**2), rtol=0, atol=MIXED)


# ---------------------------------------------------------------- the deformation


@pytest.mark.parametrize(("a", "b"), [(0.0, 0.0), (0.3, -0.2), (-0.5, 0.1), (0.0, 0.69)])
def test_shared_deformation_is_the_affine_family(a: float, b: float) -> None:
    deformation = SharedDeformation().double()
    deformation.set(Affine(a, b))
    inverse = deformation().detach().numpy()
    assert np.allclose(inverse, oracle.inverse_smooth(a, b), rtol=0, atol=EXACT)
    assert np.allclose(inverse @ Affine(a, b).matrix, np.eye(2), rtol=0, atol=EXACT)
    assert np.linalg.det(inverse) == pytest.approx(1, abs=EXACT)


@pytest.mark.parametrize("z", [(0.0, 0.0), (3.0, 4.0), (-1e4, 1e4)])
def test_shared_deformation_is_bounded(z: tuple[float, float]) -> None:
    deformation = SharedDeformation().double()
    with torch.no_grad():
        deformation.position.copy_(torch.tensor(z))
    found = deformation.coordinates().detach().numpy()
    assert np.allclose(found, oracle.bounded(z), rtol=0, atol=EXACT)
    assert np.hypot(*found) <= log(2.0)


def test_the_offset_of_a_shared_deformation_is_a_symmetric_matrix() -> None:
    """With z = 0: xx, xy, yy is log D^2 up to its trace, D = exp([a, -b; -b, -a] / 2) has log D^2 = [a, -b; -b, -a]."""
    deformation = SharedDeformation().double()
    a, b, trace = 0.02, -0.01, 7.0
    deformation.offset = torch.tensor([[a + trace, -b, -a + trace], [0.0, 0.0, 0.0]], dtype=torch.float64)
    bounded = oracle.bounded((a, b))
    assert np.allclose(deformation.coordinates().detach().numpy(), [bounded, [0, 0]], rtol=0, atol=EXACT)
    inverses = deformation().detach().numpy()
    wanted = [oracle.inverse_smooth(*bounded), np.eye(2)]
    assert np.allclose(inverses, wanted, rtol=0, atol=EXACT)


def test_free_deformation() -> None:
    deformation = FreeDeformation().double()
    assert torch.equal(deformation().detach(), torch.eye(2, dtype=torch.float64))
    deformation.offset = torch.tensor([[0.1, -0.2, 0.3], [0.0, 0.0, 0.0]], dtype=torch.float64)
    with torch.no_grad():
        deformation.values.copy_(torch.tensor([0.3, 1.2, 0.8], dtype=torch.float64))
    wanted = [oracle.inverse_free(0.4, 1.0, 1.1), oracle.inverse_free(0.3, 1.2, 0.8)]
    assert np.allclose(deformation().detach().numpy(), wanted, rtol=0, atol=EXACT)


def test_a_start_beyond_the_largest_ratio() -> None:
    with pytest.raises(SettingError, match=r"w has ratio 2\.5, but this layer needs a ratio below 2"):
        SharedDeformation(Affine.from_axes(0.3, 2.5))
    with pytest.raises(SettingError, match=r"w has ratio 1\.8, but this layer needs a ratio below 1\.5"):
        SharedDeformation(max_ratio=1.5).set(Affine.from_axes(0.3, 1.8))


# ---------------------------------------------------------------- smoothness


def inverses(points: np.ndarray) -> torch.Tensor:
    """D^-1 at the points (a, b), (N, 2, 2)."""
    return torch.from_numpy(np.stack([np.linalg.inv(Affine(a, b).matrix) for a, b in points]))


def largest_jumps(basis: Basis, points: np.ndarray) -> np.ndarray:
    return basis.sample(inverses(points)).diff(dim=0).abs().flatten(1).amax(1).numpy()


@RELATED
@pytest.mark.parametrize("radius", [1e-3, 0.3, 0.69])
def test_no_jump_around_ratio_one(name: str, radius: float) -> None:
    """Along a closed circle alpha goes round from 0 to pi: half the step halves the largest difference."""
    basis = make_basis(name, 5, Group(8))

    def largest(steps: int) -> float:
        angles = 2 * pi * (np.arange(steps + 1) + 0.5) / steps  # a step across the wrap at alpha = pi
        return largest_jumps(basis, radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1)).max()

    coarse, fine = largest(120), largest(240)
    assert 0 < fine < 0.55 * coarse


@RELATED
@pytest.mark.parametrize("angle", [0.0, 0.7, 2.5])
def test_no_jump_through_ratio_one(name: str, angle: float) -> None:
    basis = make_basis(name, 5, Group.parse("p8m"))

    def largest(steps: int) -> float:
        along = np.linspace(-0.4, 0.4, steps + 1)
        return largest_jumps(basis, along[:, None] * [cos(angle), sin(angle)]).max()

    coarse, fine = largest(80), largest(160)  # 0 is one of the points
    assert 0 < fine < 0.55 * coarse


@pytest.mark.parametrize(("name", "p"), [(name, p) for name in SIZES if name != "pixel" for p in SIZES[name] if p < 7])
@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_the_derivative_is_continuous_at_w_0(name: str, p: int, angle: float) -> None:
    """One-sided slopes at (a, b) = 0 agree, with each other and with automatic differentiation.

    Up to the step: the second derivatives of Keys' cubic and of the mask jump at points of the window.
    """
    basis, step = make_basis(name, p, Group(8)), 1e-7
    direction = np.array([cos(angle), sin(angle)])
    values = basis.sample(inverses(np.array([-step, 0.0, step])[:, None] * direction))
    before, after = (values.diff(dim=0) / step).unbind(0)
    assert (before - after).abs().max() < 1e-5 * after.abs().max()
    deformation = SharedDeformation().double()
    _, slope = torch.autograd.functional.jvp(
        lambda z: basis.sample(torch.func.functional_call(deformation, {"position": z}, ())),
        torch.zeros(2, dtype=torch.float64),
        torch.from_numpy(direction) / log(2.0),  # (a, b) = ln 2 z near 0
    )
    assert slope.isfinite().all()
    assert (slope - (before + after) / 2).abs().max() < 1e-5 * after.abs().max()


@RELATED
def test_derivatives_are_finite_everywhere(name: str) -> None:
    basis, deformation = make_basis(name, 7 if name != "difference" else 5, Group(8)), SharedDeformation().double()
    for z in [(0.0, 0.0), (1e-9, -1e-9), (-0.5, 0.0), (-0.5, -1e-12), (30.0, 40.0)]:
        with torch.no_grad():
            deformation.position.copy_(torch.tensor(z, dtype=torch.float64))
        deformation.position.grad = None
        basis.sample(deformation()).square().sum().backward()
        assert deformation.position.grad.isfinite().all()


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize("p", [-1, 0, 2, 4])
def test_even_windows(p: int) -> None:
    with pytest.raises(SettingError, match=f"kernel_size must be odd and positive, got {p}"):
        make_basis("fourier", p, Group(8))


@pytest.mark.parametrize(
    ("name", "p", "group", "message"),
    [
        ("furier", 5, "p8", r'no filter basis is called "furier".*fourier'),
        ("pixel", 3, "p8", r"quarter turns: use p1, p2, p4 .* for p8"),
        ("pixel", 3, "p3m", "only be rotated by quarter turns"),
        ("difference", 3, "p8", r"kernel_size 5 \(or 1\), got 3"),
        ("difference", 7, "p8", r"kernel_size 5 \(or 1\), got 7"),
        ("coarse", 3, "p8", r"kernel_size of 5 or more \(or 1\), got 3"),
    ],
)
def test_bases_that_do_not_exist(name: str, p: int, group: str, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        make_basis(name, p, Group.parse(group))


def test_pixels_cannot_be_deformed() -> None:
    with pytest.raises(SettingError, match="free pixels cannot be deformed"):
        make_basis("pixel", 3, Group(4)).sample(torch.eye(2, dtype=torch.float64))


def test_functions_that_are_the_same_on_the_window() -> None:
    """Rings finer than pixels: on 3 x 3 pixels frequency 4 of p1 repeats frequency 0 or vanishes."""

    class Crowded(BASES["harmonic"]):
        def highest(self, ring: int) -> int:
            return 8 * ring

    with pytest.raises(
        SettingError, match=r"are linearly dependent on 3 x 3 pixels under p1; use a larger kernel_size"
    ):
        _ = Crowded(3, Group(1)).size
