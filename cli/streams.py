"""Standard streams that any text can be written to, and that are there even where a program is started without them."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
import unicodedata
from typing import TextIO

__all__ = ["prepare_streams"]

PLAIN = "symaudit.plain"  # name of the error handler
SIGNS = {"\u00d7": "x", "\u00b1": "+-", "\u2264": "<=", "\u2265": ">=", "\u2192": "->", "\u2013": "-", "\u2026": "..."}


def prepare_streams() -> None:
    """Open what is closed, on the null device, and replace what the encoding of stdout or stderr cannot hold.

    A descriptor that stays closed would be given to the next file that is opened, and libraries write to stderr.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest that is free
    codecs.register_error(PLAIN, _plain)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or not _writable(stream):  # daemons, and programs without a window
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - to the end of the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=PLAIN)


def _writable(stream: TextIO) -> bool:
    """Whether bytes can be written: a descriptor that was closed at the start may be some file, open for reading."""
    try:
        os.write(stream.fileno(), b"")
    except io.UnsupportedOperation:  # no file, but an object of the program that called
        return True
    except OSError as error:  # a full disk is no reason to lose what is written
        return error.errno != errno.EBADF
    return True


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Greek letters by their names, a few signs in ASCII, everything else as an escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_spelt, error.object[error.start : error.end])), error.end


def _spelt(char: str) -> str:
    name = unicodedata.name(char, "")
    if name.startswith("GREEK SMALL LETTER "):
        return name.split()[3].lower()
    return SIGNS.get(char) or char.encode("ascii", "backslashreplace").decode()
