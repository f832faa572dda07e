"""The two halves of an image: w is fitted to one half, and the other, held out, is measured under it (SPEC 6)."""

from __future__ import annotations

import numpy as np

__all__ = ["held_out_rows"]

BAND = 64  # rows of V that alternately belong to one half and to the other


def held_out_rows(rows: int) -> np.ndarray:
    """Which rows of V belong to the half that is held out, (rows,) of bool: every other band of about 64 rows.

    A single row is held out, so that nothing remains to fit to.
    """
    bands = 2 * max(1, round(rows / (2 * BAND)))
    return (np.arange(rows)[::-1] * bands // rows) % 2 == 0
