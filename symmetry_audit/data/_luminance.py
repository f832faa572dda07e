"""Samples -> Y_audit luminance (SPEC 1) and the hash of the samples, in one pass over blocks that stay in cache."""

from __future__ import annotations

import hashlib

import numpy as np

from symmetry_audit.data._white import FULL_WHITE

__all__ = ["hashed_luminance"]

LUMA = (299, 587, 114)  # thousandths of red, green and blue
WHITE = 255  # of luminance
BLOCK = 1 << 14  # pixels: 48 KB of 8-bit color samples and 192 KB of their copy in float32


def hashed_luminance(
    samples: np.ndarray, white: float | None = None, digest: hashlib._Hash | None = None
) -> tuple[np.ndarray, str]:
    """Luminance (H, W) and the SHA-256 of ``samples``, (H, W) or (H, W, 3) of uint8, uint16, float, int16, int32 or
    uint32.

    Of 8-bit samples the luminance is the float32 that is nearest to (299 R + 587 G + 114 B) / 1000, or to the grey
    sample; of 16-bit samples it is that value times 255 / ``white``, by default 65535. Both are the same bits
    everywhere: the sums are whole numbers, which the arithmetic holds exactly, and are rounded once. Other samples keep
    their scale without a ``white``. Their luminance is float64 where they are, or where they are integers of 32
    bits, and float32 otherwise. The hash is of the shape, the dtype and the bytes in the order of rows; with a
    ``digest``, of what that holds and these bytes.
    """
    digest = digest or hashlib.sha256(repr((samples.shape, samples.dtype.str)).encode())
    color, integers = samples.ndim == 3, samples.dtype.kind == "u"
    # float32 holds whole numbers up to 2^24: sums of 8-bit samples, 255,000 at most, but not those of 16-bit ones
    summed = np.float32 if samples.dtype == np.uint8 else np.float64
    kept = np.float64 if samples.dtype in (np.float64, np.int32, np.uint32) else np.float32
    weights = (np.array(LUMA) / (1 if integers else 1000)).astype(summed)
    if samples.dtype == np.uint8 or (white is None and samples.dtype != np.uint16):
        white = WHITE
    divisor, gain = (1000 if integers and color else 1) * (white or FULL_WHITE), WHITE
    if divisor % WHITE == 0:  # of 8 bits, and of all 16
        divisor, gain = divisor // WHITE, 1
    pixels = np.ascontiguousarray(samples).reshape((-1, 3) if color else -1)
    luminance = np.empty(len(pixels), kept)
    for first in range(0, len(pixels), BLOCK):
        block = pixels[first : first + BLOCK]
        digest.update(block.data)
        with np.errstate(invalid="ignore"):  # of infinite samples, which are refused afterwards
            total = block.astype(summed) @ weights if color else block
            total = total if gain == 1 else total * summed(gain)
        np.divide(total, divisor, out=luminance[first : first + BLOCK], dtype=summed, casting="same_kind")
    return luminance.reshape(samples.shape[:2]), digest.hexdigest()
