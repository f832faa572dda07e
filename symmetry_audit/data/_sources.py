"""SOURCE -> the sorted list of its images, each with a small picklable reference from which any process can read it.

Archives are read in memory and never unpacked, so no member can land outside a folder; files and members are
read up to a cap, so none can fill the memory.
"""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

from symmetry_audit.data import manifests
from symmetry_audit.data._archive import ARCHIVE_SUFFIXES
from symmetry_audit.data._copies import without_copies
from symmetry_audit.data._expand import DEFAULT_LISTING, Listing, expanded
from symmetry_audit.data._open_shards import is_sharded
from symmetry_audit.data._packed import packed_images
from symmetry_audit.data._places import is_url, shown
from symmetry_audit.data._ref import ImageRef, ImageSource
from symmetry_audit.data._remarks import Beside, check_one_unit
from symmetry_audit.data._walk import (
    IMAGE_SUFFIXES,
    PICTURE,
    RAW,
    is_side_file,
    kind_of_file,
    walk_files,
)
from symmetry_audit.errors import DataError, SettingError, one_line
from symmetry_audit.results import SkippedImage
from symmetry_audit.wording import escaped

__all__ = ["open_source", "source_of_files"]


def open_source(text: str, data_root: str | Path | None = None, listing: Listing = DEFAULT_LISTING) -> ImageSource:
    """Resolve SOURCE: a folder (recursive), file, glob, text list, zip or tar archive, or manifest name.

    ``listing`` says how CT files become images. An existing path comes before a manifest of the same name. Raises
    DataError where nothing is found, and never returns an empty source.
    """
    if not text.strip():
        raise DataError("the name of the source is empty; give a folder, file, glob, list, archive or dataset")
    if text.encode(errors="replace").decode() != text:
        raise DataError(f'"{escaped(text)}" is not a UTF-8 name, which reports need; rename the file or link to it')
    if is_sharded(text):
        other = "this command reads single images: give a folder or an archive"
        raise DataError(f'"{shown(text)}" is read by measure and fit-affine, shard by shard; {other}')
    try:
        path = Path(text).expanduser()
        is_folder, is_file = path.is_dir(), path.is_file()
    except (OSError, RuntimeError) as error:  # an unreadable folder on the path, a name too long, no such home
        raise DataError(f'cannot open "{text}": {one_line(error)}') from None
    if is_folder or is_file:
        text = os.path.normpath(text)  # "photos/" and "./photos" are the same source
    if is_folder:
        source = _from_folder(text, path, listing)
    elif is_file:
        source = _from_file(text, path, listing)
    elif any(sign in text for sign in "*?["):
        source = _from_glob(text, listing)
    else:
        source = _from_manifest(text, data_root, listing)
    if not source.refs:
        skipped = f" ({len(source.skipped)} skipped, the first: {source.skipped[0].reason})" if source.skipped else ""
        expected = f"expected files ending in {', '.join(IMAGE_SUFFIXES)}"
        raise DataError("; ".join([f'no images in "{text}"{skipped}', expected, *source.remarks]))
    check_one_unit(text, source.refs)
    return source


def source_of_files(paths: Sequence[str | Path], listing: Listing = DEFAULT_LISTING) -> ImageSource:
    """The images at ``paths``, each named by its path as given. Raises DataError where there are none."""
    _check_local(map(str, paths))
    files = [(Path(path).as_posix(), Path(path)) for path in paths]
    if not files:
        raise DataError("the list of image paths is empty; give at least one path")
    count = f"{len(files)} file{'s' if len(files) > 1 else ''}"
    source = _from_files(count, "files", files, listing)
    if not source.refs:
        raise DataError(f"no images in {count}, the first skipped: {source.skipped[0].reason}")
    check_one_unit(count, source.refs)
    return source


def _from_folder(text: str, path: Path, listing: Listing) -> ImageSource:
    files, others, packed, beside = [], [], [], Beside()
    for key, file, kind in walk_files(path, passed=beside.passed):
        if kind:
            files.append(ImageRef(escaped(key), file, kind=kind))
        elif file.name.lower().endswith(ARCHIVE_SUFFIXES):
            packed.append((key, file))
        elif not is_side_file(file.name):
            others.append(key)
    unpacked = files or not packed  # an archive beside images is where they came from
    for key in [*others, *(key for key, _ in packed if unpacked)]:
        beside.other(key)
    skipped: list[SkippedImage] = []
    refs = files if unpacked else _packed(sorted(packed), listing, beside, skipped)
    return _source(text, path.resolve().name or text, refs, listing, beside, skipped)


def _from_file(text: str, path: Path, listing: Listing) -> ImageSource:
    name = path.name.lower()
    if name.endswith(ARCHIVE_SUFFIXES):
        beside, skipped = Beside(), list[SkippedImage]()
        files = packed_images("", path, listing, beside, skipped)
        return _source(text, path.name.split(".")[0], files, listing, beside, skipped)
    if name.endswith((".txt", ".lst", ".list")):
        return _from_list(text, path, listing)
    return _from_files(text, path.stem, [(path.name, path)], listing)


def _from_glob(text: str, listing: Listing) -> ImageSource:
    pattern = os.path.expanduser(text)
    found = [Path(name) for name in glob.glob(pattern, recursive=True)]
    start, beside = _glob_start(pattern), Beside()
    files, packed = {}, []
    for path in sorted(found, key=lambda path: (len(path.parts), path)):
        if path.is_dir() or beside.is_passed(path.parts[len(start.parts) : -1]):
            continue
        if kind_of_file(path):
            # ** follows links: as in a folder, a file reached in several ways counts once
            files.setdefault((os.path.realpath(path.parent), path.name), path)
        elif path.name.lower().endswith(ARCHIVE_SUFFIXES):
            packed.append((path.as_posix(), path))
        elif not is_side_file(path.name):
            beside.other(path.name)
    skipped: list[SkippedImage] = []
    if files or not packed:
        for key, _ in packed:
            beside.other(key)
        refs: Iterable[ImageRef] = [_file_ref(path.as_posix(), path) for path in files.values()]
    else:
        refs = _packed(packed, listing, beside, skipped)
    return _source(text, start.resolve().name or pattern, refs, listing, beside, skipped)


def _glob_start(pattern: str) -> Path:
    """The folder that a glob starts from: of ``photos/2024/*/*.png`` it is photos/2024."""
    return Path(*takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts))


def _from_list(text: str, path: Path, listing: Listing) -> ImageSource:
    """One path a line, relative to the list's folder; blank lines and lines starting with # are ignored."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the list {path}: {one_line(error)}") from None
    names = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    _check_local(names)
    files = [(Path(name).as_posix(), path.parent / name) for name in names]
    return _from_files(text, path.stem, files, listing)


def _check_local(names: Iterable[str]) -> None:
    """Raise DataError where a URL is among the ``names`` of files."""
    if (url := next(filter(is_url, names), None)) is not None:
        shards = 'give shards behind URLs as one source, such as "s3://bucket/{0000..0099}.tar"'
        raise DataError(f"{shown(url)} is a URL, and lists name files on a disk; {shards}")


def _from_manifest(text: str, data_root: str | Path | None, listing: Listing) -> ImageSource:
    name, split = manifests.parse_reference(text)
    try:
        manifest = manifests.load_manifest(name)
    except (DataError, SettingError) as error:
        raise type(error)(f'"{text}" is not a file, a folder or a dataset: {error}') from None
    files = manifests.locate(manifest, split, data_root)
    chosen = manifest.split(split)
    raw = manifest.raw(split)
    refs = [
        ImageRef(escaped(file.key), file.path, kind=RAW, raw=raw) if raw else _file_ref(file.key, file.path)
        for file in files
    ]
    source = _source(text, manifest.name, refs, listing, Beside(), [], copies=False)
    note = f"{manifest.name}: split {chosen.name}, {len(source.refs)} images"
    full_name = f"{manifest.name}:{chosen.name}"
    return replace(source, name=full_name, note=note, short_name=manifest.reference(chosen))


def _from_files(text: str, name: str, files: Iterable[tuple[str, Path]], listing: Listing) -> ImageSource:
    """The files that were asked for by their names, all of which are read; archives among them too."""
    beside, skipped = Beside(), list[SkippedImage]()

    def refs() -> Iterator[ImageRef]:
        for key, path in files:
            if path.name.lower().endswith(ARCHIVE_SUFFIXES) and path.is_file():
                yield from packed_images(f"{key}/", path, listing, beside, skipped)
            else:
                yield _file_ref(key, path)

    return _source(text, name, refs(), listing, beside, skipped, copies=False)


def _file_ref(key: str, path: Path) -> ImageRef:
    """An image that was asked for by name, so that one of an unknown kind is refused when it is decoded."""
    return ImageRef(escaped(key), path, kind=kind_of_file(path) or PICTURE)


def _packed(
    archives: Iterable[tuple[str, Path]], listing: Listing, beside: Beside, skipped: list[SkippedImage]
) -> Iterator[ImageRef]:
    """The members of several archives, under the names of these."""
    for key, path in archives:
        yield from packed_images(f"{key}/", path, listing, beside, skipped)


def _source(
    text: str,
    name: str,
    files: Iterable[ImageRef],
    listing: Listing,
    beside: Beside,
    skipped: list[SkippedImage],
    *,
    copies: bool = True,
) -> ImageSource:
    """The images in ``files``, sorted by key; those of the same name cannot be distinguished, so only one is kept.

    With ``copies``, smaller copies of other images are left out. ``files`` may add to ``beside`` and ``skipped``.
    """
    refs, unread = expanded(files, listing)
    counts = Counter(ref.key for ref in refs)
    unique = {ref.key: ref for ref in reversed(refs)}
    repeated = [
        SkippedImage(key, f"the name occurs {count} times; the first is measured")
        for key, count in sorted(counts.items())
        if count > 1
    ]
    kept, remarks = [unique[key] for key in sorted(unique)], beside.remarks()
    if copies:
        kept, smaller = without_copies(text, kept)
        remarks += smaller
    skipped = sorted([*skipped, *unread, *repeated], key=lambda item: (item.image, item.reason))
    return ImageSource(escaped(name), text, tuple(kept), tuple(skipped), remarks=remarks)
