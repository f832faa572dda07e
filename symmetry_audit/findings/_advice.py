"""The advice of a report from its stored responses alone: for reports that have none, or that followed another rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from symmetry_audit.audit import AuditSettings, ImageTables, first_scale
from symmetry_audit.findings._analyses import direction_rows
from symmetry_audit.findings._candidates import candidates
from symmetry_audit.findings._floor import floor_profile
from symmetry_audit.findings._totals import empty_totals
from symmetry_audit.kernels import KernelModel
from symmetry_audit.results import DATASET_STRICT, Recommendation, clusters_by_name, directions_of
from symmetry_audit.theory import recommend

__all__ = ["advice_from_profiles"]


def advice_from_profiles(
    settings: AuditSettings, names: Sequence[str], profiles: Iterable[tuple[str, np.ndarray]], unit: str
) -> tuple[list[dict[str, Any]], Recommendation]:
    """``analyses["directions"]`` and the recommendation of a run, from the strict profiles (S, R, T) of its images.

    ``unit`` is that of epsilon.

    The responses do not hold the images' spectra, so the floors are those of pink noise; nor which images are copies,
    so copies count as images of their own. Adaptive candidates are left out.
    """
    labels = clusters_by_name(names, settings.clusters, file_names=settings.file_names)
    settings = AuditSettings.from_dict(settings.to_dict() | {"scenarios": [DATASET_STRICT.name]})
    totals = empty_totals(settings, names, labels)
    for name, table in profiles:
        totals.add(name, ImageTables({"strict": table}), np.zeros(1))
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
