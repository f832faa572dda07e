"""Training batches that depend on the seed and the step only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache as cache_of_results
from functools import lru_cache
from typing import Protocol

import numpy as np

from symmetry_audit.errors import SettingError, suggest
from symmetry_audit.tasks._grey import is_grey, one_field
from symmetry_audit.tasks._task import Task

__all__ = ["AUGMENTATIONS", "PatchSampler", "PreparedImages", "whole_side"]

# name -> how many of these, each with probability 1/2: mirror left-right, mirror up-down, transpose
AUGMENTATIONS = {"none": 0, "hflip": 1, "flips": 2, "flips+turns": 3, "rotations": 1}
ROTATIONS = "rotations"  # also turns by any angle, for labelled tasks
LARGEST, MULTIPLE = 224, 8  # of the side of a patch that shows a whole image, in px
ORDERS, PATCHES = 0, 1  # the purpose of a generator: no two of them draw the same numbers


class PreparedImages(Protocol):
    """Examples as ``Task.read`` prepares them, (degraded, clean image or label); a ``PatchCache`` is one such."""

    @property
    def keys(self) -> Sequence[str]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]: ...


class PatchSampler:
    """Random patches of the images of a cache.

    Images are visited in permutations, one per epoch. Sample i of step s depends only on (seed, s, i) and the batch
    size. So the step suffices to resume a run, and process ``rank`` takes every ``world``-th sample of the batch.
    """

    def __init__(
        self,
        cache: PreparedImages,
        task: Task,
        patch: int,
        seed: int,
        augment: str = "flips+turns",
        *,
        blind: bool = False,
    ) -> None:
        """``patch`` is the side in px of a degraded patch. Raises SettingError, also for images smaller than that.

        ``blind``: batches hold measurements, and in place of clean targets what of them is measured.
        """
        if augment not in AUGMENTATIONS:
            raise SettingError(f'unknown augmentation "{augment}".{suggest(str(augment), AUGMENTATIONS)}')
        if patch < 1:
            raise SettingError(f"--patch must be at least 1 px, got {patch}")
        if seed < 0:
            raise SettingError(f"--seed must be at least 0, got {seed}")
        if augment == ROTATIONS and not task.labelled:
            raise SettingError(f"--augment {ROTATIONS} would blur images to restore; use flips+turns for {task.name}")
        _check_sizes(cache, patch)
        self._cache, self._task, self._patch, self._seed = cache, task, patch, seed
        self._steps, self._turned = AUGMENTATIONS[augment], augment == ROTATIONS
        self._blind = blind
        self._order = lru_cache(maxsize=4)(self._permutation)  # a batch of a small set spans several epochs
        self._grey = cache_of_results(lambda index: task.noisy and is_grey(cache[index][0]))

    def batch(self, step: int, size: int, rank: int = 0, world: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Inputs (n, C, p, p) and targets (n, C', scale p, scale p), float32 in 0..255; or labels in place of targets.

        Of ``blind`` sampling measurements, and masks (n, 1, p, p) of what is measured, as ``Task.measurement``.

        ``size`` is the size of the whole batch; this process gets its samples rank, rank + world, ...
        """
        inputs, targets = [], []
        for sample in range(rank, size, world):
            epoch, place = divmod(step * size + sample, len(self._cache))
            rng = np.random.default_rng((self._seed, PATCHES, step, sample))
            index = int(self._order(epoch)[place])
            degraded, clean = self._cut(index, rng)
            if self._blind:
                found, target = self._task.measurement(degraded, rng)
            else:
                found, target = self._task.example(degraded, clean, rng)
            inputs.append(_planes(one_field(found) if self._grey(index) else found))
            targets.append(_planes(target))
        return _stacked(inputs), _stacked(targets)

    def _permutation(self, epoch: int) -> np.ndarray:
        return np.random.default_rng((self._seed, ORDERS, epoch)).permutation(len(self._cache))

    def _cut(self, index: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A degraded patch of image ``index`` and its clean partner, as views, augmented alike; or its label."""
        degraded, clean = self._cache[index]
        top, left = (int(rng.integers(side - self._patch + 1)) for side in degraded.shape[:2])
        chosen = (rng.random(3) < 0.5)[: self._steps]
        side, scale = self._patch, self._task.scale
        patch = _augmented(_window(degraded, top, left, side), chosen)
        if clean.ndim < 3:  # a label
            return _rotated(patch, rng.uniform(0, 360)) if self._turned else patch, clean
        return patch, _augmented(_window(clean, top * scale, left * scale, side * scale), chosen)


def whole_side(cache: PreparedImages) -> int:
    """The side in px of the largest square patch that every image holds: a multiple of 8, at most 224."""
    smallest = min(min(cache[index][0].shape[:2]) for index in range(len(cache)))
    return max(min(smallest, LARGEST) // MULTIPLE, 1) * MULTIPLE


def _planes(image: np.ndarray) -> np.ndarray:
    """(h, w, C) as (C, h, w); a label as it is."""
    return image.transpose(2, 0, 1) if image.ndim == 3 else image


def _stacked(parts: Sequence[np.ndarray]) -> np.ndarray:
    """One contiguous array of all ``parts``, whatever the order of their axes in memory."""
    return np.stack(parts, out=np.empty((len(parts), *parts[0].shape), parts[0].dtype))


def _window(image: np.ndarray, top: int, left: int, side: int) -> np.ndarray:
    return image[top : top + side, left : left + side]


def _augmented(view: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """``view`` (p, p, C) mirrored left-right, mirrored up-down and transposed, as chosen."""
    for step, wanted in enumerate(chosen):
        if wanted:
            view = (view[:, ::-1], view[::-1], view.swapaxes(0, 1))[step]
    return view


def _rotated(view: np.ndarray, angle: float) -> np.ndarray:
    """``view`` (p, p, C) turned by ``angle`` degrees about its centre, bilinear; mirrored beyond its borders."""
    from scipy.ndimage import rotate  # a second to import, for this augmentation alone

    return rotate(view, angle, reshape=False, order=1, mode="mirror")


def _check_sizes(cache: PreparedImages, patch: int) -> None:
    for index, key in enumerate(cache.keys):
        height, width = cache[index][0].shape[:2]
        if min(height, width) < patch:
            size = f"{width} x {height} px when degraded"
            raise SettingError(
                f"{key} ({size}) is smaller than a patch of {patch} px; lower --patch, or remove the image"
            )
