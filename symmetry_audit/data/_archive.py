"""The members of a zip or tar archive, read in memory in one pass and never unpacked."""

from __future__ import annotations

import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

from symmetry_audit.errors import DataError, one_line

__all__ = ["ARCHIVE_SUFFIXES", "Member", "members"]

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
MAX_EXTENDED_HEADER = 1 << 20  # bytes; tarfile reads these headers whole, however large they claim to be


class Member(NamedTuple):
    """One member that is not a folder; ``open`` works for files, until the next member is requested."""

    name: str
    is_file: bool  # False for links and devices
    open: Callable[[], IO[bytes]]


def members(path: Path) -> Iterator[Member]:
    """Yield the members of the archive in its order. Raises DataError where it is damaged, truncated or closed."""
    try:
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                for info in archive.infolist():
                    if not info.is_dir():
                        link = stat.S_ISLNK(info.external_attr >> 16)
                        yield Member(info.filename, not link, partial(archive.open, info))
        else:
            with tarfile.open(path, tarinfo=_StrictTarInfo) as archive:
                for info in archive:
                    if info.size < 0:  # would send tarfile backwards, in an endless loop
                        raise tarfile.ReadError(f"{info.name} has a negative size")
                    if not info.isdir():
                        yield Member(info.name, info.isfile(), partial(_extracted, archive, info))
    except Exception as error:  # zlib, lzma and bz2 raise classes of their own on damaged archives
        raise DataError(f"cannot read the archive {path}: {one_line(error)}") from None


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
