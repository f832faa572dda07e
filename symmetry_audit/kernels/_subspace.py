"""The few directions that a family of kernels spans, for evaluating many of its members on few windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from symmetry_audit.kernels._factored import smooth_metric

__all__ = ["KernelSubspace", "kernel_subspace"]

# A Gram matrix squares singular values: rounding moves its eigenvalues by up to p eps of the largest, by sqrt(p) eps
# as a rule, for order p. Up to p = 2000 that is 45 eps, and 1e-7 is its root; 1 eps to 5 eps were measured.
RESOLUTION = 1e-7


@dataclass(frozen=True)
class KernelSubspace:
    """``basis`` (d, k, k): kernels whose combinations give the family; ``dual`` (d, k, k) gives the coefficients."""

    basis: np.ndarray
    dual: np.ndarray

    def coefficients(self, kernels: np.ndarray) -> np.ndarray:
        """The coefficients of ``kernels`` (..., k, k) in the basis, (..., d)."""
        return np.tensordot(kernels, self.dual, ((-2, -1), (1, 2)))


def kernel_subspace(kernels: np.ndarray, tolerance: float) -> KernelSubspace:
    """The span of ``kernels`` (m, k, k), each scaled to norm one, up to directions fainter than ``tolerance``.

    Faint in the metric of ``factor_bank``, which counts smooth errors much more than rough ones: a direction is kept
    if its singular value among the normed kernels exceeds ``tolerance`` sqrt(m). Singular values are read from a Gram
    matrix, which shows none below ``RESOLUTION`` of the largest. The finest tolerance is therefore ``RESOLUTION``
    times the largest over sqrt(m): 5e-6 for TV on 29 x 29 pixels, and for no kernels above 8e-6 k.

    Raises ValueError for a tolerance below the finest.
    """
    metric, inverse = smooth_metric(kernels.shape[1])
    norms = np.sqrt(np.square(kernels).sum((1, 2), keepdims=True))
    # compressed stencils can vanish on the pixel grid (tv2 of bicubic at ratio 2); their rounding spans nothing
    seen = norms.ravel() > 1e-10 * norms.max()
    flat = (metric @ (kernels[seen] / norms[seen]) @ metric).reshape(np.count_nonzero(seen), -1)
    directions = _principal(flat, tolerance).reshape(-1, *kernels.shape[1:])
    return KernelSubspace(basis=inverse @ directions @ inverse, dual=metric @ directions @ metric)


def _principal(vectors: np.ndarray, tolerance: float) -> np.ndarray:
    """Orthonormal directions (d, n) that span ``vectors`` (m, n) up to singular values of ``tolerance`` sqrt(m).

    From the smaller of the two Gram matrices: wide windows have many more pixels than there are kernels.
    """
    wide = vectors.shape[1] > vectors.shape[0]
    values, found = np.linalg.eigh(vectors @ vectors.T if wide else vectors.T @ vectors)
    sizes = np.sqrt(np.maximum(values, 0))
    finest = RESOLUTION * sizes[-1] / np.sqrt(len(vectors))
    if tolerance < finest:
        least = 1.1 * finest  # rounded to two digits below
        raise ValueError(f"tolerance {tolerance:g} is lost in rounding; take {least:.1e} or more for these kernels")
    found = found[:, sizes > tolerance * np.sqrt(len(vectors))]
    # a Gram matrix squares the range of the singular values; orthogonality must not suffer from that
    return np.linalg.qr(vectors.T @ found)[0].T if wide else found.T
