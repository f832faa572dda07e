"""symaudit: how symmetric is an image dataset? The symmetry error epsilon_G of arXiv 2605.13744, measured.

``symmetry_audit.measure("photos")`` returns an ``AuditReport``; the other commands are functions of the same names,
with the same options. Names are imported when first used, so that ``import symmetry_audit`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for editors and type checkers; at run time __getattr__ finds them
    from symmetry_audit.errors import SymmetryAuditError
    from symmetry_audit.results import AffineFit, AffineFits, AuditReport, FailedFit
    from symmetry_audit.verbs import (
        align,
        bounds,
        compare,
        compare_datasets,
        degrade,
        evaluate,
        fit_affine,
        measure,
        merge,
        pilot,
        recommend,
        restore,
        train,
        verify,
    )

__all__ = [
    "AffineFit",
    "AffineFits",
    "AuditReport",
    "FailedFit",
    "SymmetryAuditError",
    "align",
    "bounds",
    "compare",
    "compare_datasets",
    "degrade",
    "evaluate",
    "fit_affine",
    "measure",
    "merge",
    "pilot",
    "recommend",
    "restore",
    "train",
    "verify",
]

_HOMES = {
    **dict.fromkeys(("AffineFit", "AffineFits", "AuditReport", "FailedFit"), "symmetry_audit.results"),
    "SymmetryAuditError": "symmetry_audit.errors",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        return import_module("importlib.metadata").version("symaudit")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "symmetry_audit.verbs")), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
