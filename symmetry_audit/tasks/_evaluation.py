"""Test images: whole images, with degradations that do not depend on their order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from symmetry_audit.errors import DataError, ImageError
from symmetry_audit.tasks._grey import is_grey, one_field
from symmetry_audit.tasks._leaks import Fingerprint, fingerprint
from symmetry_audit.tasks._pairs import Pair, Pairs, streamed
from symmetry_audit.tasks._task import Task

__all__ = ["Item", "clean_fingerprints", "evaluation_item", "evaluation_items"]


@dataclass(frozen=True)
class Item:
    """One test image: ``input`` (h, w, C) float32 and ``clean`` (H, W, C'), uint8 or float32, or a label.

    ``input`` is what a network gets, the degraded image by default. ``fingerprint`` is that of the clean image before
    it was cut to a multiple of the scale. ``grey`` says whether its file has one channel.
    """

    pair: Pair
    key: str
    input: np.ndarray
    clean: np.ndarray
    grey: bool
    fingerprint: Fingerprint


def evaluation_items(pairs: Pairs, task: Task, seed: int) -> Iterator[Item]:
    """The images one by one. The noise of an image depends only on ``seed`` (0 or more) and its key.

    Raises DataError for the first image that cannot be used: means over fewer images could not be compared.
    """
    return (evaluation_item(pair, task, seed) for pair in streamed(pairs.refs))


def evaluation_item(pair: Pair, task: Task, seed: int) -> Item:
    """One image, as :func:`evaluation_items` has it, wherever it is made. Raises DataError if it cannot be used."""
    try:
        return _item(pair, task, seed)
    except ImageError as error:
        raise DataError(f"{pair.key}: {error}") from None


def clean_fingerprints(pairs: Pairs, task: Task) -> dict[str, Fingerprint]:
    """Fingerprints of the clean images of ``task`` by name. Raises DataError for one that cannot be read."""
    found = {}
    for pair in streamed(replace(pair, degraded=None) for pair in pairs.refs):
        try:
            found[pair.key] = fingerprint(task.picture(pair.clean))
        except ImageError as error:
            raise DataError(f"{pair.key}: {error}") from None
    return found


def _item(pair: Pair, task: Task, seed: int) -> Item:
    found = task.read(pair)
    rng = np.random.default_rng((seed, *hashlib.sha256(pair.key.encode()).digest()))
    noisy = task.corrupt(found.degraded, rng)
    if task.noisy and is_grey(found.degraded):
        noisy = one_field(noisy)
    return Item(pair, pair.key, noisy, found.clean, found.grey, fingerprint(found.picture))
