"""Figure 2 of [SA] from a report: (a) epsilon per regularizer and scenario, (b) response against angle."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from math import floor, log10
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

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
from symmetry_audit.reports._table import INDISTINCT, UNTESTED
from symmetry_audit.reports.audits._checked import CheckedReport, ProfileKey, checked
from symmetry_audit.reports.audits._statistics import marks_of
from symmetry_audit.results import SAMPLE_STRICT, AuditReport, ResultRow, Scenario
from symmetry_audit.wording import GREY_LEVELS, numbers, printable

__all__ = ["figure2"]

HEIGHT = 2.9  # inches
BARS_WIDTH = 245.0  # points: panel (a) across
FEW_TURNS = 8  # up to here (b) marks every element
FLAT = 0.005  # half the least height of the axis of (b)
LINEAR_UP_TO = 10.0  # ratio of the largest bar to the smallest; beyond it the axis is logarithmic
MEANINGS = {UNTESTED: "not tested", INDISTINCT: "not distinguishable"}
NOISE = 1e-5  # of the largest bar: smaller ones are rounding and must not stretch the log axis


def figure2(
    report: AuditReport | CheckedReport, profiles: Mapping[ProfileKey, np.ndarray], regularizer: str
) -> dict[str, bytes]:
    """The figure as ``{"png": ..., "svg": ..., "pdf": ...}``, 7 in wide, the same bytes for the same input.

    ``profiles`` are those of ``mean_profiles``; (b) draws ``regularizer``, each curve divided by its own mean
    over the group, so that its height is relative epsilon. A sweep shows its first sigma and downscale. Raises
    ReportError for an unusable report.
    """
    run = checked(report)
    with plain_defaults(), matplotlib.rc_context(STYLE):
        return saved(_drawn(run, profiles, regularizer))


def _drawn(run: CheckedReport, profiles: Mapping[ProfileKey, np.ndarray], regularizer: str) -> Figure:
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    FigureCanvasAgg(figure)
    bars, curves = figure.subplots(1, 2, width_ratios=(3, 2))
    figure.suptitle(_title(run), fontsize=7.5, color=GREY)
    _draw_bars(bars, run)
    _draw_curves(curves, run, profiles, regularizer)
    handles = [Patch(color=COLORS[name], label=Scenario.named(name).title) for name in run.scenarios]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def _title(run: CheckedReport) -> str:
    """The images and the kernel, the scale that the figure shows of a sweep, and the meaning of the marks on bars."""
    sigma, downscale = run.first_scale
    width = "" if sigma is None else f", σ = {sigma:g} px{_first_of(run.sigmas)}"
    marks = marks_of(run.rows.values())
    words = [f"{mark} {meaning}" for mark, meaning in MEANINGS.items() if mark in marks]
    coarser = [f"downscale {downscale}{_first_of(run.downscales)}"] if run.downscales != (1,) else []
    parts = [short(run.dataset, 40), run.images, str(run.group), f"{run.kernel} kernel{width}"]
    return "  ·  ".join([*parts, *coarser, *words])


def _first_of(values: tuple) -> str:
    return f" (first of {numbers(values)})" if len(values) > 1 else ""


def _key(run: CheckedReport, scenario: str, regularizer: str) -> ProfileKey:
    return ProfileKey(scenario, regularizer, *run.first_scale)


def _draw_bars(axes: Axes, run: CheckedReport) -> None:
    """Panel (a): grouped bars of absolute epsilon with their intervals, values and marks."""
    count, step = len(run.regularizers), 0.8 / len(run.scenarios)
    keys = {
        (place + (number + 0.5) * step - 0.4, scenario): _key(run, scenario, name)
        for number, scenario in enumerate(run.scenarios)
        for place, name in enumerate(run.regularizers)
    }
    rows = {place: run.rows[key] for place, key in keys.items() if key in run.rows}
    texts = [_digits(row.epsilon) + mark for row, mark in zip(rows.values(), marks_of(rows.values()), strict=True)]
    spread = max(count, 3)  # a lone regularizer keeps slender bars
    longest = max(map(len, texts), default=0)
    upright = longest * LABEL_SIZE * 0.66 > BARS_WIDTH * step / spread
    room = max(0.16, 0.031 * longest) if upright else 0.09
    highest = max((row.ci_high or 0.0 for row in rows.values()), default=0.0)
    bottom = _scale_axis(axes, [row.epsilon for row in rows.values()], highest, room)
    for ((x, _), row), text in zip(rows.items(), texts, strict=True):
        top = _draw_bar(axes, x, row, bottom, step * 0.92)
        offset = {"xytext": (0, 1.5), "textcoords": "offset points", "rotation": 90 if upright else 0}
        axes.annotate(text, (x, top), **offset, ha="center", va="bottom", fontsize=LABEL_SIZE)
    axes.set_xlim((count - spread) / 2 - 0.55, (count + spread) / 2 - 0.45)
    _name_ticks(axes, list(run.regularizers.values()))
    axes.set_ylabel(f"ε ({run.unit} of 0–255)" if run.report.dataset.unit == GREY_LEVELS else f"ε ({run.unit})")
    head(axes, "(a) Symmetry error", _remark(run))


def _draw_bar(axes: Axes, x: float, row: ResultRow, bottom: float, width: float) -> float:
    """One bar and its interval, as far as they reach above ``bottom``; returns how high."""
    top = max(row.epsilon, bottom)
    axes.bar(x, top - bottom, width, bottom=bottom, color=COLORS[row.scenario])
    if row.ci_low is None or row.ci_high is None or row.ci_high <= bottom:
        return top
    axes.vlines(x, max(row.ci_low, bottom), row.ci_high, color="black", linewidth=0.6)
    return max(top, row.ci_high)


def _remark(run: CheckedReport) -> str:
    single = ["single sample: mean over images"] if SAMPLE_STRICT.name in run.scenarios else []
    lines = ["lines: 95 %"] if any(row.ci_high is not None for row in run.rows.values()) else []
    return "; ".join([*single, *lines])


def _scale_axis(axes: Axes, values: list[float], highest: float, room: float) -> float:
    """Choose a linear or a log axis, with ``room`` above ``highest`` as a fraction, and return where bars begin."""
    values = [value for value in values if value > NOISE * max(values)]
    top = max([*values, highest]) or 1.0
    if not values or max(values) <= LINEAR_UP_TO * min(values):
        axes.set_ylim(0, (1 + 1.5 * room) * top)
        axes.yaxis.set_major_locator(MaxNLocator(6))
        return 0.0
    bottom = 10.0 ** floor(log10(min(values) / 1.6))
    axes.set_yscale("log")
    axes.set_ylim(bottom, top * (top / bottom) ** room)
    axes.yaxis.set_major_locator(LogLocator(numticks=8))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    return bottom


def _digits(value: float) -> str:
    """Two significant digits, all before the point: 0.040, 3.3, 218."""
    return "0" if not value else f"{value:.0f}" if value >= 100 else f"{value:#.2g}".rstrip(".")


def _name_ticks(axes: Axes, titles: list[str]) -> None:
    """Titles below the bars, wrapped to the width of a group, slanted where they still do not fit."""
    room = max(60 // len(titles), 4)  # characters
    titles = [short(title, 24) for title in titles]
    slanted = max(len(word) for title in titles for word in title.split() or [""]) > room
    labels = titles if slanted else ["\n".join(textwrap.wrap(title, room)) for title in titles]
    slant = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    axes.set_xticks(range(len(titles)), labels, **slant)
    axes.tick_params(axis="x", length=0)


def _draw_curves(axes: Axes, run: CheckedReport, profiles: Mapping[ProfileKey, np.ndarray], regularizer: str) -> None:
    """Panel (b): each scenario's profile over its own mean; mirrored elements dashed."""
    turns = run.group.rotations
    axes.axhline(1.0, color="0.75", linewidth=0.6, zorder=0)
    for scenario in run.scenarios:
        profile = profiles.get(_key(run, scenario, regularizer))
        if profile is not None and profile.any():
            _draw_profile(axes, (profile / profile.mean()).reshape(-1, turns), scenario)
    if len(axes.lines) == 1:
        axes.text(0.5, 0.6, "no response", transform=axes.transAxes, ha="center", color=GREY)
    low, high = axes.get_ylim()
    if high - low < 2 * FLAT:  # rounding must not look like a finding
        axes.set_ylim((low + high) / 2 - FLAT, (low + high) / 2 + FLAT)
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.set_xlim(0, 360)
    axes.set_xticks([0, 90, 180, 270, 360], ["0°", "90°", "180°", "270°", "360°"])
    dashed = " (dashed: mirrored first)" if run.group.mirrored else ""
    axes.set_xlabel(f"rotation angle θ{dashed}")
    axes.set_ylabel("response / mean over the group")
    title = short(run.regularizers[regularizer], 16)
    row = run.rows.get(_key(run, SAMPLE_STRICT.name, regularizer))
    head(axes, f"(b) {title}", _sample(row, 27 - len(title)) if row else "", y=1)


def _sample(row: ResultRow, limit: int) -> str:
    """The selected image without its folder, cut to the end of its name where that is too long."""
    name = printable(row.selected_image or "").rpartition("/")[2]
    return f"sample: {name if len(name) <= limit else f'…{name[1 - limit :]}'}"


def _draw_profile(axes: Axes, parts: np.ndarray, scenario: str) -> None:
    """One scenario: ``parts`` of shape (1 or 2, T), the rotations and the mirrored elements; periodic."""
    turns, single = parts.shape[1], Scenario.named(scenario).single
    look: dict[str, Any] = {"color": COLORS[scenario], "linewidth": 1.9 if single else 1.2, "clip_on": False}
    if turns <= FEW_TURNS:
        look |= {"marker": MARKERS[scenario], "markersize": 4.5 if single else 3.5}
    angles = np.arange(turns + 1) * 360.0 / turns
    mirrored: dict[str, Any] = {**look, "linestyle": "--", "markerfacecolor": "white"}
    for part, style in zip(parts, (look, mirrored), strict=False):
        axes.plot(angles, np.append(part, part[0]), **style)
