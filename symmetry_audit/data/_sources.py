"""SOURCE -> the sorted list of its images, each with a small picklable reference from which any process can read it.

Archives are read in memory and never unpacked, so no member can land outside a folder; files and members are
read up to a cap, so none can fill the memory.
"""

from __future__ import annotations

import glob
import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath

from symmetry_audit.data import manifests
from symmetry_audit.data._archive import ARCHIVE_SUFFIXES, Member, members
from symmetry_audit.data._walk import IMAGE_SUFFIXES, is_image_name, walk_images
from symmetry_audit.errors import DataError, ImageError, SettingError, one_line
from symmetry_audit.results import SkippedImage

__all__ = ["ImageRef", "ImageSource", "open_source", "source_of_files"]


@dataclass(frozen=True)
class ImageRef:
    """The place of one image: a file, or a member of an archive (with its bytes, if it comes from ``stream``)."""

    key: str  # the name in reports: a posix path relative to the source
    path: Path
    member: str | None = None
    payload: bytes | None = None

    def stamp(self) -> str:
        """Changes when the file does: size and modification time (of the archive, for members)."""
        try:
            status = self.path.stat()
        except (OSError, ValueError):  # ValueError: not a possible file name
            return "missing"
        return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}"

    def read(self, max_bytes: int) -> bytes:
        """The encoded bytes. Raises ImageError where they cannot be read or exceed ``max_bytes``."""
        try:
            data = self.payload if self.payload is not None else _read(self, max_bytes + 1)
        except PermissionError:
            raise ImageError("permission denied; make the file readable") from None
        except Exception as error:  # zipfile, tarfile and their decompressors raise many classes
            raise ImageError(f"cannot be read ({one_line(error)})") from None
        if len(data) > max_bytes:
            raise ImageError(f"larger than {max_bytes} bytes; raise --max-pixels if you trust the file")
        return data


@dataclass(frozen=True)
class ImageSource:
    """The images of one SOURCE in the order in which they are measured, and the files skipped without reading."""

    name: str
    text: str  # SOURCE as the user wrote it
    refs: tuple[ImageRef, ...]
    skipped: tuple[SkippedImage, ...] = ()
    note: str | None = None  # a choice made for the user, such as a manifest's default split

    def limited(self, limit: int | None) -> ImageSource:
        """The first ``limit`` images."""
        return self if limit is None else replace(self, refs=self.refs[:limit])

    def stream(self, refs: list[ImageRef], max_bytes: int) -> Iterator[ImageRef]:
        """``refs`` in order; members of an archive in its order, with their bytes, read in one pass.

        An unreadable member comes without bytes, and gives the reason when it is read. Raises DataError where the
        archive itself is damaged.
        """
        if not refs or refs[0].member is None:
            yield from refs
            return
        wanted = {ref.member: ref for ref in refs}
        for member in members(refs[0].path):
            if member.is_file and member.name in wanted:
                yield _with_payload(wanted.pop(member.name), member, max_bytes + 1)
        yield from wanted.values()


def open_source(text: str, data_root: str | Path | None = None) -> ImageSource:
    """Resolve SOURCE: a folder (recursive), file, glob, text list, zip or tar archive, or manifest name.

    An existing path comes before a manifest of the same name. Raises DataError where nothing is found, and
    never returns an empty source.
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
        source = _from_files(text, path.resolve().name or text, walk_images(path))
    elif is_file:
        source = _from_file(text, path)
    elif any(sign in text for sign in "*?["):
        source = _from_glob(text)
    else:
        source = _from_manifest(text, data_root)
    if not source.refs:
        skipped = f" ({len(source.skipped)} skipped, the first: {source.skipped[0].reason})" if source.skipped else ""
        raise DataError(f'no images in "{text}"{skipped}; expected files ending in {", ".join(IMAGE_SUFFIXES)}')
    return source


def source_of_files(paths: Sequence[str | Path]) -> ImageSource:
    """The images at ``paths``, each named by its path as given. Raises DataError where there are none."""
    files = [(Path(path).as_posix(), Path(path)) for path in paths]
    if not files:
        raise DataError("the list of image paths is empty; give at least one path")
    count = f"{len(files)} file{'s' if len(files) > 1 else ''}"
    return _from_files(count, "files", files)


def _from_file(text: str, path: Path) -> ImageSource:
    name = path.name.lower()
    if name.endswith(ARCHIVE_SUFFIXES):
        return _from_archive(text, path)
    if name.endswith((".txt", ".lst", ".list")):
        return _from_list(text, path)
    return _from_files(text, path.stem, [(path.name, path)])


def _from_glob(text: str) -> ImageSource:
    pattern = os.path.expanduser(text)
    found = [Path(name) for name in glob.glob(pattern, recursive=True)]
    files = {}
    for path in sorted(found, key=lambda path: (len(path.parts), path)):
        if is_image_name(path.name) and not path.is_dir():
            # ** follows links: as in a folder, a file reached in several ways counts once
            files.setdefault((os.path.realpath(path.parent), path.name), path)
    return _from_files(text, "glob", [(path.as_posix(), path) for path in files.values()])


def _from_list(text: str, path: Path) -> ImageSource:
    """One path a line, relative to the list's folder; blank lines and lines starting with # are ignored."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the list {path}: {one_line(error)}") from None
    names = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return _from_files(text, path.stem, [(Path(name).as_posix(), path.parent / name) for name in names])


def _from_manifest(text: str, data_root: str | Path | None) -> ImageSource:
    name, split = manifests.parse_reference(text)
    try:
        manifest = manifests.load_manifest(name)
    except (DataError, SettingError) as error:
        raise type(error)(f'"{text}" is not a file, a folder or a dataset: {error}') from None
    files = manifests.locate(manifest, split, data_root)
    chosen = split or manifest.default_split
    refs = [(file.key, file.path) for file in files]
    source = _from_files(text, manifest.name, refs)
    note = f"{manifest.name}: split {chosen}, {len(files)} images"
    return replace(source, name=f"{manifest.name}:{chosen}", note=note)


def _from_files(text: str, name: str, files: Iterable[tuple[str, Path]]) -> ImageSource:
    return _sorted_source(text, name, [ImageRef(_printable(key), path) for key, path in files])


def _from_archive(text: str, path: Path) -> ImageSource:
    refs, skipped = [], []
    for member in members(path):
        name = PureWindowsPath(member.name)  # knows both slashes, drive letters and absolute names
        key = _printable(name.as_posix())
        if not is_image_name(name.name):
            continue
        if name.anchor or ".." in name.parts:
            skipped.append(SkippedImage(key, "the archive member's name leads outside the archive"))
        elif any(part.startswith(".") or part == "__MACOSX" for part in name.parts):
            continue
        elif not member.is_file:
            skipped.append(SkippedImage(key, "a link or device inside the archive, not a file"))
        else:
            refs.append(ImageRef(key, path, member.name))
    source = _sorted_source(text, path.name.split(".")[0], refs)
    return replace(source, skipped=(*source.skipped, *skipped))


def _printable(name: str) -> str:
    """Names go to terminals and UTF-8 files: control characters and invalid UTF-8 bytes are escaped."""
    return "".join(
        sign.encode("unicode_escape").decode() if unicodedata.category(sign) in ("Cc", "Cs") else sign for sign in name
    )


def _sorted_source(text: str, name: str, refs: list[ImageRef]) -> ImageSource:
    """Sort by key; entries of the same name cannot be distinguished, so only one of them is kept."""
    counts = Counter(ref.key for ref in refs)
    unique = {ref.key: ref for ref in reversed(refs)}
    skipped = tuple(
        SkippedImage(key, f"the name occurs {count} times; the first is measured")
        for key, count in sorted(counts.items())
        if count > 1
    )
    return ImageSource(_printable(name), text, tuple(unique[key] for key in sorted(unique)), skipped)


def _read(ref: ImageRef, limit: int) -> bytes:
    if ref.member is not None:
        for member in members(ref.path):
            if member.is_file and member.name == ref.member:
                return _read_member(member, limit)
        raise OSError("no longer in the archive")
    if not stat.S_ISREG(ref.path.stat().st_mode):  # reading a pipe could block forever
        raise OSError("not a regular file")
    with open(ref.path, "rb") as file:
        # memory for all of a large limit, asked for and given back, would cost more than reading
        return file.read(min(limit, os.fstat(file.fileno()).st_size + 1))


def _read_member(member: Member, limit: int) -> bytes:
    with member.open() as file:
        return file.read(limit)


def _with_payload(ref: ImageRef, member: Member, limit: int) -> ImageRef:
    try:
        return replace(ref, payload=_read_member(member, limit))
    except Exception:
        return ref
