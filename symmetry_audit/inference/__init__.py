"""Running trained networks: loading them, restoring images and files, and scoring the results."""

from symmetry_audit.inference._claim import RECORD, Results, claimed
from symmetry_audit.inference._classify import classify, logits_of
from symmetry_audit.inference._degraded import write_degraded
from symmetry_audit.inference._evaluate import describe, evaluate, leaked, score_item
from symmetry_audit.inference._files import RestoredFile, restore_files
from symmetry_audit.inference._models import Model, load_model
from symmetry_audit.inference._range import Adapted, ValueRange
from symmetry_audit.inference._restore import average_image, can_tile, prepared, restore_image
from symmetry_audit.inference._samples import as_samples
from symmetry_audit.inference._symmetrize import asked_group, symmetrization
from symmetry_audit.inference._targets import planned

__all__ = [
    "RECORD",
    "Adapted",
    "Model",
    "RestoredFile",
    "Results",
    "ValueRange",
    "as_samples",
    "asked_group",
    "average_image",
    "can_tile",
    "claimed",
    "classify",
    "describe",
    "evaluate",
    "leaked",
    "load_model",
    "logits_of",
    "planned",
    "prepared",
    "restore_files",
    "restore_image",
    "score_item",
    "symmetrization",
    "write_degraded",
]
