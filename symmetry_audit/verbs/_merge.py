"""``merge``: the parts of one audit, measured by several runs, become a report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from symmetry_audit.errors import ReportError, SettingError
from symmetry_audit.options import PATHS, FilePath, Images, Option, RunOptions, ShardOptions
from symmetry_audit.verbs._machine import opened_run
from symmetry_audit.verbs._measure import MeasurePlan
from symmetry_audit.verbs._sources import as_measured
from symmetry_audit.verbs._verb import verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symmetry_audit.audit import PartialRun
    from symmetry_audit.results import AuditReport

    Folders = FilePath | Sequence[FilePath]
else:
    Folders = Any

__all__ = ["MergePlan", "MergeRequest", "merge", "plan_merge"]


class MergeRequest(ShardOptions):
    """The options of ``merge``."""

    heading: ClassVar[str] = "Run"

    parts: Annotated[Folders, PATHS, Option("Folders of `symaudit measure --part`.", metavar="PART...")] = Field(
        kw_only=False
    )
    source: Annotated[Images | None, Option("Where the images are now, if they were moved.", metavar="TEXT")] = None
    out: Annotated[FilePath | None, Option("Folder for the report.", default="symaudit-NAME in the current folder")] = (
        None
    )
    force: Annotated[bool, Option("Start over, even if --out holds another run.")] = False


@dataclass(frozen=True)
class MergePlan:
    """Parts that are about to be merged into the report of ``audit``."""

    runs: tuple[PartialRun, ...]
    audit: MeasurePlan

    @property
    def folder(self) -> Path:
        """Where the command line writes the report."""
        return self.audit.folder

    def run(self, out: FilePath, *, draw: bool = True) -> AuditReport:
        """Write the report into ``out``. Raises DataError where parts are missing, ReportError as ``measure`` does."""
        from symmetry_audit.audit import merge_parts

        if any(run.folder.resolve() == Path(out).resolve() for run in self.runs):
            raise SettingError(f"--out {out} is one of the parts; choose another folder for the whole")
        request, settings = self.audit.request, self.audit.settings
        source = self.audit.source.limited(settings.limit)
        with opened_run(request, source, settings, Path(out)):
            merge_parts(self.runs, source, settings, Path(out))
        again = request.model_copy(update={"force": False})  # it would empty once more what was merged
        return MeasurePlan(again, self.audit.source, settings).run(out, draw=draw)


def plan_merge(request: MergeRequest) -> MergePlan:
    """Open all parts and their source. Raises ReportError where they are not of one audit, DataError for the source."""
    from symmetry_audit import audit

    folders: tuple[Path, ...] = request.parts  # pyright: ignore[reportAssignmentType]  # PATHS makes a tuple of it
    runs = tuple(map(audit.partial_run, folders))
    if not runs:
        raise SettingError("merge needs the folders of at least one part")
    first = runs[0]
    for other in runs[1:]:
        if other.settings != first.settings or other.source != first.source:
            what = "settings" if other.settings != first.settings else "images"
            raise ReportError(
                f"{other.folder} was measured with other {what} than {first.folder}; merge parts of one audit"
            )
    source = as_measured(first.settings.to_dict(), request.source or first.source, request.data_root, request.column)
    run = RunOptions(out=request.out, force=request.force, progress=request.progress, say=request.say)
    return MergePlan(runs, MeasurePlan(run, source, first.settings))


@verb(MergeRequest)
def merge(request: MergeRequest) -> AuditReport:
    """Make the report of an audit whose partitions were measured by several runs, ``symaudit measure --part K/N``.

    Parameters
    ----------
    parts
        The folders of all parts, in any order.
    source
        Where the images are now, if they were moved: they are listed again, and none is measured.
    column, data_root
        As for ``measure``.
    out, force
        Folder for the report; whether to start over there. Without one, nothing is kept but the returned value.

    Raises
    ------
    ReportError
        If a folder is no part, or parts are not of one audit.
    DataError
        If partitions are missing, or the images cannot be listed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from symmetry_audit import merge
    >>> from symmetry_audit.verbs import MeasureRequest, plan_measure, synth
    >>> with TemporaryDirectory() as name:
    ...     photos = synth(Path(name, "photos"), n=2, size=64).folder
    ...     plan = plan_measure(MeasureRequest(photos, reg="tv", group="p4", scenario="dataset_strict"))
    ...     part = plan.run_part((1, 1), Path(name, "part"))
    ...     merge(part.folder).results[0].images
    2
    """
    import tempfile

    plan = plan_merge(request)
    if request.out is not None:
        return plan.run(request.out)
    with tempfile.TemporaryDirectory() as place:
        return plan.run(place, draw=False)
