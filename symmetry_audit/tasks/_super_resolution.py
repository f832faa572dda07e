"""Super-resolution: the clean image shrunk by a whole factor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from symmetry_audit.errors import ImageError, SettingError
from symmetry_audit.tasks._options import Option
from symmetry_audit.tasks._pairs import Pair
from symmetry_audit.tasks._resize import resize_8bit
from symmetry_audit.tasks._task import Task, size_text

__all__ = ["TASK"]

SCALES = (2, 3, 4)


def _checked(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value not in SCALES:
        raise SettingError(f"--scale must be 2, 3 or 4, got {value!r}")
    return value


SCALE = Option("scale", _checked, examples=("3",))


@dataclass(frozen=True, kw_only=True)
class SuperResolution(Task):
    """Bicubic shrinking by ``scale``, as MATLAB's imresize does it."""

    name = "sr"
    protocol = "sr-y"
    backbone = "edsr"
    baselines = ("bicubic",)
    options = (SCALE,)

    scale: int = SCALES[0]

    @property
    def text(self) -> str:
        return f"super-resolution x{self.scale}"

    def prepare(self, clean: np.ndarray, degraded: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """``clean`` shrunk by the scale, and ``clean``, both cut at the bottom and right to a multiple of the scale."""
        height, width = (side - side % self.scale for side in clean.shape[:2])
        if not height or not width:
            raise ImageError(
                f"{size_text(clean)} is less than one pixel after shrinking by {self.scale}; remove it from the source"
            )
        clean = clean[:height, :width]
        return resize_8bit(clean, 1 / self.scale), clean

    def restored_by(self, baseline: str, degraded: np.ndarray, pair: Pair) -> np.ndarray:
        """Bicubic interpolation, rounded to 8 bits."""
        return resize_8bit(degraded.astype(np.uint8), self.scale)


TASK = SuperResolution
