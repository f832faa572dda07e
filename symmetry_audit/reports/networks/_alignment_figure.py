"""An alignment as a figure: the network's error against the angle, its floor, and the data beside it."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from symmetry_audit.reports._style import COLORS, GREY, STYLE, WIDTH, head, plain_defaults, saved, short
from symmetry_audit.results import DATASET_STRICT, SAMPLE_STRICT, Alignment, DataCurve, Scenario, ScenarioAlignment
from symmetry_audit.wording import count, printable

__all__ = ["alignment_figure"]

HEIGHT = 2.7  # inches
NETWORK, DATA = COLORS[DATASET_STRICT.name], COLORS[SAMPLE_STRICT.name]
TICKS = (0, 90, 180, 270, 360)


def alignment_figure(alignment: Alignment) -> dict[str, bytes]:
    """Error against angle, the data's curve beside it, a panel for each scenario, 7 in wide.

    ``{"png": ..., "svg": ..., "pdf": ...}``, the same bytes for the same input.
    """
    with plain_defaults(), matplotlib.rc_context(STYLE):
        return saved(_drawn(alignment))


def _drawn(alignment: Alignment) -> Figure:
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(alignment.scenarios), sharey=True, squeeze=False)[0]
    images = count(alignment.data.images, "image")
    parts = [short(printable(alignment.model.name), 50), short(printable(alignment.data.name), 30), images]
    figure.suptitle("  ·  ".join(parts), fontsize=7.5, color=GREY)
    for axes, item in zip(panels, alignment.scenarios, strict=True):
        _draw_scenario(axes, alignment, item)
    panels[0].set_ylabel("relative (%)")
    panels[0].set_ylim(bottom=0)
    handles = {
        label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    ncols = len(handles) if len(handles) < 5 else 3  # as many as have room
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=ncols)
    return figure


def _draw_scenario(axes: Axes, alignment: Alignment, item: ScenarioAlignment) -> None:
    means = item.elements
    for mirrored in sorted(set(alignment.mirrored)):
        places = [index for index, flag in enumerate(alignment.mirrored) if flag == mirrored]
        style = {"linestyle": "--" if mirrored else "-", "color": NETWORK, "markersize": 3}
        after = ", after the mirror" if mirrored else ""
        values = [means[index].relative for index in places]
        floors = [means[index].relative_floor for index in places]
        _line(axes, alignment, places, values, **style, marker="o", label=f"network's error{after}")
        _line(axes, alignment, places, floors, color=GREY, linewidth=0.8, linestyle=":", label="its floor")
    data = alignment.symmetry
    own = [curve for curve in data.curves if curve.scenario == item.scenario] if data else []
    if data and own:
        _draw_data(axes, alignment, data.indices, own)
    axes.set_xlim(-5, 365)
    axes.set_xticks(TICKS)
    axes.set_xlabel("angle (degrees)")
    title = Scenario.named(item.scenario).transformations.capitalize()
    head(axes, title, f"{alignment.group}, {count(len(item.images), 'image')}")


def _draw_data(axes: Axes, alignment: Alignment, indices: Sequence[int], curves: list[DataCurve]) -> None:
    """Every regularizer as a thin line, the mean over those that see an element as a thick one, with gaps elsewhere."""
    places = [index for index in indices if not alignment.mirrored[index]]
    thin = {"color": DATA, "linewidth": 0.5, "alpha": 0.6, "label": "data, each regularizer"}
    for curve in curves:
        _line(axes, alignment, places, [_mean([curve], at) for at in range(len(places))], **thin)
    thick = {"color": DATA, "marker": "s", "markersize": 3, "label": "data, mean of regularizers"}
    _line(axes, alignment, places, [_mean(curves, at) for at in range(len(places))], **thick)


def _mean(curves: list[DataCurve], at: int) -> float | None:
    """Over the curves that see element ``at``; 0 for the identity."""
    seen = [curve.deviation[at] for curve in curves if curve.deviation[at] or not at]
    return sum(seen) / len(seen) if seen else None


def _line(axes: Axes, alignment: Alignment, places: list[int], values: list[float | None], **style: Any) -> None:
    """One full turn: the first element is drawn at its angle and again 360 degrees later; a gap for None."""
    angles = [alignment.angles_deg[index] for index in places]
    heights = [nan if value is None else 100 * value for value in values]
    axes.plot([*angles, angles[0] + 360], [*heights, heights[0]], clip_on=False, **style)
