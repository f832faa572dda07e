"""Whether test images are in a training set: exact copies by hash, near duplicates by perceptual hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TypedDict

import numpy as np

__all__ = ["NEAR", "Fingerprint", "fingerprint", "leaks"]

# Bits (of 64) in which perceptual hashes of one picture may differ. Among the 48205 pairs of 311 photographs (BSD100,
# Set5, Set14, Urban20, RSSCN7, Rain100L) different ones differ in at least 14; the same one, in at most 4 after JPEG of
# quality 30, resizing by 1/4 to 2, or the loss of a row and a column, in at most 6 after the loss of 3, 20 more grey
# levels, contrast by 1.3 or noise of sigma 25.
NEAR = 6
FLAT = 1.0  # grey levels at 32 x 32 px; those photographs have at least 4.4


class Fingerprint(TypedDict):
    """What :func:`fingerprint` gives."""

    sha256: str
    phash: str | None


def fingerprint(clean: np.ndarray) -> Fingerprint:
    """Hashes of an image (H, W, 3) uint8: ``sha256`` of its size and pixels, ``phash`` (64 bits in hex).

    ``phash`` is the sign pattern of the 8 x 8 lowest cosine frequencies of the luminance at 32 x 32 px
    (imagehash.phash), so it survives compression, resizing and small cuts. Images that are flat at that size
    have None: their pattern is chance, and all of them would match.
    """
    import imagehash
    from PIL import Image

    digest = hashlib.sha256(repr(clean.shape).encode())
    digest.update(np.ascontiguousarray(clean).data)
    grey = Image.fromarray(clean).convert("L")
    small = np.asarray(grey.resize((32, 32), Image.Resampling.BOX), dtype=np.float64)
    phash = None if small.std() < FLAT else str(imagehash.phash(grey))
    return {"sha256": digest.hexdigest(), "phash": phash}


def leaks(test: Mapping[str, Fingerprint], train: Iterable[tuple[str, Fingerprint]]) -> list[tuple[str, str, str]]:
    """Pairs (test key, train key, "exact" | "near") that seem to be the same picture, in the order of ``test``."""
    train = list(train)
    pixels = np.array([known["sha256"] for _, known in train], dtype="U64")
    bits, known = _bits(known for _, known in train)
    found = []
    for key, own in test.items():
        (value,), (has,) = _bits([own])
        exact = pixels == own["sha256"]
        near = has & known & (np.bitwise_count(bits ^ value) <= NEAR)
        found += [(key, train[at][0], "exact" if exact[at] else "near") for at in np.flatnonzero(exact | near)]
    return found


def _bits(prints: Iterable[Fingerprint]) -> tuple[np.ndarray, np.ndarray]:
    """Perceptual hashes as uint64, and which images have one."""
    texts = [item["phash"] for item in prints]
    values = np.array([int(text or "0", 16) for text in texts], dtype=np.uint64)
    return values, np.array([text is not None for text in texts], dtype=bool)
