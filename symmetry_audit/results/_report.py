"""The report of one audit: its rows, and report.json."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symmetry_audit.errors import ReportError, SettingError, one_line, suggest
from symmetry_audit.results._affine import AFFINE_COLUMNS, AFFINE_FILE, AffineFit, FailedFit
from symmetry_audit.results._answer import Answer
from symmetry_audit.results._dataset import DatasetInfo
from symmetry_audit.results._documents import Origin, dump_json, read_json, read_value
from symmetry_audit.results._first_report import FIRST_SCHEMA, REPORT_SCHEMA, explained, from_first
from symmetry_audit.results._left_out import LeftOut
from symmetry_audit.results._notebook import notebook_html, percent_of
from symmetry_audit.results._recommendation import Recommendation
from symmetry_audit.results._row import ResultRow
from symmetry_audit.results._run_document import read_run
from symmetry_audit.results._scenario import DATASET_ADAPTIVE, DATASET_STRICT
from symmetry_audit.results._skipped import SkippedImage
from symmetry_audit.wording import GREY_LEVELS, count

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "EPSILON_UNITS",
    "REPORT_SCHEMA",
    "AuditReport",
    "DatasetInfo",
    "ResultRow",
    "SkippedImage",
    "epsilon_unit",
]

AGAIN = "measure again with --force"
EPSILON_UNITS = {
    "abs": "{}",
    "energy": "squared {}",
    "rectified": "squared {}",
}  # by the response, of the unit of the images


@dataclass(frozen=True)
class AuditReport:
    """One audit: the content of ``report.json``. ``folder`` is where it was loaded from or written to.

    ``dataset`` names the images and ``settings`` what was measured of them; ``results`` are the rows of Table 1.
    ``skipped`` lists the first images that could not be measured, ``skipped_unnamed`` counts those that it does not
    name, which are in SKIPPED_FILE, and ``skipped_reasons`` maps reasons to numbers of images. ``warnings`` says what a
    reader of the numbers has to know;
    ``recommendation`` advises a group for a network.
    ``answers`` says of flips and turns, one by one, whether the distribution of the images is the same after them; it
    is empty where that was not measured. ``analyses`` holds JSON-ready tables: ``transfer``, ``leverage``,
    ``folders``, ``subsets``, ``directions`` and ``fits``. ``left_out`` says how much of the images V leaves out. The
    field ``fits`` holds the single images' fits only for a report without a folder; see ``affine``. ``written`` is the
    schema of the file that it was read from.
    """

    DERIVED = ("schema", "skipped_count")

    dataset: DatasetInfo
    settings: Mapping[str, Any]
    results: tuple[ResultRow, ...]
    skipped: tuple[SkippedImage, ...] = ()
    skipped_unnamed: int = 0
    skipped_reasons: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    analyses: Mapping[str, Any] = field(default_factory=dict)
    answers: tuple[Answer, ...] = ()
    recommendation: Recommendation | None = None
    left_out: LeftOut = field(default_factory=LeftOut)
    folder: Path | None = field(default=None, compare=False)
    fits: tuple[AffineFit | FailedFit, ...] = field(default=(), compare=False, repr=False)
    written: str = field(default=REPORT_SCHEMA, compare=False, repr=False)

    def __repr__(self) -> str:
        """One line: a report holds thousands of numbers."""
        where = "" if self.folder is None else f", folder={str(self.folder)!r}"
        size = f"{self.dataset.images} images, {self.settings.get('group')}, {len(self.results)} rows"
        return f"AuditReport({self.dataset.name!r}, {size}{where})"

    def _repr_html_(self) -> str:
        """What notebooks show: the answers, the advice, and the rows of the whole dataset."""
        answers = "; ".join(f"{answer.transformation}: {answer.verdict}" for answer in self.answers)
        advice = () if self.recommendation is None else self.recommendation.sentences[:1]
        own = [row for row in self.results if row.scenario == DATASET_STRICT.name] or list(self.results)
        rows = [
            (
                row.regularizer,
                percent_of(row.relative_epsilon),
                ""
                if row.ci_low is None
                else f"{percent_of(row.relative_ci_low)} to {percent_of(row.relative_ci_high)}",
                percent_of(row.relative_null),
            )
            for row in own
        ]
        title = f"{self.dataset.name}: {count(self.dataset.images, 'image')} under {self.settings.get('group')}"
        header = ("regularizer", "relative \N{GREEK SMALL LETTER EPSILON} (%)", "95 % interval", "chance (%)")
        return notebook_html(title, (answers, *advice), header, rows)

    @classmethod
    def load(cls, folder: str | Path, *, edited: bool = False) -> AuditReport:
        """Read ``folder/report.json``. Raises ReportError where it is missing, damaged or of another schema.

        With ``edited``, its bytes need not be those that run.json notes: every number is about to be compared.

        Relative numbers of a report of the first schema are null, since they had another meaning;
        :func:`symmetry_audit.reports.load_report` recomputes them from the responses beside it.
        """
        absent = "give the folder that `symaudit measure` wrote"
        path = Path(folder) / "report.json"
        report = cls.from_dict(read_json(path, absent, damaged=AGAIN), Path(folder))
        noted = read_run(Path(folder)).get("report_sha256")
        if not edited and noted is not None and noted != hashlib.sha256(path.read_bytes()).hexdigest():
            raise Origin(str(path), f"{AGAIN}, or remove run.json if you changed it").damaged(
                "its bytes are not those that run.json notes"
            )
        return report

    @classmethod
    def from_dict(cls, document: Any, folder: Path | None = None) -> AuditReport:
        """The inverse of ``to_dict``. Raises ReportError."""
        origin = Origin(f"{folder / 'report.json' if folder else 'the report'}", AGAIN)
        written = document.get("schema") if isinstance(document, dict) else None
        if written == FIRST_SCHEMA:
            document = from_first(document)
        origin.check_schema(document, REPORT_SCHEMA)
        return read_value(cls, explained(document), origin, folder=folder, fits=(), written=written)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document, ``schema`` first; depends on data and settings alone."""
        return {
            "schema": REPORT_SCHEMA,
            "dataset": asdict(self.dataset),
            "settings": dict(self.settings),
            "results": [row.to_dict() for row in self.results],
            "skipped": [asdict(item) for item in self.skipped],
            "skipped_unnamed": self.skipped_unnamed,
            "skipped_count": self.skipped_count,
            "skipped_reasons": dict(self.skipped_reasons),
            "warnings": list(self.warnings),
            "analyses": dict(self.analyses),
            "answers": [asdict(answer) for answer in self.answers],
            "recommendation": None if self.recommendation is None else self.recommendation.to_dict(),
            "left_out": asdict(self.left_out),
        }

    def to_json(self) -> str:
        """``to_dict`` as text, without NaN or Infinity."""
        return dump_json(self.to_dict())

    @property
    def skipped_count(self) -> int:
        """How many images could not be measured."""
        return len(self.skipped) + self.skipped_unnamed

    @property
    def unit(self) -> str:
        """The unit of epsilon."""
        return epsilon_unit(self.settings.get("response", "abs"), self.dataset.unit)

    @property
    def first_scale(self) -> tuple[float | None, int]:
        """The first (sigma, downscale) of the run, which figures and comparisons of a sweep show."""
        return self.settings["sigma"][0], self.settings["downscale"][0]

    @cached_property
    def affine(self) -> pd.DataFrame:
        """The fitted w_n of every image and regularizer, one column per name in AFFINE_COLUMNS, and any added columns.

        Raises ReportError where the report's folder has no table of fits, or one that lacks a column.
        """
        import pandas as pd

        if self.folder is None:
            return pd.DataFrame([fit.to_dict() for fit in self.fits], columns=list(AFFINE_COLUMNS))
        path = self.folder / AFFINE_FILE
        try:
            table = pd.read_parquet(path, page_checksum_verification=True)
        except (OSError, ValueError) as error:
            hint = f"measure with --scenario {DATASET_ADAPTIVE.name}" if not path.exists() else AGAIN
            raise ReportError(f"cannot read {path} ({one_line(error)}); {hint}") from None
        added = {item.name: item.default for item in fields(AffineFit) if item.default is not MISSING}
        lost = [name for name in AFFINE_COLUMNS if name not in table and name not in added]
        if lost:
            raise Origin(str(path), AGAIN).damaged(f'column "{lost[0]}" is missing')
        table = table.assign(**{name: value for name, value in added.items() if name not in table})
        return table[[*AFFINE_COLUMNS, *(name for name in table if name not in AFFINE_COLUMNS)]]

    def to_pandas(self) -> pd.DataFrame:
        """All result rows as a table, one column per field of ResultRow."""
        import pandas as pd

        names = [item.name for item in fields(ResultRow)]
        return pd.DataFrame([asdict(row) for row in self.results], columns=names)

    def table1(self, value: str = "epsilon") -> pd.DataFrame:
        """Table 1 of [SA]: scenarios down, regularizers across, ``value`` any numeric field of ResultRow.

        Where the run sweeps sigma or downscale, these are beside the scenario in the row index. Raises
        SettingError where ``value`` is no field.
        """
        table = self.to_pandas()
        if value not in table.columns:
            raise SettingError(f'"{value}" is not a field of the results.{suggest(value, table.columns)}')
        swept = [name for name in ("sigma", "downscale") if table[name].nunique() > 1]
        pivot = table.pivot(index=[*swept, "scenario"], columns="regularizer", values=value)
        order = table[[*swept, "scenario"]].drop_duplicates().itertuples(index=False)
        rows = [tuple(row) if swept else row[0] for row in order]
        pivot = pivot.loc[rows, list(dict.fromkeys(table["regularizer"]))]
        titles = {item["name"]: item["title"] for item in self.settings["regularizers"]}
        pivot.columns = [titles[name] for name in pivot.columns]
        return pivot


def epsilon_unit(response: str, unit: str = GREY_LEVELS) -> str:
    """The unit of epsilon by the ``response`` (abs, energy, rectified) of images in ``unit``."""
    return EPSILON_UNITS[response].format(unit)
