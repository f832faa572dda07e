"""Student's interval for the mean of differences, one for each image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symmetry_audit.errors import SettingError

__all__ = ["student_interval"]


def student_interval(values: Sequence[float] | np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Low and high end of the interval for the mean of ``values`` (n,), in their unit.

    mean -+ t s / sqrt(n), with s^2 = sum (x - mean)^2 / (n - 1) and t the (1 + level)/2 quantile of Student's t with
    n - 1 degrees of freedom. The values are taken to be independent: of crops of one photograph, give the mean.
    Raises SettingError for fewer than two values, for values that are not finite, and for a ``level`` outside (0, 1).
    """
    from scipy.special import stdtrit  # most users of this room need no scipy

    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or len(found) < 2 or not np.isfinite(found).all():
        raise SettingError(f"an interval needs two finite numbers or more, got {values!r:.60}")
    if not 0 < level < 1:
        raise SettingError(f"the confidence level must be between 0 and 1, got {level}; use 0.95, for example")
    half = stdtrit(len(found) - 1, (1 + level) / 2) * found.std(ddof=1) / len(found) ** 0.5
    return float(found.mean() - half), float(found.mean() + half)
