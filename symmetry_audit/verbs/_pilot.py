"""``pilot``: which network restores held-out images best, from paired short trainings on the user's own images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Ge, Gt, Le
from pydantic import Field

from symmetry_audit.catalogue import ARMS
from symmetry_audit.errors import ReportError, SettingError
from symmetry_audit.options import (
    TASK,
    BandOptions,
    FilePath,
    Hidden,
    Images,
    Names,
    Option,
    PairOptions,
    SourceOptions,
    SpreadOptions,
    TaskSettings,
    names,
)
from symmetry_audit.verbs._machine import results_folder, workplace
from symmetry_audit.verbs._networks import asked_task, refuse_others, reported_pairs
from symmetry_audit.verbs._train_request import OnStep, unseen
from symmetry_audit.verbs._verb import verb

if TYPE_CHECKING:
    from symmetry_audit.results import Pilot

__all__ = ["PilotRequest", "pilot"]


class PilotRequest(PairOptions, TaskSettings, BandOptions, SpreadOptions, SourceOptions):
    """The options of ``pilot``."""

    heading: ClassVar[str] = "Pilot"

    data: Annotated[
        Images, Option("Clean images: a folder, glob, list, archive or dataset.", complete=names.datasets)
    ] = Field(kw_only=False)
    task: Annotated[str, TASK]
    inputs: Annotated[Images | None, Option("Degraded partners of the images, for tasks with pairs (derain).")] = None
    arms: Annotated[
        Names,
        Option(
            "Networks to compare with plain: p4, relaxed, p8, or plain ones trained on mirrored or augmented patches.",
            complete=lambda: ARMS,
        ),
    ] = ("plain", "p4", "relaxed")
    minutes: Annotated[float, Gt(0), Option("Time for training; no seed begins after it.")] = 5.0
    steps: Annotated[
        int | None,
        Ge(2),
        Option("Steps of every run.", default="as many as fit, 120 to 2000"),
    ] = None
    margin: Annotated[float, Gt(0), Le(3), Option("Difference in dB that does not matter.")] = 0.05
    seed: Annotated[int, Ge(0), Option("First seed; the others follow it.")] = 0
    limit: Annotated[int | None, Ge(1), Option("Use only the first N images.")] = None
    out: Annotated[
        FilePath | None,
        Option(
            "Folder for the results; that of `symaudit measure` for the same images will do.",
            default="symaudit-pilot-NAME in the current folder",
        ),
    ] = None
    force: Annotated[bool, Option("Start over, even if --out holds another pilot.")] = False
    on_step: Annotated[OnStep, Hidden()] = unseen


@verb(PilotRequest)
def pilot(request: PilotRequest) -> Pilot:
    """Find out which network to build by training tiny ones on the task: plain, p4, relaxed p4 or others.

    A seed draws weights, patches, noise and a fresh split of the images into train and held out, the same for all arms.
    The paired differences in PSNR are looked at after 3, 5 and 8 seeds. At most 5 % of pilots choose the wrong arm.

    Parameters
    ----------
    data
        Clean images, 6 or more different ones, as a source of ``measure``. At most 200 are read.
    task, scale, sigma, missing, peak, mask_seed, square, resize, inputs, pair_by
        "sr", "denoise", "derain" or "inpaint", and its settings; for deraining, the degraded partners of ``data``.
    arms
        "plain", "mirrored", "augmented", "p4", "relaxed" (p4 with free filters beside the tied ones), "p8". "plain" is
        always among them.
    minutes, steps
        Time for training in minutes; steps of every run, by default as many as fit.
    margin
        Difference in dB below which arms count as equal; then the cheaper step is chosen, and the larger group.
    out, force
        Folder for runs.jsonl, pilot.json and pilot.html; the same call continues a stopped pilot.
    seed, limit, bands, white, device, cluster, data_root, progress, on_step, say
        First seed; number of images; the others as for ``train``.

    Returns
    -------
    Pilot
        The verdict, its sentence, and the numbers behind it.

    Raises
    ------
    SettingError
        If options do not fit together.
    DataError
        If images cannot be used, or if they are too few.
    ReportError
        If the folder holds another pilot, or a report about other images.
    ModelError
        If a training diverges.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from symmetry_audit import pilot
    >>> from symmetry_audit.verbs import synth
    >>> with TemporaryDirectory() as name:
    ...     images = synth(Path(name) / "images", n=6, size=32).folder
    ...     run = {"steps": 2, "arms": ["p4"], "minutes": 0.001, "out": Path(name) / "pilot"}
    ...     found = pilot(images, task="denoise", sigma=25, **run)
    >>> found.verdict.kind, found.seeds
    ('undecided', 1)
    """
    from symmetry_audit.files import write_atomically
    from symmetry_audit.pilots import Design, network_pilot, ordered, read_pictures
    from symmetry_audit.reports.pages import PILOT_PAGE, pilot_page
    from symmetry_audit.results import DatasetInfo
    from symmetry_audit.tasks import make_task, source_fingerprint

    task = make_task(**asked_task(request.task, request))
    if task.labelled:
        raise SettingError(
            f"symaudit pilot trains networks that restore images; for {task.name} use symaudit recommend --task "
            f"{task.name}, whose linear pilot classifies"
        )
    refuse_others(task, "a pilot")
    design = Design(
        arms=ordered(request.arms or ()),
        **{name: getattr(request, name) for name in ("margin", "seed", "minutes", "steps")},
    )
    pairs = reported_pairs(request, task, request.data, request.inputs, request.limit)
    pictures = read_pictures(pairs, task, request.seed, request.progress)
    pairs = replace(pairs, refs=tuple(pair for pair in pairs.refs if pair.key not in pictures.broken))
    data = DatasetInfo(pairs.name, pairs.text, len(pairs.refs), source_fingerprint(pairs))
    folder = Path(request.out or results_folder("symaudit-pilot", pairs))
    _refuse_report(folder, data.fingerprint)
    with workplace(request) as (device, cluster):
        how = {"device": device, "cluster": cluster, "force": request.force, "on_step": request.on_step}
        found = network_pilot(pictures, data, design, folder, **how)
    write_atomically(folder / PILOT_PAGE, pilot_page(found))
    return found


def _refuse_report(folder: Path, fingerprint: str) -> None:
    """Raise ReportError if the folder holds a report about other images: its recommendation would use this pilot."""
    from symmetry_audit.results import AuditReport

    if (folder / "report.json").is_file() and AuditReport.load(folder).dataset.fingerprint != fingerprint:
        raise ReportError(f"{folder} holds a report about other images; choose another --out, or the same images")
