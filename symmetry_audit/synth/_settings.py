"""The settings of a dataset of known symmetry, validated once, as one frozen value."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from numbers import Real
from typing import Any

from pydantic import model_validator

from symmetry_audit.errors import SettingError, suggest
from symmetry_audit.options import SynthOptions

__all__ = ["KINDS", "RANDOM_ANGLE", "SynthSettings"]

KINDS = ("gaussian", "dead-leaves")
RANDOM_ANGLE = (0.0, 180.0)
LIMITS = {
    "n": (1, 100_000),  # the names have five digits
    "size": (16, 2048),  # px
    "ratio": (1.0, 2.5),  # beyond, the band of 0.3 cycles/px no longer fits on the pixel grid
    "angle": (-360.0, 360.0),  # degrees
    "flip_bias": (0.0, 1.0),
    "clip": (0.0, 90.0),  # percent
    "noise": (0.0, 100.0),  # grey levels
    "slope": (0.0, 3.0),
    "seed": (0, 2**63 - 1),
}


class SynthSettings(SynthOptions):
    """Settings of one dataset; ``synth.json`` holds them as ``to_dict`` gives them.

    ``n`` square images of ``size`` px. ``ratio`` and ``angle`` (of the long axis, degrees,
    counter-clockwise on the screen) are one number, or two numbers between which every image draws its own
    value; they are stored as two. ``angle`` may be "random", all directions equally likely. ``flip_bias`` is the
    share of leaves lit from the side x > 0 (``dead_leaves``), ``clip`` the percentage of pixels at 0 or 255, ``noise``
    a sigma in grey levels (``degrade``). ``slope`` of the amplitude (``power_law``; default 1) belongs to
    ``kind`` "gaussian" and is None for "dead-leaves". Raises SettingError.
    """

    @model_validator(mode="before")
    @classmethod
    def _checked(cls, asked: Any) -> Any:
        """All values within their limits, spans as pairs."""
        values = {name: field.default for name, field in cls.model_fields.items()} | asked
        if values["kind"] not in KINDS:
            raise SettingError(f'unknown kind "{values["kind"]}".{suggest(str(values["kind"]), KINDS)}')
        values |= {name: _number(name, values[name]) for name in ("flip_bias", "clip", "noise")}
        values |= {name: _whole(name, values[name]) for name in ("n", "size", "seed")}
        values["ratio"] = _range("ratio", values["ratio"])
        values["angle"] = RANDOM_ANGLE if values["angle"] == "random" else _range("angle", values["angle"])
        values["slope"] = _checked_slope(values["kind"], values["slope"])
        if values["kind"] == "gaussian" and values["flip_bias"]:
            raise SettingError(
                "a gaussian field has the same distribution after a half turn; --flip-bias needs dead-leaves"
            )
        return values

    @property
    def ratios(self) -> tuple[float, float]:
        """The lowest and the highest ``ratio``."""
        assert isinstance(self.ratio, tuple)
        return self.ratio

    @property
    def angles(self) -> tuple[float, float]:
        """The lowest and the highest ``angle``, in degrees."""
        assert isinstance(self.angle, tuple)
        return self.angle


def _checked_slope(kind: str, slope: Any) -> float | None:
    if kind == "gaussian":
        return _number("slope", 1.0 if slope is None else slope)
    if slope is not None:
        raise SettingError(f'--slope belongs to the kind gaussian; leave it out for "{kind}"')
    return None


def _range(name: str, value: object) -> tuple[float, float]:
    """One number or two as lowest and highest."""
    ends = (value, value) if isinstance(value, Real) else value
    if not isinstance(ends, Sequence) or isinstance(ends, str) or len(ends) != 2:
        raise SettingError(f"--{name} takes one number, or the lowest and the highest, got {value!r}")
    low, high = (_number(name, end) for end in ends)
    if low > high:
        raise SettingError(f"--{name} runs from the lower number to the higher; write {high:g}:{low:g}")
    return low, high


def _number(name: str, value: object) -> float:
    """``value`` as a float within its limits."""
    low, high = LIMITS[name]
    option = f"--{name.replace('_', '-')}"
    if not isinstance(value, Real) or isinstance(value, bool) or not isfinite(value):
        raise SettingError(f"{option} takes a number, got {value!r}")
    if not low <= value <= high:
        raise SettingError(f"{option} must be between {low} and {high}, got {value}")
    return float(value)


def _whole(name: str, value: object) -> int:
    if isinstance(value, Real) and isfinite(value) and value % 1:
        raise SettingError(f"--{name} takes a whole number, got {value!r}")
    _number(name, value)
    assert isinstance(value, Real)  # or it was refused
    return int(value)  # pyright: ignore[reportArgumentType]  # numbers.Real declares no __int__
