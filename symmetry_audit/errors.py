"""Every error symaudit raises on purpose; each message is one line that says what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from textwrap import shorten

__all__ = [
    "DataError",
    "ImageError",
    "Interrupted",
    "ModelError",
    "OutOfMemory",
    "ReportError",
    "SettingError",
    "SymmetryAuditError",
    "one_line",
    "suggest",
]


class SymmetryAuditError(Exception):
    """Base of all errors raised on purpose. The command line prints it as one line and exits with 1."""


class SettingError(SymmetryAuditError, ValueError):
    """An option, name, manifest or config value is wrong (exit code 2)."""


class DataError(SymmetryAuditError):
    """A data source is missing, empty, or not what it claims to be."""


class ImageError(SymmetryAuditError):
    """One image cannot be measured; a run records it under ``skipped`` and goes on."""


class ReportError(SymmetryAuditError):
    """A report folder is missing, damaged, of another schema, or made with other settings."""


class ModelError(SymmetryAuditError):
    """A checkpoint is missing, damaged or of another kind, or a network cannot be run or trained on."""


class OutOfMemory(SymmetryAuditError):
    """The machine lacks the memory for an image, and for those after it: a run ends and keeps what it has."""


class Interrupted(Exception):
    """A run was asked to stop and has saved its state. This is no failure; the command line exits with 130."""


def one_line(error: BaseException) -> str:
    """The message of another library's ``error``, on one line; the name of its class if the message is empty.

    >>> one_line(ValueError("bad\\nheader"))
    'bad header'
    """
    return shorten(getattr(error, "strerror", None) or str(error), 160) or type(error).__name__


def suggest(name: str, choices: Iterable[str]) -> str:
    """Return ``' Did you mean "x"?'`` for the nearest of ``choices``, or the list of ``choices`` where none is near."""
    choices = list(choices)
    folded = {choice.casefold(): choice for choice in choices}
    near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return f' Did you mean "{folded[near[0]]}"?' if near else f" Choose from: {', '.join(choices)}."
