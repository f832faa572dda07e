"""Which images of a run are measured with controls: a seeded sample of their names (SPEC 6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.data import sampled

__all__ = ["control_images", "controls_of_shards"]


def control_images(names: Iterable[str], settings: AuditSettings) -> frozenset[str]:
    """The images to measure with controls, ``settings.control_images`` of ``names``; empty for a run without controls.

    A simple random sample by the run's seed, see ``sampled``; one more image takes the place of one other at most.
    """
    if not (settings.adaptive and settings.controls):
        return frozenset()
    if settings.control_images == "all":
        return frozenset(names)
    return sampled(names, settings.control_images, settings.seed, purpose="")


def controls_of_shards(names: Sequence[str], settings: AuditSettings) -> list[int | Literal["all"]]:
    """How many images of each shard, by its name, are measured with controls: together ``settings.control_images``.

    Images of a shard are not known before it is read, so the sample is stratified: each shard has as many as others,
    and those whose hash with the run's seed is smallest have one more.
    """
    if not (settings.adaptive and settings.controls):
        return [0] * len(names)
    if settings.control_images == "all":
        return ["all"] * len(names)
    each, more = divmod(settings.control_images, len(names))
    first = sampled(names, more, settings.seed, purpose="")
    return [each + (name in first) for name in names]
