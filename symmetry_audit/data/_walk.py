"""Walking a folder of images, and recognizing images by their names or, without a suffix, by their first bytes."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from symmetry_audit.errors import DataError

__all__ = [
    "DICOM",
    "IMAGE_SUFFIXES",
    "NIFTI",
    "PICTURE",
    "RAW",
    "image_kind",
    "is_left_behind",
    "is_side_file",
    "kind_of_file",
    "left_behind_as",
    "walk_files",
]

PICTURE, DICOM, NIFTI, RAW = "picture", "dicom", "nifti", "raw"  # how an image is stored
SUFFIXES = {
    PICTURE: (
        *(".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp", ".jpe", ".jfif", ".jpg_", ".jpeg_"),
        *(".jp2", ".j2k", ".heic", ".heif", ".avif", ".jxl"),
    ),
    DICOM: (".dcm", ".dicom", ".ima"),
    NIFTI: (".nii", ".nii.gz"),
}
IMAGE_SUFFIXES = tuple(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
DICOM_MARK_AT, DICOM_MARK = 128, b"DICM"

# files that belong beside images and are none: text, tables and what systems leave behind
SIDE_SUFFIXES = (
    *(".txt", ".md", ".rst", ".lst", ".list", ".log", ".bib", ".html", ".csv", ".tsv", ".parquet", ".xlsx"),
    *(".json", ".jsonl", ".toml", ".yaml", ".yml", ".xml", ".ini", ".cfg", ".md5", ".sha256", ".sha256sum"),
)
SIDE_NAMES = ("readme", "licen", "copying", "notice", "citation", "authors", "changelog", "thumbs.db", "makefile")
# folders in which systems keep thumbnails, deleted and recovered files; names in lower case
LEFT_BEHIND = {
    *("__macosx", "@eadir", "@__thumb", "@tmp", "#recycle", "@recycle", "#snapshot", "@recently-snapshot"),
    *("$recycle.bin", "recycler", "recycled", "lost+found", "found.000", "system volume information"),
}
LEFT_BEHIND_ENDS = (".lrdata", ".photoslibrary")  # previews of Lightroom, the masters and previews of Photos
REPORT_MARKS = {"report.json", "responses.parquet"}


def image_kind(name: str, start: Callable[[int], bytes]) -> str | None:
    """PICTURE, DICOM or NIFTI; None for a file ``name`` (no folder before it) that is hidden or no image.

    A name counts by its end, in any case. ``start`` gives the first bytes of the file, as many as it is asked for; it
    is called where the name says nothing, since many programs write DICOM files without a suffix.
    """
    if name.startswith("."):
        return None
    folded = name.lower()
    for kind, suffixes in SUFFIXES.items():
        if folded.endswith(suffixes):
            return kind
    end = DICOM_MARK_AT + len(DICOM_MARK)
    return DICOM if not is_side_file(name) and start(end)[DICOM_MARK_AT:] == DICOM_MARK else None


def is_side_file(name: str) -> bool:
    """Whether a file is expected beside images: text, a table, a licence, or hidden."""
    folded = name.lower()
    return name.startswith(".") or folded.endswith(SIDE_SUFFIXES) or folded.startswith(SIDE_NAMES)


def is_left_behind(folder: str) -> bool:
    """Whether a folder of this name holds what a system left there: thumbnails, deleted, recovered or hidden files."""
    folded = folder.lower()
    return folder.startswith(".") or folded in LEFT_BEHIND or folded.endswith(LEFT_BEHIND_ENDS)


def left_behind_as(folder: str) -> str | None:
    """What to call a folder that :func:`is_left_behind`, of which the user may wonder; None for those without pictures
    and hidden ones."""
    if folder.startswith(".") or folder == "__MACOSX":
        return None
    end = next(filter(folder.lower().endswith, LEFT_BEHIND_ENDS), None)
    return folder if end is None else f"*{end}"


def walk_files(
    folder: Path, depth: int | None = None, passed: Callable[[tuple[str, ...]], object] = lambda parts: None
) -> Iterator[tuple[str, Path, str | None]]:
    """Yield ``(key, path, kind)`` of each file below ``folder``; the key is its posix path relative to ``folder``.

    The kind is that of :func:`image_kind`. ``depth`` is the largest number of folders in a key, None for any number.
    Hidden names and report folders are skipped, and folders that :func:`is_left_behind`, which are ``passed`` by
    the parts of their keys. A folder reached several times through links is read once,
    so loops end; a broken link is yielded as it is. Raises DataError for a folder that cannot be listed.
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
        for name in filter(is_left_behind, folders):
            passed((*below.parts, name))
        folders[:] = sorted(name for name in folders if not is_left_behind(name))
        for name in files:
            if not name.startswith("."):
                path = Path(root, name)
                yield (below / name).as_posix(), path, kind_of_file(path)


def kind_of_file(path: Path) -> str | None:
    """The :func:`image_kind` of the file at ``path``."""

    def start(length: int) -> bytes:
        try:
            if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe could block forever
                return b""
            with path.open("rb") as file:
                return file.read(length)
        except (OSError, ValueError):
            return b""

    return image_kind(path.name, start)


def _refuse(error: OSError) -> None:
    raise DataError(f"cannot list {error.filename}: {error.strerror}; make the folder readable") from None
