"""SOURCE -> the sorted list of its images, each with a small picklable reference from which any process can read it.

Archives are read in memory and never unpacked, so no member can land outside a folder; files and members are
read up to a cap, so none can fill the memory.
"""

from __future__ import annotations

import glob
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import takewhile
from pathlib import Path, PurePath, PureWindowsPath

from symmetry_audit.data import manifests
from symmetry_audit.data._archive import ARCHIVE_SUFFIXES, Member, members
from symmetry_audit.data._expand import DEFAULT_LISTING, MAX_BYTES, Listing, expanded, pseudonym
from symmetry_audit.data._ref import ImageRef, ImageSource, with_payload
from symmetry_audit.data._remarks import check_one_unit, other_kinds
from symmetry_audit.data._walk import (
    DICOM,
    IMAGE_SUFFIXES,
    PICTURE,
    RAW,
    image_kind,
    is_side_file,
    kind_of_file,
    walk_files,
)
from symmetry_audit.errors import DataError, SettingError, one_line
from symmetry_audit.results import SkippedImage

__all__ = ["open_source", "source_of_files"]

LINK = "a link or device inside the archive, not a file"


def open_source(text: str, data_root: str | Path | None = None, listing: Listing = DEFAULT_LISTING) -> ImageSource:
    """Resolve SOURCE: a folder (recursive), file, glob, text list, zip or tar archive, or manifest name.

    ``listing`` says how CT files become images. An existing path comes before a manifest of the same name. Raises
    DataError where nothing is found, and never returns an empty source.
    """
    if not text.strip():
        raise DataError("the name of the source is empty; give a folder, file, glob, list, archive or dataset")
    if text.encode(errors="replace").decode() != text:
        raise DataError(f'"{_printable(text)}" is not a UTF-8 name, which reports need; rename the file or link to it')
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
        raise DataError(f'no images in "{text}"{skipped}; expected files ending in {", ".join(IMAGE_SUFFIXES)}')
    check_one_unit(text, source.refs)
    return source


def source_of_files(paths: Sequence[str | Path], listing: Listing = DEFAULT_LISTING) -> ImageSource:
    """The images at ``paths``, each named by its path as given. Raises DataError where there are none."""
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
    files, others = [], []
    for key, file, kind in walk_files(path):
        if kind:
            files.append(ImageRef(_printable(key), file, kind=kind))
        elif not is_side_file(file.name):
            others.append(_printable(key))
    source = _source(text, path.resolve().name or text, files, listing)
    return replace(source, remarks=other_kinds(others, source, listing))


def _from_file(text: str, path: Path, listing: Listing) -> ImageSource:
    name = path.name.lower()
    if name.endswith(ARCHIVE_SUFFIXES):
        return _from_archive(text, path, listing)
    if name.endswith((".txt", ".lst", ".list")):
        return _from_list(text, path, listing)
    return _from_files(text, path.stem, [(path.name, path)], listing)


def _from_glob(text: str, listing: Listing) -> ImageSource:
    pattern = os.path.expanduser(text)
    found = [Path(name) for name in glob.glob(pattern, recursive=True)]
    files = {}
    for path in sorted(found, key=lambda path: (len(path.parts), path)):
        if not path.is_dir() and kind_of_file(path):
            # ** follows links: as in a folder, a file reached in several ways counts once
            files.setdefault((os.path.realpath(path.parent), path.name), path)
    return _from_files(text, _glob_name(pattern), [(path.as_posix(), path) for path in files.values()], listing)


def _glob_name(pattern: str) -> str:
    """The name of the folder that a glob starts from: of ``photos/2024/*/*.png`` it is 2024."""
    plain = takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts)
    return Path(*plain).resolve().name or pattern


def _from_list(text: str, path: Path, listing: Listing) -> ImageSource:
    """One path a line, relative to the list's folder; blank lines and lines starting with # are ignored."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the list {path}: {one_line(error)}") from None
    names = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    files = [(Path(name).as_posix(), path.parent / name) for name in names]
    return _from_files(text, path.stem, files, listing)


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
        ImageRef(_printable(file.key), file.path, kind=RAW, raw=raw) if raw else _file_ref(file.key, file.path)
        for file in files
    ]
    source = _source(text, manifest.name, refs, listing)
    note = f"{manifest.name}: split {chosen.name}, {len(source.refs)} images"
    full_name = f"{manifest.name}:{chosen.name}"
    return replace(source, name=full_name, note=note, short_name=manifest.reference(chosen))


def _from_files(text: str, name: str, files: Iterable[tuple[str, Path]], listing: Listing) -> ImageSource:
    return _source(text, name, (_file_ref(key, path) for key, path in files), listing)


def _file_ref(key: str, path: Path) -> ImageRef:
    """An image that was asked for by name, so that one of an unknown kind is refused when it is decoded."""
    return ImageRef(_printable(key), path, kind=kind_of_file(path) or PICTURE)


def _from_archive(text: str, path: Path, listing: Listing) -> ImageSource:
    skipped, others = [], []

    def files() -> Iterator[ImageRef]:
        for member in members(path):
            name = PureWindowsPath(member.name)  # knows both slashes, drive letters and absolute names
            key = _printable(name.as_posix())
            if any(part.startswith(".") or part == "__MACOSX" for part in name.parts if part != ".."):
                continue
            kind = image_kind(name.name, partial(_start, member))
            if kind is None:
                others.extend([] if is_side_file(name.name) else [key])
            elif reason := _outside(name) or (None if member.is_file else LINK):
                shown = pseudonym(key) if kind == DICOM and not listing.file_names else key
                skipped.append(SkippedImage(shown, reason))
            else:
                ref = ImageRef(key, path, member.name, kind=kind)
                yield ref if kind == PICTURE else with_payload(ref, member, MAX_BYTES + 1)

    source = _source(text, path.name.split(".")[0], files(), listing)
    return replace(source, skipped=(*source.skipped, *skipped), remarks=other_kinds(others, source, listing))


def _outside(name: PurePath) -> str | None:
    escapes = name.anchor or ".." in name.parts
    return "the archive member's name leads outside the archive" if escapes else None


def _start(member: Member, length: int) -> bytes:
    """The first bytes of a member, none where they cannot be read."""
    if not member.is_file:
        return b""
    with suppress(Exception), member.open() as file:  # zlib, lzma and bz2 raise classes of their own
        return file.read(length)
    return b""


def _printable(name: str) -> str:
    """Names go to terminals and UTF-8 files: control characters and invalid UTF-8 bytes are escaped."""
    return "".join(
        sign.encode("unicode_escape").decode() if unicodedata.category(sign) in ("Cc", "Cs") else sign for sign in name
    )


def _source(text: str, name: str, files: Iterable[ImageRef], listing: Listing) -> ImageSource:
    """The images in ``files``, sorted by key; those of the same name cannot be distinguished, so only one is kept."""
    refs, skipped = expanded(files, listing)
    counts = Counter(ref.key for ref in refs)
    unique = {ref.key: ref for ref in reversed(refs)}
    skipped += [
        SkippedImage(key, f"the name occurs {count} times; the first is measured")
        for key, count in sorted(counts.items())
        if count > 1
    ]
    skipped.sort(key=lambda item: (item.image, item.reason))
    return ImageSource(_printable(name), text, tuple(unique[key] for key in sorted(unique)), tuple(skipped))
