"""Plans run by compiled code on the CPU. No torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from symmetry_audit.engine._welch import welch_power
from symmetry_audit.engine._window import Rows, blocks, plan_means, row_counts, seen_window, told
from symmetry_audit.errors import SymmetryAuditError
from symmetry_audit.kernels import DirectPlan, HarmonicPlan

try:
    from symmetry_audit.engine import _harmonics
except ImportError:  # installed without a compiler
    _harmonics = None

__all__ = ["HarmonicEngine", "direct_rows", "instruction_sets"]

INTERFACE = 1  # of _harmonics.c, which states the same number
if _harmonics is not None and getattr(_harmonics, "INTERFACE", 0) != INTERFACE:
    raise SymmetryAuditError(
        f"{vars(_harmonics).get('__file__')} was compiled from another version of _harmonics.c and would give wrong "
        "numbers; install symaudit again (in a checkout: python -m pip install --editable .)"
    )

KINDS = ("abs", "energy", "rectified")  # as _harmonics.c numbers them


def instruction_sets() -> list[str]:
    """Those that the code is compiled for and the processor has, the widest first: avx512, avx2, plain.

    Empty where the package was installed without a compiler.
    """
    return [] if _harmonics is None else _harmonics.instructions()


@dataclass(frozen=True)
class HarmonicEngine:
    """``plan`` on the CPU: identical bits whatever the number of threads, and for bands of rows of the same range."""

    plan: HarmonicPlan
    instructions: str

    def __str__(self) -> str:
        return f"{self.plan}; compiled, {self.instructions}"

    def row_means(
        self,
        image: Rows,
        margin: int,
        kind: str = "abs",
        power: np.ndarray | None = None,
        inside: Rows | None = None,
    ) -> np.ndarray:
        """Means over the pixels of each row of V, (rows of V, m) float64, as ``StrictEngine.row_means``."""
        assert _harmonics is not None, "strict_engine asks for it"
        with np.errstate(over="ignore", invalid="ignore"):  # the caller reports samples that are too large
            gains = self.plan.gains(welch_power(image) if power is None else power)
            loop = partial(_harmonics.rows, self.instructions)
            return _row_means(loop, image, margin, kind, inside, self.plan, len(self.plan.exact), gains)


def direct_rows(
    image: Rows, plan: DirectPlan, margin: int, kind: str = "abs", inside: Rows | None = None
) -> np.ndarray:
    """As ``HarmonicEngine.row_means``, by a plan of one small stencil each, on the widest instruction set."""
    assert _harmonics is not None, "DeformedEngine asks for it"
    with np.errstate(over="ignore", invalid="ignore"):
        loop = partial(_harmonics.direct_rows, instruction_sets()[0])
        return _row_means(loop, image, margin, kind, inside, plan, len(plan.stencils), 1.0)


def _row_means(
    loop: Callable[..., tuple[float, float]],
    image: Rows,
    margin: int,
    kind: str,
    inside: Rows | None,
    plan: HarmonicPlan | DirectPlan,
    kernels: int,
    gains: np.ndarray | float,
) -> np.ndarray:
    height, width = (side - 2 * margin for side in image.shape)
    assert margin >= plan.radius and height > 0 and width > 0, "the caller skips images with an empty V"
    sums, about = np.empty((height, kernels)), (KINDS.index(kind), *plan.tables)
    if isinstance(image, np.ndarray):
        pixels, border = np.ascontiguousarray(image, dtype=np.float32), margin - plan.radius
        place = border * pixels.shape[1] + border, pixels.shape[1], height, width
        belongs = None if inside is None else np.ascontiguousarray(inside).view(np.uint8)
        span = loop(pixels, *place, belongs, *about, sums)
    else:
        span = _banded(loop, seen_window(image, margin, plan.radius), plan.radius, inside, about, sums)
    return plan_means(plan, sums, row_counts(height, width, inside), span, kind, gains)


def _banded(
    loop: Callable[..., tuple[float, float]],
    seen: Rows,
    radius: int,
    inside: Rows | None,
    about: tuple,
    sums: np.ndarray,
) -> tuple[float, float]:
    """The ``sums`` of an image outside memory, to the bit those of the same array; returns the range of its pixels.

    The loop's arithmetic starts from the range of what it is given. So below each band a row that holds the range of
    the whole image follows, and what is measured there is dropped.
    """
    height, width = (side - 2 * radius for side in seen.shape)
    low, high, _ = told(seen)
    span = float(np.float32(low)), float(np.float32(high))  # rounding keeps the order of numbers
    for first, stop in blocks(seen, height, width):
        pixels = np.empty((stop - first + 2 * radius + 1, seen.shape[1]), np.float32)
        pixels[:-1] = np.asarray(seen[first : stop + 2 * radius])
        pixels[-1], pixels[-1, 0] = span
        belongs = None
        if inside is not None:
            belongs = np.zeros((stop - first + 1, width), np.uint8)
            belongs[:-1] = np.asarray(inside[first:stop])
        part = np.empty((stop - first + 1, sums.shape[1]))
        loop(pixels, 0, pixels.shape[1], stop - first + 1, width, belongs, *about, part)
        sums[first:stop] = part[:-1]
    return span
