"""The report of one audit: its rows, and report.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symmetry_audit.errors import ReportError, SettingError, suggest
from symmetry_audit.results._affine import AFFINE_COLUMNS, AFFINE_FILE, AffineFit, FailedFit
from symmetry_audit.results._answer import Answer
from symmetry_audit.results._dataset import DatasetInfo
from symmetry_audit.results._documents import Origin, read_json, read_value
from symmetry_audit.results._first_report import FIRST_SCHEMA, REPORT_SCHEMA, explained, from_first
from symmetry_audit.results._left_out import LeftOut
from symmetry_audit.results._notebook import notebook_html, percent_of
from symmetry_audit.results._recommendation import Recommendation
from symmetry_audit.results._relative import CONTROL_FIELDS, PIXEL_FIELDS
from symmetry_audit.results._scenario import DATASET_ADAPTIVE, DATASET_STRICT, SAMPLE_STRICT
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
    "dump_json",
    "epsilon_unit",
]

AGAIN = "measure again with --force"
EPSILON_UNITS = {
    "abs": "{}",
    "energy": "squared {}",
    "rectified": "squared {}",
}  # by the response, of the unit of the images

SAMPLE_FIELDS = ("selected_image", "epsilon_selected", "median", "q25", "q75")
ADAPTIVE_FIELDS = (
    "fit",
    "gain",
    "gain_low",
    "gain_high",
    "control_images",
    "null_epsilon_se",
    "random_epsilon",
    "random_epsilon_se",
    "held_out_epsilon",
    "held_out_epsilon_se",
    "held_out_strict_epsilon",
    "held_out_gain",
    "held_out_gain_low",
    "held_out_gain_high",
    "held_out_p_value",
    *CONTROL_FIELDS,
)


@dataclass(frozen=True, kw_only=True)
class ResultRow:
    """epsilon_G of Eq. (8) of [SA] for one regularizer and scenario, in the unit of ``AuditReport.unit``.

    ``regularizer``, ``scenario``, ``group``, ``sigma`` and ``downscale`` say what the row is of, ``images`` how many
    images. ``epsilon`` is the largest change of the mean response under the group, at ``worst_element``, a turn by
    ``worst_angle_deg``. In ``sample_strict`` rows ``epsilon`` and ``normalized_epsilon`` are means over the single
    images' values, with ``median``, ``q25`` and ``q75`` beside them, and the worst element is that of
    ``selected_image``, the seeded random choice of [SA], whose own value is ``epsilon_selected``.
    ``mean_response`` is the mean of f_t over the group and the images, ``identity_response`` that of f_0 over the
    images. ``normalized_epsilon`` is Eq. (8) on profiles divided by their own mean over the group. ``tested`` is false
    where no regularizer of the run can see any element but the identity; ``visible_elements`` counts the elements,
    without the identity, that this row's regularizer can see.

    In the unit of epsilon: ``ci_low`` and ``ci_high``, the 95 % percentile interval of a bootstrap over images;
    ``null_epsilon``, the epsilon expected from the same number of images if their distribution were invariant
    (adaptive rows: from isotropic noise with the same spectra, fitted in the same way); ``excess`` = epsilon -
    null_epsilon; ``floor``, the epsilon that sampling on the pixel grid alone produces, of an ideal field with the same
    ``identity_response``. ``p_value`` is that of the invariance test of Eq. (8). ``images_at_limit`` counts the images
    whose deformation has the largest ratio admitted; without these images epsilon is ``epsilon_within_limit``.

    Only adaptive rows have the other fields. ``fit`` names the fit source of w. ``gain`` is the strict epsilon minus
    this one, with its paired bootstrap interval ``gain_low`` to ``gain_high``. ``random_epsilon`` is measured under the
    same ratios at random angles, ``held_out_epsilon`` on one half of every image under the w of the other half,
    ``held_out_strict_epsilon`` on that same half under strict rotations; ``held_out_gain`` is their difference,
    ``held_out_gain_low`` to ``held_out_gain_high`` its interval.

    Controls are measured on ``control_images`` of the images, on a sample of their pixels, and describe all of them:
    ``random_epsilon`` and ``held_out_epsilon`` are those of the mean strict profile of all images plus the mean
    difference on these, ``null_epsilon`` is the expected epsilon of as many fields as there are images.
    ``null_epsilon_se``, ``random_epsilon_se`` and ``held_out_epsilon_se`` are standard errors: what another draw of as
    many images, and of the random numbers of each, would change. The interval of ``held_out_gain`` resamples the images
    with controls and the others, each among themselves. ``held_out_p_value`` is of the images with controls alone, and
    approximate.

    Relative numbers are fractions of ``mean_response``, and no other definition is mixed in (SPEC 8):
    ``relative_epsilon`` = (max over t - min over t of the mean response) / its mean over t, at most the order of the
    group, the same whichever way the images lie; in ``sample_strict`` rows the mean over the images of each image's
    max - min, divided by ``mean_response``. ``relative_ci_low`` to ``relative_ci_high`` is its own bootstrap interval,
    ``relative_null`` its mean over the random shifts, ``relative_floor`` that of the ideal isotropic field. Named as
    the absolute ones are ``relative_null_se``, ``relative_random``, ``relative_random_se``, ``relative_held_out``,
    ``relative_held_out_se``, ``relative_held_out_strict``, ``relative_held_out_gain``, ``relative_held_out_gain_low``
    and ``relative_held_out_gain_high``.

    Only rows of a quick look (``--pixels``) have ``mean_response_pixel_se``, ``epsilon_pixel_se`` and
    ``relative_epsilon_pixel_se``: the standard errors of these three as estimates of what all pixels of the same images
    would give, 0 where all were measured. The elements that decide epsilon, and w, are taken as known.

    A null value is explained in ``reasons``, by field.
    """

    regularizer: str
    scenario: str
    group: str
    sigma: float | None
    downscale: int
    epsilon: float
    relative_epsilon: float | None
    normalized_epsilon: float | None
    mean_response: float | None
    identity_response: float
    worst_element: int
    worst_angle_deg: float
    tested: bool
    visible_elements: int
    images: int
    ci_low: float | None = None
    ci_high: float | None = None
    p_value: float | None = None
    null_epsilon: float | None = None
    excess: float | None = None
    floor: float | None = None
    relative_ci_low: float | None = None
    relative_ci_high: float | None = None
    relative_null: float | None = None
    relative_floor: float | None = None
    images_at_limit: int | None = None
    epsilon_within_limit: float | None = None
    selected_image: str | None = None
    epsilon_selected: float | None = None
    median: float | None = None
    q25: float | None = None
    q75: float | None = None
    fit: str | None = None
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    control_images: int | None = None
    null_epsilon_se: float | None = None
    random_epsilon: float | None = None
    random_epsilon_se: float | None = None
    held_out_epsilon: float | None = None
    held_out_epsilon_se: float | None = None
    held_out_strict_epsilon: float | None = None
    held_out_gain: float | None = None
    held_out_gain_low: float | None = None
    held_out_gain_high: float | None = None
    held_out_p_value: float | None = None
    relative_null_se: float | None = None
    relative_random: float | None = None
    relative_random_se: float | None = None
    relative_held_out: float | None = None
    relative_held_out_se: float | None = None
    relative_held_out_strict: float | None = None
    relative_held_out_gain: float | None = None
    relative_held_out_gain_low: float | None = None
    relative_held_out_gain_high: float | None = None
    mean_response_pixel_se: float | None = None
    epsilon_pixel_se: float | None = None
    relative_epsilon_pixel_se: float | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def distinguishable(self) -> bool | None:
        """Whether epsilon is at least twice the null level; None where there is no null level."""
        return None if self.null_epsilon is None else self.epsilon >= 2 * self.null_epsilon

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict; fields of single scenarios appear in their rows alone."""
        hidden: set[str] = set()
        if self.scenario != SAMPLE_STRICT.name:
            hidden.update(SAMPLE_FIELDS)
        if self.scenario != DATASET_ADAPTIVE.name:
            hidden.update(ADAPTIVE_FIELDS)
        if self.mean_response_pixel_se is None:
            hidden.update(PIXEL_FIELDS)
        return {key: value for key, value in asdict(self).items() if key not in hidden}


@dataclass(frozen=True)
class AuditReport:
    """One audit: the content of ``report.json``. ``folder`` is where it was loaded from or written to.

    ``dataset`` names the images and ``settings`` what was measured of them; ``results`` are the rows of Table 1.
    ``skipped`` lists the images that could not be measured, ``warnings`` what a reader of the numbers has to know;
    ``recommendation`` advises a group for a network.
    ``answers`` says of flips and turns, one by one, whether the distribution of the images is the same after them; it
    is empty where that was not measured. ``analyses`` holds JSON-ready tables: ``transfer``, ``leverage``,
    ``folders``, ``subsets``, ``directions`` and ``fits``. ``left_out`` says how much of the images V leaves out. The
    field ``fits`` holds the single images' fits only for a report without a folder; see ``affine``. ``written`` is the
    schema of the file that it was read from.
    """

    DERIVED = ("schema",)

    dataset: DatasetInfo
    settings: Mapping[str, Any]
    results: tuple[ResultRow, ...]
    skipped: tuple[SkippedImage, ...] = ()
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
    def load(cls, folder: str | Path) -> AuditReport:
        """Read ``folder/report.json``. Raises ReportError where it is missing, damaged or of another schema.

        Relative numbers of a report of the first schema are null, since they had another meaning;
        :func:`symmetry_audit.reports.load_report` recomputes them from the responses beside it.
        """
        absent = "give the folder that `symaudit measure` wrote"
        document = read_json(Path(folder) / "report.json", absent, damaged=AGAIN)
        return cls.from_dict(document, Path(folder))

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
            table = pd.read_parquet(path)
        except (OSError, ValueError) as error:
            hint = f"measure with --scenario {DATASET_ADAPTIVE.name}"
            raise ReportError(f"cannot read {path} ({error}); {hint}") from None
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


def dump_json(document: Any) -> str:
    """Two-space indented JSON with a final newline; a NaN or infinity is a mistake and raises ValueError."""
    return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
