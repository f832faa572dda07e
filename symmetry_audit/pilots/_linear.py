"""The linear pilot: what the best linear filter gains or loses by a group, measured in seconds (SPEC 8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from symmetry_audit.data import set_fingerprint
from symmetry_audit.errors import DataError, SettingError
from symmetry_audit.pilots._images import Prepared, noise_kind, prepared, task_moments
from symmetry_audit.pilots._moments import Moments, pair_moments, stacked
from symmetry_audit.pilots._pool import in_order
from symmetry_audit.pilots._symmetries import GROUPS, window_symmetry
from symmetry_audit.pilots._validation import cross_validated
from symmetry_audit.pilots._windows import chosen_window
from symmetry_audit.results import DatasetInfo, LinearGain, LinearPilot, SkippedImage
from symmetry_audit.tasks import Pair, Pairs, Task, streamed

__all__ = ["LIMIT", "array_pilot", "drawn_pairs", "linear_pilot"]

LIMIT = 200  # images: 200 MB of memory, and intervals as narrow as advice needs
FOLDS = 5
FEWEST = 2  # images
STREAM = 2
Progress = Callable[[int, int], None]


def array_pilot(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
    *,
    sigma: float = 0.0,
    groups: Sequence[str] = GROUPS,
    window: int | None = None,
    folds: int = FOLDS,
    seed: int = 0,
) -> tuple[LinearGain, ...]:
    """The gain of every one of ``groups`` for pairs (clean, degraded) of grey images, each (H, W) in grey levels.

    White noise of ``sigma`` grey levels is added to the degraded images: not drawn, but as its expectation. Give
    ``(image, image)`` for denoising. The other arguments are those of ``linear_pilot``. Raises SettingError for
    partners of two sizes and images smaller than the window, DataError for fewer than 2 pairs.
    """
    side = chosen_window([clean.shape for clean, _ in pairs], window)
    found = []
    for index, (clean, degraded) in enumerate(pairs):
        if clean.ndim != 2 or clean.shape != degraded.shape or min(clean.shape) < side:
            shapes = f"{clean.shape} and {degraded.shape}"
            raise SettingError(f"pair {index} must hold two images (H, W) of at least {side} px, got {shapes}")
        found.append(pair_moments(clean.astype(float), degraded.astype(float), side, partial(_white, sigma)))
    return _gains(found, side, groups, folds, seed)


def linear_pilot(
    pairs: Pairs,
    task: Task,
    *,
    groups: Sequence[str] = GROUPS,
    window: int | None = None,
    folds: int = FOLDS,
    seed: int = 0,
    limit: int = LIMIT,
    workers: int = 1,
    progress: Progress = lambda done, total: None,
) -> LinearPilot:
    """The gain of every one of ``groups`` for ``task`` on the images of ``pairs``.

    ``groups`` are names of ``Group``, or "updown" for the mirror y -> -y. ``window`` is the side of the filter in px;
    by default 15, or less where images are small. ``folds`` is the number of parts that are held out in turn (that of
    the images if they are fewer). Of more than ``limit`` images so many are drawn with ``seed``: memory does not grow
    with the set. ``workers`` images are measured at a time; the result has the same bits whatever their number. Images
    that cannot be used are skipped. ``progress`` gets two steps for every image, decoding and moments. Raises
    SettingError for a group, window, number of folds or limit that cannot be, DataError where fewer than 2 images can
    be used.
    """
    drawn = drawn_pairs(pairs.refs, limit, seed)
    images: list[Prepared] = []
    skipped = list(pairs.skipped)
    for done, image in enumerate(in_order(partial(prepared, task=task), streamed(drawn), workers), 1):
        if isinstance(image, Prepared):
            images.append(image)
        else:
            skipped.append(image)
        progress(done, 2 * len(drawn))
    side = chosen_window([image.clean.shape for image in images], window)
    skipped += [SkippedImage(image.key, _too_small(side)) for image in images if min(image.clean.shape) < side]
    images = sorted((image for image in images if min(image.clean.shape) >= side), key=lambda image: image.key)
    found = []
    measure = partial(task_moments, task=task, window=side, seed=seed)
    for moments in in_order(measure, images, workers):
        found.append(moments)
        progress(2 * len(drawn) - len(images) + len(found), 2 * len(drawn))
    gains = _gains(found, side, groups, folds, seed)
    fingerprint = set_fingerprint((image.sha256, image.key) for image in images)
    return LinearPilot(
        task=task.to_dict(),
        task_text=task.text,
        data=DatasetInfo(pairs.name, pairs.text, len(images), fingerprint),
        window=side,
        folds=min(folds, len(images)),
        noise=noise_kind(task),
        seed=seed,
        gains=gains,
        skipped=tuple(sorted(skipped, key=lambda item: (item.image, item.reason))),
    )


def _gains(
    moments: Sequence[Moments], side: int, groups: Sequence[str], folds: int, seed: int
) -> tuple[LinearGain, ...]:
    """Raises SettingError and DataError as its callers say."""
    if folds < 2:
        raise SettingError(f"folds must be at least 2, got {folds}: one part of the images is held out, others are not")
    if len(moments) < FEWEST:
        raise DataError(
            f"a pilot needs {FEWEST} images or more, one to learn from and one to restore; got {len(moments)}"
        )
    symmetries = [window_symmetry(name, side) for name in groups]
    return cross_validated(stacked(moments), symmetries, folds=min(folds, len(moments)), seed=seed)


def drawn_pairs(refs: tuple[Pair, ...], limit: int, seed: int) -> tuple[Pair, ...]:
    """At most ``limit`` of ``refs``, in their order."""
    if limit < FEWEST:
        raise SettingError(f"--limit must be at least {FEWEST} for a pilot, got {limit}")
    if len(refs) <= limit:
        return refs
    places = np.random.default_rng((seed, STREAM)).choice(len(refs), limit, replace=False)
    return tuple(refs[place] for place in sorted(places))


def _white(sigma: float, mean: np.ndarray, square: np.ndarray) -> np.ndarray:
    return np.full_like(mean, sigma * sigma)


def _too_small(side: int) -> str:
    return f"smaller than the window of {side} px"
