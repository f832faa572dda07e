"""The verbs: one function and one request each, named as on the command line. No torch on import.

``measure("photos", group="p8")`` and ``measure(MeasureRequest("photos", group="p8"))`` are the same call.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from symmetry_audit.options import NAMES, PATHS, Option, Options, Parsed, Progress, option_of, shown_default

if TYPE_CHECKING:
    from symmetry_audit.verbs._align import AlignRequest, align
    from symmetry_audit.verbs._bounds import BoundsRequest, bounds
    from symmetry_audit.verbs._compare import CompareRequest, compare
    from symmetry_audit.verbs._compare_datasets import CompareDatasetsRequest, compare_datasets
    from symmetry_audit.verbs._degrade import Degradation, DegradeRequest, degrade
    from symmetry_audit.verbs._evaluate import EvaluateRequest, evaluate
    from symmetry_audit.verbs._fit import FitPlan, FitRequest, fit_affine, plan_fit
    from symmetry_audit.verbs._measure import DemoRequest, MeasurePlan, MeasureRequest, measure, plan_demo, plan_measure
    from symmetry_audit.verbs._merge import MergePlan, MergeRequest, merge, plan_merge
    from symmetry_audit.verbs._nets import NetsRequest, NetworkCost, nets
    from symmetry_audit.verbs._pages import draw_page
    from symmetry_audit.verbs._pilot import PilotRequest, pilot
    from symmetry_audit.verbs._recommend import RecommendRequest, recommend
    from symmetry_audit.verbs._restore import Restoration, RestoreRequest, restore
    from symmetry_audit.verbs._synth import SyntheticDataset, SynthRequest, synth
    from symmetry_audit.verbs._train import TrainPlan, plan_training, train
    from symmetry_audit.verbs._train_request import TrainRequest
    from symmetry_audit.verbs._verify import VerifyRequest, verified, verify

__all__ = [
    "NAMES",
    "PATHS",
    "AlignRequest",
    "BoundsRequest",
    "CompareDatasetsRequest",
    "CompareRequest",
    "Degradation",
    "DegradeRequest",
    "DemoRequest",
    "EvaluateRequest",
    "FitPlan",
    "FitRequest",
    "MeasurePlan",
    "MeasureRequest",
    "MergePlan",
    "MergeRequest",
    "NetsRequest",
    "NetworkCost",
    "Option",
    "Options",
    "Parsed",
    "PilotRequest",
    "Progress",
    "RecommendRequest",
    "Restoration",
    "RestoreRequest",
    "SynthRequest",
    "SyntheticDataset",
    "TrainPlan",
    "TrainRequest",
    "VerifyRequest",
    "align",
    "bounds",
    "compare",
    "compare_datasets",
    "degrade",
    "draw_page",
    "evaluate",
    "fit_affine",
    "measure",
    "merge",
    "nets",
    "option_of",
    "pilot",
    "plan_demo",
    "plan_fit",
    "plan_measure",
    "plan_merge",
    "plan_training",
    "recommend",
    "restore",
    "shown_default",
    "synth",
    "train",
    "verified",
    "verify",
]

_HOMES = {
    "align": ("AlignRequest", "align"),
    "bounds": ("BoundsRequest", "bounds"),
    "compare": ("CompareRequest", "compare"),
    "compare_datasets": ("CompareDatasetsRequest", "compare_datasets"),
    "degrade": ("Degradation", "DegradeRequest", "degrade"),
    "evaluate": ("EvaluateRequest", "evaluate"),
    "fit": ("FitPlan", "FitRequest", "fit_affine", "plan_fit"),
    "measure": ("DemoRequest", "MeasurePlan", "MeasureRequest", "measure", "plan_demo", "plan_measure"),
    "merge": ("MergePlan", "MergeRequest", "merge", "plan_merge"),
    "nets": ("NetsRequest", "NetworkCost", "nets"),
    "pages": ("draw_page",),
    "pilot": ("PilotRequest", "pilot"),
    "recommend": ("RecommendRequest", "recommend"),
    "restore": ("Restoration", "RestoreRequest", "restore"),
    "synth": ("SynthRequest", "SyntheticDataset", "synth"),
    "train": ("TrainPlan", "plan_training", "train"),
    "train_request": ("TrainRequest",),
    "verify": ("VerifyRequest", "verified", "verify"),
}


def __getattr__(name: str) -> object:
    for module, held in _HOMES.items():
        if name in held:
            return getattr(import_module(f"symmetry_audit.verbs._{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
