"""Which images of a run are measured with controls: a seeded sample of their names (SPEC 6)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from heapq import nsmallest
from typing import Literal

from symmetry_audit.audit._settings import AuditSettings

__all__ = ["control_images", "controls_of_shards"]


def control_images(names: Iterable[str], settings: AuditSettings) -> frozenset[str]:
    """The images to measure with controls, ``settings.control_images`` of ``names``; empty for a run without controls.

    A simple random sample: the names whose hash with the run's seed is smallest. So it depends neither on the order of
    the names nor on what was measured before, and one more image takes the place of one other at most.
    """
    if not (settings.adaptive and settings.controls):
        return frozenset()
    if settings.control_images == "all":
        return frozenset(names)
    return frozenset(nsmallest(settings.control_images, names, key=lambda name: _hash(name, settings.seed)))


def _hash(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed} {name}".encode()).digest()


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
    first = set(nsmallest(more, names, key=lambda name: _hash(name, settings.seed)))
    return [each + (name in first) for name in names]
