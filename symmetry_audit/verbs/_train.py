"""``train``: from an audit and a folder of images to a trained network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symmetry_audit.errors import DataError, SettingError
from symmetry_audit.options import Images, ScheduleOptions, recipe
from symmetry_audit.verbs._advice import stored_advice, training_advice
from symmetry_audit.verbs._machine import resolve_device
from symmetry_audit.verbs._networks import asked_task
from symmetry_audit.verbs._split import split_pairs
from symmetry_audit.verbs._train_request import TrainRequest
from symmetry_audit.verbs._train_settings import backbone_of, blind_defaults, is_blind, run_settings, steps_of
from symmetry_audit.verbs._verb import verb

if TYPE_CHECKING:
    from symmetry_audit.tasks import Pairs, PatchCache, Task
    from symmetry_audit.training import Start, TrainResult, TrainSettings

__all__ = ["TrainPlan", "plan_training", "train"]

LEAST_FEATURES = 4  # over a recommended group; with fewer, a network has too few features to mix


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
            save_every=request.save_every,
            progress=request.on_step,
            say=request.say,
        )


def plan_training(request: TrainRequest) -> TrainPlan:
    """Decode the images, read the report and check all options before anything is trained.

    Raises SettingError, DataError or ReportError.
    """
    from symmetry_audit.tasks import PatchCache, check_blind, make_task

    recipe(request.recipe)  # an unknown one is refused before hours of decoding
    task = make_task(**{**blind_defaults(request), **asked_task(request.task, request)})
    if is_blind(request):
        check_blind(task)
    task, pairs, valid = split_pairs(request, task, request.seed)
    limit = int(request.cache_limit * 2**30)
    folder = None if request.cache_folder is None else Path(request.cache_folder)
    cache = PatchCache(pairs, task, folder, limit, request.progress)
    _refuse_leaks(valid, task, cache, request.allow_leak)
    start = _start(request, pairs, _audited(request, pairs, valid, cache), task)
    plan = TrainPlan(request, task, pairs, valid, cache, start, run_settings(request, task, start, cache))
    _refuse_folder(plan.folder, request.data, request.valid)
    return plan


@verb(TrainRequest)
def train(request: TrainRequest) -> TrainResult:
    """Train a network for super-resolution, denoising, deraining, inpainting or classification.

    Parameters
    ----------
    task, scale, sigma, missing, peak, mask_seed, square, resize, classes, inputs, pair_by
        "sr", "denoise", "derain", "inpaint" or "classify", and its settings; for deraining, the degraded partners of
        ``data``.
    data, valid, hold_out, valid_inputs, limit, valid_limit, bands, white
        Training and validation images, as sources of ``measure``, how many of them to use, and how they are read;
        or the share of ``data`` to validate on. For classification, folders with one folder for each class, or a CSV
        file with the columns file and label.
    from_report
        Folder that ``measure`` wrote for ``data``. The group, the method and the initial w come from it.
    backbone, method, group, preset, basis, partial
        The network; by default the task's usual backbone, and the method and group of the report.
    out, force, save_every
        Folder for the run, by default symaudit-train-TASK-METHOD here. A stopped run in it is continued. Its state is
        saved at validations, and every ``save_every`` steps.
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


def _start(request: TrainRequest, pairs: Pairs, fingerprint: str, task: Task) -> Start | None:
    """What the run takes from the report. Reports the reasons."""
    if request.from_report is None:
        return None
    from symmetry_audit.groups import Group
    from symmetry_audit.nets import size_of
    from symmetry_audit.results import AuditReport
    from symmetry_audit.training import matched_fits, start_from_report

    channels = size_of(backbone_of(request, task), request.preset).channels

    def fitting(group: str) -> bool:
        order = Group.parse(group).order
        return channels % order == 0 and channels // order >= LEAST_FEATURES

    report = AuditReport.load(request.from_report)
    found = start_from_report(
        report,
        fingerprint,
        advice=(training_advice if None in (request.method, request.group) else stored_advice)(report, task.text),
        steps=steps_of(request),
        method=request.method,
        group=request.group,
        shared=request.preset != "paper" and request.weights is None,
        fitting=fitting,
        allow_other_data=request.allow_other_data,
    )
    if fingerprint != report.dataset.fingerprint:  # the same names may be those of other images
        used = request.given(ScheduleOptions).get("hyper_init") == "audit"
        found = replace(found, fits=matched_fits(report, pairs, fingerprint) if used else {})
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
