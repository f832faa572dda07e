"""``recommend``: the group that a report supports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from symmetry_audit.errors import ReportError
from symmetry_audit.options import FilePath, Option, Options
from symmetry_audit.verbs._verb import verb

if TYPE_CHECKING:
    from symmetry_audit.results import Recommendation

__all__ = ["RecommendRequest", "recommend"]


class RecommendRequest(Options):
    """The options of ``recommend``."""

    report: Annotated[FilePath, Option("Folder that `symaudit measure` wrote.")] = Field(kw_only=False)
    kappa: Annotated[
        float | None,
        Option(
            "Cost of having few training images, in the unit of epsilon (grey levels). A group is recommended only "
            "if it pays by Eq. (46), for every regularizer that sees it.",
            default="not used",
            metavar="K",
        ),
    ] = None
    tolerance: Annotated[
        float,
        Option(
            "Limit of a group's relative epsilon; grid floor plus null level is the limit where that is larger.",
            metavar="X",
        ),
    ] = 0.05


@verb(RecommendRequest)
def recommend(request: RecommendRequest) -> Recommendation:
    """The symmetry group to build into a network, from the numbers of a report alone (SPEC 8).

    Parameters
    ----------
    report
        Folder that ``measure`` wrote.
    kappa
        Cost of having few training images in the unit of epsilon, as in Eq. (46); None: not used.
    tolerance
        Limit of a group's relative epsilon; grid floor plus null level is the limit where that is larger.

    Raises
    ------
    SettingError
        If the tolerance or kappa is not a valid number.
    ReportError
        If the report is missing, damaged, or has no group to choose from.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from symmetry_audit import measure, recommend
    >>> from symmetry_audit.data import demo_source
    >>> with TemporaryDirectory() as folder:
    ...     _ = measure(demo_source(), reg="tv", group="p4", scenario="dataset_strict", limit=2, out=folder)
    ...     recommend(folder).group
    'p1'
    """
    from symmetry_audit.results import AuditReport
    from symmetry_audit.theory import recommend as choose

    report = AuditReport.load(request.report)
    if (held := report.recommendation) is None:
        hint = "holds no dataset rows to choose from; measure with --scenario all"
        raise ReportError(f"{Path(request.report) / 'report.json'} {hint}")
    kept = {name: getattr(held, name) for name in ("images", "unit", "relative_to")}
    return choose(held.candidates, tolerance=request.tolerance, kappa=request.kappa, **kept)
