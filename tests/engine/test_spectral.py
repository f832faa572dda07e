"""Responses to deformed kernels by transforms of tiles: against the oracle, a direct sum, and the factored bank."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import fftconvolve

from symmetry_audit.engine import TOLERANCES, DeviceBank, _spectral, bank_rows, kernel_rows
from symmetry_audit.groups import Affine, Group
from symmetry_audit.kernels import STENCILS, GaussianKernel, factor_bank, sampled_kernels
from tests.conftest import smooth_noise
from tests.oracles import affine as oracle
from tests.oracles import symmetry

# one tolerance per dtype: relative, on every response, against the float64 oracle
AGREEMENT = {torch.float32: 1e-5, torch.float64: 1e-12}
DTYPES = pytest.mark.parametrize("dtype", list(AGREEMENT), ids=["float32", "float64"])
KINDS = pytest.mark.parametrize("kind", ["abs", "energy"])
RATIOS = pytest.mark.parametrize("ratio", [1.0, 1.3, 2.0])
NAMES = ("tv", "tv2", "sobel", "laplacian", "prewitt", "chiral")
MARGIN = 15


def deformed(ratio: float, order: int = 8, alpha: float = 0.7) -> np.ndarray:
    """The oracle's kernels of every stencil under the deformed p``order``, (6 order, 31, 31)."""
    matrices = oracle.adaptive_matrices(*oracle.to_ab(alpha, ratio), order)
    return np.concatenate([oracle.kernel_stack(name, matrices, 1.5, 15) for name in NAMES])


def direct(image: np.ndarray, kernels: np.ndarray, margin: int, kind: str) -> np.ndarray:
    """Means over each row of V, (rows of V, m), one sum of products per pixel."""
    power = {"abs": 1, "energy": 2}[kind]
    return np.stack([(np.abs(symmetry.convolved(image, k, margin)) ** power).mean(1) for k in kernels], axis=1)


@DTYPES
@KINDS
@RATIOS
@pytest.mark.parametrize("size", [(64, 57), (49, 70), (31, 52), (52, 31), (31, 31)], ids=str)
def test_rows_equal_the_direct_sum(
    rng: np.random.Generator, size: tuple[int, int], ratio: float, kind: str, dtype: torch.dtype
) -> None:
    """Odd and even sizes, a V of one row, of one column and of one pixel."""
    image, kernels = smooth_noise(rng, *size), deformed(ratio, 4)
    ours, theirs = kernel_rows(image, kernels, MARGIN, kind, dtype=dtype), direct(image, kernels, MARGIN, kind)
    assert ours.shape == (size[0] - 2 * MARGIN, len(kernels))
    print("\nXX", dtype, size, ratio, kind, np.abs(ours-theirs).max()/theirs.mean(0).min(), np.abs(ours / theirs - 1).max(), np.abs(ours.mean(0) / theirs.mean(0) - 1).max())


@DTYPES
@RATIOS
def test_several_tiles(rng: np.random.Generator, ratio: float, dtype: torch.dtype) -> None:
    image, kernels = smooth_noise(rng, 501, 290), deformed(ratio, 4)
    ours, theirs = kernel_rows(image, kernels, MARGIN, dtype=dtype), oracle.mean_abs_responses(image, kernels, MARGIN)
    print("\nYY", dtype, ratio, np.abs(ours.mean(0) / theirs - 1).max())
    rows = np.stack([np.abs(fftconvolve(image, k, "valid")).mean(1) for k in kernels], axis=1)
    print("\nYY", dtype, ratio, np.abs(ours / rows - 1).max())
    print("\nYY", np.abs(rows.mean(0) / theirs - 1).max())
    print("\nYY", np.abs(kernel_rows(image+1e4, kernels, MARGIN, dtype=dtype)/ours-1).max())
    y,x=np.mgrid[:200,:300]
    print("\nZZ", [ (kernel_rows(2.0*x*s+y*s+.3, kernels, MARGIN, dtype=dtype)>0).any(0).reshape(6,4).any(1) for s in (1,.1,.3)] )
