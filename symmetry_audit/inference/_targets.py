"""The files that restored images are written to."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path, PurePosixPath

from symmetry_audit.data import ImageRef, ImageSource
from symmetry_audit.errors import DataError, SettingError

__all__ = ["planned"]

KEPT = (".png", ".tif", ".tiff")  # lossless formats with 16 bits; everything else becomes PNG
LOSSY = (".jpg", ".jpeg", ".webp", ".bmp")


def planned(source: ImageSource, out: Path) -> dict[ImageRef, Path]:
    """The target file of each image of ``source``; nothing is read or written.

    ``out`` is a folder, in which relative paths are kept, or a file (.png, .tif, .tiff) if ``source`` is one image.
    PNG and TIFF keep their suffix; others get .png (after the old suffix if the name is taken). If ``out`` is a folder
    inside ``source``, the images in it are not restored. Raises SettingError if ``out`` is the source itself or a file
    for many images, DataError if no image is left.
    """
    if out.suffix.lower() in (*KEPT, *LOSSY) and not out.is_dir():
        if not _is_file(source):
            raise SettingError(f'"{out}" is a file name, but "{source.text}" is not a single image; give a folder')
        if out.suffix.lower() in LOSSY:
            raise SettingError(f'restored images are written as {", ".join(KEPT)}, got "{out}"')
        targets = {source.refs[0]: out}
    else:
        root = _root(source.text)
        refs = _outside(source, root, out)
        targets = {ref: out / name for ref, name in zip(refs, _names(refs, root), strict=True)}
    inputs = {os.path.realpath(ref.path) for ref in targets}
    for ref, target in targets.items():
        if os.path.realpath(target) in inputs:
            raise SettingError(
                f"{target} is one of the images to restore ({ref.key} would overwrite it); choose another -o"
            )
    return targets


def _is_file(source: ImageSource) -> bool:
    """Whether it names one image file, rather than a folder, list or archive with one image in it."""
    ref = source.refs[0]
    named = os.path.realpath(Path(source.text).expanduser())
    return len(source.refs) == 1 and ref.member is None and named == os.path.realpath(ref.path)


def _root(text: str) -> Path | None:
    """The folder that is searched: the source itself, or the fixed beginning of a glob."""
    path = Path(text).expanduser()
    if path.is_dir():
        return path
    if path.exists() or not any(sign in text for sign in "*?["):
        return None
    parts = list(path.parts[:-1])
    while any(sign in part for part in parts for sign in "*?["):
        parts.pop()
    return Path(*parts)


def _outside(source: ImageSource, root: Path | None, out: Path) -> list[ImageRef]:
    if root is None:
        return list(source.refs)
    here, there = Path(os.path.realpath(root)), Path(os.path.realpath(out))
    if here == there:
        raise SettingError(f'"{out}" is the folder of the images themselves; choose another folder for -o')
    if here not in there.parents:
        return list(source.refs)
    refs = [ref for ref in source.refs if there not in Path(os.path.realpath(ref.path)).parents]
    if not refs:
        raise DataError(
            f'all images of "{source.text}" are in "{out}", the folder for the results; choose another folder for -o'
        )
    return refs


def _names(refs: list[ImageRef], root: Path | None) -> list[str]:
    """Relative posix paths of the results, all different. Raises DataError if that is impossible."""
    names = [_below(ref, root) for ref in refs]
    short = [name if name.suffix.lower() in KEPT else name.with_suffix(".png") for name in names]
    counts = Counter(str(name).casefold() for name in short)  # some file systems ignore case
    names = [
        str(new) if new == old or counts[str(new).casefold()] == 1 else f"{old}.png"
        for old, new in zip(names, short, strict=True)
    ]
    for name, count in Counter(name.casefold() for name in names).items():
        if count > 1:
            raise DataError(f"{count} images would be written to {name}; restore them one by one, or rename them")
    return names


def _below(ref: ImageRef, root: Path | None) -> PurePosixPath:
    """Its path below the searched folder. Lists may name any path; parts that lead out of the results are dropped."""
    path = PurePosixPath(ref.key)
    if root is not None and ref.member is None and ref.path.is_relative_to(root):
        path = PurePosixPath(ref.path.relative_to(root).as_posix())
    return PurePosixPath(*(part for part in path.parts if part not in ("..", path.anchor)))
