"""symaudit: how symmetric is an image dataset? The symmetry error epsilon_G of arXiv 2605.13744, measured.

``symmetry_audit.measure("photos")`` returns an ``AuditReport``. Names are imported when first used, so
that ``import symmetry_audit`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["AffineFit", "AuditReport", "FailedFit", "SymmetryAuditError", "fit_affine", "measure"]

_HOMES = {
    "AffineFit": "symmetry_audit.results",
    "AuditReport": "symmetry_audit.results",
    "FailedFit": "symmetry_audit.results",
    "SymmetryAuditError": "symmetry_audit.errors",
    "fit_affine": "symmetry_audit.api",
    "measure": "symmetry_audit.api",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("symaudit")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
