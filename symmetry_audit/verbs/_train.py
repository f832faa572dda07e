"""``train``: from an audit and a folder of images to a trained network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Gt

from symmetry_audit.catalogue import find_backbone, find_method
from symmetry_audit.errors import DataError, SettingError
from symmetry_audit.options import (
    TASK,
    DeviceOptions,
    FilePath,
    Hidden,
    NetworkOptions,
    Option,
    ScheduleOptions,
    SourceOptions,
    TaskSettings,
    names,
    recipe,
)
from symmetry_audit.verbs._machine import resolve_device
from symmetry_audit.verbs._networks import asked_task, told_pairs
from symmetry_audit.verbs._verb import verb

if TYPE_CHECKING:
    from symmetry_audit.tasks import Pairs, PatchCache, Task
    from symmetry_audit.training import Start, TrainResult, TrainSettings

__all__ = ["TrainPlan", "TrainRequest", "plan_training", "train"]

LEAST_FEATURES = 4  # over a recommended group; with fewer a network has little to mix
TL_SHARE = 0.4  # of the steps, after a report; the published protocol has 0.6

OnStep = Callable[[int, int, Mapping[str, float]], None]  # (step, steps, loss and PSNR so far)


def _unseen(step: int, steps: int, values: Mapping[str, float]) -> None:
    """Show nothing."""


class TrainRequest(TaskSettings, NetworkOptions, ScheduleOptions, DeviceOptions, SourceOptions):
    """What ``train`` is asked for."""

    heading: ClassVar[str] = "Data and results"

    from_report: Annotated[
        FilePath | None, Option("Folder of `symaudit measure` that group, method and start of w are taken from.")
    ] = None
    task: Annotated[str, TASK]
    data: Annotated[str, Option("Training images: folder, glob, list, archive or dataset.", complete=names.datasets)]
    valid: Annotated[str, Option("Validation images, none of them in --data.", complete=names.datasets)]
    inputs: Annotated[str | None, Option("Degraded partners of --data, for tasks with pairs.")] = None
    valid_inputs: Annotated[str | None, Option("Degraded partners of --valid, for tasks with pairs.")] = None
    limit: Annotated[int | None, Ge(1), Option("Use only the first N training images.")] = None
    valid_limit: Annotated[int | None, Ge(1), Option("Use only the first N validation images.")] = None
    weights: Annotated[FilePath | None, Option("Checkpoint to start from, such as TL for SA.")] = None
    out: Annotated[FilePath | None, Option("Run folder.", default="symaudit-train-TASK-METHOD, here")] = None
    force: Annotated[bool, Option("Start over, whatever run --out holds.")] = False
    cache_folder: Annotated[FilePath | None, Option("Folder for decoded images.", default="the user's cache")] = None
    cache_limit: Annotated[float, Gt(0), Option("Largest size of that folder in GiB.")] = 30.0
    allow_other_data: Annotated[bool, Option("Take a report about other images than --data.")] = False
    allow_leak: Annotated[bool, Option("Train even if validation images are in --data.")] = False
    tensorboard: Annotated[bool, Option("Also log for TensorBoard.")] = False
    on_step: Annotated[OnStep, Hidden()] = _unseen


@dataclass(frozen=True)
class TrainPlan:
    """A run that is about to start: the images, decoded, and the settings that decide what it computes."""

    request: TrainRequest
    task: Task
    pairs: Pairs
    valid: Pairs
    cache: PatchCache
    start: Start | None
    settings: TrainSettings

    @property
    def folder(self) -> Path:
        """Where the run is kept."""
        return Path(self.request.out or f"symaudit-train-{self.task.name}-{self.settings.architecture['method']}")

    @property
    def text(self) -> str:
        """In one line, for people."""
        settings, net = self.settings, self.settings.architecture
        ways = f"{net['method']} over {net['group']}" if net["method"] != "cnn" else "cnn"
        if settings.eq_reg is not None:
            ways += f", EQ-Reg {settings.eq_reg:g} towards {settings.eq_group}"
        if settings.relax is not None:
            ways += f", relaxed at {settings.relax:g}"
        length = f"{settings.steps} steps" + (f" or {settings.minutes:g} minutes" if settings.minutes else "")
        return (
            f"{self.task.text}; {net['backbone']} {net['preset']}, {ways}; {length} of {settings.batch} patches of "
            f"{settings.patch} px; {len(self.pairs.refs)} images, validated on {len(self.valid.refs)}"
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        settings = self.settings.model_dump(mode="json")
        return {"task": self.task.text, "folder": str(self.folder), "settings": settings}

    def run(self) -> TrainResult:
        """Train, or continue the run in the folder. Raises ModelError, and Interrupted where asked to stop."""
        from symmetry_audit.training import train as run

        request = self.request
        return run(
            self.settings,
            self.pairs,
            self.valid,
            self.folder,
            fits=self.start.fits if self.start else None,
            weights=None if request.weights is None else Path(request.weights),
            cache=self.cache,
            device=resolve_device(request.device),
            force=request.force,
            tensorboard=request.tensorboard,
            progress=request.on_step,
            say=request.say,
        )


def plan_training(request: TrainRequest) -> TrainPlan:
    """Decode the images, read the report and check all options before anything is trained.

    Raises SettingError, DataError or ReportError.
    """
    from symmetry_audit.tasks import PatchCache, make_task

    task = make_task(**asked_task(request.task, request))
    pairs = _pairs(request, task, request.data, request.inputs, request.limit)
    valid = _pairs(request, task, request.valid, request.valid_inputs, request.valid_limit)
    limit = int(request.cache_limit * 2**30)
    folder = None if request.cache_folder is None else Path(request.cache_folder)
    cache = PatchCache(pairs, task, folder, limit, request.progress)
    _refuse_leaks(valid, cache, request.allow_leak)
    start = _start(request, cache.fingerprint, task)
    plan = TrainPlan(request, task, pairs, valid, cache, start, _settings(request, task, start))
    _refuse_folder(plan.folder, request.data, request.valid)
    return plan


@verb(TrainRequest)
def train(request: TrainRequest) -> TrainResult:
    """Train a network for super-resolution, denoising, deraining or inpainting.

    Parameters
    ----------
    task, scale, sigma, missing, peak, inputs
        "sr", "denoise", "derain" or "inpaint", and its settings; the degraded partners of ``data`` for deraining.
    data, valid, valid_inputs, limit, valid_limit
        Training and validation images, as sources of ``measure``, and how many of them are used.
    from_report
        Folder that ``measure`` wrote for ``data``: group, method and the start of w come from it.
    backbone, method, group, preset, basis
        The network; by default that of the task, and method and group of the report.
    out, force
        Folder of the run, by default symaudit-train-TASK-METHOD here; a run that was stopped continues there.
    recipe
        Defaults of the schedule: "quick", or a published protocol.
    weights, device, cache_folder, cache_limit, allow_other_data, allow_leak, tensorboard
        See `symaudit train --help`, as for all options of the schedule.
    progress, on_step, say
        Called with (images decoded, images in all); with (step, steps, values); with notes for people.

    Returns
    -------
    TrainResult
        The folder, the best checkpoint by its validation, steps and seconds.

    Raises
    ------
    SettingError
        For options that do not fit together.
    DataError
        Where images cannot be used, or validation images are trained on.
    ReportError
        Where the report is about other images, or recommends nothing.
    ModelError
        Where the folder holds another run, or the loss stops being a number.
    Interrupted
        When asked to stop; the state is saved.
    """
    return plan_training(request).run()


def _pairs(request: TrainRequest, task: Task, text: str, inputs: str | None, limit: int | None) -> Pairs:
    return told_pairs(text, task, inputs=inputs, data_root=request.data_root, limit=limit, say=request.say)


def _refuse_folder(folder: Path, *sources: str) -> None:
    """Raise SettingError where restored samples would be written among the images."""
    for text in sources:
        if Path(text).is_dir() and folder.resolve().is_relative_to(Path(text).resolve()):
            raise SettingError(f"{folder} lies in {text}, whose images are used; choose another --out")


def _refuse_leaks(valid: Pairs, cache: PatchCache, allowed: bool) -> None:
    """Raise DataError where validation images are trained on: the best state would be chosen by heart."""
    from symmetry_audit.tasks import clean_fingerprints, leaks

    found = leaks(clean_fingerprints(valid), cache.fingerprints)
    if found and not allowed:
        listed = "; ".join(f"{test} = {train} ({how})" for test, train, how in found[:10])
        raise DataError(f"{len(found)} validation images are trained on: {listed}; take them out, or say --allow-leak")


def _start(request: TrainRequest, fingerprint: str, task: Task) -> Start | None:
    """What the report gives, with the reasons said."""
    if request.from_report is None:
        return None
    from symmetry_audit.groups import Group
    from symmetry_audit.nets import size_of
    from symmetry_audit.results import AuditReport
    from symmetry_audit.training import start_from_report

    channels = size_of(request.backbone or task.backbone, request.preset).channels

    def fitting(group: str) -> bool:
        order = Group.parse(group).order
        return channels % order == 0 and channels // order >= LEAST_FEATURES

    found = start_from_report(
        AuditReport.load(request.from_report),
        fingerprint,
        method=request.method,
        group=request.group,
        shared=request.preset != "paper" and request.weights is None,
        fitting=fitting,
        allow_other_data=request.allow_other_data,
    )
    request.say(f"From {request.from_report}:")
    for line in found.lines:
        request.say(f"  {line}")
    return found


def _settings(request: TrainRequest, task: Task, start: Start | None) -> TrainSettings:
    """The settings of the run: options before the report before the recipe."""
    from symmetry_audit.nets import architecture_of, build
    from symmetry_audit.training import make_settings

    backbone = request.backbone or task.backbone
    method = request.method or (start.method if start else "cnn")
    group = request.group or (start.group if start else None)
    given = request.given(ScheduleOptions)
    name = given.pop("recipe", request.recipe)
    if request.eq_reg is not None:
        given["eq_group"] = _eq_group(group, start)
        group = None if method == "cnn" else group
    elif method == "cnn" and group not in (None, "p1"):
        raise SettingError(
            f"a plain network has no group: add --eq-reg 0.1 to teach it {group}, choose --method fconv, sa, ... to "
            f"build {group} in, or --group p1"
        )
    # building it finds out what does not fit together, and the group and basis that are the method's own
    network = build(
        backbone,
        method,
        preset=request.preset,
        scale=task.scale,
        group=group,
        basis=request.basis,
        relaxed=request.relax is not None,
    )
    policy = _policy(request, task, backbone, method, start)
    return make_settings(
        name,
        **policy | given,
        task=task.to_dict(),
        architecture=architecture_of(network),
        start=(start.w.a, start.w.b) if start and start.w else None,
        audit=dict(start.audit) if start else None,
    )


def _policy(request: TrainRequest, task: Task, backbone: str, method: str, start: Start | None) -> dict[str, Any]:
    """What suits the task and the network where neither the options nor the recipe say otherwise."""
    known, found = recipe(request.recipe), {}
    if find_backbone(backbone).stages:
        found["loss"] = "stages"
    if task.augment is not None and "augment" not in known:
        found["augment"] = task.augment
    if start is not None and find_method(method).adaptive and "tl_steps" not in known:
        steps = request.steps if "steps" in request.model_fields_set else known.get("steps", request.steps)
        found["tl_steps"] = int(TL_SHARE * steps)
    return found


def _eq_group(group: str | None, start: Start | None) -> str:
    """The group that EQ-Reg teaches: what was asked for, or what the report recommends."""
    found = group if group != "p1" else None
    found = found or (start.audit["recommended"] if start else None)
    if found in (None, "p1"):
        raise SettingError("--eq-reg needs to know towards which group: add --group, such as --group p4")
    return found
