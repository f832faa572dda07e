"""``details.md``: the analyses beside a report's rows, as Markdown tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from symmetry_audit.errors import ReportError
from symmetry_audit.reports._columns import column
from symmetry_audit.reports._table import NULL, Part, escape_markdown, markdown_part
from symmetry_audit.reports.audits._checked import CheckedReport, checked, where
from symmetry_audit.reports.audits._statistics import swept_titles
from symmetry_audit.results import AuditReport, Scenario
from symmetry_audit.wording import numbers, printable

__all__ = ["Section", "details_markdown", "details_parts", "reading"]

Entry = tuple[tuple[str, ...], str, Any]  # the words that name a row, a regularizer, and the value


class Section(NamedTuple):
    """One analysis: what it is called, what it says, and its table, None where the report lacks it."""

    title: str
    words: str
    part: Part | None


def details_markdown(report: AuditReport | CheckedReport) -> str:
    """How the fits spread, how they transfer, which images and sub-folders stand out, and how many images are enough.

    Relative epsilon is in percent of the mean response over the group; leverage is in the unit of epsilon. Analyses
    that the report lacks are omitted. Raises ReportError where the report is unusable.
    """
    run = checked(report)
    lines = [f"# Details of {escape_markdown(run.dataset)}", "", f"{run.images} under {run.group}. Table 1: table1.md."]
    for section in details_parts(run):
        assert section.part is not None
        lines += ["", f"## {section.title}", "", section.words, "", *markdown_part(section.part)]
    return "\n".join(lines) + "\n"


def details_parts(run: CheckedReport) -> list[Section]:
    """The analyses that the report has. Raises ReportError where they are unusable."""
    return [section for section in reading(run, _sections) if section.part]


def reading(run: CheckedReport, read: Callable) -> Any:
    """``read(run, analyses)``. Raises ReportError where the analyses are not what `symaudit measure` writes."""
    try:
        return read(run, run.report.analyses)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        problem = f"has unusable analyses ({error!r}); measure again with --force"
        raise ReportError(f"{where(run.report)} {problem}") from None


def _sections(run: CheckedReport, analyses: Mapping[str, Any]) -> list[Section]:
    scale = tuple(swept_titles(run).values())
    found = {name: analyses.get(name, ()) for name in ("fits", "transfer", "leverage", "folders", "subsets")}
    return [
        Section(
            "Fits",
            "The deformations w of the images, by the regularizer they were fitted on. The median is taken over ratio "
            "and direction together: its ratio is near 1 if the images share no direction.",
            _fits(run, found["fits"]),
        ),
        Section(
            "Transfer",
            "Relative ε (%) of the dataset with every image under its own w. Rows: the regularizer that w was fitted "
            "on. Columns: the regularizer measured.",
            _across(run, _transfer_header(run), _transfer(run, found["transfer"])),
        ),
        Section(
            "Images that move ε most",
            f"By how much ε ({run.unit}) is higher with the image than without it.",
            _across(run, ("Scenario", *scale, "Place"), _leverage(run, found["leverage"]), _words),
        ),
        Section(
            "Sub-folders",
            "Relative ε (%) of each sub-folder alone. In small folders it is high by chance.",
            _across(run, ("Folder", "Scenario", *scale, "Images"), _folders(run, found["folders"])),
        ),
        Section(
            "How many images are enough",
            "The smallest number of images from which the mean ε of random subsets stays within a tenth of its final "
            "value (subsets.png).",
            _across(run, ("Scenario", *scale), _enough(run, found["subsets"]), _words),
        ),
    ]


def _across(
    run: CheckedReport, header: Sequence[str], entries: Iterable[Entry], write: Callable[[list], list[str]] = column
) -> Part | None:
    """Regularizers across, one row for all entries with the same labels; None where there are none."""
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for labels, regularizer, value in entries:
        rows.setdefault(labels, {})[regularizer] = value
    if not rows:
        return None
    columns = [write([row.get(name) for row in rows.values()]) for name in run.regularizers]
    cells = zip(*columns, strict=True)
    body = tuple((*labels, *values) for labels, values in zip(rows, cells, strict=True))
    return Part((*header, *run.regularizers.values()), len(header), (("", body),))


def _words(values: list) -> list[str]:
    return [NULL if value is None else str(value) for value in values]


def _scale(run: CheckedReport, item: Mapping[str, Any], prefix: str = "") -> tuple[str, ...]:
    """The words of the scale's columns."""
    return tuple(numbers([item[prefix + name]]) for name in swept_titles(run))


def _percent(item: Mapping[str, Any]) -> float | None:
    return None if item["relative_epsilon"] is None else 100.0 * item["relative_epsilon"]


def _fits(run: CheckedReport, items: Sequence[Mapping[str, Any]]) -> Part | None:
    if not items:
        return None
    header = (*swept_titles(run).values(), "Fitted on", "Images", "Failed", "At limit (%)", "Mean ratio")
    labels = [(*_scale(run, item), _source(run, item["regularizer"])) for item in items]
    columns = [
        [str(item["images"]) for item in items],
        [str(item["failed"]) for item in items],
        [f"{100 * item['share_at_limit']:.1f}" for item in items],
        *([_decimals(item[name]) for item in items] for name in ("mean_ratio", "median_ratio")),
        [NULL if item["median_alpha_deg"] is None else str(round(item["median_alpha_deg"]) % 180) for item in items],
    ]
    rows = tuple((*label, *cells) for label, cells in zip(labels, zip(*columns, strict=True), strict=True))
    return Part((*header, "Median ratio", "Median angle (°)"), len(labels[0]), (("", rows),))


def _decimals(value: float | None, decimals: int = 3) -> str:
    return NULL if value is None else f"{value:.{decimals}f}"


def _source(run: CheckedReport, name: str) -> str:
    """The title of a fit source; "joint" is its own title."""
    return run.regularizers.get(name) or printable(name)


def _transfer_header(run: CheckedReport) -> tuple[str, ...]:
    titles = swept_titles(run).values()
    return ("Fitted on", *(f"{title}, fitted" for title in titles), *(f"{title}, measured" for title in titles))


def _transfer(run: CheckedReport, items: Iterable[Mapping[str, Any]]) -> Iterator[Entry]:
    sources = list(run.regularizers)

    def place(item: Mapping[str, Any]) -> tuple[int, ...]:
        scales = [(item[f"{when}sigma"], item[f"{when}downscale"]) for when in ("fit_", "")]
        places = [at for sigma, factor in scales for at in (run.sigmas.index(sigma), run.downscales.index(factor))]
        return (*places, sources.index(item["fit"]) if item["fit"] in sources else len(sources))

    for item in sorted(items, key=place):
        scales = _scale(run, item, "fit_"), _scale(run, item)
        yield (_source(run, item["fit"]), *scales[0], *scales[1]), item["regularizer"], _percent(item)


def _leverage(run: CheckedReport, items: Iterable[Mapping[str, Any]]) -> Iterator[Entry]:
    for item in items:
        if Scenario.named(item["scenario"]).single:  # a mean of single values, where no image leans on another
            continue
        for place, image in enumerate(item["images"], start=1):
            labels = Scenario.named(item["scenario"]).title, *_scale(run, item), str(place)
            yield labels, item["regularizer"], f"{printable(image['image'])} {image['leverage']:+.2g}"


def _folders(run: CheckedReport, items: Iterable[Mapping[str, Any]]) -> Iterator[Entry]:
    for item in items:
        name = printable(item["folder"]) or "(top)"
        labels = name, Scenario.named(item["scenario"]).title, *_scale(run, item), str(item["images"])
        yield labels, item["regularizer"], _percent(item)


def _enough(run: CheckedReport, items: Iterable[Mapping[str, Any]]) -> Iterator[Entry]:
    for item in items:
        labels = Scenario.named(item["scenario"]).title, *_scale(run, item)
        yield labels, item["regularizer"], f"{item['enough']} of {item['sizes'][-1]}"
