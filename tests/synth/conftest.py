"""What the tests of fields have in common: a way to read the long axis off a field."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter


@pytest.fixture
def long_axis():
    """A function of fields: angle of the long axis in radians, in [0, pi), and the raw ratio sqrt(l_max / l_min).

    From their mean structure tensor (SPEC 5), derivatives of a Gaussian of 1.5 px.
    """

    def measure(fields: Iterable[np.ndarray]) -> tuple[float, float]:
        values, vectors = np.linalg.eigh(sum(structure_tensor(field) for field in fields))
        x, y = vectors[:, 0]  # of the smallest eigenvalue; y points down
        return np.arctan2(-y, x) % np.pi, (values[1] / values[0]) ** 0.5

    return measure


def structure_tensor(field: np.ndarray) -> np.ndarray:
    slopes = [gaussian_filter(field, 1.5, order=order)[8:-8, 8:-8].ravel() for order in ((0, 1), (1, 0))]
    return np.cov(slopes)
