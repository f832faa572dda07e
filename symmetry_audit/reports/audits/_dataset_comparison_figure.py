"""A comparison of several audits as a figure: intervals side by side, differences to the first set, responses."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from symmetry_audit.reports._style import GREY, STYLE, WIDTH, head, plain_defaults, saved, short
from symmetry_audit.results import ComparedRow, DatasetComparison, Scenario
from symmetry_audit.wording import count, printable

__all__ = ["dataset_comparison_figure"]

HEIGHT = 2.9  # inches
# Okabe and Ito's palette again, beside black for the first set; after seven sets it repeats with other markers
PALETTE = ("black", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
SPREAD = 0.7  # of the distance between two regularizers, for the sets of one
BAND = "0.9"  # grey of differences that do not matter


def dataset_comparison_figure(found: DatasetComparison) -> dict[str, bytes]:
    """Three panels, 7 in wide, as ``{"png": ..., "svg": ..., "pdf": ...}``, the same bytes for the same input.

    (a) relative epsilon of every set with its interval; (b) the difference to the first set with its interval, a grey
    band where it does not matter, hollow markers where the sets are not shown to differ; (c) the mean response in
    percent of the first set's. All for the group, scenario and scale of the first sentence.
    """
    with plain_defaults(), matplotlib.rc_context(STYLE):
        return saved(_drawn(found))


def _drawn(found: DatasetComparison) -> Figure:
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 3, width_ratios=(5, 5, 3))
    profile = Scenario.named(found.scenario).profile
    parts = [f"{found.group}, {profile}", count(found.datasets[0].images, "image"), "paired" if found.paired else ""]
    figure.suptitle("  ·  ".join(filter(None, parts)), fontsize=7.5, color=GREY)
    names = list(dict.fromkeys(row.regularizer for row in found.selected(found.group, found.scenario)))
    for at, one in enumerate(found.datasets):
        rows = {row.regularizer: row for row in found.selected(found.group, found.scenario, dataset=one.name)}
        places = [place + _shift(at, len(found.datasets)) for place in range(len(names))]
        _draw_set(panels, places, [rows[name] for name in names], at, short(printable(one.name), 30))
    _finish(panels, found, names)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=min(len(found.datasets), 4))
    return figure


def _shift(at: int, sets: int) -> float:
    return SPREAD * ((at + 0.5) / sets - 0.5)


def _draw_set(panels: Sequence[Axes], places: list[float], rows: list[ComparedRow], at: int, label: str) -> None:
    epsilon, difference, response = panels
    for number, (x, row) in enumerate(zip(places, rows, strict=True)):
        name = label if not number else None
        _point(epsilon, x, at, (row.relative_epsilon, row.ci_low, row.ci_high), label=name)
        ends = row.difference, row.difference_low, row.difference_high
        _point(difference, x, at, ends, hollow=row.verdict != "differs")
        _point(response, x, at, (row.response_ratio, None, None))


def _point(
    axes: Axes,
    x: float,
    at: int,
    value: tuple[float | None, float | None, float | None],
    *,
    hollow: bool = False,
    label: str | None = None,
) -> None:
    """A marker in percent with its interval; nothing where there is no number."""
    middle, low, high = value
    if middle is None:
        return
    color, marker = PALETTE[at % len(PALETTE)], MARKERS[(at + at // len(PALETTE)) % len(MARKERS)]
    if low is not None and high is not None:
        axes.plot([x, x], [100 * low, 100 * high], color=color, linewidth=1.0, zorder=2)
    face = "white" if hollow else color
    axes.plot([x], [100 * middle], marker, color=color, markerfacecolor=face, markersize=4, label=label, zorder=3)


def _finish(panels: Sequence[Axes], found: DatasetComparison, names: list[str]) -> None:
    """Axes, titles, and the band of differences that do not matter."""
    epsilon, difference, response = panels
    width = 100 * found.tolerance
    difference.axhspan(-width, width, color=BAND, linewidth=0, zorder=0)
    for axes, level in ((difference, 0.0), (response, 100.0)):
        axes.axhline(level, color=GREY, linewidth=0.6, zorder=1)
    epsilon.set_ylim(bottom=0)
    response.set_ylim(bottom=0)
    for axes in panels:
        axes.set_xticks(range(len(names)), [short(printable(name), 12) for name in names])
        axes.set_xlim(-0.6, len(names) - 0.4)
        axes.tick_params(axis="x", rotation=45)
    epsilon.set_ylabel("relative ε (%)")
    difference.set_ylabel("difference (points)")
    response.set_ylabel("mean response (%)")
    first = short(printable(found.datasets[0].name), 18)
    head(epsilon, "(a) Symmetry error", "with interval", y=1)
    head(difference, f"(b) Minus {first}", "hollow: not shown to differ", y=1)
    head(response, "(c) Response", f"of {first}", y=1)
