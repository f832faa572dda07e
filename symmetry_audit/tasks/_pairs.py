"""SOURCE -> the images that a task is trained or tested on, each with its degraded partner where the task is paired."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from symmetry_audit.data import BYTES_PER_PIXEL, DEFAULT_MAX_PIXELS, ImageRef, ImageSource, open_source, set_fingerprint
from symmetry_audit.errors import DataError, ImageError, SettingError
from symmetry_audit.results import SkippedImage
from symmetry_audit.tasks._task import Task

__all__ = ["MAX_BYTES", "Pair", "Pairs", "listed", "open_pairs", "source_fingerprint", "streamed"]

MAX_BYTES = DEFAULT_MAX_PIXELS * BYTES_PER_PIXEL  # of one file
SHOWN = 10  # names in one message
SIDES = {  # the names that folders of each side carry, in any case
    "clean": ("norain", "clean", "gt", "target", "targets", "hq"),
    "degraded": ("rain", "rainy", "input", "inputs", "lq", "noisy", "degraded"),
}


@dataclass(frozen=True)
class Pair:
    """One clean image and, for a paired task, its degraded partner; ``key`` is the clean one's name."""

    key: str
    clean: ImageRef
    given: ImageRef | None = None

    @property
    def refs(self) -> tuple[ImageRef, ...]:
        """The files behind it."""
        return (self.clean,) if self.given is None else (self.clean, self.given)


@dataclass(frozen=True)
class Pairs:
    """The images of one source in key order; ``text`` is the source as the user wrote it."""

    name: str
    text: str
    refs: tuple[Pair, ...]
    skipped: tuple[SkippedImage, ...] = ()
    note: str | None = None  # what was chosen on the user's behalf, such as a manifest's default split


def open_pairs(
    source: str,
    task: Task,
    *,
    inputs: str | None = None,
    data_root: str | Path | None = None,
    limit: int | None = None,
) -> Pairs:
    """The images of ``source`` (anything that ``open_source`` takes), the first ``limit`` of them.

    For a paired task the source holds two folders, one of degraded and one of clean images (``rain`` and
    ``norain``, ``input`` and ``target``, ``lq`` and ``gt``), or ``inputs`` is the source of the degraded ones.
    Partners carry the same name below their folders, up to the file's suffix. Raises DataError where there are
    no such folders, or several, and where an image has no partner.
    """
    if inputs is not None and not task.paired:
        raise SettingError(f"--inputs belongs to tasks with pairs; {task.name} makes its own inputs")
    if limit is not None and limit < 1:
        raise SettingError(f"--limit must be at least 1, got {limit}")
    opened = open_source(source, data_root)
    skipped = opened.skipped
    if not task.paired:
        pairs = tuple(Pair(ref.key, ref) for ref in opened.refs)
    elif inputs is None:
        pairs, outside = _two_folders(opened)
        skipped += outside
    else:
        degraded = open_source(inputs, data_root)
        skipped += degraded.skipped
        pairs = _matched(_by_stem(opened.refs, source), _by_stem(degraded.refs, inputs), source)
    return Pairs(opened.name, opened.text, pairs[:limit], skipped, opened.note)


def source_fingerprint(pairs: Pairs) -> str:
    """The fingerprint that an audit of the clean images has in its report. Raises DataError."""
    hashes = {}
    for pair in streamed(replace(pair, given=None) for pair in pairs.refs):
        try:
            hashes[pair.key] = hashlib.sha256(pair.clean.read(MAX_BYTES)).hexdigest()
        except ImageError as error:
            raise DataError(f"{pair.key}: {error}") from None
    return set_fingerprint((hashes[pair.key], pair.key) for pair in pairs.refs)


def streamed(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """``pairs``; those in archives with their bytes, read in one pass, as soon as both sides have been passed."""
    places: dict[Path, dict[ImageRef, tuple[int, str]]] = {}
    waiting = {}
    for index, pair in enumerate(pairs):
        sides = [("clean", pair.clean), ("given", pair.given)]
        packed = {ref: (index, side) for side, ref in sides if ref is not None and ref.member is not None}
        if not packed:
            yield pair
            continue
        waiting[index] = pair, len(packed)
        for ref, place in packed.items():
            places.setdefault(ref.path, {})[ref] = place
    for wanted in places.values():
        for ref in ImageSource("", "", ()).stream(list(wanted), MAX_BYTES):
            index, side = wanted[replace(ref, payload=None)]
            pair, missing = waiting.pop(index)
            pair = replace(pair, **{side: ref})
            if missing == 1:
                yield pair
            else:
                waiting[index] = pair, missing - 1


def listed(entries: Sequence[str], between: str = ", ") -> str:
    """The first entries for a message, and how many more there are."""
    more = f" and {len(entries) - SHOWN} more" if len(entries) > SHOWN else ""
    return between.join(entries[:SHOWN]) + more


def _two_folders(source: ImageSource) -> tuple[tuple[Pair, ...], tuple[SkippedImage, ...]]:
    """The pairs of a source with a folder for each side, and the images that lie in neither."""
    keys = [PurePosixPath(ref.key).parts for ref in source.refs]
    shared = 0  # folders around everything, as archives have them
    while all(len(parts) > shared + 2 and parts[shared] == keys[0][shared] for parts in keys):
        shared += 1
    folders: dict[str, list[ImageRef]] = {}
    for ref, parts in zip(source.refs, keys, strict=True):
        if len(parts) > shared + 1:
            below = replace(ref, key="/".join(parts[shared + 1 :]))
            folders.setdefault(parts[shared], []).append(below)
    chosen = [_folder(source.text, folders, kind, names) for kind, names in SIDES.items()]
    clean, degraded = (_by_stem(folders[name], f"{source.text}/{name}") for name in chosen)
    skipped = tuple(
        SkippedImage(ref.key, f"lies outside the folders {' and '.join(chosen)}")
        for ref, parts in zip(source.refs, keys, strict=True)
        if parts[shared] not in chosen
    )
    return _matched(clean, degraded, source.text), skipped


def _folder(text: str, folders: Iterable[str], kind: str, names: tuple[str, ...]) -> str:
    """The one of ``folders`` that carries one of ``names``."""
    found = [folder for folder in folders if folder.casefold() in names]
    if not found:
        held = f", but the folders {listed(sorted(folders))}" if folders else ""
        hint = "give the folder that holds both, or the degraded images with --inputs"
        raise DataError(f'"{text}" has no folder of {kind} images ({", ".join(names)}){held}; {hint}')
    if len(found) > 1:
        raise DataError(f'"{text}" has several folders of {kind} images, {listed(sorted(found))}; leave one of them')
    return found[0]


def _by_stem(refs: Iterable[ImageRef], text: str) -> dict[str, ImageRef]:
    found: dict[str, ImageRef] = {}
    for ref in refs:
        stem = PurePosixPath(ref.key).with_suffix("").as_posix()
        if stem in found:
            raise DataError(f'"{text}" holds both {found[stem].key} and {ref.key}; remove one, or partners are unclear')
        found[stem] = ref
    return found


def _matched(clean: dict[str, ImageRef], degraded: dict[str, ImageRef], text: str) -> tuple[Pair, ...]:
    """Raises DataError where an image has no partner, or is its own."""
    alone = [f"{ref.key} (no degraded one)" for stem, ref in clean.items() if stem not in degraded]
    alone += [f"{ref.key} (no clean one)" for stem, ref in degraded.items() if stem not in clean]
    if alone:
        count = f"{len(alone)} of {len(clean.keys() | degraded.keys())} images"
        raise DataError(f'"{text}": {count} have no partner of their name: {listed(alone)}; add or remove them')
    for stem, ref in clean.items():
        if (ref.path, ref.member) == (degraded[stem].path, degraded[stem].member):
            raise DataError(f'"{text}": {ref.key} is given both as clean and as degraded; name another --inputs')
    return tuple(Pair(ref.key, ref, degraded[stem]) for stem, ref in clean.items())
