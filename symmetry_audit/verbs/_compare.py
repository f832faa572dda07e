"""``compare``: several networks on the same images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from symmetry_audit.errors import SettingError
from symmetry_audit.options import TEST_IMAGES, Images, Option, Say
from symmetry_audit.verbs._evaluate import BASELINES, EvaluateRequest, TestOptions, evaluate
from symmetry_audit.verbs._networks import asked_task, refuse_logits
from symmetry_audit.verbs._verb import verb

if TYPE_CHECKING:
    from symmetry_audit.results import Comparison, Evaluation

    Runs = Sequence[str | Path | Evaluation]
else:
    Runs = Any

__all__ = ["CompareRequest", "compare"]


class CompareRequest(TestOptions):
    """The options of ``compare``."""

    runs: Annotated[
        Runs, Option("Networks, baselines, or files with the output of evaluate --json.", metavar="RUN...")
    ] = Field(kw_only=False)
    data: Annotated[Images | None, TEST_IMAGES] = None


@verb(CompareRequest)
def compare(request: CompareRequest) -> Comparison:
    """Put networks into one table: parameters, training steps, PSNR, SSIM and time for each run.

    Parameters
    ----------
    runs
        Files that ``symaudit evaluate --json`` printed (.json) and Evaluation values, whose numbers are used as they
        are; or any model of ``evaluate``, which is evaluated on ``data`` now. Baselines get the task of the first
        network.
    data
        Test images for the models that are evaluated now.

    The other options are those of ``evaluate``.

    Raises
    ------
    SettingError
        If a model is to be evaluated without ``data``, if options have nothing to act on, or if the runs differ in
        task, images, protocol or seed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from symmetry_audit import compare
    >>> from symmetry_audit.verbs import synth
    >>> with TemporaryDirectory() as folder:
    ...     _ = synth(folder, n=2, size=64)
    ...     len(compare(["bicubic"], data=folder, scale=2).evaluations)
    1
    """
    from symmetry_audit.results import Comparison, Evaluation

    asked = request.runs if isinstance(request.runs, list | tuple) else (request.runs,)
    runs = [run if isinstance(run, Evaluation) else str(run) for run in asked]
    _check(runs, request)
    known = {at: _read(run) for at, run in enumerate(runs) if _is_read(run)}
    if known:
        Comparison(tuple(known.values()))  # now: evaluating the others may take hours
    options = {"data": request.data, **request.only(TestOptions), "say": _once(request.say)}
    task = _task_of_baselines(runs, known, request)
    return Comparison(
        tuple(known[at] if at in known else _evaluated(run, options, task) for at, run in enumerate(runs))
    )


def _task_of_baselines(
    runs: Sequence[str | Evaluation], known: Mapping[int, Evaluation], request: CompareRequest
) -> dict[str, Any]:
    """The options that give baselines the task of the first network; none where no network is compared.

    Reads the networks and refuses what could not be compared, before anything is evaluated. Raises SettingError.
    """
    from symmetry_audit.checkpoints import load_checkpoint
    from symmetry_audit.tasks import Task, make_task

    tasks = [Task.from_dict(found.task) for found in known.values() if found.model.parameters is not None]
    for at, run in enumerate(runs):
        if at not in known and run not in BASELINES:
            own = load_checkpoint(str(run)).task
            refuse_logits(str(run), own)
            tasks.append(own)
    if not tasks:
        return {}
    task = make_task(**tasks[0].to_dict() | asked_task(request.task, request))
    for run in runs:
        if run in BASELINES and run not in task.baselines:
            raise SettingError(f"{run} is not a baseline for {task.text}; use {' or '.join(task.baselines)}")
    settings = {name: value for name, value in task.to_dict().items() if value is not None}
    return {"task": settings.pop("name"), **settings}


def _once(say: Say) -> Say:
    """``say`` that says nothing twice: every network finds the same choices and skipped images."""
    said = set()

    def first(line: str) -> None:
        if line not in said:
            said.add(line)
            say(line)

    return first


def _evaluated(run: str | Evaluation, options: Mapping[str, Any], task: Mapping[str, Any]) -> Evaluation:
    from symmetry_audit.results import Evaluation

    more = task if run in BASELINES else {}
    found = evaluate(EvaluateRequest.from_dict({"model": run, **options, **more}))
    assert isinstance(found, Evaluation)  # others are refused above
    return found


def _is_read(run: str | Evaluation) -> bool:
    return not isinstance(run, str) or run.lower().endswith(".json")


def _read(run: str | Evaluation) -> Evaluation:
    from symmetry_audit.results import Evaluation

    return Evaluation.load(run) if isinstance(run, str) else run


def _check(runs: Sequence[str | Evaluation], request: CompareRequest) -> None:
    bare = [run for run in runs if not _is_read(run)]
    if bare and request.data is None:
        raise SettingError(f"{bare[0]} is not evaluated yet: give --data, or the output of evaluate --json for it")
    for name in request.given(TestOptions):
        if not bare and name not in ("data_root", "progress", "say"):
            option = name.replace("_", "-")
            raise SettingError(f"--{option} is for runs that are evaluated now, but all of these are already evaluated")
