"""The units of luminance."""

from __future__ import annotations

__all__ = ["GREY", "HU", "WINDOWED"]

GREY, HU, WINDOWED = "grey levels", "HU", "grey levels of the window"
