"""The range of values in which a network sees images, and a network behind an adapter to ours."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from torch import Tensor, nn

from symmetry_audit.errors import SettingError

__all__ = ["BYTES", "Adapted", "ValueRange"]


@dataclass(frozen=True)
class ValueRange:
    """The values of ``black`` and ``white`` in a network's input and output. Raises SettingError for an empty range.

    >>> str(ValueRange(-1, 1)), str(ValueRange.of(255)), str(ValueRange.of((0, 1)))
    ('-1:1', '255', '1')
    """

    black: float
    white: float

    def __post_init__(self) -> None:
        if not isfinite(self.white - self.black) or self.white <= self.black:
            raise SettingError(f"--unit {self} is no range of values; write white alone, or black:white, such as -1:1")

    @classmethod
    def of(cls, unit: float | tuple[float, float]) -> ValueRange:
        """From the value of white, where black is 0, or from both."""
        return cls(*unit) if isinstance(unit, tuple) else cls(0, unit)

    def __str__(self) -> str:
        """As ``--unit`` takes it."""
        return f"{self.white:g}" if self.black == 0 else f"{self.black:g}:{self.white:g}"


BYTES = ValueRange(0, 255)


class Adapted(nn.Module):
    """A network for values in ``values``, perhaps for ``grey`` images (N, 1, H, W), behind our interface."""

    def __init__(self, network: nn.Module, values: ValueRange, *, grey: bool = False) -> None:
        super().__init__()
        self.network, self.grey = network, grey
        self.black, self.factor = values.black, (values.white - values.black) / 255
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        planes = x.flatten(0, 1).unsqueeze(1) if self.grey else x
        result = self.network(planes * self.factor + self.black)
        if not isinstance(result, Tensor):  # a list, say: the caller says what it expects
            return result
        result = (result - self.black) / self.factor
        return result.reshape(*x.shape[:2], *result.shape[2:]) if self.grey else result
