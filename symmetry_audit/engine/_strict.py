"""Which engine measures the strict responses of a run: a printed choice, made once before the first image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from symmetry_audit.engine._compiled import HarmonicEngine, instruction_sets
from symmetry_audit.engine._window import Rows
from symmetry_audit.kernels import HarmonicPlan, KernelModel, factor_bank, harmonic_plan

__all__ = ["StrictEngine", "strict_engine"]

ERROR = 2e-5  # relative, of a mean absolute response: a plan that may err more gives way to the bank
BANK_TOLERANCE = 3e-4  # of factor_bank in float32: responses are right to 4e-5


class StrictEngine(Protocol):
    """Mean responses of an image to the kernels of one run; ``str`` says how they are computed."""

    def row_means(
        self,
        image: Rows,
        margin: int,
        kind: str = "abs",
        power: np.ndarray | None = None,
        inside: Rows | None = None,
    ) -> np.ndarray:
        """Means of responses of a ``kind`` (SPEC 3) over each row of V, (rows of V, m) float64.

        ``image`` is (H, W); V is all pixels at least ``margin`` px from every border, or those of them that ``inside``
        (H - 2 margin, W - 2 margin) of bool chooses, and must not be empty. Rows without a pixel of V have the mean 0.
        ``power`` is the ``welch_power`` of the image, if that is known already.
        """
        ...


def strict_engine(
    kernels: Sequence[np.ndarray], model: KernelModel, margin: int, device: str = "cpu", *, signed: bool = False
) -> StrictEngine:
    """The engine for ``kernels``, one array (m, k, k) of distinct kernels per stencil, all of one size.

    ``signed`` says that responses change with a kernel's sign, as ``rectified`` ones do.

    Gaussian kernels go by circular harmonics where these are true to 2e-5, by compiled code on a CPU, by torch on a
    GPU; all else by the factored bank, also where the package was installed without a compiler.
    """
    on_cpu = device == "cpu"
    if model.sigma is not None and (instruction_sets() or not on_cpu):
        plan = harmonic_plan(kernels, model.sigma, margin, ERROR, signed=signed)
        if plan is not None:
            return HarmonicEngine(plan, instruction_sets()[0]) if on_cpu else _fused(plan, device)
    from symmetry_audit.engine._responses import DeviceBank

    return DeviceBank.from_bank(factor_bank(np.concatenate(kernels), BANK_TOLERANCE), device)


def _fused(plan: HarmonicPlan, device: str) -> StrictEngine:
    from symmetry_audit.engine._fused import FusedHarmonics

    return FusedHarmonics.from_plan(plan, device)
