"""SOURCE -> the sorted list of its images, each readable anywhere by a small picklable reference.

Archives are read in memory and never unpacked, so no member can land outside a folder; members are read
up to a cap, so none can fill the memory.
"""

from __future__ import annotations

import glob
import os
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath

from symmetry_audit.data import manifests
from symmetry_audit.data._walk import IMAGE_SUFFIXES, is_image_name, walk_images
from symmetry_audit.errors import DataError, ImageError
from symmetry_audit.results import SkippedImage

__all__ = ["ImageRef", "ImageSource", "open_source"]

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


@dataclass(frozen=True)
class ImageRef:
    """Where one image lies: a file, or a member of an archive (with its payload for compressed tars)."""

    key: str  # the name in reports: a posix path relative to the source
    path: Path
    member: str | None = None
    payload: bytes | None = None

    def stamp(self) -> str:
        """Changes when the file does: size and modification time (of the archive, for members)."""
        try:
            status = self.path.stat()
        except OSError:
            return "missing"
        return f"{status.st_size}-{status.st_mtime_ns}"

    def read(self, max_bytes: int) -> bytes:
        """The encoded bytes. Raises ImageError where they cannot be read or exceed ``max_bytes``."""
        try:
            data = self.payload if self.payload is not None else _read(self, max_bytes + 1)
        except PermissionError:
            raise ImageError("permission denied; make the file readable") from None
        except (OSError, zipfile.BadZipFile, tarfile.TarError, RuntimeError, NotImplementedError, EOFError) as error:
            raise ImageError(f"cannot be read ({' '.join(str(error).split()) or type(error).__name__})") from None
        except Exception as error:  # zlib, lzma and bz2 raise classes of their own on damaged members
            raise ImageError(f"cannot be read ({type(error).__name__}: {error})") from None
        if len(data) > max_bytes:
            raise ImageError(f"larger than {max_bytes} bytes; raise --max-pixels if the file can be trusted")
        return data


@dataclass(frozen=True)
class ImageSource:
    """The images of one SOURCE in the order in which they are measured, and what was left out at once."""

    name: str
    text: str  # SOURCE as the user wrote it
    refs: tuple[ImageRef, ...]
    skipped: tuple[SkippedImage, ...] = ()
    note: str | None = None  # what was chosen on the user's behalf, such as a manifest's default split

    def limited(self, limit: int | None) -> ImageSource:
        """The first ``limit`` images."""
        return self if limit is None else replace(self, refs=self.refs[:limit])

    def stream(self, refs: list[ImageRef], max_bytes: int) -> Iterator[ImageRef]:
        """``refs`` in order, members of compressed tars with their bytes, read in one pass."""
        if refs and refs[0].member is not None and _is_compressed_tar(refs[0].path):
            yield from _stream_tar(refs, max_bytes)
        else:
            yield from refs


def open_source(text: str, data_root: str | Path | None = None) -> ImageSource:
    """Resolve SOURCE: a folder (recursive), file, glob, text list, zip or tar archive, or manifest name.

    An existing path comes before a manifest of the same name. Raises DataError where nothing is found, and
    never returns an empty source.
    """
    path = Path(text).expanduser()
    if path.is_dir():
        source = _from_files(text, path.resolve().name or text, walk_images(path))
    elif path.is_file():
        source = _from_file(text, path)
    elif any(sign in text for sign in "*?["):
        source = _from_glob(text)
    else:
        source = _from_manifest(text, data_root)
    if not source.refs:
        left_out = f" ({len(source.skipped)} left out, the first: {source.skipped[0].reason})" if source.skipped else ""
        raise DataError(
            f'no images in "{text}"{left_out}; expected files ending in {", ".join(IMAGE_SUFFIXES)}'
        )
    return source


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
    files = [path for path in found if path.is_file() and is_image_name(path.name)]
    return _from_files(text, "glob", [(path.as_posix(), path) for path in files])


def _from_list(text: str, path: Path) -> ImageSource:
    """One path a line, relative to the list's folder; blank lines and lines starting with # are passed over."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the list {path}: {error}") from None
    names = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return _from_files(text, path.stem, [(Path(name).as_posix(), path.parent / name) for name in names])


def _from_manifest(text: str, data_root: str | Path | None) -> ImageSource:
    name, split = manifests.parse_reference(text)
    try:
        manifest = manifests.load_manifest(name)
    except Exception as error:
        raise type(error)(f'"{text}" is no file or folder here, and no dataset: {error}') from None
    files = manifests.locate(manifest, split, data_root)
    chosen = split or manifest.default_split
    refs = [(file.key, file.path) for file in files]
    source = _from_files(text, manifest.name, refs)
    note = f"{manifest.name}: split {chosen}, {len(files)} images"
    return replace(source, name=f"{manifest.name}:{chosen}", note=note)


def _from_files(text: str, name: str, files: Iterator[tuple[str, Path]] | list[tuple[str, Path]]) -> ImageSource:
    return _sorted_source(text, name, [ImageRef(key, path) for key, path in files])


def _from_archive(text: str, path: Path) -> ImageSource:
    try:
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                members = [info.filename for info in archive.infolist() if not info.is_dir()]
        else:
            with tarfile.open(path) as archive:
                members = [info.name for info in archive if info.isfile()]
    except (OSError, zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise DataError(f"cannot open the archive {path}: {error}") from None
    refs, skipped = [], []
    for member in members:
        parts = PurePosixPath(member.replace("\\", "/")).parts
        if not is_image_name(parts[-1] if parts else "") or "__MACOSX" in parts:
            continue
        if ".." in parts or member.startswith(("/", "\\")) or ":" in parts[0]:
            skipped.append(SkippedImage(member, "the archive member's name leads outside the archive"))
        else:
            refs.append(ImageRef("/".join(parts), path, member))
    source = _sorted_source(text, path.name.split(".")[0], refs)
    return replace(source, skipped=(*source.skipped, *skipped))


def _sorted_source(text: str, name: str, refs: list[ImageRef]) -> ImageSource:
    """Sort by key; of several entries of one name none can be told from the others, so all but one go."""
    counts = Counter(ref.key for ref in refs)
    unique = {ref.key: ref for ref in reversed(refs)}
    skipped = tuple(
        SkippedImage(key, f"the name stands {count} times; the first is measured")
        for key, count in sorted(counts.items())
        if count > 1
    )
    return ImageSource(name, text, tuple(unique[key] for key in sorted(unique)), skipped)


def _is_compressed_tar(path: Path) -> bool:
    return path.name.lower().endswith(ARCHIVE_SUFFIXES[2:])


def _read(ref: ImageRef, limit: int) -> bytes:
    if ref.member is None:
        with open(ref.path, "rb") as file:
            return file.read(limit)
    archive = _open_archive(ref.path)
    if isinstance(archive, zipfile.ZipFile):
        with archive.open(ref.member) as file:
            return file.read(limit)
    with archive.extractfile(archive.getmember(ref.member)) as file:
        return file.read(limit)


@lru_cache(maxsize=1)
def _open_archive(path: Path) -> zipfile.ZipFile | tarfile.TarFile:
    """One open archive per process, kept for its directory."""
    return zipfile.ZipFile(path) if path.suffix.lower() == ".zip" else tarfile.open(path)


def _stream_tar(refs: list[ImageRef], max_bytes: int) -> Iterator[ImageRef]:
    """Members of a compressed tar in archive order, since going back means decompressing again."""
    wanted = {ref.member: ref for ref in refs}
    with tarfile.open(refs[0].path) as archive:
        for info in archive:
            ref = wanted.pop(info.name, None) if info.isfile() else None
            if ref is not None:
                with archive.extractfile(info) as file:
                    yield replace(ref, payload=file.read(max_bytes + 1))
