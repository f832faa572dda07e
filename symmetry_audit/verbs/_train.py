"""``train``: from an audit and a folder of images to a trained network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Gt

from symmetry_audit.catalogue import BACKBONES, find_backbone, find_method
from symmetry_audit.errors import DataError, SettingError
from symmetry_audit.options import (
    TASK,
    DeviceOptions,
    FilePath,
    Hidden,
    Images,
    NetworkOptions,
    Option,
    ScheduleOptions,
    SourceOptions,
    TaskSettings,
    recipe,
)
from symmetry_audit.verbs._advice import stored_advice, training_advice
from symmetry_audit.verbs._machine import resolve_device
from symmetry_audit.verbs._networks import asked_task
from symmetry_audit.verbs._split import SplitOptions, split_pairs
from symmetry_audit.verbs._verb import verb

if TYPE_CHECKING:
    from symmetry_audit.tasks import Pairs, PatchCache, Task
    from symmetry_audit.training import Start, TrainResult, TrainSettings

__all__ = ["OnStep", "TrainPlan", "TrainRequest", "plan_training", "train", "unseen"]

LEAST_FEATURES = 4  # over a recommended group; with fewer, a network has too few features to mix
BLIND_BACKBONE = "unet"
TL_SHARE = 0.4  # share of the steps with a report; the published protocol has 0.6

OnStep = Callable[[int, int, Mapping[str, float]], None]  # (step, steps, loss and PSNR so far)


def unseen(step: int, steps: int, values: Mapping[str, float]) -> None:
    """Show nothing."""


class TrainRequest(SplitOptions, TaskSettings, NetworkOptions, ScheduleOptions, DeviceOptions, SourceOptions):
    """The options of ``train``."""

    heading: ClassVar[str] = "Data and results"

    from_report: Annotated[
        FilePath | None,
        Option("Folder of `symaudit measure`. The group, the method and the initial w are taken from it."),
    ] = None
    task: Annotated[str, TASK]
    weights: Annotated[FilePath | None, Option("Checkpoint to start from, such as a TL network for --method sa.")] = (
        None
    )
    out: Annotated[
        FilePath | None, Option("Folder for the run.", default="symaudit-train-TASK-METHOD in the current folder")
    ] = None
    force: Annotated[bool, Option("Start over, even if --out holds another run.")] = False
    cache_folder: Annotated[
        FilePath | None, Option("Folder for the cache of decoded images.", default="the user's cache folder")
    ] = None
    cache_limit: Annotated[float, Gt(0), Option("Largest size of the cache in GiB.")] = 30.0
    allow_other_data: Annotated[bool, Option("Accept a report about images other than --data.")] = False
    allow_leak: Annotated[bool, Option("Train even if validation images are in --data.")] = False
    tensorboard: Annotated[bool, Option("Also write a log for TensorBoard.")] = False
    on_step: Annotated[OnStep, Hidden()] = unseen


@dataclass(frozen=True)
class TrainPlan:
    """A run that is about to start: the decoded images, and the settings that determine its numbers."""

    request: TrainRequest
    task: Task
    pairs: Pairs
    valid: Pairs
    cache: PatchCache
    start: Start | None
    settings: TrainSettings

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return Path(self.request.out or f"symaudit-train-{self.task.name}-{self.settings.architecture['method']}")

    @property
    def text(self) -> str:
        """A description in one line, for people."""
        settings, net = self.settings, self.settings.architecture
        ways = f"{net['method']} over {net['group']}" if net["method"] != "cnn" else "cnn"
        ways += ", partial" if net.get("partial") else ""
        if settings.eq_reg is not None:
            pairs = " and rotated pairs" if settings.eq_paired else ""
            ways += f", EQ-Reg {settings.eq_reg:g}{pairs} towards {settings.eq_group}"
        if settings.self_supervised is not None:
            ways += f", {settings.self_supervised.upper()} over {settings.transforms}"
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
        """Train, or continue the run in the folder. Raises ModelError, and Interrupted when asked to stop."""
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
    from symmetry_audit.tasks import PatchCache, check_blind, make_task

    recipe(request.recipe)  # an unknown one is refused before hours of decoding
    task = make_task(**{**_blind_defaults(request), **asked_task(request.task, request)})
    if _blind(request):
        check_blind(task)
    task, pairs, valid = split_pairs(request, task, request.seed)
    limit = int(request.cache_limit * 2**30)
    folder = None if request.cache_folder is None else Path(request.cache_folder)
    cache = PatchCache(pairs, task, folder, limit, request.progress)
    _refuse_leaks(valid, task, cache, request.allow_leak)
    start = _start(request, _audited(request, pairs, valid, cache), task)
    plan = TrainPlan(request, task, pairs, valid, cache, start, _settings(request, task, start, cache))
    _refuse_folder(plan.folder, request.data, request.valid)
    return plan


@verb(TrainRequest)
def train(request: TrainRequest) -> TrainResult:
    """Train a network for super-resolution, denoising, deraining, inpainting or classification.

    Parameters
    ----------
    task, scale, sigma, missing, peak, mask_seed, square, resize, classes, inputs
        "sr", "denoise", "derain", "inpaint" or "classify", and its settings; for deraining, the degraded partners of
        ``data``.
    data, valid, hold_out, valid_inputs, limit, valid_limit
        Training and validation images, as sources of ``measure``, and how many of them to use; or the share of
        ``data`` to validate on. For classification, folders with one folder for each class, or a CSV file with the
        columns file and label.
    from_report
        Folder that ``measure`` wrote for ``data``. The group, the method and the initial w come from it.
    backbone, method, group, preset, basis, partial
        The network; by default the task's usual backbone, and the method and group of the report.
    out, force
        Folder for the run, by default symaudit-train-TASK-METHOD here. A stopped run in it is continued.
    recipe
        Defaults of the schedule: "quick", or a published protocol.
    self_supervised, transforms, ei_weight
        "ei" or "rei": train on measurements alone, for inpainting and denoising (SPEC 13). Clean images validate.
    weights, device, cache_folder, cache_limit, allow_other_data, allow_leak, tensorboard
        See `symaudit train --help`, which also explains all options of the schedule.
    progress, on_step, say
        Functions that are called with (images decoded, number of images), (step, steps, values), and notes for people.

    Returns
    -------
    TrainResult
        The folder, the checkpoint with the best validation, steps and seconds.

    Raises
    ------
    SettingError
        If options do not fit together.
    DataError
        If images cannot be used, or if validation images are in the training set.
    ReportError
        If the report is about other images, or recommends no group.
    ModelError
        If the folder holds another run, or if the loss becomes NaN or infinite.
    Interrupted
        When asked to stop; the state is saved.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from symmetry_audit import train
    >>> from symmetry_audit.verbs import synth
    >>> with TemporaryDirectory() as name:
    ...     folder = Path(name)
    ...     photos = synth(folder / "photos", n=2, size=64).folder
    ...     others = synth(folder / "others", n=1, size=64, seed=1).folder
    ...     network = {"task": "denoise", "sigma": 25, "preset": "tiny", "out": folder / "run"}
    ...     length = {"steps": 1, "batch": 1, "cache_folder": folder / "cache"}
    ...     result = train(data=photos, valid=others, **network, **length)
    ...     result.best.architecture["backbone"]
    'resnet'
    """
    return plan_training(request).run()


def _refuse_folder(folder: Path, *sources: Images | None) -> None:
    """Raise SettingError if restored samples would be written among the images."""
    for place in (Path(source) for source in sources if isinstance(source, str | Path)):
        if place.is_dir() and folder.resolve().is_relative_to(place.resolve()):
            raise SettingError(f"{folder} is inside {place}, whose images are used; choose another --out")


def _refuse_leaks(valid: Pairs, task: Task, cache: PatchCache, allowed: bool) -> None:
    """Raise DataError if validation images are in the training set: their PSNR would reward memorized images."""
    from symmetry_audit.tasks import clean_fingerprints, leaks

    found = leaks(clean_fingerprints(valid, task), cache.fingerprints)
    if found and not allowed:
        listed = "; ".join(f"{test} = {train} ({how})" for test, train, how in found[:10])
        raise DataError(
            f"{len(found)} validation images are in the training set: {listed}; remove them, or say --allow-leak"
        )


def _audited(request: TrainRequest, pairs: Pairs, valid: Pairs, cache: PatchCache) -> str:
    """The fingerprint that an audit of --data has: of what is held out, too."""
    from symmetry_audit.tasks import source_fingerprint

    if request.hold_out is None:
        return cache.fingerprint
    whole = sorted((*pairs.refs, *valid.refs), key=lambda pair: pair.key)
    return source_fingerprint(replace(pairs, refs=tuple(whole)))


def _start(request: TrainRequest, fingerprint: str, task: Task) -> Start | None:
    """What the run takes from the report. Reports the reasons."""
    if request.from_report is None:
        return None
    from symmetry_audit.groups import Group
    from symmetry_audit.nets import size_of
    from symmetry_audit.results import AuditReport
    from symmetry_audit.training import start_from_report

    channels = size_of(_backbone(request, task), request.preset).channels

    def fitting(group: str) -> bool:
        order = Group.parse(group).order
        return channels % order == 0 and channels // order >= LEAST_FEATURES

    report = AuditReport.load(request.from_report)
    found = start_from_report(
        report,
        fingerprint,
        advice=(training_advice if None in (request.method, request.group) else stored_advice)(report, task.text),
        steps=_steps(request),
        method=request.method,
        group=request.group,
        shared=request.preset != "paper" and request.weights is None,
        fitting=fitting,
        allow_other_data=request.allow_other_data,
    )
    request.say(f"From {request.from_report}:")
    for line in (*found.lines, *_advised(request, found)):
        request.say(f"  {line}")
    return found


def _advised(request: TrainRequest, start: Start) -> Iterator[str]:
    """What the run takes from the advice beside its network; options have precedence."""
    given = request.given(ScheduleOptions)
    if start.relax is not None and "relax" not in given:
        yield f"relaxed at {start.relax:g}: something speaks against the group, so the network may leave it"
    if start.augment is not None and "augment" not in given:
        yield f"augmentation {start.augment}: as the report advises"


def _settings(request: TrainRequest, task: Task, start: Start | None, cache: PatchCache) -> TrainSettings:
    """The settings of the run. Options have precedence over the report, and the report over the recipe."""
    from symmetry_audit.nets import architecture_of, build
    from symmetry_audit.training import make_settings

    backbone = _backbone(request, task)
    wanted = task.labelled, task.outputs
    fitting = [name for name, one in BACKBONES.items() if (one.classifies, one.outputs) == wanted]
    find_backbone(backbone)  # an unknown one is named with its neighbours
    if backbone not in fitting:
        raise SettingError(f"{backbone} is no network for {task.name}; use {' or '.join(fitting)}")
    method = request.method or (start.method if start else "cnn")
    group = request.group or (start.group if start else None)
    given = request.given(ScheduleOptions)
    relax = given.get("relax", start.relax if start else None)
    name = given.pop("recipe", request.recipe)
    if request.eq_reg is not None:
        given["eq_group"] = _eq_group(group, start)
        group = None if method == "cnn" else group
    elif method == "cnn" and group not in (None, "p1"):
        raise SettingError(
            f"a plain network has no group: add --eq-reg 0.1 to teach it {group}, use --method fconv, sa, ... to "
            f"build {group} in, or use --group p1"
        )
    # building the network checks that the options fit, and finds the method's default group and basis
    network = build(
        backbone,
        method,
        preset=request.preset,
        scale=task.scale,
        group=group,
        basis=request.basis,
        relaxed=relax is not None,
        classes=len(task.class_names) or None,
        partial=request.partial,
    )
    given["relax"] = relax
    policy = _policy(request, task, backbone, method, start, cache)
    return make_settings(
        name,
        **policy | given,
        task=task.to_dict(),
        architecture=architecture_of(network),
        start=(start.w.a, start.w.b) if start and start.w else None,
        audit=dict(start.audit) if start else None,
    )


def _policy(
    request: TrainRequest, task: Task, backbone: str, method: str, start: Start | None, cache: PatchCache
) -> dict[str, Any]:
    """Defaults that depend on the task and the network; options and the recipe have precedence over them."""
    from symmetry_audit.tasks import whole_side

    known, found = recipe(request.recipe), {}
    if (loss := find_backbone(backbone).loss or task.loss) is not None:
        found["loss"] = loss
    if task.labelled and "patch" not in known:
        found["patch"] = whole_side(cache)
    # without clean images the loss transforms the restored ones
    advised = "none" if _blind(request) else start.augment if start else None
    if (augment := advised or (None if "augment" in known else task.augment)) is not None:
        found["augment"] = augment
    if start is not None and find_method(method).adaptive and "tl_steps" not in known:
        found["tl_steps"] = int(TL_SHARE * _steps(request))
    return found


def _backbone(request: TrainRequest, task: Task) -> str:
    """The network structure: the requested one, that of [EI] and [REI] without clean images, else the task's."""
    return request.backbone or (BLIND_BACKBONE if _blind(request) else task.backbone)


def _blind(request: TrainRequest) -> bool:
    """Whether the run trains without clean images."""
    return (request.self_supervised or recipe(request.recipe).get("self_supervised")) is not None


def _blind_defaults(request: TrainRequest) -> Mapping[str, Any]:
    """What training without clean images adds to the settings of a task."""
    from symmetry_audit.tasks import TASKS

    task = TASKS.get(request.task)
    return (task.blind or {}) if task is not None and _blind(request) else {}


def _steps(request: TrainRequest) -> int:
    """The length of the run."""
    asked = "steps" in request.model_fields_set
    return request.steps if asked else recipe(request.recipe).get("steps", request.steps)


def _eq_group(group: str | None, start: Start | None) -> str:
    """The group that EQ-Reg teaches: the requested one, or the one that the report recommends."""
    found = group if group != "p1" else None
    found = found or (start.audit["recommended"] if start else None)
    if found in (None, "p1"):
        raise SettingError("--eq-reg needs a group; add --group, such as --group p4")
    return found
