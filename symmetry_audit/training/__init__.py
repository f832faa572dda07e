"""Training networks on what an audit found.

Names are imported when first used, so settings and recipes need no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symmetry_audit.training._eq_reg import EquivarianceRegularizer
    from symmetry_audit.training._fits import joint_fits, matched_fits
    from symmetry_audit.training._loop import Interrupted
    from symmetry_audit.training._prefit import predicted, prefit
    from symmetry_audit.training._settings import OUTPUT, RECIPES, TrainSettings, make_settings
    from symmetry_audit.training._short import short_run
    from symmetry_audit.training._start import Start, start_from_report
    from symmetry_audit.training._train import TrainResult, train

__all__ = [
    "OUTPUT",
    "RECIPES",
    "EquivarianceRegularizer",
    "Interrupted",
    "Start",
    "TrainResult",
    "TrainSettings",
    "joint_fits",
    "make_settings",
    "matched_fits",
    "predicted",
    "prefit",
    "short_run",
    "start_from_report",
    "train",
]

_HOMES = {
    "_eq_reg": ("EquivarianceRegularizer",),
    "_loop": ("Interrupted",),
    "_prefit": ("predicted", "prefit"),
    "_settings": ("OUTPUT", "RECIPES", "TrainSettings", "make_settings"),
    "_short": ("short_run",),
    "_fits": ("joint_fits", "matched_fits"),
    "_start": ("Start", "start_from_report"),
    "_train": ("TrainResult", "train"),
}
_HOME = {name: f"{__name__}.{file}" for file, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
