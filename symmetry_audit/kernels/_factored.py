"""A bank of sampled kernels written as few separable steps: row filters, column filters, combinations.

Thirty-two rotated copies of a stencil do not need thirty-two convolutions. All kernels of a run are close to a space
of about two dozen dimensions, and all of their rows are close to a space of eight, so

    kernel[m](u_y, u_x) = sum_n combine[m, n] sum_r column[n](u_y, r) row[r](u_x)

holds approximately. Rows are split into parts even and odd in x: no basis function mixes the two, which
halves the work of the column step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

__all__ = ["FactoredBank", "factor_bank", "smooth_metric"]


@dataclass(frozen=True)
class FactoredBank:
    """Kernels (m, k, k) in factored form, to be applied as true convolutions.

    ``rows`` holds the even and the odd row filters, each (r, k); ``columns`` the column filters of the
    even and the odd basis functions, each (n, k, r); ``combine`` is (m, n_even + n_odd). ``typical`` (m,) is
    the root-mean-square response of the exact kernels to an image with a 1/|k| amplitude spectrum.
    """

    rows: tuple[np.ndarray, np.ndarray]
    columns: tuple[np.ndarray, np.ndarray]
    combine: np.ndarray
    typical: np.ndarray

    @property
    def radius(self) -> int:
        """c of the window {-c..c}^2."""
        return self.rows[0].shape[1] // 2

    def kernels(self) -> np.ndarray:
        """The kernels multiplied out, (m, k, k): the input of ``factor_bank``, to its tolerance."""
        basis = [np.einsum("nyr,rx->nyx", c, r) for c, r in zip(self.columns, self.rows, strict=True)]
        return np.einsum("mn,nyx->myx", self.combine, np.concatenate(basis))

    def rounded(self, dtype: type[np.floating]) -> FactoredBank:
        """The bank as arithmetic in ``dtype`` sees it, in float64."""

        def cast(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
            return tuple(array.astype(dtype).astype(np.float64) for array in arrays)

        return replace(self, rows=cast(*self.rows), columns=cast(*self.columns), combine=cast(self.combine)[0])

    def gains(self) -> np.ndarray:
        """Factors that make each response right on a typical image, (m,): 1 to within 1e-5.

        The error of a kernel by factoring and rounding is the same for every image. Removing the part that changes
        its typical response makes small differences between elements ten times more accurate.
        """
        return self.typical / _rms_pink(self.kernels())


def factor_bank(kernels: np.ndarray, tolerance: float) -> FactoredBank:
    """Factor ``kernels`` (m, k, k), k odd, without directions fainter than ``tolerance``.

    A direction is as faint as its contribution to a response: kernels are weighted by the inverse
    of their typical response (the smaller of those to white and to pink images), and errors by a metric that
    counts smooth deviations much more than rough ones, since images are smooth and regularizers are not. On
    images between white noise and 1/|k|^3 fields, ``tolerance`` 3e-4 keeps responses within 4e-5.
    """
    typical = _rms_pink(kernels)
    weights = 1 / np.minimum(_rms_white(kernels), typical)
    metric, inverse = smooth_metric(kernels.shape[1])
    rows, columns, combine = [], [], []
    for sign in (1, -1):
        part = metric @ ((kernels + sign * kernels[:, :, ::-1]) / 2) @ metric
        row = _span((part * weights[:, None, None]).reshape(-1, part.shape[2]), tolerance)
        core = (part @ row.T).reshape(len(part), -1)  # (m, k r)
        column = _span(core * weights[:, None], tolerance)
        rows.append(row @ inverse)
        columns.append(inverse @ column.reshape(len(column), part.shape[1], len(row)))
        combine.append(core @ column.T)
    return FactoredBank(tuple(rows), tuple(columns), np.concatenate(combine, axis=1), typical)


def smooth_metric(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Square root of the covariance of white noise plus a strong smooth field on a line, and its inverse.

    Both (size, size), for a line of ``size`` pixels.
    """
    steps = np.subtract.outer(np.arange(size), np.arange(size)) / (size / 2)
    values, vectors = np.linalg.eigh(np.eye(size) + 100 * np.exp(-np.square(steps) / 2))
    return (vectors * np.sqrt(values)) @ vectors.T, (vectors / np.sqrt(values)) @ vectors.T


def _span(vectors: np.ndarray, tolerance: float) -> np.ndarray:
    """Orthonormal rows that span ``vectors`` up to singular values of ``tolerance``."""
    _, values, basis = np.linalg.svd(vectors, full_matrices=False)
    return basis[values > tolerance]


def _rms_white(kernels: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(kernels).sum((1, 2)))


def _rms_pink(kernels: np.ndarray) -> np.ndarray:
    size = 4 * kernels.shape[1]
    frequency = np.fft.fftfreq(size)
    amplitude = np.hypot(frequency[:, None], frequency)
    amplitude[0, 0] = np.inf  # zero-sum kernels do not see the mean
    # normalized to one at the Nyquist frequency, where pink and white images agree
    spectra = np.fft.fft2(kernels, (size, size)) * (0.5 / amplitude)
    return np.sqrt(np.square(np.abs(spectra)).mean((1, 2)))
