"""Where restored images go."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path, PurePosixPath

from symmetry_audit.data import ImageRef, ImageSource
from symmetry_audit.errors import DataError, SettingError

__all__ = ["planned"]

KEPT = (".png", ".tif", ".tiff")  # without loss, with 16 bits; everything else becomes PNG
LOSSY = (".jpg", ".jpeg", ".webp", ".bmp")


def planned(source: ImageSource, out: Path) -> dict[ImageRef, Path]:
    """Where each image of ``source`` goes; nothing is read or written.

    ``out`` is a folder, in which relative paths stay as they are, or a file (.png, .tif, .tiff) where ``source`` is
    one. PNG and TIFF keep their suffix, the others get .png (behind the old one, where the name is taken). What lies
    in ``out`` already, when that is a folder inside ``source``, is no input. Raises SettingError where ``out`` is the
    source itself or a file for many images, DataError where no image is left.
    """
    if out.suffix.lower() in (*KEPT, *LOSSY) and not out.is_dir():
        if not _is_file(source):
            raise SettingError(f'"{out}" names a file, but "{source.text}" is not one image; give a folder')
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
            raise SettingError(f"{target} is an input itself ({ref.key} would go there); choose another -o")
    return targets


def _is_file(source: ImageSource) -> bool:
    """Whether it is one image file by name, rather than a folder, list or archive that happens to hold one."""
    ref = source.refs[0]
    named = os.path.realpath(Path(source.text).expanduser())
    return len(source.refs) == 1 and ref.member is None and named == os.path.realpath(ref.path)


def _root(text: str) -> Path | None:
    """The folder that is searched: the source itself, or what a glob begins with."""
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
        raise SettingError(f'"{out}" is where the images lie; choose another folder for -o')
    if here not in there.parents:
        return list(source.refs)
    refs = [ref for ref in source.refs if there not in Path(os.path.realpath(ref.path)).parents]
    if not refs:
        raise DataError(f'"{source.text}" holds no images but those in "{out}", where results go')
    return refs


def _names(refs: list[ImageRef], root: Path | None) -> list[str]:
    """Relative posix paths of the results, all different. Raises DataError where they cannot be."""
    given = [_below(ref, root) for ref in refs]
    short = [name if name.suffix.lower() in KEPT else name.with_suffix(".png") for name in given]
    counts = Counter(str(name).casefold() for name in short)  # some file systems ignore case
    names = [
        str(new) if new == old or counts[str(new).casefold()] == 1 else f"{old}.png"
        for old, new in zip(given, short, strict=True)
    ]
    for name, count in Counter(name.casefold() for name in names).items():
        if count > 1:
            raise DataError(f"{count} images would be written to {name}; restore them one by one, or rename them")
    return names


def _below(ref: ImageRef, root: Path | None) -> PurePosixPath:
    """Its path below what was searched; lists may name any path, of which nothing leads out of the results."""
    path = PurePosixPath(ref.key)
    if root is not None and ref.member is None and ref.path.is_relative_to(root):
        path = PurePosixPath(ref.path.relative_to(root).as_posix())
    return PurePosixPath(*(part for part in path.parts if part not in ("..", path.anchor)))
