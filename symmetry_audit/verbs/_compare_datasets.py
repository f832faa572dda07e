"""``compare-datasets``: audits of several sets of images side by side, and what a network restores of the clean one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Gt
from pydantic import Field

from symmetry_audit.errors import DataError, SettingError
from symmetry_audit.options import PATHS, FilePath, Option, Options
from symmetry_audit.verbs._audited import AuditedRun, agreed_settings, cells_of, opened_run
from symmetry_audit.verbs._verb import verb

if TYPE_CHECKING:
    from symmetry_audit.results import DatasetComparison

    Runs = Sequence[FilePath] | FilePath
else:
    Runs = Annotated[tuple[Path, ...], PATHS]

__all__ = ["CompareDatasetsRequest", "compare_datasets"]

REPORT = "folder that `symaudit measure` wrote"


class CompareDatasetsRequest(Options):
    """The options of ``compare-datasets``."""

    heading: ClassVar[str] = "Comparison"

    runs: Annotated[
        Runs, Option("Folders that `symaudit measure` wrote. Differences are to the first.", metavar="[RUN...]")
    ] = Field(default=(), kw_only=False)
    clean: Annotated[FilePath | None, Option(f"Audit of the clean images, a {REPORT}.")] = None
    degraded: Annotated[FilePath | None, Option("Audit of the same images, degraded.")] = None
    restored: Annotated[
        Runs, Option("Audit of the same images, restored by a network; several times for several networks.")
    ] = ()
    pair_by: Annotated[
        Literal["stem", "name", "none"],
        Option(
            "What tells that images of two sets are versions of one: the path below the source without its suffix, "
            "or with it; or nothing, where the sets are independent."
        ),
    ] = "stem"
    tolerance: Annotated[float, Gt(0), Option("Difference in relative epsilon that does not matter.")] = 0.02


@verb(CompareDatasetsRequest)
def compare_datasets(request: CompareDatasetsRequest) -> DatasetComparison:
    """Set the audits of several sets of images side by side, with intervals for their differences.

    Where the sets hold versions of the same images, such as clean, degraded and restored ones, their differences are
    paired: one draw of the bootstrap takes an image from all sets at once. Images that are in one set alone are drawn
    among themselves. Clusters, such as the slices of one series, are drawn as a whole, as in the reports.

    Parameters
    ----------
    runs
        Two or more report folders with their responses.parquet; differences are to the first.
    clean, degraded, restored
        Instead of ``runs``, report folders of clean, degraded and restored versions of the same images; ``restored``
        may be several. Then the result also says which share of the change in relative epsilon each network undoes.
    pair_by
        "stem": images are versions of one if their paths below the source agree but for the suffix; "name": if they
        agree; "none": the sets are independent.
    tolerance
        Difference in relative epsilon (a fraction of the mean response) that does not matter, above 0.

    Raises
    ------
    SettingError
        If there are fewer than two runs, if runs were measured with different settings, or if images of one set cannot
        be told apart.
    DataError
        If no regularizer of the runs sees any element of the group.
    ReportError
        If a report cannot be read.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from symmetry_audit import compare_datasets, measure
    >>> from symmetry_audit.verbs import synth
    >>> with TemporaryDirectory() as name:
    ...     for ratio in (1.0, 2.0):
    ...         images = synth(Path(name) / f"images{ratio}", n=12, size=64, ratio=ratio, angle=0).folder
    ...         options = {"group": "p4", "reg": "tv", "scenario": "dataset_strict"}
    ...         _ = measure(images, out=Path(name) / f"audit{ratio}", **options)
    ...     found = compare_datasets([Path(name) / "audit1.0", Path(name) / "audit2.0"])
    ...     found.verdict("images2.0").verdict
    'differs'
    """
    from symmetry_audit.comparison import compare_audits

    runs = [opened_run(folder, role) for folder, role in _folders(request)]
    settings = agreed_settings(runs)
    keys, cells = cells_of(runs)
    if not cells:
        raise DataError(
            f"no regularizer of the runs sees any element of {settings['group']}; measure with --reg chiral, "
            "or with a dataset scenario"
        )
    first, last = runs[0].report, cells[-1]
    return compare_audits(
        [run.audited(name, keys) for run, name in zip(runs, _names(runs), strict=True)],
        cells,
        settings=settings,
        unit=first.unit,
        group=last.group,
        scenario=cells[0].scenario,
        key=request.pair_by,
        tolerance=request.tolerance,
        notes=[note for run in runs for note in run.notes],
    )


def _folders(request: CompareDatasetsRequest) -> list[tuple[Path, str | None]]:
    """The report folders, each with its role. Raises SettingError."""
    from symmetry_audit.results import ROLES

    plain: Any = request.runs
    roles: dict[str, tuple[Any, ...]] = {
        "clean": (request.clean,) if request.clean is not None else (),
        "degraded": (request.degraded,) if request.degraded is not None else (),
        "restored": tuple(request.restored),  # pyright: ignore[reportArgumentType]  # PATHS makes a tuple of it
    }
    given = [name for name in ROLES if roles[name]]
    if given and plain:
        raise SettingError(f"give runs, or --clean, --degraded and --restored, not both; drop --{given[0]} or the runs")
    if given and len(given) < len(ROLES):
        missing = next(name for name in ROLES if name not in given)
        raise SettingError(f"--{given[0]} needs --{missing} beside it: clean, degraded and restored are compared")
    if given:
        return [(Path(folder), name) for name in ROLES for folder in roles[name]]
    if len(plain) < 2:
        raise SettingError("give two or more folders that `symaudit measure` wrote, or --clean, --degraded, --restored")
    return [(Path(folder), None) for folder in plain]


def _names(runs: Sequence[AuditedRun]) -> list[str]:
    """Names that differ: those of the datasets, or of the report folders, or where these are."""
    ways = [
        [run.report.dataset.name for run in runs],
        [run.folder.name for run in runs],
        [str(run.folder) for run in runs],
    ]
    for names in ways:
        if max(Counter(names).values()) == 1:
            return names
    twice = Counter(ways[-1]).most_common(1)[0][0]
    raise SettingError(f"{twice} is given twice; give each run once")
