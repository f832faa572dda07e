"""Files on web servers, by ranges, or in one stream where a server knows no ranges."""

from __future__ import annotations

import base64
import hashlib
import http.client
import urllib.error
import urllib.request
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from symmetry_audit.data._places import Status, shown
from symmetry_audit.errors import DataError

__all__ = ["HttpBlocks", "http_status"]

TIMEOUT = 60  # seconds without a byte
PIECE = 1 << 20  # bytes skipped at a time
ABSENT = (404, 410)
KEPT = "%/:=&?~+!$,;'@()*[]"  # characters of a path or query that stay; spaces and letters of all scripts are encoded
EMPTY = 416  # what is answered where no byte can be had


def http_status(url: str) -> Status | None:
    """Size, and a hash of ETag or date; None for a file that is absent. Raises DataError where no size is told, and
    OSError where the server cannot be asked.

    It asks for the first byte, since a signature for GET is none for HEAD.
    """
    try:
        with _answer(url, 0, 1) as answer:
            size, headers = _size(answer), answer.headers
    except urllib.error.HTTPError as error:
        if error.code in ABSENT:
            return None
        if error.code != EMPTY:
            raise
        size, headers = 0, error.headers
    if size is None:
        raise DataError(f"{shown(url)}: the server does not say how long the file is; copy it to a disk")
    told = headers.get("ETag") or headers.get("Last-Modified") or ""
    return Status(size, f"{size}-{hashlib.sha256(told.encode()).hexdigest()[:16]}")


class HttpBlocks:
    """Blocks of one file, a request each, so that no connection waits while images are measured."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stream: http.client.HTTPResponse | None = None  # of a server without ranges
        self._at = 0

    def read(self, start: int, end: int) -> bytes:
        """The bytes ``start`` to ``end``, fewer where the connection was cut. Raises OSError and HTTPException."""
        try:
            if self._stream is None or self._at != start:
                self.close()
                answer = _answer(self._url, start, end)
                if answer.status == http.HTTPStatus.PARTIAL_CONTENT:
                    with answer:
                        return answer.read(end - start)
                self._stream, self._at = answer, 0
                self._skip(start)
            data = self._stream.read(end - start)
        except BaseException:
            self.close()
            raise
        self._at += len(data)
        if self._at < end:
            self.close()
        return data

    def close(self) -> None:
        """End the connection, if there is one."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _skip(self, length: int) -> None:
        assert self._stream is not None
        while self._at < length:
            piece = self._stream.read(min(PIECE, length - self._at))
            if not piece:
                raise ConnectionError(f"the connection ended at byte {self._at}")
            self._at += len(piece)


def _answer(url: str, start: int, end: int) -> http.client.HTTPResponse:
    """The answer to a request for a range, which a server may answer with the whole file."""
    parts = urlsplit(url)
    account, _, host = parts.netloc.rpartition("@")
    path, query = quote(parts.path, KEPT), quote(parts.query, KEPT)
    request = urllib.request.Request(urlunsplit((parts.scheme, host, path, query, "")))
    request.add_header("Range", f"bytes={start}-{end - 1}")
    request.add_header("User-Agent", "symaudit")
    if account:
        word = base64.b64encode(unquote(account).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {word}")  # for this host alone
    try:
        return _opener().open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise


def _opener() -> urllib.request.OpenerDirector:
    """Follows redirections to http and https alone, and the proxies of the environment."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener


def _size(answer: http.client.HTTPResponse) -> int | None:
    if answer.status == http.HTTPStatus.PARTIAL_CONTENT:
        told = answer.headers.get("Content-Range", "").rpartition("/")[2]
    else:
        told = answer.headers.get("Content-Length", "")
    return int(told) if told.isdecimal() else None
