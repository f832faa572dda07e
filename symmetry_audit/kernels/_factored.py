"""A bank of sampled kernels written as few separable steps: row filters, column filters, combinations.

Thirty-two turned copies of a stencil are not thirty-two convolutions. All kernels of a run lie close to
a space of about two dozen dimensions, and the rows of all of them close to one of eight, so

    kernel[m](u_y, u_x) = sum_n combine[m, n] sum_r column[n](u_y, r) row[r](u_x)

holds to ``tolerance``. Rows are split into parts even and odd in x: no basis function mixes the two, which
halves the work of the column step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["FactoredBank", "factor_bank"]


@dataclass(frozen=True)
class FactoredBank:
    """Kernels (m, k, k) in factored form, to be applied as true convolutions.

    ``rows`` holds the even and the odd row filters, each (r, k); ``columns`` the column filters of the
    even and the odd basis functions, each (n, k, r); ``combine`` is (m, n_even + n_odd).
    """

    rows: tuple[np.ndarray, np.ndarray]
    columns: tuple[np.ndarray, np.ndarray]
    combine: np.ndarray

    @property
    def radius(self) -> int:
        """c of the window {-c..c}^2."""
        return self.rows[0].shape[1] // 2

    def kernels(self) -> np.ndarray:
        """The kernels multiplied out, (m, k, k): what ``factor_bank`` was given, to its tolerance."""
        basis = [np.einsum("nyr,rx->nyx", c, r) for c, r in zip(self.columns, self.rows, strict=True)]
        return np.einsum("mn,nyx->myx", self.combine, np.concatenate(basis))


def factor_bank(kernels: np.ndarray, tolerance: float) -> FactoredBank:
    """Factor ``kernels`` (m, k, k), k odd, each to about ``tolerance`` relative to its typical response.

    Typical means for images with a white spectrum and for images with a 1/|k| amplitude spectrum: a kernel
    is weighted by the inverse of the smaller of its two root-mean-square responses, so that neither a faint
    kernel nor a smooth image loses accuracy.
    """
    weights = 1 / np.minimum(_rms_white(kernels), _rms_pink(kernels))
    rows, columns, combine = [], [], []
    for part in (kernels + kernels[:, :, ::-1], kernels - kernels[:, :, ::-1]):
        part = part / 2
        weighted = part * weights[:, None, None]
        row = _span(weighted.reshape(-1, part.shape[2]), tolerance)
        core = (part @ row.T).reshape(len(part), -1)  # (m, k r)
        column = _span(core * weights[:, None], tolerance)
        rows.append(row)
        columns.append(column.reshape(len(column), part.shape[1], len(row)))
        combine.append(core @ column.T)
    return FactoredBank(tuple(rows), tuple(columns), np.concatenate(combine, axis=1))


def _span(vectors: np.ndarray, tolerance: float) -> np.ndarray:
    """Orthonormal rows that span ``vectors`` up to singular values of ``tolerance`` times the largest."""
    _, values, basis = np.linalg.svd(vectors, full_matrices=False)
    return basis[values > tolerance * values[0]] if values[0] > 0 else basis[:0]


def _rms_white(kernels: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(kernels).sum((1, 2)))


def _rms_pink(kernels: np.ndarray) -> np.ndarray:
    size = 4 * kernels.shape[1]
    frequency = np.fft.fftfreq(size)
    amplitude = np.hypot(frequency[:, None], frequency)
    amplitude[0, 0] = np.inf  # zero-sum kernels do not see the mean
    # normalised to one at the Nyquist frequency, where pink and white images agree
    spectra = np.fft.fft2(kernels, (size, size)) * (0.5 / amplitude)
    return np.sqrt(np.square(np.abs(spectra)).mean((1, 2)))
