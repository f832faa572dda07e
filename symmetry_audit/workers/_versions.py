"""The versions of the libraries that numbers depend on, which all processes of a run must share."""

from __future__ import annotations

import platform
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TypeVar

from symmetry_audit.errors import DataError

__all__ = ["checked", "described", "refuse_others", "versions"]

Task = TypeVar("Task")
Result = TypeVar("Result")

# what numbers depend on; a worker that has another version is refused
LIBRARIES = (
    "symaudit",
    "numpy",
    "scipy",
    "torch",
    "pillow",
    "imagecodecs",
    "simplejpeg",
    "tifffile",
    "pydicom",
    "nibabel",
)


@cache
def versions() -> dict[str, str]:
    """Those of this process, by the name of the library."""
    found = {"Python": ".".join(platform.python_version_tuple()[:2])}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # an optional decoder
            found[name] = "none"
    return found


def described() -> tuple[str, dict[str, str]]:
    """The name of this machine, and its versions."""
    return platform.node(), versions()


def refuse_others(wanted: dict[str, str], host: str, found: dict[str, str]) -> None:
    """Raise DataError where ``host`` has ``found`` other versions than those that are ``wanted``."""
    other = [name for name in wanted if wanted[name] != found.get(name)]
    if other:
        name = other[0]
        raise DataError(
            f"the worker on {host} has {name} {found.get(name, 'none')}, this machine {wanted[name]}; install the same "
            "versions everywhere (constraints.txt lists them)"
        )


def checked(wanted: dict[str, str], function: Callable[[Task], Result], task: Task) -> Result:
    """``function(task)`` on a worker, also on one that joined late."""
    refuse_others(wanted, *described())
    return function(task)
