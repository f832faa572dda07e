"""PSNR and SSIM of a network, or of a baseline, on a test set."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from torch import nn

from symmetry_audit.catalogue import BASELINES
from symmetry_audit.checkpoints import Checkpoint
from symmetry_audit.data import set_fingerprint
from symmetry_audit.errors import ImageError, SettingError, suggest
from symmetry_audit.groups import Group
from symmetry_audit.inference._restore import average_image, restore_image
from symmetry_audit.inference._samples import as_samples, checked
from symmetry_audit.inference._symmetrize import asked_group, symmetrization
from symmetry_audit.layers import METHODS
from symmetry_audit.metrics import Score
from symmetry_audit.results import (
    DatasetInfo,
    EvaluatedModel,
    Evaluation,
    FurtherScore,
    ImageScore,
    SymmetrizedScore,
)
from symmetry_audit.tasks import (
    Fingerprint,
    Item,
    Pair,
    Pairs,
    Task,
    clean_fingerprints,
    evaluation_items,
    leaks,
)

__all__ = ["describe", "evaluate", "leaked", "score_item"]

WARM = 64  # px
Restore = Callable[[np.ndarray, Pair], "_Restored"]  # from a network's input and the files that it comes from


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


def describe(checkpoint: Checkpoint, network: nn.Module, name: str) -> EvaluatedModel:
    """The table entry of ``checkpoint``, whose ``network`` is not folded yet, under the name ``name``."""
    made = checkpoint.architecture
    soft = [
        *([", relaxed"] if made.get("relaxed") else []),
        *([", partial"] if made.get("partial") else []),
        *([" + EQ-Reg"] if checkpoint.card.settings.get("eq_reg") else []),
        *([f", {way.upper()}"] if (way := checkpoint.card.settings.get("self_supervised")) else []),
    ]
    return EvaluatedModel(
        name=name,
        method=METHODS[made["method"]].title + "".join(soft),
        group=made["group"],
        backbone=made["backbone"],
        preset=made["preset"],
        step=checkpoint.card.step,
        parameters=sum(value.numel() for value in network.parameters()),
    )


def evaluate(
    model: nn.Module | str,
    pairs: Pairs,
    task: Task,
    *,
    info: EvaluatedModel | None = None,
    protocol: str | None = None,
    seed: int = 0,
    tile: int | None = None,
    overlap: int = 32,
    self_ensemble: bool = False,
    symmetrize: Group | str | None = None,
    device: str = "cpu",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Score ``model`` on every image of ``pairs``, next to the degraded image itself.

    ``model`` is a network, which runs as :func:`restore_image` says and whose output is clipped and rounded to 8 bits
    as in a file; or "bicubic", the 8-bit bicubic interpolation of a smaller image; or "identity", the degraded image
    itself, as a file holds it where the protocol rounds. Of a grey file a network's three channels are averaged, as in
    a file, except in super-resolution. ``protocol`` is the task's by default. Noise is drawn from ``seed`` and the
    image's name. Only restoring counts towards the seconds. With ``symmetrize``, a group of quarter turns and mirrors,
    the network is also compared with its average over that group (:func:`average_image`); its seconds are then the mean
    over all passes.

    Raises SettingError for an unknown protocol, for a baseline that does not fit the task, and where ``symmetrize`` is
    another group or meets a baseline or the self-ensemble; DataError for an image that cannot be used, ModelError for
    NaN from the network.
    """
    way = _protocol(protocol or task.protocol, task)
    group = asked_group(symmetrize, model, self_ensemble=self_ensemble)
    settings = {"self_ensemble": self_ensemble, "tile": tile, "overlap": overlap, "device": device}
    if isinstance(model, str):
        run, info = _baseline(model, task), info or EvaluatedModel(name=model)
        settings = dict.fromkeys(settings) | {"self_ensemble": False, "device": "cpu"}
    else:
        run = _network(model, group, settings)
        info = info or EvaluatedModel(name="network", parameters=sum(value.numel() for value in model.parameters()))
    rated = []
    for item in evaluation_items(pairs, task, seed):
        progress(len(rated), len(pairs.refs))
        if not rated:
            # one-time work, such as building filters, does not count towards the time of an image
            run(item.input[:WARM, :WARM], item.pair)
        rated.append(_rated(run, item, task, way))
    progress(len(rated), len(pairs.refs))
    rated.sort(key=lambda item: item.key)  # archives return their images in an order of their own
    digest = set_fingerprint((item.sha256, item.key) for item in rated)
    return Evaluation(
        model=info,
        task=task.to_dict(),
        task_text=task.text,
        protocol=way.name,
        protocol_text=way.text,
        data=DatasetInfo(pairs.name, pairs.text, len(rated), digest),
        seed=seed,
        settings=settings,
        images=tuple(item.score for item in rated),
        skipped=pairs.skipped,
        symmetrization=None if group is None else symmetrization(group, [item.pair for item in rated if item.pair]),
    )


def score_item(
    network: nn.Module, item: Item, task: Task, *, group: Group | None = None, device: str = "cpu"
) -> tuple[ImageScore, SymmetrizedScore | None]:
    """One image, or a part of one, as :func:`evaluate` scores it by the task's own protocol, and beside the average
    over a ``group`` of moves of pixels if there is one. Raises the errors of ``evaluate``."""
    settings = {"self_ensemble": False, "tile": None, "overlap": 0, "device": device}
    rated = _rated(_network(network, group, settings), item, task, _protocol(task.protocol, task))
    return rated.score, rated.pair


def leaked(checkpoint: Checkpoint, pairs: Pairs) -> list[tuple[str, str, str]]:
    """(test image, training image, "exact" | "near") for every clean image that seems to be in the training set.

    All clean images are read first, so an unreadable one raises DataError before anything is restored.
    """
    test = clean_fingerprints(pairs, checkpoint.task)
    train = [(key, Fingerprint(sha256=sha256, phash=phash)) for key, sha256, phash in checkpoint.training_images]
    return leaks(test, train)


@dataclass(frozen=True)
class _Rated:
    key: str
    score: ImageScore
    sha256: str  # of the pixels that the score depends on
    pair: SymmetrizedScore | None


def _network(network: nn.Module, group: Group | None, settings: dict[str, Any]) -> Restore:
    """``network`` as :func:`restore_image` runs it with ``settings``, beside its average if there is a ``group``."""
    if group is None:
        return lambda image, pair: _Restored(restore_image(network, image, **settings))
    rest = {name: settings[name] for name in ("tile", "overlap", "device")}

    def both(image: np.ndarray, pair: Pair) -> _Restored:
        own, average = map(checked, average_image(network, image, group, **rest))
        deviation = np.sqrt(np.mean((average.astype(np.float64) - own) ** 2))
        return _Restored(own, average=average, deviation=float(deviation), passes=group.order)

    return both


def _baseline(name: str, task: Task) -> Restore:
    if name not in BASELINES:
        raise SettingError(f'"{name}" is not a baseline; the baselines are {" and ".join(BASELINES)}')
    if name not in task.baselines:
        raise SettingError(f"{name} is not a baseline for {task.text}; use {' or '.join(task.baselines)}")
    return lambda image, pair: _Restored(task.restored_by(name, image, pair), final=True)


def _protocol(name: str, task: Task) -> Any:
    if name not in task.protocols:
        raise SettingError(f'unknown protocol "{name}" for {task.name}.{suggest(name, task.protocols)}')
    return task.protocols[name]


def _rated(run: Restore, item: Item, task: Task, way: Any) -> _Rated:
    start = perf_counter()
    restored = run(item.input, item.pair)  # the result is copied to the CPU, so the device has finished by then
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
        pair = SymmetrizedScore(image=item.key, psnr=own.psnr, average_psnr=average.psnr, deviation=restored.deviation)
    further = tuple(one for used, both in zip(ways, each, strict=True) for one in _further(used, way, *both))
    score = ImageScore(image=item.key, **scores, seconds=seconds, further=further)
    return _Rated(item.key, score, _digest(item, task), pair)


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
