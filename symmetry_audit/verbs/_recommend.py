"""``recommend``: whether the images are symmetric, which group to build, and how."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt
from pydantic import Field

from symmetry_audit.errors import DataError, ReportError, SettingError
from symmetry_audit.options import (
    BandOptions,
    DeviceOptions,
    FilePath,
    Hidden,
    Images,
    Option,
    SourceOptions,
    TaskOptions,
    names,
)
from symmetry_audit.verbs._advice import report_advice, stored_advice
from symmetry_audit.verbs._degradation import degradation_audit
from symmetry_audit.verbs._networks import asked_task, refuse_others, reported_pairs
from symmetry_audit.verbs._sources import opened, pictures_of_run, reopened_images
from symmetry_audit.verbs._train_request import OnStep, unseen
from symmetry_audit.verbs._verb import verb

if TYPE_CHECKING:
    from symmetry_audit.results import AuditReport, LinearPilot, Recommendation
    from symmetry_audit.tasks import Pairs, Task

__all__ = ["RecommendRequest", "recommend"]


class RecommendRequest(TaskOptions, DeviceOptions, SourceOptions):
    """The options of ``recommend``."""

    heading: ClassVar[str] = "Advice"

    report: Annotated[FilePath, Option("Folder that `symaudit measure` wrote.")] = Field(kw_only=False)
    data: Annotated[
        Images | None,
        Option(
            "Images to try the task on, clean ones; only with --task.",
            default="those of the report",
            complete=names.datasets,
        ),
    ] = None
    pilot: Annotated[bool, Option("Also train small networks on the task, see `symaudit pilot`.")] = False
    minutes: Annotated[float, Gt(0), Option("Time for --pilot.")] = 5.0
    budget: Annotated[
        Literal["cpu", "gpu"],
        Option("Where networks will be trained. gpu: steps are cheap, so that p8 and SA-Conv may pay."),
    ] = "cpu"
    margin: Annotated[float, Ge(0), Option("Difference in dB between networks that does not matter.")] = 0.05
    tolerance: Annotated[
        float, Ge(0), Option("Relative epsilon up to which a group counts as a symmetry of the images.", metavar="X")
    ] = 0.05
    kappa: Annotated[
        float | None,
        Option(
            "Mark where groups pay by Eq. (46) if few training images cost this much, in the unit of epsilon (grey "
            "levels). It decides nothing.",
            default="not used",
            metavar="K",
        ),
    ] = None
    on_step: Annotated[OnStep, Hidden()] = unseen


@verb(RecommendRequest)
def recommend(request: RecommendRequest) -> Recommendation:
    """Whether the images of a report are symmetric, which group to build into a network, and how (SPEC 8).

    With a task, the images are tried on it: by linear filters with and without each group (seconds), and with
    ``pilot`` by small networks (minutes). What is found is kept in the report's folder, in recommendation.json, where
    ``train`` with ``from_report`` and later calls find it.

    Parameters
    ----------
    report
        Folder that ``measure`` wrote.
    task, scale, sigma, missing, peak, mask_seed, square, resize, classes, inputs, pair_by, data
        The task, as of ``train``, and the clean images to try it on, by default those of the report.
    pilot, minutes
        Whether to train small networks too, and for how long.
    budget
        "cpu" or "gpu": where networks will be trained.
    margin, tolerance
        Differences that do not matter: in dB between networks, in relative epsilon between responses.
    kappa
        Cost of having few training images in the unit of epsilon, as in Eq. (46); None: not used. It decides nothing.
    device, data_root, progress, say
        As of ``train``; ``progress`` is called with (steps done, number of steps) of the linear pilot.

    Raises
    ------
    SettingError
        If a number is not valid, or if an option needs a task.
    DataError
        If the images are others than those of the report, or cannot be used.
    ReportError
        If the report is missing, damaged, or has no group to choose from.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from symmetry_audit import measure, recommend
    >>> from symmetry_audit.data import demo_source
    >>> with TemporaryDirectory() as folder:
    ...     _ = measure(demo_source(), reg="tv", group="p4", scenario="dataset_strict", limit=2, out=folder)
    ...     found = recommend(folder)
    >>> found.build.group, found.build.evidence, dict(found.law)
    ('p4', 'prior', {'p2': 'not tested', 'p4': 'not tested'})
    """
    from symmetry_audit.files import write_atomically
    from symmetry_audit.reports import load_report
    from symmetry_audit.results import RECOMMENDATION_FILE

    folder = Path(request.report)
    found = _advised(request, load_report(folder))
    write_atomically(folder / RECOMMENDATION_FILE, found.to_json())
    return found


def _advised(request: RecommendRequest, report: AuditReport) -> Recommendation:
    from symmetry_audit.results import directions_of, read_pilot
    from symmetry_audit.theory import recommend as choose

    report, own = report_advice(report)
    fingerprint = report.dataset.fingerprint
    rows = report.analyses.get("directions", ())
    directions = directions_of(rows, report.first_scale)
    linear, task, degradation = None, None, ()
    if asked := _asked(request):
        from symmetry_audit.tasks import make_task

        made = make_task(**asked)
        if not made.labelled:  # a pilot of its own
            refuse_others(made, "a pilot")
        pairs = _pairs(request, report, made)
        made = made.fitted(pairs)
        task, linear = made.text, _linear(request, pairs, made)
        if (layer := degradation_audit(pairs, made, report)) is not None:
            directions += directions_of(layer.analyses["directions"], layer.first_scale, "degradation")
            degradation = layer.recommendation.candidates if layer.recommendation else ()
        if request.pilot:
            _train_pilot(request, report, made)
    elif (kept := _kept(request, report)) is not None:  # what earlier calls found about a task
        task, linear, degradation = kept.task, kept.linear, kept.degradation
        directions += tuple(direction for direction in kept.directions if direction.layer == "degradation")
    pilot = read_pilot(Path(request.report))
    if pilot is not None and (task not in (None, pilot.task_text) or pilot.data.fingerprint != fingerprint):
        pilot = None
    found = choose(
        own.candidates,
        images=own.images,
        directions=directions,
        linear=linear,
        pilot=pilot,
        tolerance=request.tolerance,
        margin=request.margin,
        budget=request.budget,
        kappa=request.kappa,
        unit=own.unit,
        task=task or (pilot.task_text if pilot else None),
        degradation=degradation,
        answers=report.answers,
    )
    return replace(found, fingerprint=fingerprint)


def _asked(request: RecommendRequest) -> dict[str, Any]:
    """The settings of the task, empty where none is asked for. Raises SettingError for options that need one."""
    asked = asked_task(request.task, request)
    if request.task is None:
        others = {
            **asked,
            "data": request.data,
            "inputs": request.inputs,
            "pair_by": request.pair_by,
            "pilot": request.pilot or None,
        }
        if alone := next((name for name, value in others.items() if value is not None), None):
            raise SettingError(f"--{alone} needs a task, such as --task denoise --sigma 50")
    return asked


def _kept(request: RecommendRequest, report: AuditReport) -> Recommendation | None:
    """The advice of an earlier call; one that cannot be read is replaced by the new one."""
    try:
        return stored_advice(report, None)
    except ReportError as error:
        request.say(f"Earlier advice is not used: {error}")
        return None


def _images(request: RecommendRequest, report: AuditReport, task: Task) -> Images:
    """What to try the task on: --data, else the images of the report, from wherever the command runs; of these the
    random sample, where the report is of one. Raises SettingError where that leaves no pairs."""
    if report.settings.get("tile") is not None:
        raise SettingError(
            f"{request.report} is a report of tiles (--tile), on which no task is tried; cut the pictures into files "
            "and measure these"
        )
    if request.data is not None:
        found = request.data
    elif task.paired:  # a folder that holds both sides
        found = report.dataset.source
    else:
        found = reopened_images(report, Path(request.report), None, request.data_root, "--data")
    if (sample := report.settings.get("sample")) is None:
        return found
    if task.paired:
        raise SettingError(f"{task.name} needs pairs, of which no sample is drawn; measure without --sample")
    return opened(found, request.data_root).limited(None, sample, report.settings["seed"])


def _pairs(request: RecommendRequest, report: AuditReport, task: Task) -> Pairs:
    """The images to try the task on. Raises DataError if they are not those of the report."""
    from symmetry_audit.tasks import source_fingerprint

    data = _images(request, report, task)
    limit = report.settings.get("limit")
    pairs = reported_pairs(request, task, data, request.inputs, limit, pictures_of_run(report))
    if source_fingerprint(pairs) != report.dataset.fingerprint:
        raise DataError(
            f"{pairs.text} holds other clean images than the report ({report.dataset.images} images of "
            f'"{report.dataset.source}"): give those with --data, or measure these'
        )
    return pairs


def _train_pilot(request: RecommendRequest, report: AuditReport, made: Task) -> None:
    """Run or continue the network pilot in the report's folder."""
    from symmetry_audit.verbs._pilot import pilot

    assert request.task is not None  # refused before
    own = {
        name: getattr(request, name)
        for name in ("minutes", "margin", "device", "data_root", "inputs", "pair_by", "say")
    }
    task = {name: value for name, value in asked_task(request.task, request).items() if name != "name"}
    limit = report.settings.get("limit")
    images = _images(request, report, made)
    pilot(
        images,
        task=request.task,
        **task,
        **own,
        limit=limit,
        **pictures_of_run(report).only(BandOptions),
        out=request.report,
        on_step=request.on_step,
    )


def _linear(request: RecommendRequest, pairs: Pairs, task: Task) -> LinearPilot:
    from symmetry_audit.pilots import GROUPS, class_pilot, linear_pilot

    shared = {"workers": os.cpu_count() or 1, "progress": request.progress}
    if task.labelled:
        return class_pilot(pairs, task, **shared)
    # second moments of one image do not change under half turns: only pairs can tell, from input to clean image
    groups = GROUPS if task.paired else [group for group in GROUPS if group not in ("p2", "updown")]
    return linear_pilot(pairs, task, groups=groups, **shared)
