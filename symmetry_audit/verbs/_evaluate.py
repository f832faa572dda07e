"""``evaluate``: PSNR and SSIM, or accuracy, of a trained network on a test set, or the scores of a baseline."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Ge
from pydantic import Field

from symmetry_audit.catalogue import BASELINES
from symmetry_audit.errors import SettingError
from symmetry_audit.options import (
    TEST_IMAGES,
    EvaluationOptions,
    FilePath,
    Images,
    Option,
    SpreadOptions,
    TaskOptions,
    TilingOptions,
    names,
)
from symmetry_audit.verbs._machine import workplace
from symmetry_audit.verbs._networks import asked_task, network_task, refuse_leaks, reported_pairs, unseen
from symmetry_audit.verbs._verb import verb

if TYPE_CHECKING:
    from symmetry_audit.checkpoints import Checkpoint
    from symmetry_audit.results import Classification, Evaluation
    from symmetry_audit.tasks import Task

__all__ = ["EvaluateRequest", "TestOptions", "evaluate"]

SYMMETRIZED = ("p2", "p1m", "p4", "p2m", "p4m")  # whose elements map pixels to pixels


class TestOptions(TaskOptions, TilingOptions, EvaluationOptions):
    """How networks are scored; the same for all networks of a table."""

    heading: ClassVar[str] = "Evaluation"

    protocol: Annotated[
        str | None,
        Option(
            "Scoring protocol: sr-y, rgb, derain-y, edsr, rei or, for CT, mar, mar-statistic or mar-window.",
            default="the task's",
            complete=names.protocols,
        ),
    ] = None
    tile: Annotated[int | None, Ge(1), Option("Cut images into tiles of at most this side, in px.")] = None
    allow_leak: Annotated[bool, Option("Evaluate even if test images are in the training set.")] = False


class EvaluateRequest(TestOptions, SpreadOptions):
    """The options of ``evaluate``."""

    heading: ClassVar[str] = "Evaluation"

    model: Annotated[FilePath, Option(f"Network, or a baseline: {', '.join(BASELINES)}.")] = Field(kw_only=False)
    data: Annotated[Images, TEST_IMAGES]
    unseen: Annotated[
        bool, Option("Leave out the images that the network was trained on, such as those that --hold-out kept.")
    ] = False
    symmetrize: Annotated[
        str | None,
        Option(
            f"Compare the network with its own average over a group: {', '.join(SYMMETRIZED)}. A gain proves that "
            "some network with this group is better; a loss proves nothing.",
            complete=lambda: SYMMETRIZED,
        ),
    ] = None


@verb(EvaluateRequest)
def evaluate(request: EvaluateRequest) -> Evaluation | Classification:
    """Measure PSNR and SSIM of a network on test images, next to those of the degraded images.

    Of a classifier, measure the accuracy, with its interval, for all images and for those of each class.

    Parameters
    ----------
    model
        Folder of a training run, a .safetensors file, or a baseline: "bicubic" (interpolation, for super-resolution)
        or "identity" (the degraded images as they are), "li" and "nmar" (linear interpolation and NMAR, for CT).
    data
        Clean test images. They are degraded as the network was trained for, or ``inputs`` are the degraded ones. For a
        classifier, images with their classes, as in ``train``.
    task, scale, sigma, missing, peak, mask_seed, square, resize
        The task of a baseline; or noise or gaps of a strength that differs from training.
    protocol
        "sr-y", "rgb", "derain-y", "edsr" or "rei"; by default the task's.
    tile, overlap, self_ensemble
        Largest side of a tile and the context around it, in px; average over the eight flips and quarter turns.
    symmetrize
        "p2", "p4", "p1m", "p2m" or "p4m": also compare the network Phi with its average over this group,
        1/|G| sum over g of g^-1 Phi(g y), image by image (``symmetrization`` of the result). The average is
        equivariant, so a gain proves that some equivariant restorer is better; from a loss nothing follows.
    allow_leak, unseen
        Evaluate even if test images are in the training set; or leave those out.
    seed, limit, bands, white, device, cluster, data_root, progress, say
        Seed for the noise; number of images; the others as for ``measure``.

    Raises
    ------
    SettingError
        If a network cannot do what the options ask for.
    DataError
        If the network was trained on test images, unless ``allow_leak``; and if images cannot be used.
    ModelError
        If the network cannot be read or run.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from symmetry_audit import evaluate
    >>> from symmetry_audit.verbs import synth
    >>> with TemporaryDirectory() as folder:
    ...     _ = synth(folder, n=2, size=64)
    ...     evaluate("bicubic", data=folder, scale=2).protocol
    'sr-y'
    """
    from symmetry_audit.inference import asked_group, describe, prepared
    from symmetry_audit.inference import evaluate as score

    model, checkpoint, info = str(request.model), None, None
    if model in BASELINES:
        task, network = _baseline_task(model, request), model
    else:
        from symmetry_audit.checkpoints import load_checkpoint

        model = os.path.normpath(model)
        checkpoint = load_checkpoint(model)
        task = network_task(model, checkpoint.task, request, request.say)
        network = checkpoint.network()
        info, network = describe(checkpoint, network, model), prepared(network)
    if checkpoint is not None and task.labelled:
        return _classified(request, checkpoint, task)
    group = asked_group(request.symmetrize, network, self_ensemble=request.self_ensemble)  # before images are read
    pairs = reported_pairs(request, task, request.data, request.inputs, request.limit)
    if checkpoint is not None and request.unseen:
        pairs = unseen(model, checkpoint, pairs, request.say)
    elif checkpoint is not None:
        refuse_leaks(model, checkpoint, pairs, allowed=request.allow_leak, say=request.say)
    with workplace(request) as (device, cluster):
        return score(
            network,
            pairs,
            task,
            info=info,
            protocol=request.protocol,
            seed=request.seed,
            tile=request.tile,
            overlap=request.overlap,
            self_ensemble=request.self_ensemble,
            symmetrize=group,
            device=device,
            cluster=cluster,
            progress=request.progress,
        )


def _classified(request: EvaluateRequest, checkpoint: Checkpoint, task: Task) -> Classification:
    """The evaluation of a classifier."""
    from symmetry_audit.inference import classify, describe, prepared

    model, network = os.path.normpath(str(request.model)), checkpoint.network()
    for name in ("protocol", "tile", "symmetrize", "self_ensemble", "inputs"):
        if getattr(request, name):
            raise SettingError(f"--{name.replace('_', '-')} is for restored images, and {model} classifies; remove it")
    pairs = reported_pairs(request, task, request.data, None, request.limit)
    if request.unseen:
        pairs = unseen(model, checkpoint, pairs, request.say)
    else:
        refuse_leaks(model, checkpoint, pairs, allowed=request.allow_leak, say=request.say)
    info = describe(checkpoint, network, model)
    with workplace(request) as (device, cluster):
        return classify(
            prepared(network), pairs, task, info=info, device=device, cluster=cluster, progress=request.progress
        )


def _baseline_task(name: str, request: TaskOptions) -> Task:
    from symmetry_audit.tasks import make_task

    asked = asked_task(request.task, request)
    if "name" not in asked and name != "bicubic":
        raise SettingError(f"{name} needs a task to restore; give --task, such as --task denoise --sigma 50")
    task = make_task(**{"name": "sr"} | asked)
    if task.labelled:
        raise SettingError(f"{name} restores images and is no baseline for {task.name}; give a trained network")
    return task
