"""Random samples that depend on names alone: of images, of shards, of images to measure with controls (SPEC 6)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from heapq import nsmallest

__all__ = ["sampled"]


def sampled(names: Iterable[str], count: int, seed: int, purpose: str = "sample ") -> frozenset[str]:
    """A simple random sample of ``count`` of ``names``, all of them where they are fewer.

    Those whose SHA-256 of purpose, seed and name is smallest. So it depends neither on the order of the names nor on
    what was drawn before; a larger sample holds the smaller one, one more name takes the place of one other at most,
    and samples for two purposes are independent.
    """
    return frozenset(nsmallest(count, names, key=lambda name: _digest(f"{purpose}{seed} {name}")))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
