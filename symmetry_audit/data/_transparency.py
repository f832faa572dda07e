"""Which pixels of a picture are fully transparent: by alpha, by its palette, or by the color key of a PNG (SPEC 1)."""

from __future__ import annotations

import numpy as np
from PIL import Image

__all__ = ["PNG_DEPTH_AT", "hidden_pixels", "transparent"]

PNG_DEPTH_AT = 24  # signature, length, IHDR, width, height
PALETTE_SIZE = 256


def hidden_pixels(image: Image.Image, pixels: np.ndarray, data: bytes) -> np.ndarray | None:
    """Where ``pixels`` are fully transparent, by alpha or by the key of a PNG; None where there is neither."""
    key = image.info.get("transparency")
    if key is None or image.mode in ("LA", "RGBA"):
        return transparent(pixels)
    if image.mode == "P":
        alphas = np.full(PALETTE_SIZE, 255)
        if isinstance(key, int):
            alphas[key] = 0
        else:
            alphas[: len(key)] = tuple(key)
        return (alphas == 0)[np.asarray(image)]
    depth = data[PNG_DEPTH_AT]
    # below 8 bits Pillow stretches the samples, and the key of 1 bit alone
    scaled = np.multiply(key, 255 // ((1 << depth) - 1) if 1 < depth < 8 else 1)
    colors = np.atleast_3d(pixels)[..., : np.size(key)]
    return (colors == scaled).all(axis=2)


def transparent(pixels: np.ndarray) -> np.ndarray | None:
    """Where the last of 2 or 4 channels is 0; None where there is no alpha."""
    return pixels[..., -1] == 0 if pixels.ndim == 3 and pixels.shape[2] in (2, 4) else None
