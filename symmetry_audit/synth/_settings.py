"""What a dataset of known symmetry is made of, validated once, as one frozen value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from numbers import Real
from typing import Any

from symmetry_audit.errors import SettingError, suggest

__all__ = ["KINDS", "RANDOM_ANGLE", "SynthSettings"]

KINDS = ("gaussian", "dead-leaves")
RANDOM_ANGLE = (0.0, 180.0)
LIMITS = {
    "n": (1, 100_000),  # the names have five digits
    "size": (16, 2048),  # px
    "ratio": (1.0, 2.5),  # beyond, the band of 0.3 cycles/px no longer fits on the mesh
    "angle": (-360.0, 360.0),  # degrees
    "flip_bias": (0.0, 1.0),
    "clip": (0.0, 90.0),  # percent
    "noise": (0.0, 100.0),  # grey levels
    "slope": (0.0, 3.0),
    "seed": (0, 2**63 - 1),
}


@dataclass(frozen=True, kw_only=True)
class SynthSettings:
    """Settings of one dataset; ``synth.json`` holds them as ``to_dict`` gives them.

    ``n`` square images of ``size`` px. ``ratio`` and ``angle`` (of the long axis, degrees,
    counter-clockwise on the screen) are one number, or two between which every image draws its own; they
    are kept as two. ``angle`` may be "random", all directions alike. ``flip_bias`` is the share of leaves
    lit from the side x > 0 (``dead_leaves``), ``clip`` the percentage of pixels at 0 or 255 and ``noise``
    a sigma in grey levels (``degrade``). ``slope`` of the amplitude (``power_law``; default 1) belongs to
    ``kind`` "gaussian" and is None for "dead-leaves". Raises SettingError.
    """

    n: int = 20
    size: int = 384
    kind: str = "gaussian"
    ratio: float | tuple[float, float] = 1.4
    angle: float | str | tuple[float, float] = "random"
    flip_bias: float = 0.0
    clip: float = 0.0
    noise: float = 0.0
    slope: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise SettingError(f'unknown kind "{self.kind}".{suggest(str(self.kind), KINDS)}')
        values: dict[str, object] = {
            name: _number(name, getattr(self, name)) for name in ("flip_bias", "clip", "noise")
        }
        values |= {name: _whole(name, getattr(self, name)) for name in ("n", "size", "seed")}
        values["ratio"] = _range("ratio", self.ratio)
        values["angle"] = RANDOM_ANGLE if self.angle == "random" else _range("angle", self.angle)
        values["slope"] = self._checked_slope()
        for name, value in values.items():
            object.__setattr__(self, name, value)
        if self.kind == "gaussian" and self.flip_bias:
            raise SettingError("a gaussian field looks alike after a half turn, in law; --flip-bias needs dead-leaves")

    def _checked_slope(self) -> float | None:
        if self.kind == "gaussian":
            return _number("slope", 1.0 if self.slope is None else self.slope)
        if self.slope is not None:
            raise SettingError(f'--slope belongs to the kind gaussian; leave it out for "{self.kind}"')
        return None

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

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; ``SynthSettings(**settings.to_dict())`` is ``settings`` again."""
        return asdict(self) | {"ratio": list(self.ratios), "angle": list(self.angles)}


def _range(name: str, value: object) -> tuple[float, float]:
    """One number or two as lowest and highest."""
    ends = (value, value) if isinstance(value, Real) else value
    if not isinstance(ends, Sequence) or isinstance(ends, str) or len(ends) != 2:
        raise SettingError(f"--{name} takes a number or two, the lowest and the highest, got {value!r}")
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
        raise SettingError(f"{option} must lie between {low} and {high}, got {value}")
    return float(value)


def _whole(name: str, value: object) -> int:
    if isinstance(value, Real) and isfinite(value) and value % 1:
        raise SettingError(f"--{name} takes a whole number, got {value!r}")
    _number(name, value)
    assert isinstance(value, Real)  # or it was refused
    return int(value)  # pyright: ignore[reportArgumentType]  # numbers.Real declares no __int__
