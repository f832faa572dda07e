"""The members of a zip or tar archive, read in memory in one pass and never unpacked."""

from __future__ import annotations

import io
import posixpath
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

from symmetry_audit.data._excess import refuse_excess
from symmetry_audit.errors import DataError, one_line

__all__ = ["ARCHIVE_SUFFIXES", "Member", "followed", "members"]

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
HEAD = 1 << 20  # bytes that are read first, and at a time
UNSUSPECTED = 1 << 26  # bytes: a member so small is read before anybody asks whether it can be a picture
LONGEST_PATH = 1 << 12  # bytes of the target of a link
MAX_EXTENDED_HEADER = 1 << 20  # bytes; tarfile reads these headers whole, however large they claim to be


class Member(NamedTuple):
    """One member that is not a folder; ``open`` works for files, until the next member is requested."""

    name: str
    size: int  # bytes once unpacked, as declared; no more are ever read
    open: Callable[[], IO[bytes]] | None  # None for links and devices
    target: str | None = None  # of a link: the name of the member that it leads to

    def read(self) -> bytes:
        """All bytes. Raises ImageError for more of them than a picture of the size in its header can need."""
        assert self.open is not None, self.name
        with self.open() as file:
            data = io.BytesIO()
            data.write(file.read(HEAD))
            if self.size > UNSUSPECTED:
                refuse_excess(data.getvalue(), self.size)
            shutil.copyfileobj(file, data, HEAD)
            return data.getvalue()


def members(path: Path, file: IO[bytes] | None = None) -> Iterator[Member]:
    """Yield the members of the archive, or of the tar archive opened as ``file``, in its order.

    Raises DataError where it is damaged, truncated or closed.
    """
    try:
        if file is None and path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                for info in archive.infolist():
                    if not info.is_dir():
                        yield _zipped(archive, info)
        else:
            with tarfile.open(path, fileobj=file, tarinfo=_StrictTarInfo) as archive:
                for info in archive:
                    archive.members.clear()  # 1 kB each  # pyright: ignore[reportAttributeAccessIssue]  # typeshed lacks it
                    if info.size < 0:  # would send tarfile backwards, in an endless loop
                        raise tarfile.ReadError(f"{info.name} has a negative size")
                    if not info.isdir():
                        yield _tarred(archive, info)
    except DataError:  # of ``file``
        raise
    except Exception as error:  # zlib, lzma and bz2 raise classes of their own on damaged archives
        raise DataError(f"cannot read the archive {path}: {one_line(error)}") from None


def followed(name: str, links: Mapping[str, str]) -> str:
    """The name of the member that the link ``name`` leads to in the end, ``links`` from each link to the next."""
    seen = set()
    while name in links and name not in seen:
        seen.add(name)
        name = links[name]
    return name


def _zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    if not stat.S_ISLNK(info.external_attr >> 16):
        return Member(info.filename, info.file_size, partial(archive.open, info))
    with archive.open(info) as file:
        to = file.read(LONGEST_PATH).decode(errors="replace")
    return Member(info.filename, 0, None, _beside(info.filename, to))


def _tarred(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    if info.isfile():
        return Member(info.name, info.size, partial(_extracted, archive, info))
    if info.islnk():
        return Member(info.name, 0, None, info.linkname)
    return Member(info.name, 0, None, _beside(info.name, info.linkname) if info.issym() else None)


def _beside(link: str, to: str) -> str:
    """The name of the member that a symbolic link leads to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(link), to))


def _extracted(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    file = archive.extractfile(info)
    assert file is not None  # only devices have none
    return file


class _StrictTarInfo(tarfile.TarInfo):
    """Raises for a damaged header, which tarfile takes for the end of the archive, so that later members are lost."""

    @classmethod  # whose parameter has the name of the module elsewhere; it is given by position
    def fromtarfile(cls, archive: tarfile.TarFile) -> tarfile.TarInfo:  # pyright: ignore[reportIncompatibleMethodOverride]
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # pyright: ignore[reportAttributeAccessIssue]  # typeshed lacks it
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"cut off or damaged at byte {archive.offset}: {error}") from None

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> tarfile.TarInfo:
        info = super().frombuf(buf, encoding, errors)
        if not (info.isreg() or 0 <= info.size <= MAX_EXTENDED_HEADER):
            error = tarfile.InvalidHeaderError  # pyright: ignore[reportAttributeAccessIssue]  # typeshed lacks it
            raise error("a header without data claims to have some")
        return info
