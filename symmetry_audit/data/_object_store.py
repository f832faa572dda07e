"""Object storage through fsspec: s3, gs, az and hf. Their libraries find credentials in the environment."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any

from symmetry_audit.data._places import Status, reason_of, shown
from symmetry_audit.errors import DataError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["ObjectBlocks", "listed", "object_status"]

PACKAGES = {"az": "adlfs", "abfs": "adlfs"}  # that are not in the extra
INSTALL = 'pip install "symaudit[remote]"'
# what tells one content of an object from another, by the service; the first that is there
MARKS = ("ETag", "etag", "md5Hash", "content_md5", "blob_id", "generation", "LastModified", "last_modified", "updated")


class ObjectBlocks:
    """Blocks of one object, a request each."""

    def __init__(self, url: str) -> None:
        self._files, self._path = _filesystem(url, retrying=False), _path(url)
        self._file: IO[bytes] | None = None

    def read(self, start: int, end: int) -> bytes:
        """The bytes ``start`` to ``end``. Raises what the library of the service raises."""
        if self._files.async_impl:
            return self._files.cat_file(self._path, start=start, end=end)
        # kept open, since the library of hf asks for the size of a file whenever it opens one
        file = self._file = self._file or self._files.open(self._path, "rb", cache_type="none")
        file.seek(start)
        return file.read(end - start)

    def close(self) -> None:
        """Close what the library keeps open; between blocks there is no connection."""
        if self._file is not None:
            self._file.close()


def object_status(url: str) -> Status | None:
    """Size and a hash of the ETag; None where there is no such object. Raises what the library raises."""
    try:
        # fresh even where the library has listed the folder; that of hf then tells contents only if it is asked for all
        every = {"expand_info": True} if url.startswith("hf://") else {}
        found = _filesystem(url, retrying=False).info(_path(url), refresh=True, **every)
    except FileNotFoundError:
        return None
    return _status(found) if found["type"] == "file" else None


def listed(url: str, how: str) -> Iterator[tuple[str, Status]]:
    """URL and status of each object that ``url`` stands for, in the order of the names.

    ``how`` is "glob" for a pattern, "find" for all objects below a folder, or "ls" for those in it. Raises DataError
    where they cannot be listed.
    """
    protocol = url.partition("://")[0]
    try:
        files = _filesystem(url, retrying=True)
        found = getattr(files, how)(_path(url), detail=True)
    except DataError:
        raise
    except FileNotFoundError:
        return
    except Exception as error:
        reason = reason_of(error)
        raise DataError(f"cannot list {shown(url)}: {reason}; check the URL and the credentials") from None
    about: Mapping[str, Any] = {item["name"]: item for item in found} if isinstance(found, list) else found
    for name in sorted(about):
        if about[name]["type"] == "file":
            yield f"{protocol}://{name}", _status(about[name])


def _status(found: Mapping[str, Any]) -> Status:
    size, mark = int(found["size"]), next((str(found[mark]) for mark in MARKS if found.get(mark)), "")
    return Status(size, f"{size}-{hashlib.sha256(mark.strip(chr(34)).encode()).hexdigest()[:16]}")


def _path(url: str) -> str:
    return url.partition("://")[2]


def _filesystem(url: str, *, retrying: bool) -> AbstractFileSystem:
    """The library of the URL's service: ``retrying`` by itself, or with every failure told at once.

    Raises DataError where it is not installed.
    """
    return _opened_filesystem(url.partition("://")[0], retrying, os.getpid())


@lru_cache
def _opened_filesystem(protocol: str, retrying: bool, process: int) -> AbstractFileSystem:
    """One for each ``process``: connections do not survive a fork."""
    try:
        import fsspec

        options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
        if protocol == "s3":
            how = {"mode": "standard", "max_attempts": 8} if retrying else {"total_max_attempts": 1}
            options["config_kwargs"] = {"retries": how}
        files = fsspec.filesystem(protocol, **options)
    except ImportError:
        package = PACKAGES.get(protocol)
        raise DataError(
            f"{protocol}:// needs another package: {f'pip install {package}' if package else INSTALL}"
        ) from None
    if not retrying and hasattr(files, "retries"):
        files.retries = 1
    return files
