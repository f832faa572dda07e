"""Windows on a lattice: which pixels they are, what their mean profiles are worth, and how they are weighted."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from symmetry_audit.engine import kernel_rows
from symmetry_audit.fits import DeformedFamily, WindowSample, sample_windows
from symmetry_audit.groups import Affine, Group
from symmetry_audit.kernels import STENCILS, BicubicKernel, GaussianKernel, KernelModel
from tests.conftest import smooth_noise
from tests.oracles import symmetry

NAMES = ("tv", "tv2", "sobel")
ALL = (0, 1, 2)
MARGIN = 15
W = Affine.from_axes(0.7, 1.4)
IDENTITY = Affine(0.0, 0.0)


@cache
def family() -> DeformedFamily:
    return DeformedFamily(tuple(STENCILS[name] for name in NAMES), Group(8), GaussianKernel())


def exact(image: np.ndarray, affine: Affine, kind: str = "abs", chosen: np.ndarray | slice = slice(None)) -> np.ndarray:
    """Mean responses of V, or of its ``chosen`` rows, to the kernels themselves, (3, 4)."""
    kernels = family().kernels(affine).reshape(-1, 31, 31)
    return kernel_rows(image, kernels, MARGIN, kind, dtype=torch.float64)[chosen].mean(0).reshape(3, 4)


def responses(sample: WindowSample, kernel: int = 0) -> np.ndarray:
    """Signed responses of every window to one kernel of W, (P,)."""
    coefficients = family().coefficients(W, ALL).reshape(-1, sample.pixels.shape[1])[kernel]
    return sample.pixels.numpy() @ coefficients


def shape(profiles: np.ndarray) -> np.ndarray:
    """All that a fit looks at."""
    return profiles / profiles.mean(1, keepdims=True)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("size", "pixels"), [((70, 61), 90), ((61, 70), 300), ((90, 50), 40)], ids=str)
def test_the_lattice_is_where_it_says(rng: np.random.Generator, seed: int, size: tuple[int, int], pixels: int) -> None:
    """Signed responses are those of every step-th row and column of V, from some first ones on."""
    image = smooth_noise(rng, *size)
    sample = sample_windows(image, family(), MARGIN, pixels=pixels, seed=seed)
    height, width = (n - 2 * MARGIN for n in size)
    step = max(1, round(np.sqrt(height * width / pixels)))
    rows = np.unique(sample.rows)
    assert rows.tolist() == list(range(rows[0], height, step)) and rows[0] < step
    for kernel in (0, 5, 11):
        combined = np.tensordot(family().coefficients(W, ALL).reshape(12, -1)[kernel], family().subspace.basis, 1)
        everywhere = symmetry.convolved(image, combined, MARGIN)
        found = responses(sample, kernel).reshape(len(rows), -1)
        columns = [everywhere[rows, first::step] for first in range(min(step, width))]
        close = [part.shape == found.shape and np.allclose(part, found, rtol=0, atol=1e-3) for part in columns]
        assert sum(close) == 1


def test_every_pixel_gives_the_exact_profile(rng: np.random.Generator) -> None:
    """But for what the subspace leaves out."""
    image = smooth_noise(rng, 70, 61)
    for kind in ("abs", "energy"):
        sample = sample_windows(image, family(), MARGIN, kind=kind, pixels=10**6)
        assert len(sample.rows) == 40 * 31
        assert np.array_equal(sample.rows, np.repeat(np.arange(40), 31))
        assert np.abs(sample.profiles(W, ALL) / exact(image, W, kind) - 1).max() < 5e-3
        assert np.allclose(sample.profiles(W, (2, 0)), sample.profiles(W, ALL)[[2, 0]], rtol=1e-6, atol=0)


@pytest.mark.parametrize("kind", ["abs", "energy"])
@pytest.mark.parametrize("model", [GaussianKernel(), GaussianKernel(1.0), BicubicKernel()], ids=str)
def test_slopes_are_the_profiles_and_their_differences(rng: np.random.Generator, kind: str, model: KernelModel) -> None:
    """Central differences over 0.01, of smooth sums over many windows; under weights that are not equal."""
    ours = DeformedFamily(tuple(STENCILS[name] for name in NAMES), Group(8), model)
    sample = sample_windows(smooth_noise(rng, 150, 160), ours, ours.radius, kind=kind)
    weights = torch.from_numpy(rng.dirichlet(np.ones(len(sample.rows)))).float()
    sample = replace(sample, weights=weights)
    for stencils in (ALL, (2,)):
        value, slopes = sample.slopes(W, stencils)
        assert slopes.shape == (*value.shape, 2) == (len(stencils), 4, 2)
        assert np.allclose(value, sample.profiles(W, stencils), rtol=1e-5, atol=0)
        for axis, (a, b) in enumerate(((5e-3, 0.0), (0.0, 5e-3))):
            above, below = (sample.profiles(Affine(W.a + s * a, W.b + s * b), stencils) for s in (1, -1))
            assert np.abs(slopes[..., axis] - (above - below) / 1e-2).max() < 0.02 * np.abs(slopes).max()


@pytest.mark.parametrize("kind", ["abs", "energy"])
def test_a_lattice_gives_the_mean_profile(rng: np.random.Generator, kind: str) -> None:
    """Every third pixel: two to five parts in 1000, which is twice that for squares."""
    image = smooth_noise(rng, 321, 481)
    errors = []
    for seed in range(4):
        sample = sample_windows(image, family(), MARGIN, kind=kind, seed=seed)
        assert (1 << 14) * 0.8 < len(sample.rows) < (1 << 14) * 1.2
        errors.append(np.sqrt(np.square(sample.profiles(W, ALL) / exact(image, W, kind) - 1).mean()))
    assert max(errors) < {"abs": 5e-3, "energy": 1e-2}[kind]


def test_the_place_is_drawn_by_the_seed(rng: np.random.Generator) -> None:
    image = smooth_noise(rng, 120, 130)
    first, again, other = (sample_windows(image, family(), MARGIN, pixels=200, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.pixels, again.pixels)
    assert first.pixels.shape != other.pixels.shape or not torch.allclose(first.pixels, other.pixels)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", [(33, 240), (240, 33), (31, 31), (31, 60), (34, 34)], ids=str)
def test_images_smaller_than_a_step_keep_a_window(rng: np.random.Generator, size: tuple[int, int], seed: int) -> None:
    image = smooth_noise(rng, *size)
    sample = sample_windows(image, family(), MARGIN, pixels=3, seed=seed)
    assert len(sample.rows) >= 1 and sample.rows.max() < size[0] - 2 * MARGIN
    assert np.isfinite(sample.profiles(W, ALL)).all()


def test_a_wider_margin_moves_the_lattice_inward(rng: np.random.Generator) -> None:
    image = smooth_noise(rng, 80, 80)
    wide = sample_windows(image, family(), 20, pixels=10**6)
    inner = sample_windows(image[5:-5, 5:-5], family(), MARGIN, pixels=10**6)
    assert np.array_equal(wide.rows, inner.rows)
    assert np.allclose(wide.profiles(W, ALL), inner.profiles(W, ALL), rtol=1e-5, atol=0)


def test_brightness_is_invisible(rng: np.random.Generator) -> None:
    image = smooth_noise(rng, 80, 80)
    plain, raised = (sample_windows(picture, family(), MARGIN).profiles(W, ALL) for picture in (image, image + 1e4))
    assert np.allclose(raised, plain, rtol=1e-5, atol=0)


def test_where_keeps_the_windows_of_some_rows(rng: np.random.Generator) -> None:
    image = smooth_noise(rng, 90, 75)
    sample = sample_windows(image, family(), MARGIN, pixels=10**6)
    chosen = np.arange(60) % 20 < 13
    part = sample.where(chosen)
    assert np.array_equal(part.rows, np.repeat(np.flatnonzero(chosen), 45))
    assert np.abs(part.profiles(W, ALL) / exact(image, W, chosen=chosen) - 1).max() < 5e-3
    assert len(sample.where(np.zeros(60, dtype=bool)).rows) == 0


def test_thinned_keeps_every_nth_window(rng: np.random.Generator) -> None:
    sample = sample_windows(smooth_noise(rng, 90, 75), family(), MARGIN)
    part = sample.thinned(7)
    assert np.array_equal(part.rows, sample.rows[::7])
    assert np.allclose(responses(part), responses(sample)[::7], rtol=1e-5, atol=1e-5)
    assert np.allclose(part.profiles(W, (0,))[0, 0], np.abs(responses(sample)[::7]).mean(), rtol=1e-5)


def test_parts_of_a_weighted_sample_weigh_the_same(rng: np.random.Generator) -> None:
    sample = sample_windows(smooth_noise(rng, 90, 75), family(), MARGIN)
    uneven = replace(sample, weights=torch.linspace(0, 1, len(sample.rows)))
    half = np.arange(60) < 20
    assert not np.allclose(uneven.profiles(W, ALL), sample.profiles(W, ALL), rtol=1e-3)
    for part in (lambda s: s.thinned(3), lambda s: s.where(half)):
        assert np.array_equal(part(uneven).profiles(W, ALL), part(sample).profiles(W, ALL))


def test_weights_are_those_of_the_mean(rng: np.random.Generator) -> None:
    sample = sample_windows(smooth_noise(rng, 60, 60), family(), MARGIN, pixels=100)
    weights = torch.from_numpy(rng.dirichlet(np.ones(len(sample.rows)))).float()
    found = replace(sample, weights=weights).profiles(W, (0,))[0, 0]
    assert found == pytest.approx(float(weights.numpy() @ np.abs(responses(sample))), rel=1e-5)


@pytest.mark.parametrize("kind", ["abs", "energy"])
def test_calibration_makes_the_known_profile_right(rng: np.random.Generator, kind: str) -> None:
    image = smooth_noise(rng, 200, 210)
    strict = exact(image, IDENTITY, kind)
    sample = sample_windows(image, family(), MARGIN, kind=kind, pixels=2000)
    calibrated = sample.calibrated(strict)
    assert float(calibrated.weights.sum()) == pytest.approx(1, abs=1e-5)
    errors = [np.abs(s.profiles(IDENTITY, ALL) / strict - 1).max() for s in (sample, calibrated)]
    assert errors[1] < 1e-4 < errors[0]


def test_calibration_makes_nearby_profiles_truer(rng: np.random.Generator) -> None:
    """Over 8 fields, for the shape of the profile that is fitted to."""
    errors = []
    for seed in range(8):
        image = smooth_noise(rng, 200, 210)
        sample = sample_windows(image, family(), MARGIN, pixels=2000, seed=seed)
        calibrated = sample.calibrated(exact(image, IDENTITY))
        for ratio in (1.1, 1.3):
            w = Affine.from_axes(rng.uniform(0, np.pi), ratio)
            errors.append(
                [
                    np.sqrt(np.square(shape(s.profiles(w, ALL)) - shape(exact(image, w))).mean())
                    for s in (sample, calibrated)
                ]
            )
    plain, better = np.mean(errors, axis=0)
    assert better < plain / 2


def test_calibration_leaves_alone_what_it_cannot_weigh(rng: np.random.Generator) -> None:
    """No windows, or a profile of zeros."""
    sample = sample_windows(smooth_noise(rng, 80, 80), family(), MARGIN)
    nothing = sample.where(np.zeros(50, dtype=bool))
    assert nothing.calibrated(np.ones((3, 4))) is nothing
    strict = np.ones((3, 4))
    strict[1, 2] = 0.0
    assert sample.calibrated(strict) is sample


@pytest.mark.cuda
@pytest.mark.parametrize("kind", ["abs", "energy"])
def test_cuda_agrees_with_cpu(cuda: str, rng: np.random.Generator, kind: str) -> None:
    image = smooth_noise(rng, 200, 210)
    strict, half = exact(image, IDENTITY, kind), np.arange(170) % 2 == 0
    cpu, gpu = (sample_windows(image, family(), MARGIN, kind=kind, device=device) for device in ("cpu", cuda))
    pairs = [(s, s.thinned(3), s.where(half), s.calibrated(strict)) for s in (cpu, gpu)]
    for one, other in zip(*pairs, strict=True):
        assert np.allclose(one.profiles(W, ALL), other.profiles(W, ALL), rtol=1e-5, atol=0)


def test_windows_are_about_the_pixels_of_v_alone(rng: np.random.Generator) -> None:
    """All of them where V is small: the mean responses are those of V; every n-th each way where it is large."""
    image = smooth_noise(rng, 110, 121)
    y, x = np.indices((80, 91))
    inside = (np.hypot(y - 40, x - 45) < 36) & (np.hypot(y - 20, x - 30) > 8)
    sample = sample_windows(image, family(), MARGIN, pixels=10**6, inside=inside)
    assert np.array_equal(np.bincount(sample.rows, minlength=80), inside.sum(1))
    kernels = family().kernels(W).reshape(-1, 31, 31)
    theirs = [np.abs(symmetry.convolved(image, kernel, MARGIN))[inside].mean() for kernel in kernels]
    assert np.abs(sample.profiles(W, ALL).ravel() / theirs - 1).max() < 2e-3  # of the subspace
    thin = sample_windows(image, family(), MARGIN, pixels=inside.sum() // 9, inside=inside)
    assert 0.09 < len(thin.rows) / inside.sum() < 0.13
    rows = np.arange(35, 70)
    part = sample_windows(image, family(), MARGIN, pixels=10**6, rows=rows, inside=inside[rows])
    expected = sample.where((np.arange(80) >= 35) & (np.arange(80) < 70))
    assert torch.equal(part.pixels, expected.pixels) and np.array_equal(part.rows + 35, expected.rows)
