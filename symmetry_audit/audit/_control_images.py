"""Which images of a run are measured with controls: a seeded sample of their names (SPEC 6)."""

from __future__ import annotations

from collections.abc import Iterable

from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.data import sampled

__all__ = ["control_images"]


def control_images(names: Iterable[str], settings: AuditSettings) -> frozenset[str]:
    """The images to measure with controls, ``settings.control_images`` of ``names``; empty for a run without controls.

    A simple random sample by the run's seed, see ``sampled``; one more image takes the place of one other at most.
    """
    if not (settings.adaptive and settings.controls):
        return frozenset()
    if settings.control_images == "all":
        return frozenset(names)
    return sampled(names, settings.control_images, settings.seed, purpose="")
