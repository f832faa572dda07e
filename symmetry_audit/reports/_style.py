"""How every figure looks and is saved: the same colors, the same bytes for the same input."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from symmetry_audit.reports._columns import short
from symmetry_audit.results import DATASET_ADAPTIVE, DATASET_STRICT, SAMPLE_STRICT

__all__ = ["COLORS", "GREY", "LABEL_SIZE", "MARKERS", "STYLE", "WIDTH", "head", "plain_defaults", "saved", "short"]

WIDTH, DPI = 7.0, 150  # inches (two columns of a paper), pixels per inch
# Okabe and Ito's palette: color-blind readers can distinguish it, and so can prints without color, by lightness
COLORS = {SAMPLE_STRICT.name: "#E69F00", DATASET_STRICT.name: "#0072B2", DATASET_ADAPTIVE.name: "#009E73"}
MARKERS = {SAMPLE_STRICT.name: "o", DATASET_STRICT.name: "s", DATASET_ADAPTIVE.name: "^"}
STYLE: dict[Any, Any] = {
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.labelsize": 7.5,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
    "pdf.fonttype": 42,
    "svg.hashsalt": "symaudit",
    "text.parse_math": False,  # names are hostile input: a $ is a $
}
# metadata that a backend would write into the file: its version and the date
METADATA = {
    "png": {"Software": None},
    "svg": {"Creator": None, "Date": None},
    "pdf": {"Creator": None, "Producer": None, "CreationDate": None},
}
GREY = "0.35"
LABEL_SIZE = 5.8  # points: text on bars and points


@contextmanager
def plain_defaults() -> Iterator[None]:
    """Matplotlib with its own defaults; the user's settings are restored afterwards."""
    with warnings.catch_warnings(), matplotlib.style.context("default"):
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # a name in a script the font lacks
        yield


def saved(figure: Figure) -> dict[str, bytes]:
    """``{"png": ..., "svg": ..., "pdf": ...}``, without date and version; all three with the layout of the PNG."""
    figure.set_dpi(DPI)
    if layout := figure.get_layout_engine():
        layout.execute(figure)
    figure.set_layout_engine(None)  # or it is solved, and the figure drawn for it, anew for every format
    files = {}
    for suffix, metadata in METADATA.items():
        target = io.BytesIO()
        figure.savefig(target, format=suffix, dpi=DPI, metadata=metadata)
        files[suffix] = target.getvalue()
    return files


def head(axes: Axes, title: str, remark: str, y: float | None = None) -> None:
    """Title a panel: the title on the left, a remark in small grey letters on the right.

    They are at ``y`` of the panel's height. Where it is None every drawing looks for the place above all labels, which
    takes a sixth of its time; give 1 for a panel that has none above, not even the power of ten of an axis.
    """
    axes.set_title(title, loc="left", y=y)
    axes.set_title(remark, loc="right", fontsize=6, color=GREY, y=y)
