"""What a report says about its run, checked once: the axes and the words that table and figure share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

from symmetry_audit.errors import ReportError, SymmetryAuditError
from symmetry_audit.groups import Group
from symmetry_audit.results import EPSILON_UNITS, SCENARIOS, AuditReport, ResultRow, epsilon_unit
from symmetry_audit.wording import GREY_LEVELS, count, numbers, printable

__all__ = ["CheckedReport", "ProfileKey", "checked", "is_tested", "where"]

WORDS = ("regularizer", "scenario", "group", "selected_image", "fit", "reasons")  # the rest of a row are numbers
REQUIRED = ("epsilon", "identity_response")  # numbers that are never null
PROPER_NAMES = {"gaussian": "Gaussian", "fourier": "Fourier"}


class ProfileKey(NamedTuple):
    """What one result row and one response profile belong to; sigma in px, None where the kernel has none."""

    scenario: str
    regularizer: str
    sigma: float | None
    downscale: int


@dataclass(frozen=True)
class CheckedReport:
    """A report whose settings and rows can be shown: its axes in the order of the run, and its result rows by key.

    ``report`` is the report itself; ``regularizers`` maps name to title.
    """

    report: AuditReport

    dataset: str
    group: Group
    regularizers: Mapping[str, str]
    scenarios: tuple[str, ...]
    sigmas: tuple[float | None, ...]
    downscales: tuple[int, ...]
    kernel: str
    margin: int
    response: str
    skipped: int
    rows: dict[ProfileKey, ResultRow]

    @property
    def unit(self) -> str:
        """The unit of epsilon."""
        return epsilon_unit(self.response, self.report.dataset.unit)

    @property
    def intensities(self) -> str:
        """The unit of the images in words, for example "intensities 0–255" or "intensities in HU"."""
        unit, window = self.report.dataset.unit, self.report.settings.get("window")
        if unit == GREY_LEVELS:
            return "intensities 0–255"
        if window is not None:
            return f"window {window[0]:g} ± {window[1] / 2:g} HU as 0–255"
        return f"intensities in {printable(unit)}"

    @property
    def first_scale(self) -> tuple[float | None, int]:
        """The first (sigma, downscale), which figures of a sweep show."""
        return self.sigmas[0], self.downscales[0]

    @property
    def images(self) -> str:
        """The number of images behind the rows, as words; a range where rows differ, and how many were skipped."""
        counts = [row.images for row in self.rows.values()]
        low, high = min(counts), max(counts)
        words = count(high, "image") if low == high else f"{low}–{high} images"
        return f"{words}, {self.skipped} skipped" if self.skipped else words

    @property
    def kernel_words(self) -> str:
        """The kernel model and its widths, for example "Gaussian kernel, σ = 1.5 px"."""
        widths = [sigma for sigma in self.sigmas if sigma is not None]
        return f"{self.kernel} kernel" + (f", σ = {numbers(widths)} px" if widths else "")


def checked(report: AuditReport | CheckedReport) -> CheckedReport:
    """Check ``report``, once: a checked one is returned as it is. Raises ReportError where it is unusable."""
    if isinstance(report, CheckedReport):
        return report
    try:
        run = _read(report)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        reason = printable(str(error)) if isinstance(error, SymmetryAuditError) else repr(error)
        raise ReportError(f"{where(report)} has unusable settings ({reason}); measure again with --force") from None
    if not run.rows:
        raise ReportError(f"{where(report)} holds no results; measure again with --force")
    return run


def _read(report: AuditReport) -> CheckedReport:
    settings = report.settings
    run = CheckedReport(
        report=report,
        dataset=printable(report.dataset.name),
        group=Group.parse(settings["group"]),
        regularizers={item["name"]: printable(item["title"]) for item in settings["regularizers"]},
        scenarios=tuple(settings["scenarios"]),
        sigmas=tuple(settings["sigma"]),
        downscales=tuple(settings["downscale"]),
        kernel=PROPER_NAMES.get(settings["kernel"], printable(settings["kernel"])),
        margin=int(settings["margin"]),
        response=settings["response"],
        skipped=report.skipped_count,
        rows={},
    )
    if run.response not in EPSILON_UNITS:
        raise ValueError(f"response {run.response!r}")
    if unknown := [scenario for scenario in run.scenarios if scenario not in SCENARIOS]:
        raise ValueError(f"scenario {unknown[0]!r}")
    for row in report.results:
        run.rows[_checked_key(run, row, report)] = row
    return run


def _checked_key(run: CheckedReport, row: ResultRow, report: AuditReport) -> ProfileKey:
    """The row's key, on the axes of the run, new, with finite numbers and reasons in words. Raises ReportError."""
    key = ProfileKey(row.scenario, row.regularizer, row.sigma, row.downscale)
    axes = (run.scenarios, run.regularizers, run.sigmas, run.downscales)
    values = {name: value for name, value in vars(row).items() if name not in WORDS}
    numbers = [value for name, value in values.items() if value is not None or name in REQUIRED]
    if not all(value in axis for value, axis in zip(key, axes, strict=True)):
        problem = "is not among the settings"
    elif key in run.rows:
        problem = "occurs twice"
    elif not all(isinstance(value, int | float) and isfinite(value) for value in numbers):
        problem = "has a value that is not a finite number"
    elif not all(isinstance(reason, str) for reason in dict(row.reasons).values()):
        problem = "has a reason that is not text"
    else:
        return key
    raise ReportError(f"{where(report)}: result {tuple(key)} {problem}; measure again with --force")


def is_tested(row: ResultRow) -> bool:
    """Whether the row's own regularizer sees any element but the identity; if not, its epsilon is no evidence."""
    return row.tested and row.visible_elements > 0


def where(report: AuditReport) -> str:
    """The report's file as an error message names it."""
    return str(report.folder / "report.json") if report.folder else "the report"
