"""Correction of metal artefacts in the sinogram: linear interpolation (LI) and its normalised form (NMAR)."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from symmetry_audit.errors import SettingError
from symmetry_audit.metrics import MU_WATER
from symmetry_audit.tomography._fbp import fbp
from symmetry_audit.tomography._geometry import FanBeam
from symmetry_audit.tomography._joseph import project

__all__ = ["interpolate_trace", "nmar", "nmar_prior"]

CLUSTERS = (0.0, MU_WATER, 2 * MU_WATER)  # where air, tissue and bone start
LEAST_BONE = 1.2 * MU_WATER
ROUNDS = 1000
LEAST_PRIOR = 0.2  # nepers, about 1 cm of water: less would blow up the rims of the body


def interpolate_trace(sinogram: np.ndarray, trace: np.ndarray) -> np.ndarray:
    """LI: in every view, linear interpolation along the detector across the ``trace``, float64.

    ``sinogram`` and ``trace`` (bool) are (views, detectors). Beyond the last elements outside the trace their values
    are repeated. Raises SettingError for shapes that differ and for a view that is all trace.
    """
    sinogram, trace = np.asarray(sinogram, np.float64), np.asarray(trace, bool)
    if sinogram.shape != trace.shape or sinogram.ndim != 2:
        raise SettingError(
            f"sinogram and trace must have one shape, (views, detectors), got {sinogram.shape} and {trace.shape}"
        )
    if trace.all(axis=1).any():
        raise SettingError("the metal covers the whole detector in a view; use a smaller mask")
    filled = sinogram.copy()
    elements = np.arange(sinogram.shape[1])
    for view in np.flatnonzero(trace.any(axis=1)):
        hidden = trace[view]
        filled[view, hidden] = np.interp(elements[hidden], elements[~hidden], sinogram[view, ~hidden])
    return filled


def nmar(sinogram: np.ndarray, trace: np.ndarray, metal: np.ndarray, geometry: FanBeam) -> np.ndarray:
    """NMAR (Meyer et al. 2010): LI of the sinogram over that of a prior; the image in 1/cm, (side, side) float32.

    The prior is ``nmar_prior`` of the image of LI. ``sinogram`` (views, detectors) is the corrected measurement,
    ``trace`` (views, detectors) and ``metal`` (side, side) are bool. Raises SettingError as ``interpolate_trace``.
    """
    first = _reconstructed(interpolate_trace(sinogram, trace), geometry)
    prior = torch.from_numpy(nmar_prior(first, metal))
    expected = np.maximum(project(prior, geometry).numpy(), LEAST_PRIOR)
    return _reconstructed(interpolate_trace(sinogram / expected, trace) * expected, geometry)


def nmar_prior(image: np.ndarray, metal: np.ndarray) -> np.ndarray:
    """The prior of NMAR from the image of LI, (side, side) in 1/cm: air 0, tissue 0.192, bone as it is; float32.

    The metal is set to water; three means (Lloyd) from 0, 0.192, 0.384 give the thresholds between the classes, that of
    bone at least 1.2 times water; they class the image smoothed by a 5 x 5 Gaussian of sigma 1 px.
    """
    filled = np.where(metal, MU_WATER, image)
    low, high = _thresholds(filled.ravel())
    high = max(high, LEAST_BONE)
    smooth = gaussian_filter(filled, 1, mode="nearest", radius=2)
    return np.select([smooth <= low, smooth < high], [0.0, MU_WATER], smooth).astype(np.float32)


def _thresholds(values: np.ndarray) -> np.ndarray:
    """The midpoints between the three means of ``values``; a class without values keeps its mean."""
    means = np.array(CLUSTERS)
    for _ in range(ROUNDS):
        classes = np.digitize(values, (means[1:] + means[:-1]) / 2)
        counts, sums = np.bincount(classes, minlength=3), np.bincount(classes, values, minlength=3)
        last, means = means, np.divide(sums, counts, out=means.copy(), where=counts > 0)
        if np.array_equal(last, means):
            break
    return (means[1:] + means[:-1]) / 2


def _reconstructed(sinogram: np.ndarray, geometry: FanBeam) -> np.ndarray:
    return fbp(torch.from_numpy(sinogram.astype(np.float32)), geometry).numpy()
