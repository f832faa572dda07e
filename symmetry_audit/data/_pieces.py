"""Pieces of what a file holds: rectangles of its samples, turned, and put together again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from symmetry_audit.data._decode import Samples
from symmetry_audit.data._tiff import upright

__all__ = ["cut", "joined", "turned"]


def _each(found: Samples, change: Callable[[np.ndarray], np.ndarray]) -> Samples:
    return replace(
        found,
        samples=np.ascontiguousarray(change(found.samples)),
        missing=None if found.missing is None else change(found.missing),
        hidden=None if found.hidden is None else change(found.hidden),
    )


def turned(found: Samples, orientation: int) -> Samples:
    """``found`` as ``upright`` turns it."""
    return found if orientation == 1 else _each(found, lambda pixels: upright(pixels, orientation))


def cut(found: Samples, place: tuple[slice, slice]) -> Samples:
    """A rectangle of ``found``, with the remarks of the whole; what is missing elsewhere does not count."""
    part = _each(found, lambda pixels: pixels[place])
    return replace(part, missing=_any(part.missing), hidden=_any(part.hidden))


def _any(mask: np.ndarray | None) -> np.ndarray | None:
    return mask if mask is not None and mask.any() else None


def joined(parts: Sequence[Samples]) -> Samples:
    """``parts`` one below the other."""
    first = parts[0]
    if len(parts) == 1:
        return first

    def stacked(masks: Sequence[np.ndarray | None]) -> np.ndarray | None:
        if all(mask is None for mask in masks):
            return None
        shapes = [part.samples.shape[:2] for part in parts]
        filled = (np.zeros(shape, bool) if mask is None else mask for mask, shape in zip(masks, shapes, strict=True))
        return np.concatenate(list(filled))

    whites = [part.white for part in parts]
    return replace(
        first,
        samples=np.concatenate([part.samples for part in parts]),
        missing=stacked([part.missing for part in parts]),
        hidden=stacked([part.hidden for part in parts]),
        white=None if None in whites else max(filter(None, whites)),
        remarks=tuple(dict.fromkeys(remark for part in parts for remark in part.remarks)),
    )
