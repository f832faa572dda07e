"""An alignment as a figure: the network's error and its floor against the angle, and below it the data."""

from __future__ import annotations

from math import nan
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from symmetry_audit.reports._style import COLORS, GREY, STYLE, WIDTH, head, plain_defaults, saved, short
from symmetry_audit.results import (
    DATASET_STRICT,
    SAMPLE_STRICT,
    Alignment,
    DataCurve,
    DataSymmetry,
    Scenario,
    ScenarioAlignment,
)
from symmetry_audit.wording import count, printable

__all__ = ["alignment_figure"]

ROW = 2.1  # inches
NETWORK, DATA = COLORS[DATASET_STRICT.name], COLORS[SAMPLE_STRICT.name]
TICKS = (0, 90, 180, 270, 360)
NETWORK_UNIT, DATA_UNIT = "network's error\n(% of its output's contrast)", "data's deviation\n(% of mean response)"


def alignment_figure(alignment: Alignment) -> dict[str, bytes]:
    """Error against angle, below it the data's deviation where that is known, a column for each scenario, 7 in wide.

    Every measured angle is a mark; nothing is drawn between them. ``{"png": ..., "svg": ..., "pdf": ...}``, the same
    bytes for the same input.
    """
    with plain_defaults(), matplotlib.rc_context(STYLE):
        return saved(_drawn(alignment))


def _drawn(alignment: Alignment) -> Figure:
    rows, columns = 1 if alignment.symmetry is None else 2, len(alignment.scenarios)
    figure = Figure(figsize=(WIDTH, ROW * rows + 0.6), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, columns, sharex=True, sharey="row", squeeze=False)
    images = count(alignment.data.images, "image")
    parts = [short(printable(alignment.model.name), 50), short(printable(alignment.data.name), 30), images]
    figure.suptitle("  ·  ".join(parts), fontsize=7.5, color=GREY)
    for at, item in enumerate(alignment.scenarios):
        _draw_network(panels[0][at], alignment, item)
        if alignment.symmetry is not None:
            _draw_data(panels[1][at], alignment, alignment.symmetry, item)
    for axes, unit in zip(panels[:, 0], (NETWORK_UNIT, DATA_UNIT), strict=False):
        axes.set_ylabel(unit)
        axes.set_ylim(bottom=0)
    for axes in panels[-1]:
        axes.set_xlim(-5, 365)
        axes.set_xticks(TICKS)
        axes.set_xlabel("angle (degrees)")
    handles = {
        label: handle for axes in panels.flat for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    ncols = len(handles) if len(handles) < 5 else 3  # as many as have room
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=ncols)
    return figure


def _draw_network(axes: Axes, alignment: Alignment, item: ScenarioAlignment) -> None:
    means = item.elements
    for mirrored in sorted(set(alignment.mirrored)):
        places = [index for index, flag in enumerate(alignment.mirrored) if flag == mirrored]
        after, fill = (", after the mirror", "none") if mirrored else ("", NETWORK)
        values = [means[index].relative for index in places]
        style = {"marker": "o", "markersize": 4, "color": NETWORK, "markerfacecolor": fill}
        _marks(axes, alignment, places, values, **style, label=f"network's error{after}")
        floors = [means[index].relative_floor for index in places]
        _marks(axes, alignment, places, floors, marker="_", markersize=7, color=GREY, label="its floor")
    title = Scenario.named(item.scenario).transformations.capitalize()
    head(axes, title, f"{alignment.group}, {count(len(item.images), 'image')}")


def _draw_data(axes: Axes, alignment: Alignment, data: DataSymmetry, item: ScenarioAlignment) -> None:
    """Every regularizer as a dot, the mean over those that see an element as a square, none where no one does."""
    curves = [curve for curve in data.curves if curve.scenario == item.scenario]
    places = [index for index in data.indices if not alignment.mirrored[index]]
    for curve in curves:
        values = [_mean([curve], at) for at in range(len(places))]
        dots = {"marker": ".", "markersize": 4, "color": DATA, "alpha": 0.5}
        _marks(axes, alignment, places, values, **dots, label="data, each regularizer")
    if curves:
        means = [_mean(curves, at) for at in range(len(places))]
        squares = {"marker": "s", "markersize": 3.5, "color": DATA}
        _marks(axes, alignment, places, means, **squares, label="data, mean of regularizers")


def _mean(curves: list[DataCurve], at: int) -> float | None:
    """Over the curves that see element ``at``; 0 for the identity."""
    seen = [curve.deviation[at] for curve in curves if curve.deviation[at] or not at]
    return sum(seen) / len(seen) if seen else None


def _marks(axes: Axes, alignment: Alignment, places: list[int], values: list[float | None], **style: Any) -> None:
    """One full turn: the first element is drawn at its angle and again 360 degrees later; nothing for None."""
    angles = [alignment.angles_deg[index] for index in places]
    heights = [nan if value is None else 100 * value for value in values]
    axes.plot([*angles, angles[0] + 360], [*heights, heights[0]], linestyle="none", clip_on=False, **style)
