"""Which options a task takes, and which values they may have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from numbers import Real
from typing import Any

from symmetry_audit.errors import SettingError

__all__ = ["checked_options"]

SCALES = (2, 3, 4)
TAKEN = {"sr": ("scale",), "denoise": ("sigma",), "derain": (), "inpaint": ("missing", "peak")}
NEEDED = {"denoise": ("sigma", "25, or a range such as 5:35"), "inpaint": ("missing", "0.3")}
MAX_SIGMA = 255.0  # grey levels
MAX_PEAK = 1e9  # photons; beyond it there is no noise to speak of, and the counts overflow


def checked_options(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of ``options`` that are given, checked, as they stand in a Task. Raises SettingError."""
    given = {option: value for option, value in options.items() if value is not None}
    for option in given:
        if option not in TAKEN[name]:
            takers = " or ".join(task for task, taken in TAKEN.items() if option in taken)
            raise SettingError(f"--{option} belongs to {takers}; leave it out for {name}")
    if name in NEEDED and NEEDED[name][0] not in given:
        option, example = NEEDED[name]
        raise SettingError(f"{name} needs --{option}, such as {example}")
    if name == "sr":
        given.setdefault("scale", SCALES[0])
    return {option: _CHECKS[option](value) for option, value in given.items()}


def _scale(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value not in SCALES:
        raise SettingError(f"--scale must be 2, 3 or 4, got {value!r}")
    return value


def _sigma(value: object) -> float | tuple[float, float]:
    """A number, or the lowest and the highest where they differ."""
    ends = (value, value) if isinstance(value, Real) else value
    if not isinstance(ends, Sequence) or isinstance(ends, str) or len(ends) != 2:
        raise SettingError(f"--sigma takes a number or two, the lowest and the highest, got {value!r}")
    low, high = (_number("sigma", end) for end in ends)
    if not 0 <= min(low, high) <= max(low, high) <= MAX_SIGMA:
        raise SettingError(f"--sigma must lie between 0 and {MAX_SIGMA:g} grey levels, got {value!r}")
    if low > high:
        raise SettingError(f"--sigma runs from the lower number to the higher; write {high:g}:{low:g}")
    return low if low == high else (low, high)


def _missing(value: object) -> float:
    number = _number("missing", value)
    if not 0 < number < 1:
        raise SettingError(f"--missing must lie between 0 and 1, got {value!r}; 0.3 removes 30 % of the pixels")
    return number


def _peak(value: object) -> float:
    number = _number("peak", value)
    if not 0 < number <= MAX_PEAK:
        raise SettingError(f"--peak must lie above 0 and at most at {MAX_PEAK:g} photons, got {value!r}")
    return number


def _number(name: str, value: object) -> float:
    if not isinstance(value, Real) or isinstance(value, bool) or not isfinite(value):
        raise SettingError(f"--{name} takes a number, got {value!r}")
    return float(value)


_CHECKS = {"scale": _scale, "sigma": _sigma, "missing": _missing, "peak": _peak}
