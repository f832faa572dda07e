"""Settings -> fit sources: which regularizers are fitted together, and which source's w each is measured under."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from symmetry_audit.audit._settings import JOINT_REGULARIZERS, PER_REGULARIZER, AuditSettings
from symmetry_audit.results import JOINT

__all__ = ["FitSource", "fit_sources", "own_sources"]


class FitSource(NamedTuple):
    """A way to fit: the positions of its regularizers in the run."""

    name: str
    stencils: tuple[int, ...]


@lru_cache(maxsize=8)
def fit_sources(settings: AuditSettings) -> tuple[FitSource, ...]:
    """Every directed regularizer and the joint fit, or only the sources that the run's rows need."""
    names = [stencil.name for stencil in settings.stencils]
    single = [FitSource(item.name, (r,)) for r, item in enumerate(settings.stencils) if item.directed]
    directed = tuple(r for r, name in enumerate(names) if name in JOINT_REGULARIZERS)
    joint = FitSource(JOINT, directed or tuple(source.stencils[0] for source in single))
    if settings.fit == PER_REGULARIZER or settings.controls:
        return (*single, joint)
    return tuple(source for source in (*single, joint) if source.name == settings.fit)


def own_sources(settings: AuditSettings) -> tuple[int, ...]:
    """Which source each regularizer of the run is measured under, (R,); without direction it takes the joint fit."""
    names = [source.name for source in fit_sources(settings)]
    per_regularizer = settings.fit == PER_REGULARIZER
    wanted = [
        (stencil.name if stencil.directed else JOINT) if per_regularizer else settings.fit
        for stencil in settings.stencils
    ]
    return tuple(names.index(name) for name in wanted)
