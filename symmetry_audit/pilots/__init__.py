"""Pilots: what a symmetry costs or gains on the user's own task, measured before anything large is trained (SPEC 8).

Names are imported when first used, so that the linear pilot needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symmetry_audit.pilots._classes import CLASS_GROUPS, CLASS_LIMIT, class_pilot
    from symmetry_audit.pilots._linear import LIMIT, array_pilot, linear_pilot
    from symmetry_audit.pilots._network import Design, network_pilot, ordered
    from symmetry_audit.pilots._split import Pictures, read_pictures
    from symmetry_audit.pilots._symmetries import GROUPS
    from symmetry_audit.pilots._windows import WINDOW

__all__ = [
    "CLASS_GROUPS",
    "CLASS_LIMIT",
    "GROUPS",
    "LIMIT",
    "WINDOW",
    "Design",
    "Pictures",
    "array_pilot",
    "class_pilot",
    "linear_pilot",
    "network_pilot",
    "ordered",
    "read_pictures",
]

_HOMES = {
    "_classes": ("CLASS_GROUPS", "CLASS_LIMIT", "class_pilot"),
    "_linear": ("LIMIT", "array_pilot", "linear_pilot"),
    "_network": ("Design", "network_pilot", "ordered"),
    "_split": ("Pictures", "read_pictures"),
    "_symmetries": ("GROUPS",),
    "_windows": ("WINDOW",),
}
_HOME = {name: f"{__name__}.{file}" for file, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
