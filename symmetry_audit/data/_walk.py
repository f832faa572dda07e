"""Walking a folder of images, and recognizing image names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from symmetry_audit.errors import DataError

__all__ = ["IMAGE_SUFFIXES", "is_image_name", "walk_images"]

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


REPORT_MARKS = {"report.json", "responses.parquet"}


def is_image_name(name: str) -> bool:
    """Whether ``name`` (no folder before it) ends as an image does, in any case, and is not hidden."""
    return name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")


def walk_images(folder: Path, depth: int | None = None) -> Iterator[tuple[str, Path]]:
    """Yield ``(key, path)`` of each image below ``folder``; the key is its posix path relative to ``folder``.

    ``depth`` is the largest number of folders in a key, None for any number. Hidden names, __MACOSX and report
    folders are skipped. A folder reached several times through links is read once, so loops end; a broken link
    is yielded as it is. Raises DataError for a folder that cannot be listed.
    """
    seen = set()
    for root, folders, files in os.walk(folder, followlinks=True, onerror=_refuse):
        real = os.path.realpath(root)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        below = Path(root).relative_to(folder)
        if below.parts and set(files) >= REPORT_MARKS:
            folders.clear()  # a report written among its own images: its figures are not data
            continue
        if depth is not None and len(below.parts) >= depth:
            folders.clear()
        # in name order, because the first way into a linked folder gives its images their keys
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__MACOSX")
        for name in filter(is_image_name, files):
            yield (below / name).as_posix(), Path(root, name)


def _refuse(error: OSError) -> None:
    raise DataError(f"cannot list {error.filename}: {error.strerror}; make the folder readable") from None
