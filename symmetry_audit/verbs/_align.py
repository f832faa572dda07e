"""``align``: how equivariant a network is, compared with the symmetry of the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge
from pydantic import Field

from symmetry_audit.errors import SettingError
from symmetry_audit.options import (
    SPAN,
    TEST_IMAGES,
    EvaluationOptions,
    FilePath,
    Images,
    Names,
    Option,
    Say,
    TaskOptions,
    names,
)
from symmetry_audit.verbs._foreign import in_its_unit, load_network, say_batch
from symmetry_audit.verbs._machine import resolve_device
from symmetry_audit.verbs._networks import reported_pairs
from symmetry_audit.verbs._verb import verb

if TYPE_CHECKING:
    from symmetry_audit.groups import Affine
    from symmetry_audit.inference import Model
    from symmetry_audit.results import Alignment, AuditReport, EvaluatedModel, Invariance
    from symmetry_audit.tasks import Pairs, Task

__all__ = ["AlignRequest", "align"]


class AlignRequest(TaskOptions, EvaluationOptions):
    """The options of ``align``."""

    heading: ClassVar[str] = "Measurement"

    model: Annotated[FilePath, Option("Network.")] = Field(kw_only=False)
    data: Annotated[Images, TEST_IMAGES]
    report: Annotated[
        FilePath | None,
        Option("Folder of `symaudit measure`: compare with the data's epsilon, and use every image's own group too."),
    ] = None
    group: Annotated[
        str | None,
        Option(
            "Group: pT for T rotations, pTm with mirrors too.",
            default="the report's, else p8",
            complete=lambda: names.GROUPS,
        ),
    ] = None
    layers: Annotated[
        Names,
        Option(
            "Layers to compare in addition to the output: names, or patterns such as 'body.*'; '*' is all convolutions."
        ),
    ] = ()
    crop: Annotated[
        int,
        Ge(0),
        Option("Largest side of the central square of each degraded image that is used, in px; 0: no limit."),
    ] = 256
    margin: Annotated[
        float | None,
        Ge(0),
        Option(
            "Width of the border that is not compared, in px of the degraded image.",
            default="16, at most an eighth of the side",
        ),
    ] = None
    weights: Annotated[FilePath | None, Option("File with the state dict for a factory.", names=("--state",))] = None
    as_built: Annotated[
        bool, Option("Measure the network as its factory builds it, without --weights: at random, or with its own.")
    ] = False
    arguments: Annotated[str | dict[str, Any] | None, Option("Keyword arguments for a factory, as JSON.")] = None
    unit: Annotated[
        float | tuple[float, float] | None,
        SPAN,
        Option(
            "Value of white in the network's input range, or black:white, such as -1:1 (for networks that symaudit did "
            "not train).",
            default="the one in which it restores",
        ),
    ] = None
    trust: Annotated[
        bool,
        Option("Read a TorchScript (.pt) or torch.export (.pt2) file, which can run its author's code."),
    ] = False


@verb(AlignRequest)
def align(request: AlignRequest) -> Alignment | Invariance:
    """Measure how far a network is from equivariance: compare rotating its input with rotating its output.

    Of a classifier, measure how far its logits are from invariance, and how often its label changes.

    Parameters
    ----------
    model
        Folder of a training run, a .safetensors file of one, package.module:factory or path/file.py:factory (Python
        code, which runs), an ONNX file (.onnx), or a TorchScript (.pt) or torch.export (.pt2) file, with ``trust``.
    data
        Clean test images, which are degraded as in ``evaluate``.
    report
        Folder that ``measure`` wrote. The network's error is compared with the data's epsilon, and every image is also
        rotated by the elements of its own deformed group.
    group, layers
        Group of the rotations ("p8" by default, or the report's); layers to compare, by name or pattern.
    crop, margin
        Largest side of the central square that is used, 0 for no limit; width of the border not compared; both in px.
    weights, as_built, arguments
        State dict of a factory, or the wish to do without one; its keyword arguments.
    unit
        Value of white in the network's input range, such as 1 or 255, or (black, white), such as (-1, 1). These three
        are tried on the first images: the one in which the network restores is taken, and another one is refused.
    trust
        Whether to read a TorchScript or torch.export file, which can run its author's code.
    task, scale, sigma, missing, peak, mask_seed, square, resize, inputs, pair_by, seed, limit, bands, white, device,
    data_root, progress, say
        As for ``evaluate``.

    Raises
    ------
    SettingError
        If options do not fit together.
    DataError, ReportError, ModelError
        If images, the report or the network cannot be used; if the network is no function of its image.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from symmetry_audit import align
    >>> from symmetry_audit.verbs import synth
    >>> with TemporaryDirectory() as folder:
    ...     _ = synth(folder, n=2, size=64)
    ...     found = align("torch.nn:Identity", data=folder, task="denoise", sigma=25, group="p4")
    >>> found.scenarios[0].elements[1].error  # of a quarter turn
    0.0
    """
    from symmetry_audit.alignment import compare_with_data, with_verdict
    from symmetry_audit.reports import load_report, mean_profiles

    report = None if request.report is None else load_report(request.report)
    profiles = None if report is None else mean_profiles(Path(request.report or ""), report)
    loaded, task = load_network(request)
    if task.labelled:
        return _invariance(request, loaded, task)
    found = _measured(request, loaded, task, report)
    if report is None or profiles is None:
        return with_verdict(found)
    same = found.data.fingerprint == report.dataset.fingerprint
    return compare_with_data(found, report, profiles, same_images=same)


def _measured(request: AlignRequest, loaded: Model, task: Task, report: AuditReport | None) -> Alignment:
    """The alignment of a network that restores, without a verdict."""
    from symmetry_audit.alignment import measure_alignment
    from symmetry_audit.results import DatasetInfo
    from symmetry_audit.tasks import evaluation_items, source_fingerprint
    from symmetry_audit.training import matched_fits

    pairs = reported_pairs(request, task, request.data, request.inputs, request.limit)
    settings: dict[str, Any] = {}
    if loaded.checkpoint is None:
        loaded, settings["unit"] = in_its_unit(loaded, request, task, pairs)
    data = DatasetInfo(pairs.name, pairs.text, len(pairs.refs), source_fingerprint(pairs))
    fits = {} if report is None else matched_fits(report, pairs, data.fingerprint)
    _say_fits(fits, pairs, report, request.say)
    found = measure_alignment(
        loaded.network,
        evaluation_items(pairs, task, request.seed),
        request.group or (report.settings["group"] if report else "p8"),
        fits=fits,
        layers=tuple(request.layers or ()),
        crop=request.crop or None,
        margin=request.margin,
        device=resolve_device(request.device),
        model=_described(loaded),
        task=task,
        data=data,
        seed=request.seed,
        skipped=pairs.skipped,
        progress=lambda done: request.progress(done, len(pairs.refs)),
    )
    if loaded.checkpoint is None:
        say_batch(loaded, request, task, pairs)
    return replace(found, settings={**found.settings, **settings})


def _invariance(request: AlignRequest, loaded: Model, task: Task) -> Invariance:
    """The alignment of a classifier."""
    from symmetry_audit.alignment import measure_invariance
    from symmetry_audit.results import DatasetInfo
    from symmetry_audit.tasks import evaluation_items, source_fingerprint

    for name in ("report", "layers", "inputs"):
        if getattr(request, name):
            raise SettingError(f"--{name} is for restored images, and {loaded.name} classifies; remove it")
    pairs = reported_pairs(request, task, request.data, None, request.limit)
    return measure_invariance(
        loaded.network,
        evaluation_items(pairs, task, request.seed),
        request.group or "p8",
        task,
        crop=request.crop or None,
        margin=request.margin,
        device=resolve_device(request.device),
        model=_described(loaded),
        data=DatasetInfo(pairs.name, pairs.text, len(pairs.refs), source_fingerprint(pairs)),
        skipped=pairs.skipped,
        progress=lambda done: request.progress(done, len(pairs.refs)),
    )


def _described(loaded: Model) -> EvaluatedModel:
    from symmetry_audit.inference import describe
    from symmetry_audit.results import EvaluatedModel

    if loaded.checkpoint is not None:
        return describe(loaded.checkpoint, loaded.network, loaded.name)
    return EvaluatedModel(name=loaded.name, parameters=sum(value.numel() for value in loaded.network.parameters()))


def _say_fits(fits: Mapping[str, Affine], pairs: Pairs, report: AuditReport | None, say: Say) -> None:
    """Say how many images the report has a fit for."""
    from symmetry_audit.training import joint_fits

    if report is None:
        return
    if not joint_fits(report):
        say("Note: the report holds no fits; only strict rotations are measured")
    elif len(fits) < len(pairs.refs):
        what = f"fits for {len(fits)} of the {len(pairs.refs)} images, matched by their pixels"
        rest = "; only strict rotations are measured" if not fits else ""
        say(f"Note: the report of {report.dataset.name} holds {what}{rest}")
