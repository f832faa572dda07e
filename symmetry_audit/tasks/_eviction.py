"""Keeping the cache of training images below its limit."""

from __future__ import annotations

import re
from pathlib import Path

from filelock import FileLock, Timeout

from symmetry_audit.errors import SettingError
from symmetry_audit.tasks._store import FILE_NAMES

__all__ = ["make_room"]


def make_room(chosen: Path, needed: int, limit: int, text: str) -> None:
    """Delete other sets than ``chosen``, longest unused first, until ``needed`` more bytes fit into ``limit``.

    Sets that another process opens or fills are kept. Raises SettingError if ``chosen`` alone does
    not fit.
    """
    own = _size(chosen) + needed
    if own > limit:
        raise SettingError(
            f'"{text}" takes {_text(own)} decoded, but the cache is limited to {_text(limit)}; raise --cache-limit, '
            "or train on fewer images with --limit"
        )
    with FileLock(chosen.parent / "room.lock"):
        others = sorted((path for path in chosen.parent.iterdir() if path != chosen and _is_set(path)), key=_last_use)
        excess = own + sum(map(_size, others)) - limit
        for other in others:
            if excess > 0:
                excess -= _given_up(other)


def _given_up(folder: Path) -> int:
    """Delete a set; returns the bytes freed. Processes that have mapped its file keep their pixels."""
    try:
        with FileLock(f"{folder}.lock", timeout=0):
            size = _size(folder)
            for path in list(folder.iterdir()):
                path.unlink()
            folder.rmdir()
            return size
    except Timeout:
        return 0


def _is_set(path: Path) -> bool:
    """Whether ``path`` is a set of this cache: a folder that a user names may hold other things."""
    if not re.fullmatch("[0-9a-f]{32}", path.name) or not path.is_dir():
        return False
    return {item.name for item in path.iterdir()} <= FILE_NAMES


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _last_use(folder: Path) -> int:
    return folder.stat().st_mtime_ns


def _text(size: int) -> str:
    return f"{size / 2**30:.3g} GiB"
