"""Which images of a run could not be measured, and why; tiles are counted by their scene and the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from symmetry_audit.data import ImageRef
from symmetry_audit.results import SkippedImage

__all__ = ["skipped_images"]


def skipped_images(refs: Sequence[ImageRef], failures: Mapping[str, str]) -> list[SkippedImage]:
    """One entry for each image of ``refs`` in ``failures``, name -> reason; one a reason for the tiles of a scene."""
    tiles = Counter(ref.series for ref in refs if ref.window is not None)
    found, counted = [], Counter[tuple[str, str]]()
    for ref in refs:
        reason = failures.get(ref.key)
        if reason is None:
            continue
        if ref.window is None or ref.series is None:
            found.append(SkippedImage(ref.key, reason))
        else:
            counted[ref.series, reason] += 1
    for (scene, reason), number in counted.items():
        found.append(SkippedImage(scene, f"{number} of {tiles[scene]} tiles: {reason}"))
    return found
