"""What a file of bare samples holds, as a manifest says it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from symmetry_audit.errors import SettingError
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

    @property
    def size(self) -> int:
        """The bytes of a file."""
        return self.width * self.height * int(self.dtype.lstrip("uintfloa")) // 8

    @classmethod
    def parse(cls, text: str) -> RawFormat:
        """Read "WIDTHxHEIGHT,DTYPE,BYTE ORDER,UNIT". Raises SettingError.

        >>> RawFormat.parse("512x512,float32,little,HU").size
        1048576
        """
        found = re.fullmatch(r"([1-9]\d*)x([1-9]\d*),(\w+),(\w+),(HU|grey)", text)
        if not found or found[3] not in RAW_DTYPES or found[4] not in BYTE_ORDERS:
            raise SettingError(
                f'--raw "{text}" is not WIDTHxHEIGHT,DTYPE,ORDER,UNIT, such as 512x512,float32,little,HU; dtypes are '
                f"{', '.join(RAW_DTYPES)}, orders little and big, units HU and grey"
            )
        return cls(int(found[1]), int(found[2]), found[3], found[4], HU if found[5] == "HU" else GREY_LEVELS)
