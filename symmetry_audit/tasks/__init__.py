"""Tasks: degradations, pairs of images, classes, training patches, test images, leaks between sets. No torch.

Names are imported when first used, so that the command line can list tasks and options quickly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symmetry_audit.tasks._cache import DEFAULT_CACHE_BYTES, PatchCache
    from symmetry_audit.tasks._evaluation import Item, clean_fingerprints, evaluation_item, evaluation_items
    from symmetry_audit.tasks._grey import is_grey, one_field
    from symmetry_audit.tasks._labelled import Labelled, held_out, open_labelled
    from symmetry_audit.tasks._leaks import Fingerprint, fingerprint, leaks
    from symmetry_audit.tasks._options import Option, checked_number
    from symmetry_audit.tasks._pairs import (
        MAX_BYTES,
        Pair,
        Pairs,
        open_pairs,
        pixel_hashes,
        source_fingerprint,
        streamed,
    )
    from symmetry_audit.tasks._resize import imresize, resize_8bit
    from symmetry_audit.tasks._sampler import AUGMENTATIONS, PatchSampler, PreparedImages, whole_side
    from symmetry_audit.tasks._table import OPTIONS, TASKS, check_blind, make_task
    from symmetry_audit.tasks._task import Task

__all__ = [
    "AUGMENTATIONS",
    "DEFAULT_CACHE_BYTES",
    "MAX_BYTES",
    "OPTIONS",
    "TASKS",
    "Fingerprint",
    "Item",
    "Labelled",
    "Option",
    "Pair",
    "Pairs",
    "PatchCache",
    "PatchSampler",
    "PreparedImages",
    "Task",
    "check_blind",
    "checked_number",
    "clean_fingerprints",
    "evaluation_item",
    "evaluation_items",
    "fingerprint",
    "held_out",
    "imresize",
    "is_grey",
    "leaks",
    "make_task",
    "one_field",
    "open_labelled",
    "open_pairs",
    "pixel_hashes",
    "resize_8bit",
    "source_fingerprint",
    "streamed",
    "whole_side",
]

_HOMES = {
    "_cache": ("DEFAULT_CACHE_BYTES", "PatchCache"),
    "_evaluation": ("Item", "clean_fingerprints", "evaluation_item", "evaluation_items"),
    "_grey": ("is_grey", "one_field"),
    "_labelled": ("Labelled", "held_out", "open_labelled"),
    "_leaks": ("Fingerprint", "fingerprint", "leaks"),
    "_options": ("Option", "checked_number"),
    "_pairs": ("MAX_BYTES", "Pair", "Pairs", "open_pairs", "pixel_hashes", "source_fingerprint", "streamed"),
    "_resize": ("imresize", "resize_8bit"),
    "_sampler": ("AUGMENTATIONS", "PatchSampler", "PreparedImages", "whole_side"),
    "_table": ("OPTIONS", "TASKS", "check_blind", "make_task"),
    "_task": ("Task",),
}
_HOME = {name: f"{__name__}.{file}" for file, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
