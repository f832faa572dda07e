"""What one file or one slice of a volume holds, before padding is looked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from symmetry_audit.wording import HU

__all__ = ["StoredSlice"]


@dataclass(frozen=True)
class StoredSlice:
    """One slice: ``values`` (H, W) float32 in ``unit``, where NaN says that there is none."""

    values: np.ndarray
    depth: str  # of the samples in the file, in words
    unit: str = HU
    declared: np.ndarray | None = None  # (H, W) bool: which pixels hold the file's own padding value
    spacing: tuple[float, float] | None = None  # of rows and of columns in mm
