"""Files of shards, local or behind a URL: their size and stamp, and reading them."""

from __future__ import annotations

import os
import re
import stat
from typing import IO, TYPE_CHECKING, NamedTuple

from symmetry_audit.errors import DataError, one_line
from symmetry_audit.wording import escaped, without_secrets

if TYPE_CHECKING:
    from symmetry_audit.data._shards import Shard

__all__ = ["Status", "is_url", "opened", "reason_of", "shown", "status_of", "unchanged"]

BLOCK = 1 << 23  # bytes of one request


class Status(NamedTuple):
    """Size in bytes, and what changes when the file does."""

    size: int
    stamp: str


def is_url(place: str) -> bool:
    """Whether ``place`` is read by requests, and no local path."""
    return "://" in place


def shown(place: str) -> str:
    """``place`` as messages and reports show it: of a URL without user, password, query and fragment.

    >>> shown("https://me:word@host/a b/0.tar?signature=x y")
    'https://host/a b/0.tar'
    """
    if is_url(place):
        protocol, _, rest = place.partition("://")
        host, slash, path = re.split("[?#]", rest, maxsplit=1)[0].partition("/")
        place = f"{protocol}://{host.rpartition('@')[2]}{slash}{path}"
    return escaped(place)


def reason_of(error: BaseException) -> str:
    """The message of another library's ``error`` on one line, without secrets of the URLs in it."""
    told = without_secrets(
        getattr(error, "strerror", None) or str(error)
    )  # before it is cut, perhaps inside a password
    return one_line(ValueError(told)) if told else type(error).__name__


def opened(place: str, size: int, block: int | None = None) -> IO[bytes]:
    """The file at ``place`` for reading, of a URL in requests of ``block`` bytes (8 MiB). Raises DataError."""
    if is_url(place):
        from symmetry_audit.data._remote import opened_url

        return opened_url(place, size, block or BLOCK)
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
    if not stat.S_ISREG(status.st_mode):  # reading a pipe could block forever
        raise DataError(f"{place} is not a regular file; give a tar archive or a Parquet file")
    # no ctime, which changes when data are staged or restored
    return Status(status.st_size, f"{status.st_size}-{status.st_mtime_ns}")


def unchanged(shard: Shard) -> None:
    """Raise DataError where the file of ``shard`` is not the one that the source was opened with."""
    status = status_of(shard.url)
    if status is None or status.stamp != shard.stamp:
        change = "is no longer there" if status is None else "has changed since this run began"
        raise DataError(f"{shard.place} {change}; run the same command again")
