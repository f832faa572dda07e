"""The engine against the oracle, and the laws that SPEC 3 states about responses."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from symmetry_audit.audit import make_settings, strict_bank
from symmetry_audit.engine import TOLERANCES, DeviceBank, strict_engine
from symmetry_audit.engine._responses import BAND_ROWS, TILE_PIXELS
from symmetry_audit.findings import isotropic_profile
from symmetry_audit.findings._floor import GRID
from symmetry_audit.groups import Affine, Group
from symmetry_audit.kernels import (
    KERNEL_MODELS,
    STENCILS,
    GaussianKernel,
    factor_bank,
    kernel_model,
    sampled_kernels,
    window_radius,
)
from symmetry_audit.statistics import symmetry_error
from tests.conftest import smooth_noise
from tests.oracles import symmetry as oracle

# one tolerance per dtype: relative, on every response, against the float64 oracle
AGREEMENT = {torch.float32: 1e-4, torch.float64: 1e-11}
DTYPES = pytest.mark.parametrize("dtype", list(AGREEMENT), ids=["float32", "float64"])
NAMES = tuple(STENCILS)


def responses(
    image: np.ndarray,
    name: str,
    matrices: np.ndarray,
    *,
    kernel: str = "gaussian",
    stretch: float = 1.0,
    margin: int = 15,
    kind: str = "abs",
    dtype: torch.dtype = torch.float64,
    device: str = "cpu",
) -> np.ndarray:
    """f_A of one stencil for all matrices, through the engine."""
    model = kernel_model(kernel)
    kernels = sampled_kernels(STENCILS[name], matrices, model, window_radius(STENCILS[name], model, stretch))
    bank = DeviceBank.from_bank(factor_bank(kernels, TOLERANCES[dtype]), device, dtype)
    return bank.row_means(image, margin, kind).mean(0)


@DTYPES
@pytest.mark.parametrize("kind", ["abs", "energy", "rectified"])
@pytest.mark.parametrize("kernel", KERNEL_MODELS)
@pytest.mark.parametrize("size", [(64, 57), (49, 70)])
def test_strict_responses_equal_the_oracle(
    rng: np.random.Generator, size: tuple[int, int], kernel: str, kind: str, dtype: torch.dtype
) -> None:
    image, matrices = smooth_noise(rng, *size), oracle.group_matrices("p8m")
    for name in NAMES:
        ours = responses(image, name, matrices, kernel=kernel, kind=kind, dtype=dtype)
        theirs = oracle.responses(image, name, matrices, kernel=kernel, kind=kind)
        assert np.abs(ours / theirs - 1).max() < AGREEMENT[dtype], name


@DTYPES
@pytest.mark.parametrize("kernel", KERNEL_MODELS)
def test_adaptive_responses_equal_the_oracle(rng: np.random.Generator, kernel: str, dtype: torch.dtype) -> None:
    image, strict = smooth_noise(rng, 61, 66), oracle.group_matrices("p8")
    theirs_w = oracle.deformed(strict, oracle.affine(0.5, 1.6**0.5, 1.6**-0.5))
    ours_w = Affine.from_axes(0.5, 1.6).conjugate(Group(8).matrices())
    for name in NAMES:
        ours = responses(image, name, ours_w, kernel=kernel, stretch=2.0, dtype=dtype)
        theirs = oracle.responses(image, name, theirs_w, kernel=kernel, lam=2.0)
        assert np.abs(ours / theirs - 1).max() < AGREEMENT[dtype], name


@DTYPES
def test_rough_images_too(rng: np.random.Generator, dtype: torch.dtype) -> None:
    """White noise, twice differenced noise and a blurred staircase: far from what the bank is weighted for."""
    noise = rng.uniform(0, 255, (62, 66))
    stairs = smooth_noise(rng, 60, 64, 3.0) // 32 * 32
    for image in (noise, np.diff(np.diff(noise, axis=0, n=2), axis=1, n=2), stairs):
        for name in NAMES:
            ours = responses(image, name, oracle.group_matrices("p8"), dtype=dtype)
            theirs = oracle.responses(image, name, oracle.group_matrices("p8"))
            assert np.abs(ours / theirs - 1).max() < AGREEMENT[dtype], name


def test_one_bank_for_all_regularizers_equals_the_oracle(rng: np.random.Generator) -> None:
    """The bank of a real run: several windows, distinct elements only, float32."""
    settings = make_settings(reg="tv,tv2,sobel,laplacian,prewitt,chiral", group="p16m")
    bank = strict_bank(settings, GaussianKernel())
    on_cpu = DeviceBank.from_bank(factor_bank(np.concatenate(bank.kernels), TOLERANCES[torch.float32]))
    image = smooth_noise(rng, 70, 62)
    table = on_cpu.row_means(image, settings.margin).mean(0)[bank.index]
    for row, stencil in zip(table, settings.stencils, strict=True):
        theirs = oracle.responses(image, stencil.name, oracle.group_matrices("p16m"))
        assert np.abs(row / theirs - 1).max() < 1e-4, stencil.name


def test_bands_do_not_matter(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    image, matrices = smooth_noise(rng, 90, 50), Group(8).matrices()
    whole = responses(image, "sobel", matrices)
    for rows, pixels in ((1, 1), (7, 20 * 3), (64, 20 * 59), (8, 20 * 8)):
        monkeypatch.setitem(BAND_ROWS, "cpu", rows)
        monkeypatch.setitem(TILE_PIXELS, "cpu", pixels)
        assert np.allclose(responses(image, "sobel", matrices), whole, rtol=1e-13, atol=0)


@pytest.mark.parametrize("kernel", KERNEL_MODELS)
@pytest.mark.parametrize("size", [(61, 70), (64, 64)])
def test_quarter_turn_shifts_the_profile(rng: np.random.Generator, size: tuple[int, int], kernel: str) -> None:
    """f_A(pi_B r) = f_{B^-1 A}(r): turning the picture by +90 degrees moves its profile by +T/4."""
    image, matrices = smooth_noise(rng, *size), Group(16).matrices()
    for name in NAMES:
        profile = responses(image, name, matrices, kernel=kernel)
        turned = responses(np.rot90(image), name, matrices, kernel=kernel)  # rot90 is counter-clockwise
        assert np.abs(turned / np.roll(profile, 4) - 1).max() < 1e-12, name


def test_sign_of_the_shift_is_that_of_the_spec(rng: np.random.Generator) -> None:
    """An image that varies mostly along x, turned so that it varies along the direction at +22.5 degrees."""
    x, y = np.meshgrid(np.arange(120.0), np.arange(120.0))
    step = Group(16).matrices()[1]
    along = np.linalg.inv(step) @ np.stack([x.ravel(), y.ravel()])  # pi_A r (p) = r(A^-1 p)
    wave, turned = np.sin(0.3 * x), np.sin(0.3 * along[0]).reshape(x.shape)
    profiles = [responses(image, "tv", Group(16).matrices()) for image in (wave, turned)]
    assert [profile.argmax() % 8 for profile in profiles] == [0, 1]


@pytest.mark.parametrize("kernel", KERNEL_MODELS)
@pytest.mark.parametrize("dtype", list(AGREEMENT))
def test_constants_are_invisible_even_to_compressed_kernels(
    rng: np.random.Generator, kernel: str, dtype: torch.dtype
) -> None:
    image = smooth_noise(rng, 60, 60)
    matrices = Affine.from_axes(1.1, 2.0).conjugate(Group(8).matrices())
    for name in NAMES:
        plain = responses(image, name, matrices, kernel=kernel, stretch=2.0, dtype=dtype)
        raised = responses(image + 1000.0, name, matrices, kernel=kernel, stretch=2.0, dtype=dtype)
        assert np.abs(raised / plain - 1).max() < AGREEMENT[dtype] / 10
        assert not responses(np.full((50, 50), 77.0), name, matrices, kernel=kernel, stretch=2.0, dtype=dtype).any()


@pytest.mark.parametrize("kind", ["abs", "energy", "rectified"])
def test_flat_colour_and_ramps_respond_with_zero_not_with_rounding(kind: str) -> None:
    x, y = np.meshgrid(np.arange(60.0), np.arange(50.0))
    flat = np.full((50, 60), 10 * 0.299 + 200 * 0.587 + 37 * 0.114)
    for dtype in AGREEMENT:
        for name in ("tv", "tv2", "sobel", "laplacian", "prewitt"):
            assert not responses(flat, name, Group(8).matrices(), kind=kind, dtype=dtype).any()
        for name in ("tv2", "laplacian"):
            assert not responses(2 * x + y, name, Group(8).matrices(), kind=kind, dtype=dtype).any()


@pytest.mark.parametrize("kind", ["abs", "energy", "rectified"])
def test_gains_make_small_differences_truer(rng: np.random.Generator, kind: str) -> None:
    """The Laplacian under p8 hardly differs between elements: float32 needs its gains taken out to see it."""
    image, matrices = smooth_noise(rng, 200, 210), Group(8).matrices()
    kernels = sampled_kernels(STENCILS["laplacian"], matrices, GaussianKernel(), 7)
    exact = responses(image, "laplacian", matrices, kind=kind)
    bank = DeviceBank.from_bank(factor_bank(kernels, TOLERANCES[torch.float32]))
    plain = replace(bank, gains=np.ones(len(kernels)))
    errors = [
        abs(symmetry_error(one.row_means(image, 15, kind).mean(0))[0] / symmetry_error(exact)[0] - 1)
        for one in (bank, plain)
    ]
    assert errors[0] < 1e-3
    assert errors[0] < errors[1] / 2


def test_scaling_intensities_scales_responses(rng: np.random.Generator) -> None:
    image, matrices = smooth_noise(rng, 60, 60), Group(8).matrices()
    assert np.allclose(responses(3 * image, "tv", matrices), 3 * responses(image, "tv", matrices), rtol=1e-12)
    energy = [responses(scale * image, "tv", matrices, kind="energy") for scale in (1, 3)]
    assert np.allclose(energy[1], 9 * energy[0], rtol=1e-12)


def test_what_the_five_cannot_see_and_chiral_can(rng: np.random.Generator) -> None:
    """Mirrored elements equal rotations for the five; half turns equal the identity."""
    image = smooth_noise(rng, 80, 80)
    for name in NAMES:
        profile = responses(image, name, Group(8, True).matrices())
        rotations, mirrors = profile[:8], profile[8:]
        half_turn = np.abs(rotations[:4] / rotations[4:] - 1).max()
        # M sends theta to -theta, and the half turn covers the sign
        mirror = min(np.abs(mirrors / np.roll(rotations, shift) - 1).max() for shift in range(8))
        if name == "chiral":
            assert half_turn > 1e-4 and mirror > 1e-3
        else:
            assert half_turn < 1e-11 and mirror < 1e-11


def test_chiral_sees_the_mirror_image_of_a_picture(rng: np.random.Generator) -> None:
    """A field of little hooks, all of one hand: every regularizer but chiral takes its mirror image for it."""
    image = np.zeros((120, 120))
    for top, left in rng.integers(5, 110, (60, 2)):
        image[top : top + 6, left] = image[top + 5, left : left + 3] = 255.0
    gaps = {}
    for name in NAMES:
        pair = [responses(picture, name, Group(32).matrices()) for picture in (image, image[:, ::-1])]
        gaps[name] = abs(pair[0].mean() / pair[1].mean() - 1)
    assert gaps.pop("chiral") > 10 * max(gaps.values())


@cache
def isotropic_mean_profiles() -> np.ndarray:
    """Mean profiles of the default five over 64 fields, (5, 32)."""
    rng, settings = np.random.default_rng(7), make_settings()
    bank = strict_bank(settings, GaussianKernel())
    engine = strict_engine(bank.kernels, GaussianKernel(), settings.margin)
    fields = (smooth_noise(rng, 512, 512) for _ in range(64))
    return np.mean([engine.row_means(field, settings.margin).mean(0)[bank.index] for field in fields], axis=0)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "chiral"])
def test_isotropic_fields_look_isotropic(name: str) -> None:
    """Mean profile of 64 isotropic fields of 512 px: relative epsilon below 0.005."""
    mean = isotropic_mean_profiles()[make_settings().stencils.index(STENCILS[name])]
    assert symmetry_error(mean)[0] / mean[0] < 0.005


def test_isotropic_profile_predicts_the_response_of_a_gaussian_field() -> None:
    """The closed form of SPEC 6, with its factor: white noise of unit variance has P = 1 / (grid size)."""
    rng = np.random.default_rng(3)
    kernels = sampled_kernels(STENCILS["sobel"], Group(4).matrices(), GaussianKernel(), 8)
    # all |k| up to the corner belong to white noise, yet a gaussian kernel has nothing left beyond 1/2
    predicted = isotropic_profile(kernels, lambda k: np.full_like(k, float(GRID) ** -2))
    measured = np.mean([responses(rng.normal(size=(300, 300)), "sobel", Group(4).matrices()) for _ in range(8)], axis=0)
    assert np.allclose(measured, predicted, rtol=0.02)


@pytest.mark.cuda
@DTYPES
@pytest.mark.parametrize("kernel", KERNEL_MODELS)
def test_cuda_agrees_with_cpu(cuda: str, rng: np.random.Generator, kernel: str, dtype: torch.dtype) -> None:
    image, matrices = smooth_noise(rng, 300, 411), Group(32).matrices()
    for name in NAMES:
        for kind in ("abs", "energy", "rectified"):
            cpu, gpu = (
                responses(image, name, matrices, kernel=kernel, kind=kind, dtype=dtype, device=device)
                for device in ("cpu", cuda)
            )
            assert np.abs(gpu / cpu - 1).max() < 1e-4, (name, kind)
