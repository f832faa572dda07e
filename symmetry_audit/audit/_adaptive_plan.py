"""The kernels that images are fitted to and measured with under their own groups, made once a run (SPEC 3 and 5)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.audit._sources import FitSource, fit_sources, own_sources
from symmetry_audit.engine import DeformedEngine
from symmetry_audit.fits import DeformedFamily
from symmetry_audit.groups import Affine, Group
from symmetry_audit.kernels import KernelModel, sees_sign

__all__ = ["AdaptivePlan", "adaptive_plan", "deformed_engine", "deformed_family"]

EXAMPLES = 6  # elements that stand for all
FEWEST = 4  # distinct elements that a fit needs: two parameters can equalize any three
FIT_GROUP = Group(32)  # used where the run's own group has fewer


@dataclass(frozen=True)
class AdaptivePlan:
    """The kernels that every image is fitted and measured with, at one kernel model.

    ``fitted`` and ``measured`` are the kernels that w is fitted to (rotations) and measured with (the run's group);
    ``own`` (R,) is the source whose w each regularizer is measured under; ``engine`` measures both families exactly.
    """

    fitted: DeformedFamily
    measured: DeformedFamily
    sources: tuple[FitSource, ...]
    own: tuple[int, ...]
    settings: AuditSettings
    engine: DeformedEngine
    device: str = "cpu"

    def owned(self, source: int) -> tuple[int, ...]:
        """The regularizers whose rows are measured under the w of ``source``."""
        return tuple(r for r, used in enumerate(self.own) if used == source)


_family = lru_cache(maxsize=4)(DeformedFamily)  # building a family takes a second


def adaptive_plan(settings: AuditSettings, model: KernelModel, device: str = "cpu") -> AdaptivePlan:
    """The plan of one kernel model."""
    measured, fitted = (
        deformed_family(settings, model, group) for group in (settings.group, Group(settings.group.rotations))
    )
    if len(fitted.distinct) < FEWEST:
        fitted = deformed_family(settings, model, FIT_GROUP)
    engine = deformed_engine(settings, fitted, device)
    return AdaptivePlan(fitted, measured, fit_sources(settings), own_sources(settings), settings, engine, device)


def deformed_family(settings: AuditSettings, model: KernelModel, group: Group) -> DeformedFamily:
    """The kernels of the run under every deformation of ``group``."""
    return _family(settings.stencils, group, model, signed=sees_sign(settings.response))


def deformed_engine(settings: AuditSettings, family: DeformedFamily, device: str = "cpu") -> DeformedEngine:
    """What measures the kernels of ``family`` and of others with its rotations."""
    model = family.model
    support = max(model.support(stencil.radius) for stencil in settings.stencils)
    return DeformedEngine(partial(_examples, family), model.sigma, support, settings.margin, device)


def _examples(family: DeformedFamily, ratio: float) -> np.ndarray:
    """Kernels (m, k, k) of all stencils deformed by ``ratio`` along several directions."""
    step = max(1, len(family.distinct) // EXAMPLES)
    kernels = [family.kernels(Affine.from_axes(alpha, ratio))[:, ::step] for alpha in (0.0, 0.4, 1.2)]
    return np.concatenate([part.reshape(-1, *part.shape[2:]) for part in kernels])
