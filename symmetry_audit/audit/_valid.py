"""Which pixels of an image hold data: by its file, its padding, the user's mask, and the body of a CT image."""

from __future__ import annotations

import numpy as np

from symmetry_audit.audit._domain import Pixels, row_counts
from symmetry_audit.audit._masks import Masks
from symmetry_audit.audit._padding import without_padding
from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.audit._tile_padding import tile_padding
from symmetry_audit.data import DecodedImage, ImageRef
from symmetry_audit.errors import ImageError
from symmetry_audit.wording import HU

__all__ = ["valid_pixels"]

BODY = -500.0  # HU: halfway from air to water


def valid_pixels(
    image: DecodedImage, name: str, settings: AuditSettings, masks: Masks | None = None, tile: ImageRef | None = None
) -> Pixels | None:
    """The pixels of the image called ``name`` that count, (H, W) of bool; None where all of them do.

    Masks and padding of a ``tile`` are those of the picture that it is of, which is then called ``name``.

    Raises ImageError where its mask or its body is missing, or no pixel is left.
    """
    valid = image.valid
    # nobody looks for padding where the file, the rules for CT or the user say what it is
    if valid is None and masks is None and settings.padding and image.unit != HU:
        valid = without_padding(image.luminance) if tile is None else tile_padding(tile, settings)
    if masks is not None:
        window = None if tile is None else tile.window
        chosen = masks.of(name, image.luminance.shape, settings.max_pixels, window)
        valid = chosen if valid is None else np.asarray(valid) & chosen
    if settings.body:
        if image.unit != HU:
            raise ImageError(f"--body needs CT values in HU, and this image has {image.unit}; drop --body")
        held = None if valid is None else np.asarray(valid)
        body = _body(np.asarray(image.luminance), held)
        valid = body if held is None else held & body
    if valid is not None and not row_counts(valid).any():
        raise ImageError("no pixel holds data")
    return valid


def _body(image: np.ndarray, valid: np.ndarray | None) -> np.ndarray:
    """The largest connected part above BODY of ``image`` (H, W) in HU, with its holes. Raises ImageError."""
    from scipy.ndimage import binary_fill_holes, label

    dense = image > BODY if valid is None else (image > BODY) & valid
    labels, parts = label(dense)
    if not parts:
        raise ImageError(f"--body finds no pixel above {BODY:g} HU; drop --body")
    sizes = np.bincount(labels.ravel())
    return binary_fill_holes(labels == 1 + sizes[1:].argmax())
