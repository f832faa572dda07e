"""The user's masks: pictures whose pixels say which pixels of an image count."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from symmetry_audit.data import BYTES_PER_PIXEL, ImageRef, Window, content_hash, decode, load_image, open_source
from symmetry_audit.errors import DataError, ImageError, SettingError

__all__ = ["Masks", "open_masks"]


@dataclass(frozen=True)
class Masks:
    """The masks of a run: one per image by its name without a suffix, or ``single`` for all images."""

    by_name: Mapping[str, ImageRef]
    single: ImageRef | None

    def of(self, image: str, shape: tuple[int, ...], max_pixels: int, window: Window | None = None) -> np.ndarray:
        """Which pixels of an image called ``image`` of ``shape`` (H, W) count: those where its mask is not zero.

        With a ``window`` these are the pixels of a tile of the image.

        Raises ImageError where it has no mask, or one of another size.
        """
        ref = self.single or self.by_name.get(_name(image))
        if ref is None:
            raise ImageError(f'has no mask; --mask needs a picture called "{_name(image)}" for it')
        try:
            if window is None:
                found = decode(ref.read(max_pixels * BYTES_PER_PIXEL), max_pixels)
            else:
                found = load_image(replace(ref, window=window), max_pixels)
        except ImageError as error:
            raise ImageError(f"its mask {ref.key}: {error}") from None
        mask = np.asarray(found.luminance) != 0
        if found.valid is not None:
            mask &= np.asarray(found.valid)
        if mask.shape != shape:
            (height, width), (rows, columns) = shape, mask.shape
            raise ImageError(f"{width} x {height} px, but its mask {ref.key} is {columns} x {rows} px")
        return mask

    def sha256(self) -> str:
        """A digest of all names and bytes. Raises SettingError where a file cannot be read."""
        digest = hashlib.sha256()
        for name, ref in self.by_name.items():
            try:
                content = content_hash(ref)
            except ImageError as error:
                raise SettingError(f"--mask: {ref.key} {error}") from None
            digest.update(f"{name} {content} ".encode())
        return digest.hexdigest()


def open_masks(source: Path) -> Masks:
    """The masks in ``source``: a picture for all images, or a folder or archive of one picture for each, of its name.

    Raises SettingError where there are none, or two of one name.
    """
    try:
        refs = open_source(str(source)).refs
    except (DataError, SettingError) as error:
        raise SettingError(f"--mask: {error}") from None
    by_name: dict[str, ImageRef] = {}
    for ref in refs:
        name = _name(ref.key)
        if name in by_name:
            raise SettingError(f"--mask {source} holds both {by_name[name].key} and {ref.key}; keep one of them")
        by_name[name] = ref
    single = refs[0] if len(refs) == 1 and source.is_file() and refs[0].member is None else None
    return Masks(by_name, single)


def _name(key: str) -> str:
    return str(PurePosixPath(key).with_suffix(""))
