"""The direction of every image as a point: do they share one, or do they differ?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Patch

from symmetry_audit.reports._style import COLORS, GREY, LABEL_SIZE, STYLE, WIDTH, head, plain_defaults, saved, short
from symmetry_audit.reports.audits._checked import CheckedReport, checked
from symmetry_audit.reports.audits._directions import ImageDirections, image_directions, rows_of
from symmetry_audit.results import DATASET_STRICT, AuditReport
from symmetry_audit.statistics import visible_part

__all__ = ["directions_figure"]

ACROSS = 5  # panels side by side
PANEL, FRAME = 1.65, 0.7  # inches: a panel down; title and legend
POINT, MEAN, REGION_COLOR = COLORS[DATASET_STRICT.name], "#D55E00", "#F9D9BF"
INSIDE = 0.99  # of the images; those further out stand on the rim
STEPS = (1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10)  # of the rim, whose half is labelled too
REGION = {"full": 5.991, "cosine": 3.841}  # chi squared of two degrees of freedom, of one: 95 % stay below
MANY = 1000  # points, from which on they are pixels in the vector formats too
PLACES = {0: (1, 0), 45: (0, 1), 90: (-1, 0), 135: (0, -1)}  # degrees, where they stand at twice the angle


def directions_figure(folder: str | Path, report: AuditReport | CheckedReport) -> dict[str, bytes]:
    """The figure as ``{"png": ..., "svg": ..., "pdf": ...}``, 7 in wide, the same bytes for the same input.

    A panel for each regularizer: every image is a point at z, the second harmonic of its responses (statistics,
    ``directions``), at twice its angle, since opposite directions are the same; the line is their mean, with its 95 %
    region. A sweep shows its first scale. ``report`` has measured a strict scenario. Raises ReportError.
    """
    run = checked(report)
    found = image_directions(folder, run)
    with plain_defaults(), matplotlib.rc_context(STYLE):
        return saved(_drawn(run, found))


def _drawn(run: CheckedReport, found: ImageDirections) -> Figure:
    """A panel for each regularizer."""
    down = -(-len(run.regularizers) // ACROSS)
    across = min(len(run.regularizers), ACROSS)
    figure = Figure(figsize=(WIDTH, FRAME + PANEL * down), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for axes in panels[len(run.regularizers) :]:
        axes.remove()
    rim = _rim(found.points)
    listed = [row for row in rows_of(run, found) if row["harmonic"] == 2]  # the first scale comes first
    for r, (axes, title) in enumerate(zip(panels, run.regularizers.values(), strict=False)):
        head(axes, short(title, 18), "", y=1)
        _draw_panel(axes, found, r, listed[r], rim)
    count, images = len(found.points), run.report.dataset.images
    shown = f"each of {count:,} images" if count == images else f"each of {count:,} of {images:,} images"
    figure.suptitle(_title(run), fontsize=7.5, color=GREY)
    figure.legend(
        handles=[
            Line2D([], [], marker="o", linestyle="", color=POINT, markersize=3, label=shown),
            Line2D([], [], color=MEAN, label="their mean"),
            Patch(facecolor=REGION_COLOR, edgecolor=MEAN, lw=0.6, label="95 % region of the mean"),
        ],
        loc="outside lower center",
        ncols=3,
    )
    return figure


def _title(run: CheckedReport) -> str:
    """How to read a point, and all of them."""
    sigma, downscale = run.first_scale
    scale = [f"σ = {sigma:g} px"] if len(run.sigmas) > 1 else []
    scale += [f"downscale {downscale}"] if len(run.downscales) > 1 else []
    point = "angle: where brightness changes most; distance: by how much more than on average"
    first = "  ·  ".join([short(run.dataset, 30), str(run.group), *scale, point])
    return f"{first}\nR² = 1: all images have the same direction, points lie together; R² = 0: directions differ"


def _rim(points: np.ndarray) -> float:
    """A radius of one or two digits within which nearly all points lie; at least 1 %."""
    sizes = np.abs(points[~np.isnan(points)])
    if not sizes.size:
        return 0.01
    reach = max(float(np.quantile(sizes, INSIDE)), 0.01)
    unit = 10.0 ** np.floor(np.log10(reach))
    return float(next(step * unit for step in STEPS if step * unit >= reach * (1 - 1e-9)))


def _draw_panel(axes: Axes, found: ImageDirections, r: int, row: dict[str, Any], rim: float) -> None:
    """One regularizer; a sentence where it sees no direction."""
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set_xlim(-1.3 * rim, 1.3 * rim)
    axes.set_ylim(-1.62 * rim, 1.25 * rim)
    part = visible_part(2, found.shares.group.rotations)
    if not row["amplitude"] or part == "none":
        text = "sees no direction" if row["images"] else "no response"
        axes.text(0, 0, text, ha="center", va="center", color=GREY)
        return
    _draw_rings(axes, rim, part)
    points = found.points[:, r][~np.isnan(found.points[:, r])]
    size = np.abs(points)
    points = points * np.minimum(1, rim / np.maximum(size, rim))
    # along one axis alone all points would lie on a line: they are spread across it, evenly and always alike
    spread = 0.3 * rim * ((np.arange(len(points)) * 0.618034) % 1 - 0.5) if part == "cosine" else np.imag(points)
    few = np.clip(60 / np.sqrt(len(points)), 1.2, 14)
    shade = float(np.clip(8 / np.sqrt(len(points)), 0.12, 0.7))
    axes.scatter(np.real(points), spread, s=few, color=POINT, alpha=shade, lw=0, rasterized=len(points) > MANY)
    _draw_mean(axes, found, r, part, rim)
    axes.text(0, -1.62 * rim, _share(row), ha="center", va="bottom")


def _draw_rings(axes: Axes, rim: float, part: str) -> None:
    """Where how much lies: a rim and a ring at half of it, and four directions."""
    for radius in (rim / 2, rim):
        axes.add_patch(Circle((0, 0), radius, fill=False, lw=0.5, color="0.8"))
        at = radius / np.sqrt(2)
        axes.text(at, at, f"{100 * radius:.2g} %", fontsize=LABEL_SIZE, color=GREY, ha="left", va="bottom")
    axes.plot(0, 0, "+", color="0.6", markersize=4, markeredgewidth=0.6)
    for degrees, (x, y) in PLACES.items():
        if part == "full" or not y:
            horizontal = {1: "left", 0: "center", -1: "right"}[x]
            vertical = {1: "bottom", 0: "center", -1: "top"}[y]
            axes.text(1.04 * rim * x, 1.04 * rim * y, f"{degrees}°", fontsize=7, ha=horizontal, va=vertical)


def _draw_mean(axes: Axes, found: ImageDirections, r: int, part: str, rim: float) -> None:
    """The mean, a line from the centre, and the ellipse in which it lies with 95 %."""
    mean, covariance = found.shares.mean[0, r, 0], found.shares.covariance[0, r, 0]
    lengths, axes_of = np.linalg.eigh(REGION[part] * covariance)
    turn = np.linspace(0, 2 * np.pi, 73)
    ellipse = (axes_of * np.sqrt(np.maximum(lengths, 0))) @ np.stack([np.cos(turn), np.sin(turn)])
    x, y = mean.real + ellipse[0], mean.imag + ellipse[1]
    if part == "cosine":  # an interval, as high as can be seen
        y = 0.06 * rim * np.sin(turn)
    axes.fill(x, y, facecolor=REGION_COLOR, edgecolor=MEAN, lw=0.6, alpha=0.85, zorder=4)
    axes.plot([0, mean.real], [0, mean.imag], color=MEAN, lw=1.4, solid_capstyle="round", zorder=5)


def _share(row: dict[str, Any]) -> str:
    """R^2 in words and with its interval."""
    if row["share"] is None:
        return ""
    share = f"R² = {max(row['share'], 0):.2f}"
    return share if row["ci_low"] is None else f"{share} ({row['ci_low']:.2f}–{row['ci_high']:.2f})"
