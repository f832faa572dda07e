"""Lines of JSON that end with a checksum of their own, so that no damage passes for a value."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, BinaryIO
from zlib import crc32

__all__ = ["Damage", "append", "checked_line", "read_line"]

CHECKSUM = re.compile(rb', "crc32": "([0-9a-f]{8})"\}\n$')


class Damage(ValueError):
    """A line does not agree with its checksum."""


def checked_line(entry: dict[str, Any]) -> bytes:
    """``entry``, which is not empty, as one line of JSON whose last field is the CRC-32 of the text before it.

    >>> checked_line({"image": "a.png"})
    b'{"image": "a.png", "crc32": "131900f8"}\\n'
    """
    body = json.dumps(entry, allow_nan=False).encode()[:-1]
    return b'%s, "crc32": "%08x"}\n' % (body, crc32(body))


def read_line(line: bytes) -> tuple[Any, bool]:
    """What a line holds, without its checksum, and whether it had one: an older version wrote none.

    Raises Damage where line and checksum differ, ValueError for a line that is not JSON.
    """
    found = CHECKSUM.search(line, max(len(line) - 40, 0))
    if found is None:
        return _parsed(line), False
    body = line[: found.start()]
    if int(found[1], 16) != crc32(body):
        raise Damage
    return _parsed(body + b"}"), True


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested without end") from None


def append(file: BinaryIO, path: Path, line: bytes) -> int:
    """Write ``line`` at the end of ``file``, which was opened at ``path``, and flush it; return where it starts.

    Raises OSError where there is no room, and where the file is no longer at ``path``: what is written would be lost.
    """
    if not os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
        raise FileNotFoundError(None, "another file has taken its place")
    offset = file.seek(0, os.SEEK_END)
    file.write(line)
    file.flush()
    return offset
