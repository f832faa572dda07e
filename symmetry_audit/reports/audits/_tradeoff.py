"""The choice of a group as a figure: (a) error against tested order, (b) where each candidate costs least."""

from __future__ import annotations

from collections import Counter
from math import floor, log2, log10

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from symmetry_audit.reports._style import (
    COLORS,
    GREY,
    LABEL_SIZE,
    MARKERS,
    STYLE,
    WIDTH,
    head,
    plain_defaults,
    saved,
    short,
)
from symmetry_audit.results import DATASET_ADAPTIVE, DATASET_STRICT, Candidate, CandidateValue, Recommendation
from symmetry_audit.wording import count, printable

__all__ = ["tradeoff"]

HEIGHT = 3.1  # inches
DATASETS = (DATASET_STRICT, DATASET_ADAPTIVE)
ACCEPTED, TRIVIAL = "0.9", "0.82"  # greys: the band of accepted errors, the trivial group
GROUP_WIDTH = 0.84  # of the distance between two orders on the axis of (a), for the candidates of one order
PANEL_POINTS = 205.0  # each panel across, roughly: what room a name has
LETTER = 0.72 * LABEL_SIZE  # points: a letter of a name
OPEN_END = 5.0  # (b) goes on by this factor beyond the outermost changes


def tradeoff(recommendation: Recommendation, dataset: str = "") -> dict[str, bytes]:
    """The figure as ``{"png": ..., "svg": ..., "pdf": ...}``, 7 in wide, the same bytes for the same input.

    (a) shows every tested candidate: relative epsilon of the regularizer whose confidence interval reaches highest,
    filled where the symmetry is shown. (b) shows for each regularizer which candidate costs least by
    Eq. (46) of [SA] as kappa grows. Raises ReportError where the recommended group is none of the candidates.
    """
    with plain_defaults(), matplotlib.rc_context(STYLE):
        return saved(_drawn(recommendation, dataset))


def _drawn(recommendation: Recommendation, dataset: str) -> Figure:
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    FigureCanvasAgg(figure)
    errors, costs = figure.subplots(1, 2, width_ratios=(1, 1))
    images = count(recommendation.images, "image")
    parts = [short(printable(dataset), 40), images, f"build: {recommendation.build.name}"]
    figure.suptitle("  ·  ".join(filter(None, parts)), fontsize=7.5, color=GREY)
    _draw_errors(errors, recommendation)
    _draw_costs(costs, recommendation)
    figure.legend(handles=_handles(recommendation), loc="outside lower center", ncols=5)
    return figure


def _handles(recommendation: Recommendation) -> list[Patch | Line2D]:
    present = {candidate.scenario for candidate in recommendation.candidates}
    return [
        *(Patch(color=COLORS[one.name], label=one.profile) for one in DATASETS if one.name in present),
        Patch(color=ACCEPTED, label="counts as symmetric"),
        _blank("s", 3.5, "not shown"),
        _blank("o", 8, "to build"),
    ]


def _blank(marker: str, size: float, label: str) -> Line2D:
    return Line2D(
        [], [], marker=marker, markersize=size, label=label, linestyle="", markerfacecolor="white", color="black"
    )


def _draw_errors(axes: Axes, recommendation: Recommendation) -> None:
    """Panel (a): candidates of the same tested order are side by side."""
    tolerance, chosen = recommendation.tolerance, recommendation.candidate(recommendation.group)
    places = _places(recommendation)
    step = GROUP_WIDTH / max(Counter(item.tested_order for item, _ in places).values())
    axes.axhspan(0, 100 * tolerance, color=ACCEPTED, linewidth=0, zorder=0)
    tops = [100 * tolerance]
    last = log2(max(item.tested_order for item, _ in places))
    longest = max(len(item.group) for item, _ in places)
    upright = LETTER * longest > PANEL_POINTS * step / (last + 1)
    for item, shift in places:
        x, value = log2(item.tested_order) + shift * step, item.worst
        tops.append(_draw_candidate(axes, x, item, value, chosen=item is chosen, upright=upright))
    axes.set_ylim(-0.02 * max(tops), 1.16 * max(tops) or 1.0)
    axes.set_xticks(range(floor(last) + 1), [str(2**power) for power in range(floor(last) + 1)])
    axes.set_xlim(-0.5, last + 0.5)
    axes.set_xlabel("tested elements t")
    axes.set_ylabel("relative ε (%)")
    head(axes, "(a) Symmetry error", "worst regularizer, with interval")


def _places(recommendation: Recommendation) -> list[tuple[Candidate, float]]:
    """The candidates shown, trivial or tested, each with its shift among candidates of the same tested order."""
    shown = [item for item in recommendation.candidates if item.verdict != "not tested"]
    sizes, taken = Counter(item.tested_order for item in shown), Counter()
    places = []
    for item in shown:
        places.append((item, taken[item.tested_order] - (sizes[item.tested_order] - 1) / 2))
        taken[item.tested_order] += 1
    return places


def _draw_candidate(
    axes: Axes, x: float, item: Candidate, value: CandidateValue | None, *, chosen: bool, upright: bool
) -> float:
    """One point with its interval and name; returns how high it reaches, in percent."""
    color = COLORS[item.scenario]
    y = 100 * (value.relative_epsilon or 0.0) if value else 0.0
    top = y
    if value and value.ci_low is not None and value.ci_high is not None:
        top = max(y, 100 * value.ci_high)
        axes.vlines(x, 100 * value.ci_low, 100 * value.ci_high, color=color, linewidth=1.0)
    face = color if item.verdict == "shown" else "white"
    axes.plot(x, y, MARKERS[item.scenario], color=color, markerfacecolor=face, markersize=3.5, clip_on=False)
    if chosen:
        ring = {"color": "black", "markerfacecolor": "none", "markersize": 8, "markeredgewidth": 0.9}
        axes.plot(x, y, "o", **ring, clip_on=False)
    offset = {"xytext": (0, 6 if chosen and top == y else 4), "textcoords": "offset points"}
    look = {"fontsize": LABEL_SIZE, "fontweight": "bold" if chosen else "normal", "rotation": 90 if upright else 0}
    axes.annotate(item.group, (x, top), **offset, **look, ha="center", va="bottom")
    return top


def _draw_costs(axes: Axes, recommendation: Recommendation) -> None:
    """Panel (b): a bar for each regularizer, cut where another candidate becomes the cheapest."""
    rows = _cheapest(recommendation)
    head(axes, "(b) Cheapest candidate", "large κ: few training images")
    axes.set_xlabel(f"κ of Eq. (46) ({recommendation.unit})")
    axes.set_ylim(max(len(rows), 3) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [short(printable(name), 14) for name in rows])
    axes.tick_params(axis="y", length=0)
    if not rows:
        axes.set_xticks([])
        axes.text(0.5, 0.5, "nothing tested", transform=axes.transAxes, ha="center", color=GREY)
        return
    low, high = _kappa_axis([value for row in rows.values() for _, value in row], recommendation.kappa)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(LogLocator(numticks=7))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    most = max(item.tested_order for item in recommendation.candidates)
    for place, row in enumerate(rows.values()):
        for item, value in row:
            _draw_bar(axes, place, item, (max(value.kappa_low or low, low), min(value.kappa_high or high, high)), most)
    if recommendation.kappa:
        axes.axvline(recommendation.kappa, color="black", linewidth=0.8, linestyle="--")


def _cheapest(recommendation: Recommendation) -> dict[str, list[tuple[Candidate, CandidateValue]]]:
    """For each regularizer that sees anything, the candidates that cost least at some kappa."""
    pairs = [(item, value) for item in recommendation.candidates for value in item.values]
    seeing = {value.regularizer for _, value in pairs if value.tested}
    names = [name for name in dict.fromkeys(value.regularizer for _, value in pairs) if name in seeing]
    return {
        name: [(item, value) for item, value in pairs if value.regularizer == name and value.kappa_low is not None]
        for name in names
    }


def _kappa_axis(values: list[CandidateValue], kappa: float | None) -> tuple[float, float]:
    """The ends of the axis: some way beyond the outermost changes of candidate and the fixed kappa."""
    changes = [end for value in values for end in (value.kappa_low, value.kappa_high, kappa) if end]
    return (min(changes) / OPEN_END, max(changes) * OPEN_END) if changes else (0.1, 10.0)


def _draw_bar(axes: Axes, place: int, item: Candidate, ends: tuple[float, float], most: int) -> None:
    """One candidate's stretch of kappa, darker for more elements, with its name where that has room."""
    low, high = ends
    if high <= low:
        return
    share = log2(item.tested_order) / max(log2(most), 1)
    color = TRIVIAL if item.order == 1 else _lightened(COLORS[item.scenario], 0.35 + 0.65 * share)
    axes.barh(place, high - low, 0.7, left=low, color=color, edgecolor="white", linewidth=0.8)
    start, end = axes.get_xlim()
    if PANEL_POINTS * log10(high / low) / log10(end / start) > LETTER * len(item.group):
        shade = "white" if item.order > 1 and share > 0.5 else "black"
        axes.text((low * high) ** 0.5, place, item.group, fontsize=LABEL_SIZE, color=shade, ha="center", va="center")


def _lightened(color: str, share: float) -> tuple[float, ...]:
    """``share`` of the color, the rest white."""
    return tuple(1 - share * (1 - part) for part in to_rgb(color))
