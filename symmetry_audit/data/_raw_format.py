"""What a file of bare samples holds, as a manifest says it."""

from __future__ import annotations

from dataclasses import dataclass

from symmetry_audit.wording import GREY_LEVELS, HU

__all__ = ["BYTE_ORDERS", "RAW_DTYPES", "RAW_UNITS", "RawFormat"]

RAW_DTYPES = ("int16", "uint16", "int32", "uint32", "float32", "float64")
BYTE_ORDERS = {"little": "<", "big": ">"}
RAW_UNITS = (HU, GREY_LEVELS)


@dataclass(frozen=True, slots=True)
class RawFormat:
    """``height`` rows of ``width`` samples; ``dtype`` is one of RAW_DTYPES, ``unit`` of RAW_UNITS.

    ``spacing`` is the distance of rows and of columns in mm.
    """

    width: int
    height: int
    dtype: str
    byte_order: str = "little"
    unit: str = HU
    spacing: tuple[float, float] | None = None
