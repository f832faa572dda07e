"""The advice of a report from its stored responses alone: for reports that have none, or that followed another rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from symmetry_audit.audit import AuditSettings, ImageTables, first_scale
from symmetry_audit.findings._analyses import direction_rows
from symmetry_audit.findings._candidates import candidates
from symmetry_audit.findings._floor import floor_profile
from symmetry_audit.findings._totals import Totals
from symmetry_audit.kernels import KernelModel
from symmetry_audit.results import DATASET_STRICT, Recommendation, directions_of
from symmetry_audit.statistics import UNITS, Member
from symmetry_audit.theory import recommend

__all__ = ["advice_from_profiles"]


def advice_from_profiles(
    settings: AuditSettings,
    profiles: Iterable[tuple[str, Member, np.ndarray]],
    unit: str,
    *,
    limit: int | None = UNITS,
) -> tuple[list[dict[str, Any]], Recommendation]:
    """``analyses["directions"]`` and the recommendation of a run, from the strict profiles (S, R, T) of its images,
    each with its name and how it is drawn.

    ``unit`` is that of epsilon; ``limit`` is how many images or clusters are drawn apart, None for all.

    The responses do not hold the images' spectra, so the floors are those of pink noise. Adaptive candidates are left
    out.
    """
    settings = AuditSettings.from_dict(settings.to_dict() | {"scenarios": [DATASET_STRICT.name]})
    totals = Totals(settings, limit=limit)
    for name, member, table in profiles:
        totals.add(name, ImageTables({"strict": table}), np.zeros(1), member)
    totals.finish()
    models = [model for model in settings.models for _ in settings.downscale]
    floors = np.stack([_floors(settings, model) for model in models])
    rows = list(direction_rows(totals, floors))
    found = recommend(
        candidates(totals, {DATASET_STRICT.name: floors[0]}),
        images=totals.images,
        directions=directions_of(rows, first_scale(settings)),
        unit=unit,
    )
    return rows, found


def _floors(settings: AuditSettings, model: KernelModel) -> np.ndarray:
    """The profiles (R, T) of pink noise."""
    return np.stack(
        [floor_profile(stencil, settings.group, model, response=settings.response) for stencil in settings.stencils]
    )
