"""The images of a network pilot: windows in memory, and a fresh split into train and held out for every seed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from symmetry_audit.data import load_rgb
from symmetry_audit.errors import DataError, ImageError
from symmetry_audit.results import SkippedImage
from symmetry_audit.tasks import Fingerprint, Pair, Pairs, Task, fingerprint, is_grey, leaks, one_field, streamed

__all__ = ["LEAST", "Pictures", "Split", "read_pictures"]

MOST = 200  # images that are read, so that memory does not grow with the source
WINDOW = 256  # largest side of what is kept of an image, in px of the clean one: 80 MB for 200 pairs
LEAST = 6  # images, of which two are held out
HELD_OUT, SCORED = 16, 96  # images to score, and the largest side of each, in px of the clean one
PATCH, MULTIPLE = 32, 8  # largest side of a training patch, and what its side is a multiple of
SMALL, ALIKE = 32, 0.9  # side of a thumbnail in px; correlation of two of the same picture
CHOICE, WINDOWS, SPLIT, NOISE = range(4)  # the purpose of a generator: no two of them draw the same numbers


@dataclass(frozen=True)
class Split:
    """The images of one seed, as a training run takes them, and those to score: (input float32, clean uint8)."""

    items: tuple[tuple[np.ndarray, np.ndarray], ...]
    held_out: tuple[tuple[np.ndarray, np.ndarray], ...]

    @property
    def keys(self) -> Sequence[str]:
        """Names for messages."""
        return [str(at) for at in range(len(self.items))]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self.items[index]


@dataclass(frozen=True)
class Pictures:
    """Windows of different images, (degraded, clean) uint8 as ``Task.prepare`` makes them.

    ``broken`` are names of the images among the ``skipped`` that cannot be read; an audit skips them too.
    """

    task: Task
    items: tuple[tuple[np.ndarray, np.ndarray], ...]
    patch: int
    skipped: tuple[SkippedImage, ...] = ()
    broken: frozenset[str] = frozenset()

    @property
    def held_out(self) -> int:
        """How many images are held out: a fifth, at least 2, at most HELD_OUT."""
        return min(max(len(self.items) // 5, 2), HELD_OUT)

    @property
    def digest(self) -> str:
        """A hash of all pixels, of the degraded images too."""
        found = hashlib.sha256()
        for degraded, clean in self.items:
            found.update(repr((degraded.shape, clean.shape)).encode())
            found.update(degraded.data)
            found.update(clean.data)
        return found.hexdigest()

    def split(self, seed: int) -> Split:
        """Train and held out of ``seed``, which also draws the window and the noise of the images to score."""
        order = np.random.default_rng([seed, SPLIT]).permutation(len(self.items)).tolist()
        rng = np.random.default_rng([seed, NOISE])
        held_out = []
        for index in order[: self.held_out]:
            whole = self.items[index]
            degraded, clean = _cut(whole[0], whole[1], self.task.scale, SCORED, rng)
            noisy = self.task.corrupt(degraded, rng)
            grey = self.task.noisy and is_grey(whole[0])
            held_out.append((one_field(noisy) if grey else noisy, clean))
        return Split(tuple(self.items[index] for index in sorted(order[self.held_out :])), tuple(held_out))


def read_pictures(pairs: Pairs, task: Task, seed: int, progress: Callable[[int, int], None]) -> Pictures:
    """Up to MOST images of ``pairs``, drawn by ``seed`` and cut to windows; of near duplicates the first one.

    Near duplicates could otherwise stand on both sides of a split. Images that cannot be used are skipped. Raises
    DataError if fewer than LEAST images are left.
    """
    refs = _drawn(pairs.refs, seed)
    skipped: list[SkippedImage] = []
    found: dict[str, _Picture] = {}
    for done, pair in enumerate(streamed(refs), 1):
        try:
            found[pair.key] = _window(pair, task, seed)
        except ImageError as error:
            skipped.append(SkippedImage(pair.key, str(error)))
        progress(done, len(refs))
    broken = frozenset(item.image for item in skipped)
    keys = [pair.key for pair in refs if pair.key in found]  # archives come in an order of their own
    patch = _patch([found[key].degraded for key in keys])
    keys = [key for key in keys if not _left_out(key, found[key].degraded, patch, skipped)]
    keys = _different(keys, found, skipped)
    if len(keys) < LEAST:
        raise DataError(
            f'a pilot needs at least {LEAST} different images, "{pairs.text}" has {len(keys)} that can be used'
            f"{_first(skipped)}; add images, or choose a group with symaudit recommend"
        )
    items = tuple((found[key].degraded, found[key].clean) for key in keys)
    return Pictures(task, items, patch, tuple(skipped), broken)


@dataclass(frozen=True)
class _Picture:
    """A window of one image, and by what its duplicates are known: hashes and a thumbnail of the whole clean image."""

    degraded: np.ndarray
    clean: np.ndarray
    print: Fingerprint
    small: np.ndarray


def _drawn(refs: Sequence[Pair], seed: int) -> list[Pair]:
    if len(refs) <= MOST:
        return list(refs)
    chosen = np.random.default_rng([seed, CHOICE]).choice(len(refs), MOST, replace=False)
    return [refs[index] for index in sorted(chosen)]


def _window(pair: Pair, task: Task, seed: int) -> _Picture:
    clean = load_rgb(pair.clean).to_8bit()
    degraded = None if pair.degraded is None else load_rgb(pair.degraded).to_8bit()
    whole = task.prepare(clean, degraded)
    rng = np.random.default_rng([seed, WINDOWS, *pair.key.encode()])
    small = np.asarray(Image.fromarray(clean).convert("L").resize((SMALL, SMALL), Image.Resampling.BOX), dtype=float)
    return _Picture(*_cut(*whole, task.scale, WINDOW, rng), fingerprint(clean), small)


def _cut(
    degraded: np.ndarray, clean: np.ndarray, scale: int, largest: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A random window of at most ``largest`` px of the clean image, copied, so that the whole image can go."""
    sides = [min(largest // scale, side) for side in degraded.shape[:2]]
    top, left = (int(rng.integers(whole - side + 1)) for whole, side in zip(degraded.shape[:2], sides, strict=True))
    rows, columns = slice(top, top + sides[0]), slice(left, left + sides[1])
    fine = [slice(part.start * scale, part.stop * scale) for part in (rows, columns)]
    coarse = degraded[rows, columns].copy()
    return coarse, coarse if clean is degraded else clean[fine[0], fine[1]].copy()


def _patch(images: Sequence[np.ndarray]) -> int:
    """The side of training patches: as large as half of the images allow, so that one small image changes nothing."""
    if not images:
        return PATCH
    middle = sorted(min(image.shape[:2]) for image in images)[(len(images) - 1) // 2]
    return max(min(PATCH, middle) // MULTIPLE * MULTIPLE, MULTIPLE)


def _left_out(key: str, degraded: np.ndarray, patch: int, skipped: list[SkippedImage]) -> bool:
    """Whether an image is smaller than a patch; it is then noted as skipped."""
    height, width = degraded.shape[:2]
    if min(height, width) >= patch:
        return False
    skipped.append(SkippedImage(key, f"{width} x {height} px when degraded, smaller than a patch of {patch} px"))
    return True


def _different(keys: list[str], found: dict[str, _Picture], skipped: list[SkippedImage]) -> list[str]:
    """``keys`` without images that are nearly the same picture as an earlier one; these are noted as skipped.

    Perceptual hashes alone would take all images of one direction for the same: most of their frequencies are 0.
    """
    prints = {key: found[key].print for key in keys}
    twins: dict[str, list[str]] = {}
    for one, other, kind in leaks(prints, prints.items()):
        if kind == "exact" or _alike(found[one].small, found[other].small):
            twins.setdefault(one, []).append(other)
    kept: dict[str, None] = {}
    for key in keys:
        earlier = next((other for other in twins[key] if other in kept), None)
        if earlier is None:
            kept[key] = None
        else:
            skipped.append(SkippedImage(key, f"nearly the same picture as {earlier}"))
    return list(kept)


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two thumbnails, neither of them flat, are one picture in other light."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1]) >= ALIKE


def _first(skipped: Sequence[SkippedImage]) -> str:
    return f" ({skipped[0].image}: {skipped[0].reason})" if skipped else ""
