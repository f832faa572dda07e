"""PSNR and SSIM of a network, or of a baseline, on a test set."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import nn

from symmetry_audit.catalogue import BASELINES
from symmetry_audit.checkpoints import Checkpoint
from symmetry_audit.data import set_fingerprint
from symmetry_audit.errors import SettingError, suggest
from symmetry_audit.groups import Group
from symmetry_audit.inference._scoring import Rated, Scoring, unscored
from symmetry_audit.inference._spread import of_pairs
from symmetry_audit.inference._symmetrize import asked_group, symmetrization
from symmetry_audit.layers import METHODS
from symmetry_audit.results import DatasetInfo, EvaluatedModel, Evaluation, ImageScore, SymmetrizedScore
from symmetry_audit.tasks import Fingerprint, Item, Pairs, Task, clean_fingerprints, leaks

if TYPE_CHECKING:
    from symmetry_audit.workers import Cluster

__all__ = ["describe", "evaluate", "leaked", "score_item"]


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
    cluster: Cluster | None = None,
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

    On a ``cluster`` each image is scored by one thread of a worker; the numbers are those of a process with one thread,
    bit for bit.

    Raises SettingError for an unknown protocol, for a baseline that does not fit the task, and where ``symmetrize`` is
    another group or meets a baseline or the self-ensemble; DataError for an image that cannot be used, ModelError for
    NaN from the network, DataError for a cluster that is lost.
    """
    way = _protocol(protocol or task.protocol, task)
    group = asked_group(symmetrize, model, self_ensemble=self_ensemble)
    settings = {"self_ensemble": self_ensemble, "tile": tile, "overlap": overlap, "device": device}
    if isinstance(model, str):
        _check_baseline(model, task)
        info = info or EvaluatedModel(name=model)
        settings = dict.fromkeys(settings) | {"self_ensemble": False, "device": "cpu"}
    else:
        info = info or EvaluatedModel(name="network", parameters=sum(value.numel() for value in model.parameters()))
    rated: list[Rated] = []
    progress(0, len(pairs.refs))
    for one in of_pairs(Scoring(model, task, way.name, settings, group, seed), pairs, unscored, cluster):
        rated.append(one)
        progress(len(rated), len(pairs.refs))
    rated.sort(key=lambda item: item.key)  # archives and clusters have an order of their own
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
    rated = Scoring(network, task, task.protocol, settings, group).rated(item)
    return rated.score, rated.pair


def leaked(checkpoint: Checkpoint, pairs: Pairs) -> list[tuple[str, str, str]]:
    """(test image, training image, "exact" | "near") for every clean image that seems to be in the training set.

    All clean images are read first, so an unreadable one raises DataError before anything is restored.
    """
    test = clean_fingerprints(pairs, checkpoint.task)
    train = [(key, Fingerprint(sha256=sha256, phash=phash)) for key, sha256, phash in checkpoint.training_images]
    return leaks(test, train)


def _check_baseline(name: str, task: Task) -> None:
    if name not in BASELINES:
        raise SettingError(f'"{name}" is not a baseline; the baselines are {" and ".join(BASELINES)}')
    if name not in task.baselines:
        raise SettingError(f"{name} is not a baseline for {task.text}; use {' or '.join(task.baselines)}")


def _protocol(name: str, task: Task) -> Any:
    if name not in task.protocols:
        raise SettingError(f'unknown protocol "{name}" for {task.name}.{suggest(name, task.protocols)}')
    return task.protocols[name]
