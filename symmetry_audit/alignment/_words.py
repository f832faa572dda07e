"""Numbers in the sentences of a verdict."""

from __future__ import annotations

__all__ = ["WHERE", "grey_levels", "percent"]

WHERE = {"dataset_strict": "strict rotations", "dataset_adaptive": "every image's own deformed group"}


def percent(value: float | None) -> str:
    """``value`` in percent with 3 digits, or a limit below the rounding of single precision; None is not known."""
    if value is None:
        return "not known"
    return f"{100 * value:.3g} %" if value > 1e-6 else "less than 0.0001 %"


def grey_levels(value: float) -> str:
    """``value`` with 3 digits, or a limit below the rounding of single precision."""
    return f"{value:.3g} grey levels" if value > 1e-4 else "less than 0.0001 grey levels"
