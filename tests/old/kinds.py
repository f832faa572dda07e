"""Every kind of document that symaudit reads again, with an old one of each and what may become of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import load_file, save_file

from symmetry_audit.checkpoints import Checkpoint, load_checkpoint
from symmetry_audit.errors import ModelError, ReportError
from symmetry_audit.reports import load_report
from symmetry_audit.results import (
    Alignment,
    AuditReport,
    Classification,
    Evaluation,
    Invariance,
    Pilot,
    Recommendation,
    RunBounds,
)
from symmetry_audit.verbs._advice import report_advice
from tests.theory.situations import SAFE, linear

OLD = Path(__file__).parent / "0.1"
Place = tuple[str | int, ...]  # keys and indices into a document


@dataclass(frozen=True)
class Kind:
    """``schema`` is that of today. ``load`` takes a document and a folder to work in. ``optional`` are places that may
    be missing, with the default of each; ``objects`` those that a newer version may add a field to; ``wrong`` those
    that bear no other type."""

    schema: str
    document: dict[str, Any]
    load: Callable[[dict[str, Any], Path], Any]
    optional: dict[Place, Any]
    objects: tuple[Place, ...]
    wrong: dict[Place, Any]
    error: type[Exception] = ReportError


def at(value: Any, place: Place) -> Any:
    """What stands at ``place`` of a document or of a value made of it."""
    for key in place:
        value = getattr(value, key) if isinstance(key, str) and not isinstance(value, dict) else value[key]
    return value


def changed(document: dict[str, Any], place: Place, value: Any = None, *, without: bool = False) -> dict[str, Any]:
    """A copy of ``document`` with another ``value`` at ``place``, or none."""
    document = deepcopy(document)
    holder = at(document, place[:-1])
    if without:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    return document


def old(name: str) -> dict[str, Any]:
    """An old JSON file."""
    return json.loads((OLD / name).read_text(encoding="utf-8"))


def as_first(document: dict[str, Any]) -> dict[str, Any]:
    """A report of today as one of the first schema, as far as that is read."""
    document = deepcopy(document) | {"schema": "symaudit.report/1", "recommendation": None}
    for row in document["results"]:
        row["mean_response"] = row.pop("identity_response")
        for name in [name for name in row if name.startswith("relative_") and name != "relative_epsilon"]:
            del row[name]
        row["reasons"] = {name: why for name, why in row["reasons"].items() if name in row}
    document["analyses"] = {name: rows for name, rows in document["analyses"].items() if name != "directions"}
    return document


def advised() -> dict[str, Any]:
    """The old report as one of today's, with advice from its responses."""
    report, _ = report_advice(load_report(OLD / "report"))
    return json.loads(report.to_json())


def advice() -> dict[str, Any]:
    """That advice as a document of its own, with a linear pilot."""
    document = {"schema": "symaudit.recommendation/2", **advised()["recommendation"]}
    return document | {"linear": json.loads(json.dumps(linear(p4=SAFE).to_dict()))}


def header() -> dict[str, Any]:
    """What the old checkpoint says of itself."""
    with safe_open(OLD / "run" / "best.safetensors", framework="pt") as file:
        return json.loads(file.metadata()["symaudit"])


def reloaded(document: dict[str, Any], folder: Path) -> Checkpoint:
    """The old checkpoint with another header, once its network and its task are made."""
    path = folder / "net.safetensors"
    save_file(load_file(OLD / "run" / "best.safetensors"), path, {"symaudit": json.dumps(document)})
    found = load_checkpoint(path)
    assert (found.network().scale, found.task.name) == (1, "denoise")
    return found


KINDS = {
    "report": Kind(
        "symaudit.report/2",
        advised(),
        lambda document, folder: AuditReport.from_dict(document),
        {
            ("recommendation",): None,
            ("analyses",): {},
            ("skipped",): (),
            ("results", 2, "ci_low"): None,
            ("results", 5, "held_out_p_value"): None,
            ("recommendation", "candidates", 1, "values", 0, "floor"): None,
        },
        (
            *((), ("dataset",), ("results", 0), ("skipped", 0), ("recommendation",)),
            *(("recommendation", "candidates", 0), ("recommendation", "build"), ("recommendation", "directions", 0)),
        ),
        {
            ("settings",): [],
            ("dataset", "images"): "12",
            ("results", 0, "epsilon"): None,
            ("results", 0, "reasons"): {"p_value": 1},
            ("skipped",): ["broken.png"],
            ("recommendation", "candidates", 0, "values", 0, "classes"): 1.5,
            ("recommendation", "build"): "p4",
        },
    ),
    "report of 0.1": Kind(
        "symaudit.report/2",
        old("report/report.json"),
        lambda document, folder: AuditReport.from_dict(document),
        {("analyses",): {}, ("skipped",): (), ("results", 2, "ci_low"): None},
        ((), ("dataset",), ("results", 0), ("skipped", 0)),
        {("settings",): [], ("dataset", "images"): "12", ("results", 0, "epsilon"): None},
    ),
    "recommendation": Kind(
        "symaudit.recommendation/2",
        advice(),
        lambda document, folder: Recommendation.from_dict(document),
        {
            **{("notes",): (), ("task",): None, ("fingerprint",): None, ("directions",): (), ("linear",): None},
            **{("pilot",): None, ("build", "adapt"): None, ("build", "gain_db"): None},
            **{("candidates", 1, "images_needed"): None, ("candidates", 1, "values", 0, "p_value"): None},
            ("candidates", 1, "values", 0, "kappa_high"): None,
        },
        (
            *((), ("build",), ("candidates", 0), ("candidates", 0, "values", 0), ("directions", 0)),
            *(("linear",), ("linear", "gains", 0)),
        ),
        {
            **{("images",): None, ("candidates", 0, "order"): "1", ("candidates", 0, "values"): {}},
            **{("build", "relax"): "0.1", ("directions", 0, "share"): None, ("linear", "window"): 1.5},
        },
    ),
    "bounds": Kind(
        "symaudit.bounds/1",
        old("bounds.json"),
        lambda document, folder: RunBounds.from_dict(document),
        {("loss",): None, ("points",): None, ("smoothness", "estimator"): "given", ("rows", 0, "pays"): None},
        ((), ("smoothness",), ("rows", 0), ("rows", 0, "bounds", 0)),
        {("mu",): "10", ("rows", 0, "bounds"): None, ("rows", 0, "bounds", 0, "terms"): [1], ("points",): 2.5},
    ),
    "alignment": Kind(
        "symaudit.alignment/1",
        old("alignment.json"),
        lambda document, folder: Alignment.from_dict(document),
        {
            ("symmetry",): None,
            ("verdict",): (),
            ("skipped",): (),
            ("model", "preset"): None,
            ("scenarios", 0, "layers"): (),
            ("scenarios", 1, "images", 0, "w"): None,
            ("symmetry", "groups", 0, "factor"): None,
        },
        (
            *((), ("model",), ("data",), ("scenarios", 0), ("scenarios", 0, "elements", 0)),
            *(("scenarios", 0, "images", 0), ("scenarios", 0, "layers", 0)),
            *(("symmetry",), ("symmetry", "curves", 0), ("symmetry", "groups", 0)),
        ),
        {
            ("elements",): None,
            ("scenarios", 0, "images", 0, "error"): [0.0],
            ("scenarios", 0, "images", 0, "side"): "64",
            ("symmetry", "same_images"): 1,
        },
    ),
    "evaluation": Kind(
        "symaudit.evaluation/1",
        old("evaluation.json"),
        lambda document, folder: Evaluation.from_dict(document),
        {("skipped",): (), ("model", "step"): None},
        ((), ("model",), ("data",), ("images", 0), ("mean",)),
        {("task",): "denoise", ("images", 0, "ssim"): "0.9", ("seed",): True},
    ),
    "classification": Kind(
        "symaudit.classification/1",
        old("classification.json"),
        lambda document, folder: Classification.from_dict(document),
        {("skipped",): (), ("model", "step"): None},
        ((), ("model",), ("data",), ("images", 0), ("classes", 0)),
        {("task",): "classify", ("images", 0, "cross_entropy"): "0.7", ("classes", 0, "images"): 1.5},
    ),
    "invariance": Kind(
        "symaudit.invariance/1",
        old("invariance.json"),
        lambda document, folder: Invariance.from_dict(document),
        {("skipped",): (), ("model", "step"): None},
        ((), ("model",), ("data",), ("images", 0)),
        {("group",): 2, ("images", 0, "error"): [0.0, "0"], ("images", 0, "side"): "16"},
    ),
    "pilot": Kind(
        "symaudit.pilot/1",
        old("pilot.json"),
        lambda document, folder: Pilot.from_dict(document),
        {("skipped",): ()},
        ((), ("data",), ("runs", 0), ("differences", 0), ("average",), ("verdict",)),
        {("task",): "denoise", ("runs", 0, "psnr"): [24.0], ("verdict", "gain_db"): "0.1", ("average",): 0.1},
    ),
    "checkpoint": Kind(
        "symaudit.checkpoint/1",
        header(),
        reloaded,
        {
            ("validation",): None,
            ("audit",): None,
            ("training_images",): (),
            ("versions",): {},
            ("architecture", "relaxed"): False,
            ("task", "peak"): None,
        },
        ((), ("architecture",), ("task",)),
        {("step",): "six", ("architecture",): [], ("training_images",): [["a.png"]]},
        ModelError,
    ),
}
# What nobody reads again; the files of a run in work, which continues in the version that began it; and parquet files
# and manifests, which have tests of their own.
OTHERS = {
    *(
        "affine",
        "comparison",
        "datasetcomparison",
        "degradation",
        "nets",
        "plan",
        "rendered",
        "restoration",
        "training",
        "verification",
    ),
    *("journal", "part", "run", "runs", "synth", "responses", "manifest"),
}
