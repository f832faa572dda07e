"""SOURCE -> the images for training or testing a task, each with its degraded partner if the task is paired."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from symmetry_audit.data import (
    BYTES_PER_PIXEL,
    DEFAULT_MAX_PIXELS,
    ImageRef,
    ImageSource,
    load_image,
    open_source,
    set_fingerprint,
)
from symmetry_audit.errors import DataError, ImageError, SettingError
from symmetry_audit.results import SkippedImage
from symmetry_audit.tasks._labelled import folders_around, open_labelled
from symmetry_audit.tasks._pair_names import SIDES, PairRule, named_alike, side_of
from symmetry_audit.tasks._task import Task

__all__ = ["MAX_BYTES", "Pair", "Pairs", "listed", "open_pairs", "pixel_hashes", "source_fingerprint", "streamed"]

MAX_BYTES = DEFAULT_MAX_PIXELS * BYTES_PER_PIXEL  # per file
SHOWN = 10  # names in one message


@dataclass(frozen=True)
class Pair:
    """One clean image, for a paired task its degraded partner, for a labelled task its class.

    ``key`` is the name of the clean one, or of the degraded one where a clean one has several. For a task with masks
    the partner is the file of the masks, ``number`` counts the examples of one clean image, and the key ends with it.
    """

    key: str
    clean: ImageRef
    degraded: ImageRef | None = None
    number: int = 0
    label: str | None = None

    @property
    def refs(self) -> tuple[ImageRef, ...]:
        """Its files."""
        return (self.clean,) if self.degraded is None else (self.clean, self.degraded)

    def anywhere(self) -> Pair:
        """The same pair for a process with another working folder."""
        return replace(self, clean=self.clean.anywhere(), degraded=self.degraded and self.degraded.anywhere())


@dataclass(frozen=True)
class Pairs:
    """The images of one source in key order; ``text`` is the source as the user wrote it."""

    name: str
    text: str
    refs: tuple[Pair, ...]
    skipped: tuple[SkippedImage, ...] = ()
    note: str | None = None  # choices made for the user, such as a manifest's default split
    remarks: tuple[str, ...] = ()  # what there is to say about the files
    short_name: str | None = None  # after which folders of results are named, where that is not ``name``

    def with_bands(self, bands: tuple[int, ...] | None) -> Pairs:
        """The same pairs, of whose pictures these ``bands`` are taken; None: as they are."""
        return self if bands is None else self._each(lambda ref: ref.with_bands(bands))

    def with_white(self, white: float | None, images: Collection[ImageRef] | None = None) -> Pairs:
        """The same pairs, whose files, those in ``images`` or all, have this white level; None: as they are."""
        if white is None:
            return self
        return self._each(lambda ref: ref.with_white(white) if images is None or ref in images else ref)

    def _each(self, change: Callable[[ImageRef], ImageRef]) -> Pairs:
        """The same pairs, each file after ``change``."""
        pairs = (
            replace(pair, clean=change(pair.clean), degraded=pair.degraded and change(pair.degraded))
            for pair in self.refs
        )
        return replace(self, refs=tuple(pairs))


def open_pairs(
    source: str | ImageSource,
    task: Task,
    *,
    inputs: str | ImageSource | None = None,
    pair_by: str | None = None,
    data_root: str | Path | None = None,
    limit: int | None = None,
) -> Pairs:
    """The images of ``source`` (open already, or anything that ``open_source`` takes), the first ``limit`` of them.

    For a labelled task every image has a class, see ``open_labelled``; images of other classes than the task's, if it
    has any, are skipped, and a ``limit`` takes images of all classes in turn.

    For a paired task the source holds two folders, one of degraded and one of clean images (``rain`` and
    ``norain``, ``input`` and ``target``, ``lq`` and ``gt``), or ``inputs`` is the source of the degraded ones.
    The folders of the sides may also lie deeper, one pair of them for each scene, or the names themselves tell the
    sides (``NOISY_1``, ``GT_1``). Partners have the same name below their folders, up to the file's suffix; or names
    that differ by the word of their side (``rain-1``, ``norain-1``), by a number behind (``901_1`` to ``901_14`` of
    ``901``), or both; or they are named as ``pair_by`` says, see :class:`PairRule`. For a task with masks ``inputs``
    is their file or folder. Raises DataError if there are no such folders, or several, and if an image has no partner
    or may have two.
    """
    if inputs is not None and not (task.paired or task.masked):
        raise SettingError(f"--inputs is for tasks with pairs; {task.name} degrades the clean images itself")
    if pair_by is not None and not task.paired:
        raise SettingError(f"--pair-by is for tasks with pairs; {task.name} degrades the clean images itself")
    if limit is not None and limit < 1:
        raise SettingError(f"--limit must be at least 1, got {limit}")
    if task.labelled:
        found = open_labelled(source, data_root).chosen(task.class_names, limit)
        opened = found.source
        pairs = tuple(Pair(ref.key, ref, label=label) for ref, label in zip(opened.refs, found.labels, strict=True))
        return _pairs_of(opened, pairs, opened.skipped)
    opened = _opened(source, data_root)
    skipped, rule = opened.skipped, None if pair_by is None else PairRule.parse(pair_by)
    if task.masked:
        pairs, limit = _masked(opened.refs[:limit], inputs, task), None
    elif not task.paired:
        pairs = tuple(Pair(ref.key, ref) for ref in opened.refs)
    elif inputs is not None:
        other = _opened(inputs, data_root)
        skipped += other.skipped
        clean, degraded = _by_stem(opened.refs, opened.text), _by_stem(other.refs, other.text)
        pairs = _matched(clean, degraded, opened.text, rule)
    elif rule is not None:
        pairs = _ruled(_by_stem(opened.refs, opened.text), opened.text, rule)
    else:
        pairs, outside = _two_folders(opened)
        skipped += outside
    return _pairs_of(opened, pairs[:limit], skipped)


def _pairs_of(source: ImageSource, pairs: tuple[Pair, ...], skipped: tuple[SkippedImage, ...]) -> Pairs:
    return Pairs(source.name, source.text, pairs, skipped, source.note, source.remarks, source.short_name)


def _opened(source: str | ImageSource, data_root: str | Path | None) -> ImageSource:
    return source if isinstance(source, ImageSource) else open_source(source, data_root)


def source_fingerprint(pairs: Pairs) -> str:
    """The fingerprint of the clean images, as in the report of an audit. Raises DataError."""
    clean, hashes = {pair.clean.key: Pair(pair.clean.key, pair.clean) for pair in pairs.refs}, {}
    for pair in streamed(clean.values()):
        try:
            hashes[pair.key] = hashlib.sha256(pair.clean.read(MAX_BYTES)).hexdigest()
        except ImageError as error:
            raise DataError(f"{pair.key}: {error}") from None
    return set_fingerprint((hashes[key], key) for key in clean)


def pixel_hashes(pairs: Pairs) -> dict[str, str]:
    """The hash of the decoded samples of every clean image by its key, as an audit keeps it. Raises DataError."""
    clean, hashes = {pair.clean.key: Pair(pair.clean.key, pair.clean) for pair in pairs.refs}, {}
    for pair in streamed(clean.values()):
        try:
            hashes[pair.key] = load_image(pair.clean).pixel_sha256
        except ImageError as error:
            raise DataError(f"{pair.key}: {error}") from None
    return hashes


def streamed(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """``pairs``. Archives are read in one pass; their pairs come with the bytes, once both sides were read."""
    places: dict[Path, dict[ImageRef, list[tuple[int, str]]]] = {}
    waiting = {}
    for index, pair in enumerate(pairs):
        sides = [("clean", pair.clean), ("degraded", pair.degraded)]
        packed = {ref: (index, side) for side, ref in sides if ref is not None and ref.member is not None}
        if not packed:
            yield pair
            continue
        waiting[index] = pair, len(packed)
        for ref, place in packed.items():
            places.setdefault(ref.path, {}).setdefault(ref, []).append(place)
    for wanted in places.values():
        for ref in ImageSource("", "", ()).stream(list(wanted), MAX_BYTES):
            for index, side in wanted[replace(ref, payload=None)]:
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


def _masked(refs: Iterable[ImageRef], masks: str | ImageSource | None, task: Task) -> tuple[Pair, ...]:
    """As many pairs of every image and the file or folder of ``masks`` as the task makes examples of it."""
    if not isinstance(masks, str):
        raise SettingError(f"{task.name} needs masks: give a .npy or .mat file or a folder of pictures with --inputs")
    if not Path(masks).exists():
        raise DataError(f'no such masks: "{masks}"; give a .npy or .mat file or a folder of pictures with --inputs')
    from symmetry_audit.tomography import read_masks

    read_masks(masks)  # a file without masks is refused once, and not for every image
    partner = ImageRef(Path(masks).name, Path(masks))
    return tuple(
        Pair(f"{ref.key}#{number}", ref, partner, number) for ref in refs for number in range(1, task.repeats + 1)
    )


def _two_folders(source: ImageSource) -> tuple[tuple[Pair, ...], tuple[SkippedImage, ...]]:
    """The pairs of a source with a folder for each side, and the images in neither folder."""
    keys = [PurePosixPath(ref.key).parts for ref in source.refs]
    shared = folders_around(keys)
    folders: dict[str, list[ImageRef]] = {}
    for ref, parts in zip(source.refs, keys, strict=True):
        if len(parts) > shared + 1:
            below = replace(ref, key="/".join(parts[shared + 1 :]))
            folders.setdefault(parts[shared], []).append(below)
    if not any(_is_side(folder) for folder in folders):
        sides = [side_of(parts) for parts in keys]
        if {"clean", "degraded"} <= {side for side, _ in sides}:
            return _told_apart(source, sides)
    chosen = [_folder(source.text, folders, kind, names) for kind, names in SIDES.items()]
    clean, degraded = (_by_stem(folders[name], f"{source.text}/{name}") for name in chosen)
    skipped = tuple(
        SkippedImage(ref.key, f"outside the folders {' and '.join(chosen)}")
        for ref, parts in zip(source.refs, keys, strict=True)
        if parts[shared] not in chosen
    )
    return _matched(clean, degraded, source.text), skipped


def _is_side(folder: str) -> bool:
    return any(folder.casefold() in names for names in SIDES.values())


def _told_apart(
    source: ImageSource, sides: Sequence[tuple[str | None, str]]
) -> tuple[tuple[Pair, ...], tuple[SkippedImage, ...]]:
    """The pairs of a source whose names tell the side of each image, and the images that are of none."""
    found: dict[str | None, list[ImageRef]] = {"clean": [], "degraded": [], None: []}
    for ref, (side, key) in zip(source.refs, sides, strict=True):
        found[side].append(replace(ref, key=key))
    clean, degraded = (_by_stem(found[side], source.text) for side in SIDES)
    skipped = tuple(
        SkippedImage(ref.key, "neither clean nor degraded by its name")
        for ref, (side, _) in zip(source.refs, sides, strict=True)
        if side is None
    )
    return _matched(clean, degraded, source.text), skipped


def _folder(text: str, folders: Iterable[str], kind: str, names: tuple[str, ...]) -> str:
    """The one of ``folders`` whose name is in ``names``."""
    found = [folder for folder in folders if folder.casefold() in names]
    if not found:
        held = f", but the folders {listed(sorted(folders))}" if folders else ""
        hint = "give the folder that holds both, or the degraded images with --inputs"
        raise DataError(f'"{text}" has no folder of {kind} images ({", ".join(names)}){held}; {hint}')
    if len(found) > 1:
        raise DataError(
            f'"{text}" has several folders of {kind} images, {listed(sorted(found))}; keep only one of them'
        )
    return found[0]


def _by_stem(refs: Iterable[ImageRef], text: str) -> dict[str, ImageRef]:
    found: dict[str, ImageRef] = {}
    for ref in refs:
        stem = PurePosixPath(ref.key).with_suffix("").as_posix()
        if stem in found:
            raise DataError(
                f'"{text}" holds both {found[stem].key} and {ref.key}; remove one of them, so that partners are clear'
            )
        found[stem] = ref
    return found


def _ruled(found: dict[str, ImageRef], text: str, rule: PairRule) -> tuple[Pair, ...]:
    """The pairs of a source that holds both sides: what ``rule`` takes for a degraded name, and the others."""
    degraded = {stem: ref for stem, ref in found.items() if rule.clean_name(stem) is not None}
    if not degraded:
        raise DataError(f'"{text}": --pair-by takes none of its {len(found)} names for a degraded image; correct it')
    return _matched({stem: ref for stem, ref in found.items() if stem not in degraded}, degraded, text, rule)


def _matched(
    clean: dict[str, ImageRef], degraded: dict[str, ImageRef], text: str, rule: PairRule | None = None
) -> tuple[Pair, ...]:
    """Raises DataError if an image has no partner, or is its own partner."""
    partners = named_alike(clean, degraded, text) if rule is None else rule.partners(clean, degraded)
    paired = set(partners.values())
    alone = [f"{ref.key} (no degraded image)" for stem, ref in clean.items() if stem not in paired]
    alone += [f"{ref.key} (no clean image)" for stem, ref in degraded.items() if stem not in partners]
    if alone:
        count = f"{len(alone)} of {len(partners) + len(alone)} images"
        hint = "add partners, remove the images, or say with --pair-by how names belong together"
        raise DataError(f'"{text}": {count} have no partner of the same name: {listed(alone)}; {hint}')
    found = {}
    for stem, own in partners.items():
        ref, rainy = clean[own], degraded[stem]
        if (ref.path, ref.member) == (rainy.path, rainy.member):
            raise DataError(f'"{text}": {ref.key} is its own degraded image; choose other --inputs')
        key = ref.key if len(partners) == len(paired) else rainy.key
        found[key] = Pair(key, ref, rainy)
    return tuple(found[key] for key in sorted(found))
