"""Files behind URLs, read block by block: each block once again where the network fails, and never short."""

from __future__ import annotations

import errno
import io
import random
import socket
import time
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from symmetry_audit.data._places import Status, reason_of, shown
from symmetry_audit.errors import DataError

__all__ = ["opened_url", "patient", "remote_status"]

DELAYS = (0.5, 1, 2, 4, 8, 16)  # seconds before a request is made again
AGAIN = "what was measured is kept, and the same command again continues"
NOT_NOW = (408, 425, 429)  # of the statuses that blame the request, those that pass
LASTING = (errno.EINVAL, errno.EPERM, errno.ENOSYS, getattr(errno, "EREMCHG", errno.EINVAL))  # as s3fs numbers them
SEEN = 1 << 16  # bytes that readers may go back

T = TypeVar("T")
_jitter = random.Random()  # of its own: the global one belongs to the user


class Blocks(Protocol):
    """One file that is read block by block."""

    def read(self, start: int, end: int) -> bytes:
        """The bytes ``start`` to ``end``, fewer where the connection was cut. Raises what the library raises."""
        ...

    def close(self) -> None: ...


def opened_url(url: str, size: int, block: int) -> io.BufferedReader:
    """The file of ``size`` bytes at ``url`` for reading, in requests of ``block`` bytes.

    Reading raises DataError where a block cannot be had, after several tries.
    """
    return io.BufferedReader(RemoteFile(url, size, block), SEEN)


def remote_status(url: str) -> Status | None:
    """Size and stamp of the file at ``url``, None where there is none. Raises DataError where it cannot be asked."""
    return patient(lambda: _status(url), url)


def patient(ask: Callable[[], T], url: str) -> T:
    """What ``ask`` returns, asked several times where the network fails or the server is busy.

    Raises DataError with the place but no secret of ``url``.
    """
    for tries, delay in enumerate((*DELAYS, None), start=1):
        try:
            return ask()
        except (DataError, MemoryError):
            raise
        except Exception as error:  # each protocol's library raises its own classes
            place, reason = shown(url), reason_of(error)
            if lasting := _lasting(error):
                raise DataError(f"cannot read {place}: {reason}; {lasting}") from None
            if delay is None:
                raise DataError(f"cannot read {place}: {reason}, {tries} times; {AGAIN}") from None
            time.sleep(delay * _jitter.uniform(0.5, 1))
    raise AssertionError("the last try returns or raises")


class RemoteFile(io.RawIOBase):
    """A file behind a URL. Two blocks are kept, so that a reader can go back a little, as tarfile and Parquet do."""

    def __init__(self, url: str, size: int, block: int) -> None:
        super().__init__()
        self._url, self._size, self._block = url, size, block
        self._source = _blocks(url)
        self._kept: dict[int, bytes] = {}
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def readinto(self, buffer) -> int:
        if self._at >= self._size:
            return 0
        number, offset = divmod(self._at, self._block)
        part = memoryview(self._held(number))[offset : offset + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def close(self) -> None:
        if not self.closed:
            self._kept.clear()
            self._source.close()
        super().close()

    def _held(self, number: int) -> bytes:
        if number not in self._kept:
            while len(self._kept) > 1:
                del self._kept[next(iter(self._kept))]  # before more is read
            self._kept[number] = patient(lambda: self._whole(number), self._url)
        return self._kept[number]

    def _whole(self, number: int) -> bytes:
        start = number * self._block
        end = min(start + self._block, self._size)
        data = self._source.read(start, end)
        if len(data) != end - start:
            raise ConnectionError(f"{len(data)} of {end - start} bytes came, from byte {start}")
        return data


def _is_http(url: str) -> bool:
    return url.startswith(("http://", "https://"))


def _status(url: str) -> Status | None:
    if _is_http(url):
        from symmetry_audit.data._http import http_status

        return http_status(url)
    from symmetry_audit.data._object_store import object_status

    return object_status(url)


def _blocks(url: str) -> Blocks:
    if _is_http(url):
        from symmetry_audit.data._http import HttpBlocks

        return HttpBlocks(url)
    from symmetry_audit.data._object_store import ObjectBlocks

    return ObjectBlocks(url)


def _lasting(error: BaseException) -> str | None:
    """What to do about a failure that another try will not mend; None where it may."""
    code = _http_code(error)
    if code in (401, 403) or isinstance(error, PermissionError) or "Credential" in type(error).__name__:
        return "give credentials in the environment; FSSPEC_S3_ANON=true is for public buckets"
    if isinstance(error, FileNotFoundError):
        return "it is not, or no longer, there"
    if code is not None and 400 <= code < 500 and code not in NOT_NOW:
        return "check the URL"
    reason = getattr(error, "reason", None)  # of urllib's URLError
    unknown = isinstance(reason, socket.gaierror) and reason.errno == socket.EAI_NONAME
    if unknown or isinstance(error, (ValueError, TypeError, IsADirectoryError)) or _refused(error):
        return "check the URL"
    return None


def _http_code(error: BaseException) -> int | None:
    """The HTTP status that ``error`` tells, None where it tells none."""
    told = getattr(error.__cause__, "response", None)
    if isinstance(told, Mapping):  # an error of botocore, which s3fs has translated
        return told.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code = getattr(error, "code", getattr(error, "status", None))
    return code if isinstance(code, int) else None


def _refused(error: BaseException) -> bool:
    return (isinstance(error, OSError) and error.errno in LASTING) or "Validation" in type(error).__name__
