"""Restoration tasks: degradations, images in pairs, training patches, test images, leakage between sets. No torch."""

from symmetry_audit.tasks._cache import DEFAULT_CACHE_BYTES, PatchCache
from symmetry_audit.tasks._evaluation import Item, clean_fingerprints, evaluation_items
from symmetry_audit.tasks._leaks import fingerprint, leaks
from symmetry_audit.tasks._pairs import Pair, Pairs, open_pairs, source_fingerprint
from symmetry_audit.tasks._resize import imresize, resize_8bit
from symmetry_audit.tasks._sampler import AUGMENTATIONS, PatchSampler
from symmetry_audit.tasks._task import TASKS, Task, make_task

__all__ = [
    "AUGMENTATIONS",
    "DEFAULT_CACHE_BYTES",
    "TASKS",
    "Item",
    "Pair",
    "Pairs",
    "PatchCache",
    "PatchSampler",
    "Task",
    "clean_fingerprints",
    "evaluation_items",
    "fingerprint",
    "imresize",
    "leaks",
    "make_task",
    "open_pairs",
    "resize_8bit",
    "source_fingerprint",
]
