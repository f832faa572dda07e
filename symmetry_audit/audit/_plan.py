"""Settings -> kernel banks: the plan of what is computed for every image, as one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.kernels import KernelModel, distinct_elements, sampled_kernels, sees_sign, window_radius

if TYPE_CHECKING:
    from symmetry_audit.audit._adaptive_plan import AdaptivePlan
    from symmetry_audit.audit._body import BodyPlan
    from symmetry_audit.engine import StrictEngine

__all__ = ["ImagePlan", "StrictBank", "strict_bank"]


@dataclass(frozen=True)
class StrictBank:
    """The distinct kernels of all regularizers under the strict group.

    ``kernels`` holds those of one regularizer each, (m_r, k, k) of one k. ``index`` (R, T) says which of all m kernels,
    counted on, gives the response of regularizer r to element t.
    """

    kernels: tuple[np.ndarray, ...]
    index: np.ndarray


@dataclass(frozen=True)
class ImagePlan:
    """The plan for every image at one sigma: ``strict`` measures the kernels of a StrictBank; ``index`` (R, T) is that
    of the strict responses. ``body`` measures these where the group is that of the body, not of the pixel grid.

    ``flips`` measures what flips and half turns change; only the plan of the first sigma has it, and only where the
    margin is wide enough. ``adaptive`` is None where nothing is fitted; ``given`` maps image names to (a, b) to use in
    place of fits, (S, F, 2) over all scales of the run, and is None where images are fitted.
    """

    strict: StrictEngine
    index: np.ndarray
    flips: StrictEngine | None = None
    adaptive: AdaptivePlan | None = None
    given: Mapping[str, np.ndarray] | None = None
    body: BodyPlan | None = None


def strict_bank(settings: AuditSettings, model: KernelModel) -> StrictBank:
    """Sample the kernels of one kernel model and keep the distinct ones."""
    matrices, signed = settings.group.matrices(), sees_sign(settings.response)
    widest = max(window_radius(stencil, model) for stencil in settings.stencils)
    kernels, index, count = [], [], 0
    for stencil in settings.stencils:
        radius = window_radius(stencil, model)
        sampled = sampled_kernels(stencil, matrices, model, radius)
        kept, position = np.unique(distinct_elements(sampled, signed=signed), return_inverse=True)
        # every stencil keeps its own window; zeros around it let all share one bank
        kernels.append(np.pad(sampled[kept], ((0, 0), *[(widest - radius,) * 2] * 2)))
        index.append(count + position)
        count += len(kept)
    return StrictBank(tuple(kernels), np.stack(index))
