"""Training images, decoded once and memory-mapped by every later run and every process."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
from filelock import FileLock

from symmetry_audit.data import pixel_count, set_fingerprint
from symmetry_audit.errors import DataError, ImageError, one_line
from symmetry_audit.tasks._eviction import make_room
from symmetry_audit.tasks._leaks import Fingerprint, fingerprint
from symmetry_audit.tasks._pairs import MAX_BYTES, Pair, Pairs, listed, streamed
from symmetry_audit.tasks._store import PixelStore
from symmetry_audit.tasks._task import Task

__all__ = ["DEFAULT_CACHE_BYTES", "PatchCache"]

FORMAT = 3  # raise the number when pixels change: decoding, resizing, the layout of the files
DEFAULT_CACHE_BYTES = 30 * 2**30

Progress = Callable[[int, int], None]


class PatchCache:
    """``cache[i]`` is (degraded, clean) of image i from ``Task.prepare``, views of a mapped file."""

    def __init__(
        self,
        pairs: Pairs,
        task: Task,
        folder: Path | None = None,
        limit_bytes: int = DEFAULT_CACHE_BYTES,
        progress: Progress = lambda done, total: None,
    ) -> None:
        """Decode the images that are not yet in ``folder`` (by default the user's cache folder).

        ``folder`` keeps at most ``limit_bytes``; sets that were not used for longest are deleted. Any number of
        processes may open the same set: the first fills it, the others wait. Raises SettingError if the set alone is
        larger, DataError for images that cannot be used and for a folder that cannot be written.
        """
        folder = _default_folder() if folder is None else Path(folder).expanduser()
        chosen = folder / _identity(pairs, task)
        try:
            chosen.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / f"{chosen.name}.lock"):
                chosen.mkdir(exist_ok=True)  # another process may have made room meanwhile
                store = PixelStore(chosen)
                todo = [pair for pair in pairs.refs if not _held(store, pair)]
                if todo:
                    make_room(chosen, _bytes(todo, task), limit_bytes, pairs.text)
                _fill(store, todo, task, len(pairs.refs), progress)
                os.utime(chosen)  # the set that was used last is deleted last
                self._images = store.images([pair.key for pair in pairs.refs])
        except OSError as error:
            raise DataError(f"cannot write to {folder}: {one_line(error)}; choose another --cache-folder") from None
        self._entries = [store.entries[pair.key] for pair in pairs.refs]

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self._images[index]

    @property
    def keys(self) -> list[str]:
        """Names of the images, in their order."""
        return [entry.key for entry in self._entries]

    @property
    def fingerprints(self) -> tuple[tuple[str, Fingerprint], ...]:
        """(key, fingerprint) of every decoded clean image, for :func:`leaks`."""
        return tuple((entry.key, entry.fingerprint) for entry in self._entries)

    @cached_property
    def fingerprint(self) -> str:
        """The fingerprint of the clean files; an audit of the same files has it in its report."""
        return set_fingerprint((entry.sha256, entry.key) for entry in self._entries)


def _default_folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("symaudit") / "patches"


def _identity(pairs: Pairs, task: Task) -> str:
    """The name of a set's folder: a hash of the files and of how they are prepared."""
    files = [
        [
            pair.key,
            *filter(None, [pair.label]),
            *((os.path.abspath(ref.path), ref.member, *filter(None, [ref.bands, ref.white])) for ref in pair.refs),
        ]
        for pair in pairs.refs
    ]
    text = json.dumps([FORMAT, task.preparation, files])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _stamps(pair: Pair) -> list[str]:
    return [ref.stamp() for ref in pair.refs]


def _held(store: PixelStore, pair: Pair) -> bool:
    return pair.key in store.entries and store.entries[pair.key].stamps == _stamps(pair)


def _bytes(pairs: list[Pair], task: Task) -> int:
    """An estimate of the bytes that ``pairs`` will take, from the headers of their files."""
    share = 1.0 if task.keeps_pixels else 1.0 + 1.0 / task.scale**2
    return round(share * sum(3 * pixel_count(pair.clean) for pair in streamed(pairs)))


def _fill(store: PixelStore, todo: list[Pair], task: Task, total: int, progress: Progress) -> None:
    """Add ``todo`` to the store. Raises DataError, which lists all images that cannot be used."""
    failures = []
    done = total - len(todo)
    progress(done, total)
    for pair in streamed(todo):
        try:
            _add(store, pair, task)
        except ImageError as error:
            failures.append(f"{pair.key}: {error}")
        done += 1
        progress(done, total)
    if failures:
        raise DataError(
            f"{len(failures)} of {total} images cannot be used for training: {listed(sorted(failures), '; ')}; "
            "repair them, or remove them from the source"
        )


def _add(store: PixelStore, pair: Pair, task: Task) -> None:
    stamps = _stamps(pair)  # before reading, so that an image edited meanwhile is read again next time
    data = pair.clean.read(MAX_BYTES)
    found = task.read(replace(pair, clean=replace(pair.clean, payload=data)))
    prepared = found.degraded, found.clean
    store.add(pair.key, prepared, stamps, hashlib.sha256(data).hexdigest(), fingerprint(found.picture))
