"""The harmonic engine: a HarmonicPlan run by compiled code on the CPU. No torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from symmetry_audit.engine._welch import welch_power
from symmetry_audit.engine._window import rounding, without_rounding
from symmetry_audit.kernels import HarmonicPlan

try:
    from symmetry_audit.engine import _harmonics
except ImportError:  # installed without a compiler
    _harmonics = None

__all__ = ["HarmonicEngine", "instruction_sets"]


def instruction_sets() -> list[str]:
    """Those that the code is compiled for and the processor has, the widest first: avx512, avx2, plain.

    Empty where the package was installed without a compiler.
    """
    return [] if _harmonics is None else _harmonics.instructions()


@dataclass(frozen=True)
class HarmonicEngine:
    """``plan`` on the CPU: identical bits whatever the number of threads and however an image is cut into bands."""

    plan: HarmonicPlan
    instructions: str

    def __str__(self) -> str:
        return f"{self.plan}; compiled, {self.instructions}"

    def row_means(
        self, image: np.ndarray, margin: int, kind: str = "abs", power: np.ndarray | None = None
    ) -> np.ndarray:
        """Means over the pixels of each row of V, (rows of V, m) float64, as ``StrictEngine.row_means``."""
        assert _harmonics is not None, "strict_engine asks for it"
        plan = self.plan
        with np.errstate(over="ignore", invalid="ignore"):  # the caller reports samples that are too large
            pixels = np.ascontiguousarray(image, dtype=np.float32)
            height, width = (side - 2 * margin for side in image.shape)
            assert margin >= plan.radius and height > 0 and width > 0, "the caller skips images with an empty V"
            sums = np.empty((height, len(plan.exact)))
            border = margin - plan.radius
            about = pixels, border * pixels.shape[1] + border, pixels.shape[1], height, width, kind == "energy"
            low, high = _harmonics.rows(self.instructions, *about, *plan.tables, sums)
            exponent = 1 if kind == "abs" else 2
            found = plan.gains(welch_power(image) if power is None else power) ** exponent * sums / width
            noise = rounding(low, high, np.finfo(np.float32).eps, np.finfo(np.float32).eps)
            return without_rounding(found, plan.weights * noise, exponent)
