"""Files of shards, local or behind a URL: their size and stamp, and reading them."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, NamedTuple

from symmetry_audit.errors import DataError, one_line

if TYPE_CHECKING:
    from symmetry_audit.data._shards import Shard

__all__ = ["Status", "is_url", "opened", "status_of", "unchanged"]

BLOCK = 1 << 23  # bytes of one request


class Status(NamedTuple):
    """Size in bytes, and what changes when the file does."""

    size: int
    stamp: str


def is_url(place: str) -> bool:
    """Whether ``place`` is read by requests, and no local path."""
    return "://" in place


def opened(place: str, size: int, block: int = BLOCK) -> IO[bytes]:
    """The file at ``place`` for reading, of a URL in requests of ``block`` bytes. Raises DataError."""
    if is_url(place):
        from symmetry_audit.data._remote import opened_url

        return opened_url(place, size, block)
    try:
        return open(place, "rb")
    except OSError as error:
        raise DataError(f"cannot read {place}: {one_line(error)}") from None


def status_of(place: str) -> Status | None:
    """The status of the file at ``place``, None where there is none. Raises DataError where it cannot be asked."""
    if is_url(place):
        from symmetry_audit.data._remote import remote_status

        return remote_status(place)
    try:
        status = os.stat(place)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(f"cannot read {place}: {one_line(error)}") from None
    # no ctime, which changes when data are staged or restored
    return Status(status.st_size, f"{status.st_size}-{status.st_mtime_ns}")


def unchanged(shard: Shard) -> None:
    """Raise DataError where the file of ``shard`` is not the one that the source was opened with."""
    status = status_of(shard.url)
    if status is None or status.stamp != shard.stamp:
        change = "is no longer there" if status is None else "has changed since this run began"
        raise DataError(f"{shard.place} {change}; run the same command again")
