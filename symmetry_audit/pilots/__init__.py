"""Pilots: what a symmetry costs or gains on the user's own task, measured before anything large is trained (SPEC 8).

Names are imported when first used, so that options can name the arms without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symmetry_audit.pilots._network import Design, network_pilot, ordered
    from symmetry_audit.pilots._split import Pictures, read_pictures

__all__ = ["Design", "Pictures", "network_pilot", "ordered", "read_pictures"]

_HOMES = {
    "_network": ("Design", "network_pilot", "ordered"),
    "_split": ("Pictures", "read_pictures"),
}
_HOME = {name: f"{__name__}.{file}" for file, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
