"""Responses to deformed kernels by transforms of tiles: against the oracle, a direct sum, and the factored bank."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import fftconvolve

from symmetry_audit.engine import TOLERANCES, DeviceBank, _spectral, kernel_rows
from symmetry_audit.groups import Affine, Group
from symmetry_audit.kernels import STENCILS, GaussianKernel, factor_bank, sampled_kernels
from tests.conftest import smooth_noise
from tests.oracles import affine as oracle
from tests.oracles import symmetry

# one tolerance per dtype: relative, on every response, against the float64 oracle
AGREEMENT = {torch.float32: 1e-5, torch.float64: 1e-12}
DTYPES = pytest.mark.parametrize("dtype", list(AGREEMENT), ids=["float32", "float64"])
KINDS = pytest.mark.parametrize("kind", ["abs", "energy", "rectified"])
RATIOS = pytest.mark.parametrize("ratio", [1.0, 1.3, 2.0])
NAMES = ("tv", "tv2", "sobel", "laplacian", "prewitt", "chiral")
MARGIN = 15


def deformed(ratio: float, order: int = 8, alpha: float = 0.7) -> np.ndarray:
    """The oracle's kernels of every stencil under the deformed p``order``, (6 order, 31, 31)."""
    matrices = oracle.adaptive_matrices(*oracle.to_ab(alpha, ratio), order)
    return np.concatenate([oracle.kernel_stack(name, matrices, 1.5, 15) for name in NAMES])


def direct(image: np.ndarray, kernels: np.ndarray, margin: int, kind: str) -> np.ndarray:
    """Means over each row of V, (rows of V, m), one sum of products per pixel."""
    return np.stack([symmetry.sized(symmetry.convolved(image, k, margin), kind).mean(1) for k in kernels], axis=1)


@DTYPES
@KINDS
@RATIOS
@pytest.mark.parametrize("size", [(64, 57), (49, 70), (31, 52), (52, 31)], ids=str)
def test_rows_equal_the_direct_sum(
    rng: np.random.Generator, size: tuple[int, int], ratio: float, kind: str, dtype: torch.dtype
) -> None:
    """Odd and even sizes, a V of one row and of one column."""
    image, kernels = smooth_noise(rng, *size), deformed(ratio, 4)
    ours, theirs = kernel_rows(image, kernels, MARGIN, kind, dtype=dtype), direct(image, kernels, MARGIN, kind)
    assert ours.shape == (size[0] - 2 * MARGIN, len(kernels))
    # a row may happen to respond with almost nothing, so rows are held to the mean of their kernel
    assert (np.abs(ours - theirs).max(0) < AGREEMENT[dtype] * theirs.mean(0)).all()


@DTYPES
def test_a_single_pixel(rng: np.random.Generator, dtype: torch.dtype) -> None:
    """Which may happen to lie where a kernel responds with nothing: the error is that of adding up its products."""
    image, kernels = smooth_noise(rng, 31, 31), deformed(1.3)
    error = kernel_rows(image, kernels, MARGIN, dtype=dtype) - direct(image, kernels, MARGIN, "abs")
    assert error.shape == (1, len(kernels))
    assert (np.abs(error) <= 2 * torch.finfo(dtype).eps * np.ptp(image) * np.abs(kernels).sum((1, 2))).all()


@DTYPES
@RATIOS
@pytest.mark.parametrize("size", [(290, 501), (481, 290)], ids=str)
def test_several_tiles_equal_the_oracle(
    rng: np.random.Generator, size: tuple[int, int], ratio: float, dtype: torch.dtype
) -> None:
    """Tiles of 226 px at most: two by three of them, or three by two."""
    image, kernels = smooth_noise(rng, *size), deformed(ratio, 4)
    ours = kernel_rows(image, kernels, MARGIN, dtype=dtype)
    theirs = oracle.mean_abs_responses(image, kernels, MARGIN)
    assert np.abs(ours.mean(0) / theirs - 1).max() < AGREEMENT[dtype]
    rows = np.stack([np.abs(fftconvolve(image, k, "valid")).mean(1) for k in kernels], axis=1)
    assert np.abs(ours / rows - 1).max() < AGREEMENT[dtype]


def test_where_tiles_and_batches_end_does_not_matter(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    image, kernels = smooth_noise(rng, 131, 98), deformed(1.3, 4)[:10]
    whole = kernel_rows(image, kernels, MARGIN, dtype=torch.float64)
    for tile, batch in ((40, 1), (64, 3), (100, 10), (512, 64)):
        monkeypatch.setattr(_spectral, "TILE", tile)
        monkeypatch.setitem(_spectral.KERNELS, "cpu", batch)
        cut = kernel_rows(image, kernels, MARGIN, dtype=torch.float64)
        assert np.abs(cut / whole - 1).max() < AGREEMENT[torch.float64]


def test_a_margin_wider_than_the_window_shrinks_v(rng: np.random.Generator) -> None:
    image, kernels = smooth_noise(rng, 70, 61), deformed(1.3, 4)
    ours = kernel_rows(image, kernels, 20, dtype=torch.float64)
    assert np.allclose(ours, direct(image, kernels, 20, "abs"), rtol=AGREEMENT[torch.float64], atol=0)


def test_kernels_do_not_depend_on_their_neighbours(rng: np.random.Generator) -> None:
    image, kernels = smooth_noise(rng, 70, 61), deformed(1.3, 4)
    together = kernel_rows(image, kernels, MARGIN)
    for chosen in ([0], [3, 2], [5, 7, 9, 11, 13]):
        assert np.allclose(kernel_rows(image, kernels[chosen], MARGIN), together[:, chosen], rtol=1e-6, atol=0)


@DTYPES
@KINDS
@pytest.mark.parametrize("ratio", [1.0, 1.6])
def test_rows_equal_those_of_the_factored_bank(
    rng: np.random.Generator, ratio: float, kind: str, dtype: torch.dtype
) -> None:
    image, group = smooth_noise(rng, 90, 77), Group(8)
    matrices = Affine.from_axes(0.7, ratio).conjugate(group.matrices())
    kernels = np.concatenate([sampled_kernels(STENCILS[name], matrices, GaussianKernel(), 15) for name in NAMES])
    bank = DeviceBank.from_bank(factor_bank(kernels, TOLERANCES[dtype]), dtype=dtype)
    spectral, factored = (
        f.mean(0) for f in (kernel_rows(image, kernels, MARGIN, kind, dtype=dtype), bank.row_means(image, MARGIN, kind))
    )
    # the agreement of tests/engine/test_responses.py: the bank is factored to a tolerance, transforms are not
    assert np.abs(spectral / factored - 1).max() < {torch.float32: 1e-4, torch.float64: 1e-11}[dtype]


@DTYPES
@KINDS
@pytest.mark.parametrize("value", [0.0, 77.0, 10 * 0.299 + 200 * 0.587 + 37 * 0.114, 1e4 / 3])
def test_flat_images_respond_with_exactly_zero(value: float, kind: str, dtype: torch.dtype) -> None:
    assert not kernel_rows(np.full((301, 60), value), deformed(2.0, 4), MARGIN, kind, dtype=dtype).any()


@DTYPES
@KINDS
def test_ramps_respond_with_exactly_zero_to_second_differences(kind: str, dtype: torch.dtype) -> None:
    x, y = np.meshgrid(np.arange(300.0), np.arange(200.0))
    kernels = np.concatenate([deformed(2.0, 4)[4:8], deformed(1.0, 4)[12:16]])  # tv2 and laplacian
    for scale in (1.0, 0.3, 0.1):
        assert not kernel_rows(scale * (2 * x + y) + 0.3, kernels, MARGIN, kind, dtype=dtype).any()


@DTYPES
@RATIOS
def test_brightness_is_invisible_up_to_the_rounding_of_the_samples(
    rng: np.random.Generator, ratio: float, dtype: torch.dtype
) -> None:
    image, kernels = smooth_noise(rng, 64, 57), deformed(ratio, 4)
    plain, raised = (kernel_rows(picture, kernels, MARGIN, dtype=dtype) for picture in (image, image + 1e4))
    # the raised samples are off by half their spacing at most; then come a few roundings of the arithmetic
    rounding = np.abs(kernels).sum((1, 2)) * np.spacing(1e4 + 255) / 2
    assert (np.abs(raised - plain) <= rounding + 4 * torch.finfo(dtype).eps * plain.max()).all()


def test_scaling_intensities_scales_responses(rng: np.random.Generator) -> None:
    image, kernels = smooth_noise(rng, 64, 57), deformed(1.3, 4)
    for kind, power in (("abs", 1), ("energy", 2), ("rectified", 2)):
        plain, scaled = (kernel_rows(s * image, kernels, MARGIN, kind, dtype=torch.float64) for s in (1, 3))
        assert np.allclose(scaled, 3**power * plain, rtol=1e-12, atol=0)


def test_an_overflow_is_passed_on() -> None:
    image = np.random.default_rng(0).normal(size=(40, 40)) * 1e200
    with np.errstate(over="ignore", invalid="ignore"):
        assert not np.isfinite(kernel_rows(image, deformed(1.0, 4), MARGIN, "energy")).any()


@pytest.mark.cuda
@DTYPES
@KINDS
def test_cuda_agrees_with_cpu(cuda: str, rng: np.random.Generator, kind: str, dtype: torch.dtype) -> None:
    image, kernels = smooth_noise(rng, 300, 411), deformed(1.6, 8)
    cpu, gpu = (kernel_rows(image, kernels, MARGIN, kind, device, dtype).mean(0) for device in ("cpu", cuda))
    assert np.abs(gpu / cpu - 1).max() < AGREEMENT[dtype]
