"""The learning curve of a training run: loss and score against the step, from the rows of its log.csv."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from symmetry_audit.errors import ReportError
from symmetry_audit.files import write_atomically
from symmetry_audit.reports._style import COLORS, GREY, STYLE, WIDTH, plain_defaults, saved
from symmetry_audit.results import DATASET_ADAPTIVE, DATASET_STRICT, SAMPLE_STRICT

__all__ = ["write_learning_curve"]

HEIGHT = 2.4  # inches
SCORES = {"psnr": "PSNR (dB)", "accuracy": "Accuracy"}  # of which a run has one
BLUE, GREEN, ORANGE = (COLORS[one.name] for one in (DATASET_STRICT, DATASET_ADAPTIVE, SAMPLE_STRICT))
Rows = list[dict[str, str]]


def write_learning_curve(folder: Path) -> tuple[Path, ...]:
    """Write learning_curve.png/.svg/.pdf beside the log.csv in ``folder``; the same log gives the same bytes.

    Left the loss and the learning rate, right the PSNR (or the accuracy) on training patches, on the validation images
    and of their degraded input. Raises ReportError where there is no log.
    """
    try:
        with (folder / "log.csv").open(encoding="utf-8", newline="") as file:
            files = _learning_curve(list(csv.DictReader(file)))
    except (OSError, KeyError, IndexError, StopIteration, ValueError, TypeError) as error:
        raise ReportError(f"{folder / 'log.csv'} is not the log of a training run ({error})") from None
    return tuple(write_atomically(folder / f"learning_curve.{suffix}", content) for suffix, content in files.items())


def _learning_curve(rows: Rows) -> dict[str, bytes]:
    """The figure as ``{"png": ..., "svg": ..., "pdf": ...}``, 7 in wide, from the rows of a log.csv."""
    with plain_defaults(), matplotlib.rc_context(STYLE):
        return saved(_drawn(rows))


def _drawn(rows: Rows) -> Figure:
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    left.set_ylabel("Loss")
    left.set_yscale("log")
    # a loss often stays within a decade, where the usual labels are powers of ten at most once
    left.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    left.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    left.yaxis.set_minor_formatter(NullFormatter())
    _line(left, rows, "loss", color=BLUE)
    rate = left.twinx()
    rate.spines["right"].set_visible(True)
    rate.set_ylabel("Learning rate", color=GREY)
    _line(rate, rows, "lr", color=GREY, linewidth=0.7, linestyle=":")
    score = next(name for name in SCORES if f"train_{name}" in rows[0])
    right.set_ylabel(SCORES[score])
    _line(right, rows, f"train_{score}", color=ORANGE, linewidth=0.8, label="training patches")
    _line(right, rows, f"valid_{score}", color=GREEN, marker="o", markersize=2.5, label="validation")
    given = [float(row["input_psnr"]) for row in rows if row.get("input_psnr")]
    if given:  # the same in every validation
        right.axhline(given[-1], color=GREY, linestyle="--", linewidth=0.8, label="validation input")
    right.legend()
    for axes in (left, right):
        axes.set_xlabel("Step")
        second = next((int(row["step"]) for row in rows if row["stage"] == "2"), None)
        if second is not None:
            axes.axvline(second, color=GREY, linewidth=0.5)
    return figure


def _line(axes: Axes, rows: Rows, column: str, **style: Any) -> None:
    points = [(int(row["step"]), float(row[column])) for row in rows if row[column]]
    axes.plot([step for step, _ in points], [value for _, value in points], **style)
