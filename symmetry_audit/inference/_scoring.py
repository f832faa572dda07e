"""The scores of one image after another, in whichever process."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, NoReturn

import numpy as np
from torch import nn

from symmetry_audit.errors import DataError, ImageError, SettingError
from symmetry_audit.groups import Group
from symmetry_audit.inference._restore import average_image, restore_image
from symmetry_audit.inference._samples import as_samples, checked
from symmetry_audit.metrics import Score
from symmetry_audit.results import FurtherScore, ImageScore, SymmetrizedScore
from symmetry_audit.tasks import Item, Pair, Task, evaluation_item

__all__ = ["Rated", "Scoring", "unscored"]

WARM = 64  # px


@dataclass(frozen=True)
class Rated:
    """The scores of one image, and of its average over a group where that was asked.

    ``sha256`` is that of the pixels that the scores depend on.
    """

    key: str
    score: ImageScore
    sha256: str
    pair: SymmetrizedScore | None


@dataclass(frozen=True)
class _Restored:
    """The restored image and, where that was asked, the average over a group, which took ``passes`` in all.

    A baseline's image is ``final``; that of a network is clipped, and rounded where the protocol says so.
    """

    image: np.ndarray
    final: bool = False
    average: np.ndarray | None = None
    deviation: float = 0.0  # root mean square of their difference before rounding
    passes: int = 1


@dataclass
class Scoring:
    """Scores images of ``task`` as :func:`evaluate` says, in any process: it can be pickled.

    ``model`` is a network or the name of a baseline, ``protocol`` one of the task's, and ``settings`` are those of
    :func:`restore_image`, which baselines do not have.
    """

    model: nn.Module | str
    task: Task
    protocol: str
    settings: Mapping[str, Any]
    group: Group | None = None
    seed: int = 0
    _warm: bool = False

    def __call__(self, pair: Pair) -> Rated:
        """Score one image. Raises the errors of ``evaluate``."""
        item = evaluation_item(pair, self.task, self.seed)
        if not self._warm:  # one-time work, such as building filters, does not count towards the time of an image
            self._restored(item.input[:WARM, :WARM], pair)
            self._warm = True
        return self.rated(item)

    def rated(self, item: Item) -> Rated:
        """The scores of an image that was read, or of a part of one."""
        task, way = self.task, self.task.protocols[self.protocol]
        start = perf_counter()
        restored = self._restored(item.input, item.pair)  # on the CPU, so the device has finished by then
        seconds = (perf_counter() - start) / restored.passes
        degraded = task.restored_by(task.baselines[0], item.input, item.pair)

        # as restore writes it to a file of one channel; tables of super-resolution take the luma of the output in color
        one_channel = item.grey and task.scale == 1 and task.outputs == 3

        def scored(image: np.ndarray, protocol: Any, final: bool) -> Score:
            # a degraded picture as degrade writes it, so that clipping alone is no gain of a network's
            kept = final and not (task.pictures and protocol.rounded)
            done = image if kept else _finished(image.mean(axis=2) if one_channel else image, protocol)
            return task.scored(protocol, done, item.clean, item.input)

        try:
            ways = [way, *(task.protocols[name] for name in task.further if name != way.name)]
            each = [(scored(restored.image, one, restored.final), scored(degraded, one, final=True)) for one in ways]
            average = None if restored.average is None else scored(restored.average, way, final=False)
        except (SettingError, ImageError) as error:
            raise type(error)(f"{item.key}: {error}") from None
        own, before = each[0]
        scores = {"psnr": own.psnr, "ssim": own.ssim, "input_psnr": before.psnr, "input_ssim": before.ssim}
        pair = None
        if average is not None:
            about = {"average_psnr": average.psnr, "deviation": restored.deviation}
            pair = SymmetrizedScore(image=item.key, psnr=own.psnr, **about)
        further = tuple(one for used, both in zip(ways, each, strict=True) for one in _further(used, way, *both))
        score = ImageScore(image=item.key, **scores, seconds=seconds, further=further)
        return Rated(item.key, score, _digest(item, task), pair)

    def _restored(self, image: np.ndarray, pair: Pair) -> _Restored:
        """A network's input, restored; ``pair`` are the files that it comes from."""
        if isinstance(self.model, str):
            return _Restored(self.task.restored_by(self.model, image, pair), final=True)
        if self.group is None:
            return _Restored(restore_image(self.model, image, **self.settings))
        rest = {name: self.settings[name] for name in ("tile", "overlap", "device")}
        own, average = map(checked, average_image(self.model, image, self.group, **rest))
        deviation = np.sqrt(np.mean((average.astype(np.float64) - own) ** 2))
        return _Restored(own, average=average, deviation=float(deviation), passes=self.group.order)


def unscored(pair: Pair, how: str) -> NoReturn:
    """Raise DataError for an image that ended the processes which scored it; ``how`` they ended."""
    raise DataError(f"{pair.key} twice ended the process that scored it ({how}): out of memory, or damaged; remove it")


def _finished(image: np.ndarray, protocol: Any) -> np.ndarray:
    """A network's output as ``protocol`` scores it. Raises ModelError for NaN."""
    return as_samples(image) if protocol.rounded else checked(image).clip(0, 255)


def _further(protocol: Any, way: Any, own: Score, before: Score) -> Iterator[FurtherScore]:
    """The numbers of ``protocol`` that an evaluation under ``way`` has beside its PSNR and SSIM."""
    if protocol is not way:
        yield FurtherScore(protocol=protocol.name, name="PSNR", unit="dB", value=own.psnr, input_value=before.psnr)
        yield FurtherScore(protocol=protocol.name, name="SSIM", unit="", value=own.ssim, input_value=before.ssim)
    if own.rmse_hu is not None and before.rmse_hu is not None:
        rmse = {"value": own.rmse_hu, "input_value": before.rmse_hu}
        yield FurtherScore(protocol=protocol.name, name="RMSE", unit="HU", **rmse)


def _digest(item: Item, task: Task) -> str:
    """Fingerprint of the clean image, and of its degraded partner if there is one."""
    clean = item.fingerprint["sha256"]
    assert clean is not None  # unlike the perceptual hash, every image has one
    return hashlib.sha256(clean.encode() + item.input.tobytes()).hexdigest() if task.paired else clean
