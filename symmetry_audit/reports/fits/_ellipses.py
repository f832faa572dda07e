"""One image with its fits: the photograph under the fitted ellipses, the responses before and after."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpecFromSubplotSpec
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.projections.polar import PolarAxes

from symmetry_audit.groups import Group
from symmetry_audit.reports._reduced import Rows, reduced
from symmetry_audit.reports._style import DPI, GREY, METADATA, STYLE, WIDTH, plain_defaults, short
from symmetry_audit.results import AffineFit
from symmetry_audit.wording import printable

__all__ = ["affine_figure", "plot_name"]

# Okabe and Ito's palette, yellow last: it is hard to see on white
FIT_COLORS = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#0072B2", "#F0E442")
BEFORE = "0.55"
PANEL, FRAME = 1.35, 0.95  # inches: a polar plot down; titles and legend
PIXELS = 480  # of the photograph's longer side as drawn, about
ELLIPSE = 0.3  # radius of the circle that the ellipses deform, of the shorter side
NAME = 40  # characters above the photograph
FEW_TURNS = 8  # up to here every element is marked

Panel = tuple[AffineFit, np.ndarray, np.ndarray]


def affine_figure(
    image: str,
    luminance: Rows,
    group: Group,
    panels: Sequence[Panel],
    shown: tuple[float, float] = (0, 255),
) -> bytes:
    """A PNG, 7 in wide, the same bytes for the same input: ``image`` in grey under the ellipse of every fit.

    ``luminance`` is (H, W), drawn from black to white over the values ``shown``. ``panels`` are the fits with the
    responses of the image to every element of ``group``, (order,), divided by their mean: before, to A_t, and after, to
    D A_t D^-1. The ellipse is D of a circle: long axis along (cos alpha, -sin alpha), x right, y down, lengths as
    sqrt(ratio) to 1 / sqrt(ratio). The polar plots show the responses against the angle of A_t; mirrored elements
    dashed.
    """
    with plain_defaults(), matplotlib.rc_context(STYLE):
        figure = _drawn(image, luminance, group, panels, shown)
        target = io.BytesIO()
        figure.savefig(target, format="png", dpi=DPI, metadata=METADATA["png"])
        return target.getvalue()


def plot_name(key: str) -> str:
    """A file name for the picture of image ``key``: its readable characters, and a hash of the whole key."""
    name = re.split(r"[/\\]", key)[-1]
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", name.rpartition(".")[0] or name).strip("-")
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{stem[:60] or 'image'}-{digest}.png"


def _drawn(image: str, luminance: Rows, group: Group, panels: Sequence[Panel], shown: tuple[float, float]) -> Figure:
    across = 2 if len(panels) in (2, 4) else min(max(len(panels), 1), 3)
    rows = max(-(-len(panels) // across), 1)
    height = FRAME + PANEL * max(rows, 2)
    figure = Figure(figsize=(WIDTH, height))
    FigureCanvasAgg(figure)
    frame = {"left": 0.01, "right": 0.95, "bottom": 0.32 / height, "wspace": 0.08}
    left = figure.add_gridspec(1, 2, width_ratios=(1, 1.35), top=1 - 0.25 / height, **frame)
    right = figure.add_gridspec(1, 2, width_ratios=(1, 1.35), top=1 - 0.5 / height, **frame)
    _draw_photograph(figure.add_subplot(left[0]), luminance, shown, [fit for fit, _, _ in panels])
    grid = GridSpecFromSubplotSpec(rows, across, right[1], hspace=0.55, wspace=0.15)
    limits = _limits(panels)
    for place, (panel, color) in enumerate(zip(panels, _colors(len(panels)), strict=True)):
        axes = figure.add_subplot(grid[place // across, place % across], projection="polar")
        assert isinstance(axes, PolarAxes)
        _draw_responses(axes, group, panel, color, limits)
    figure.text(0.01, 1 - 0.06 / height, f"{_name(image)}  ·  {group}", fontsize=7.5, color=GREY, va="top")
    rings = [f"{name} {100 * (value - 1):+.0f} %" for name, value in zip(("center", "rim"), limits, strict=True)]
    remark = f"response: ring at its mean, {', '.join(rings)}" if panels else "no fit"
    figure.text(0.01, 0.09 / height, remark, fontsize=6.5, color=GREY)
    if panels:
        figure.legend(handles=_handles(group), loc="lower right", ncols=3, borderaxespad=0.2)
    return figure


def _name(image: str) -> str:
    """The end of the image's name, where files differ."""
    name = printable(image)
    return name if len(name) <= NAME else f"…{name[1 - NAME :]}"


def _colors(count: int) -> list[str]:
    return [FIT_COLORS[place % len(FIT_COLORS)] for place in range(count)]


def _handles(group: Group) -> list[Line2D]:
    lines = [Line2D([], [], color=BEFORE, label="before (rotations)"), Line2D([], [], color="black", label="after (w)")]
    dashed = Line2D([], [], color="black", linestyle="--", label="mirrored")
    return [*lines, dashed] if group.mirrored else lines


def _draw_photograph(axes: Axes, luminance: Rows, shown: tuple[float, float], fits: Sequence[AffineFit]) -> None:
    """The image in grey, and D of a circle about its middle with both axes, in the color of each fit."""
    height, width = luminance.shape
    axes.imshow(reduced(luminance, PIXELS), cmap="gray", vmin=shown[0], vmax=shown[1], extent=(0, width, height, 0))
    middle, radius = np.array([width / 2, height / 2]), ELLIPSE * min(height, width)
    # the first ones broad and the last ones fine, so that equal ellipses are all seen
    strokes = np.linspace(1.0 + 0.6 * max(len(fits) - 1, 0), 1.0, len(fits))
    for fit, color, stroke in zip(fits, _colors(len(fits)), strokes, strict=True):
        halo = [withStroke(linewidth=stroke + 1.2, foreground="black")] if fit is fits[0] else None
        for curve in _ellipse(fit):
            axes.plot(*(middle[:, None] + radius * curve), color=color, linewidth=stroke, path_effects=halo)
    axes.set_axis_off()
    axes.set_anchor("C")


def _ellipse(fit: AffineFit) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The image of the unit circle under D, (2, 181), and its long and short axes, (2, 2); x right, y down."""
    long, short_axis = (
        np.array([np.cos(fit.alpha), -np.sin(fit.alpha)]),
        np.array([np.sin(fit.alpha), np.cos(fit.alpha)]),
    )
    long, short_axis = np.sqrt(fit.ratio) * long, short_axis / np.sqrt(fit.ratio)
    turn = np.linspace(0, 2 * np.pi, 181)
    outline = long[:, None] * np.cos(turn) + short_axis[:, None] * np.sin(turn)
    return outline, np.stack([-long, long], 1), np.stack([-short_axis, short_axis], 1)


def _limits(panels: Sequence[Panel]) -> tuple[float, float]:
    """The radial axis that all plots share. It starts above 0 where the responses vary little; the rings say so."""
    values = np.concatenate([np.concatenate(panel[1:]) for panel in panels]) if panels else np.ones(1)
    reach = max(1.15 * np.abs(values - 1).max(), 0.02)
    return max(1 - 1.6 * reach, 0.0), 1 + reach


def _draw_responses(axes: PolarAxes, group: Group, panel: Panel, color: str, limits: tuple[float, float]) -> None:
    fit, before, after = panel
    for values, look in ((before, {"color": BEFORE, "linewidth": 1.0}), (after, {"color": color, "linewidth": 1.5})):
        for part, dashes in zip(values.reshape(-1, group.rotations), ({}, {"linestyle": "--"}), strict=False):
            angles = np.arange(group.rotations + 1) * 2 * np.pi / group.rotations
            marker = {"marker": "o", "markersize": 2} if group.rotations <= FEW_TURNS else {}
            axes.plot(angles, np.append(part, part[0]), **look, **dashes, **marker)
    low, high = limits
    axes.set_rlim(low, high)
    axes.set_rgrids([1.0], [""])
    axes.grid(linewidth=0.5)
    axes.set_thetagrids([0, 90, 180, 270], ["0°", "90°", "", ""], fontsize=5.5)
    axes.tick_params(pad=-3)
    axes.spines["polar"].set_linewidth(0.5)
    title = f"{short(printable(fit.regularizer), 18)}\nratio {fit.ratio:.2f}, α {fit.alpha_deg:.0f}°"
    axes.set_title(title, fontsize=6.5, pad=4)
