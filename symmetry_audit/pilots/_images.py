"""One image of a task -> the moments of its windows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from symmetry_audit.data import decode_rgb, load_rgb
from symmetry_audit.errors import ImageError
from symmetry_audit.pilots._moments import Moments, mean_moments, pair_moments
from symmetry_audit.results import SkippedImage
from symmetry_audit.tasks import MAX_BYTES, Pair, Task, imresize

__all__ = ["Prepared", "noise_kind", "prepared", "task_moments"]

LARGEST = 512  # px on each side of an image
DRAWS = 4  # of noise that has no formula
STREAM = 3


@dataclass(frozen=True)
class Prepared:
    """One channel of one image as ``Task.prepare`` made it: ``clean`` (H, W) and ``given`` (h, w), uint8.

    ``sha256`` is the hash of the bytes of the clean file.
    """

    key: str
    sha256: str
    clean: np.ndarray
    given: np.ndarray


def prepared(pair: Pair, task: Task) -> Prepared | SkippedImage:
    """The channel that varies most, of the middle of the image; or why the image cannot be used.

    One channel, because that is where the noise of a task has its own strength. The one that varies most, because some
    images hold nothing in the others; in photographs all three say the same. At most 512 px on each side, because
    time grows with the pixels and the rest of a larger image hardly moves its moments.
    """
    try:
        data = pair.clean.read(MAX_BYTES)
        pixels = decode_rgb(data, bands=pair.clean.bands, white=pair.clean.white).to_8bit()
        degraded = None if pair.degraded is None else load_rgb(pair.degraded).to_8bit()
        given, clean = task.prepare(pixels, degraded)
    except ImageError as error:
        return SkippedImage(pair.key, str(error))
    given, clean = _middle(given, LARGEST // task.scale), _middle(clean, LARGEST // task.scale, task.scale)
    channel = int(np.argmax(clean.var(axis=(0, 1))))
    # copies, so that the whole images go
    return Prepared(pair.key, hashlib.sha256(data).hexdigest(), clean[..., channel].copy(), given[..., channel].copy())


def task_moments(image: Prepared, task: Task, window: int, seed: int) -> Moments:
    """The moments of an image, with the noise of the task: exact where it is known as a formula, otherwise drawn.

    Drawn noise depends on ``seed`` and the name of the image alone. An image that the task has shrunk is enlarged by
    bicubic interpolation first, and windows at all offsets from its pixels are taken together.
    """
    clean = image.clean.astype(np.float64)
    if noise_kind(task) != "drawn":
        return pair_moments(clean, _enlarged(image.given, task), window, task.noise_variance)
    rng = np.random.default_rng((seed, STREAM, *hashlib.sha256(image.key.encode()).digest()))
    grey = np.repeat(image.given[..., None], 3, axis=2)
    drawn = (task.corrupt(grey, rng)[..., 0] for _ in range(DRAWS))
    return mean_moments([pair_moments(clean, _enlarged(one, task), window) for one in drawn])


def noise_kind(task: Task) -> str:
    """How the noise of a task enters the moments: "none", "exact" or "drawn"."""
    if not task.noisy:
        return "none"
    return "drawn" if task.noise_variance(np.ones(1), np.ones(1)) is None else "exact"


def _enlarged(image: np.ndarray, task: Task) -> np.ndarray:
    return image.astype(np.float64) if task.scale == 1 else imresize(image, task.scale)


def _middle(image: np.ndarray, most: int, scale: int = 1) -> np.ndarray:
    """At most ``most`` times ``scale`` px on each side, cut alike on both ends by multiples of ``scale``: a view."""
    down, right = (scale * max(0, -(-(side // scale - most) // 2)) for side in image.shape[:2])
    return image[down : image.shape[0] - down, right : image.shape[1] - right]
