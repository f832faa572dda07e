"""Epsilon of random subsets against their size as a figure, one panel for each regularizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, NullLocator

from symmetry_audit.reports._style import COLORS, GREY, MARKERS, STYLE, WIDTH, plain_defaults, saved, short
from symmetry_audit.reports.audits._checked import CheckedReport, checked
from symmetry_audit.reports.audits._details import reading
from symmetry_audit.results import AuditReport, Scenario

__all__ = ["subsets_figure"]

ACROSS = 5  # panels side by side
PANEL, FRAME = 1.5, 0.95  # inches: a panel down; title, axis and legend


def subsets_figure(report: AuditReport | CheckedReport) -> dict[str, bytes]:
    """The figure as ``{"png": ..., "svg": ..., "pdf": ...}``, 7 in wide, the same bytes for the same input.

    Lines are means over the subsets of one size, bands one standard deviation; a point marks the size from which on
    the mean stays within a tenth of the last one. A sweep shows its first scale. Raises ReportError.
    """
    run = checked(report)
    with plain_defaults(), matplotlib.rc_context(STYLE):
        return saved(reading(run, _drawn))


def _drawn(run: CheckedReport, analyses: Mapping[str, Any]) -> Figure:
    items = [item for item in analyses.get("subsets", ()) if (item["sigma"], item["downscale"]) == run.first_scale]
    rows = -(-len(run.regularizers) // ACROSS)
    across = min(len(run.regularizers), ACROSS)
    figure = Figure(figsize=(WIDTH, FRAME + PANEL * rows), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, across, squeeze=False).ravel()
    for axes in panels[len(run.regularizers) :]:
        axes.remove()
    for axes, (name, title) in zip(panels, run.regularizers.items(), strict=False):
        axes.set_title(short(title, 90 // across), loc="left")
        _draw_panel(axes, [item for item in items if item["regularizer"] == name])
    figure.suptitle(_title(run), fontsize=7.5, color=GREY)
    figure.supylabel(f"ε ({run.unit})", fontsize=7.5)
    scenarios = [name for name in run.scenarios if name in {item["scenario"] for item in items}]
    if scenarios:
        patches = [Patch(color=COLORS[name], label=Scenario.named(name).title) for name in scenarios]
        point = Line2D([], [], marker="o", linestyle="", color="0.4", markersize=3.5, label="enough images")
        figure.legend(handles=[*patches, point], loc="outside lower center", ncols=3)
    return figure


def _title(run: CheckedReport) -> str:
    sigma, downscale = run.first_scale
    scale = [f"σ = {sigma:g} px"] if len(run.sigmas) > 1 else []
    scale += [f"downscale {downscale}"] if len(run.downscales) > 1 else []
    return "  ·  ".join([short(run.dataset, 40), "random subsets", str(run.group), *scale])


def _draw_panel(axes: Axes, items: Sequence[Mapping[str, Any]]) -> None:
    """One regularizer, a line for each scenario."""
    if not items:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no subsets", transform=axes.transAxes, ha="center", color=GREY)
        return
    for item in items:
        color, sizes = COLORS[item["scenario"]], np.array(item["sizes"], dtype=float)
        mean, deviation = (np.array(item[name], dtype=float) for name in ("mean", "deviation"))
        axes.fill_between(sizes, np.maximum(mean - deviation, 0), mean + deviation, color=color, alpha=0.2, lw=0)
        axes.plot(sizes, mean, color=color)
        at = item["sizes"].index(item["enough"])
        axes.plot(sizes[at], mean[at], MARKERS[item["scenario"]], color=color, markersize=3.5, clip_on=False)
    axes.set_xscale("log")
    axes.set_xlabel("images")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_minor_locator(NullLocator())
    shown = list(dict.fromkeys(items[0]["sizes"][at] for at in (0, len(items[0]["sizes"]) // 2, -1)))
    axes.set_xticks(shown, list(map(str, shown)))
