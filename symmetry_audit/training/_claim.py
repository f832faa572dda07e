"""Which run a folder holds: its settings and images, by which the same command finds and continues it."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import Any

from symmetry_audit.checkpoints import BEST_FILE
from symmetry_audit.errors import DataError, ModelError, SymmetryAuditError
from symmetry_audit.files import write_atomically
from symmetry_audit.results import dump_json
from symmetry_audit.tasks import Pairs, PatchCache, Task, source_fingerprint
from symmetry_audit.training._loop import SAMPLES
from symmetry_audit.training._settings import TrainSettings
from symmetry_audit.training._state import LAST_FILE

__all__ = ["SETTINGS_FILE", "claim", "refuse_differences", "run_identity"]

SETTINGS_FILE = "settings.json"


def run_identity(
    settings: TrainSettings, cache: PatchCache, pairs: Pairs, valid: Pairs, weights: Path | None
) -> dict[str, Any]:
    """The run, JSON-ready: settings, and images and weights by their content, wherever they lie. Raises DataError."""
    refs = [ref for pair in pairs.refs for ref in pair.refs]
    bands = next((ref.bands for ref in refs if ref.bands), None)
    white = next((ref.white for ref in refs if ref.white), None)
    found = {"settings": settings.model_dump(mode="json"), "data": cache.fingerprint}
    found |= {"valid": source_fingerprint(valid), "weights": weights and _content(weights)}
    found |= {"white": white} if white else {}
    return found | ({"bands": list(bands)} if bands else {})  # runs without them are claimed as by older versions


def refuse_differences(runs: list[dict[str, Any]]) -> None:
    """Raise DataError if the processes, by rank, are about to train different runs."""
    for rank, run in enumerate(runs):
        if run != runs[0]:
            raise DataError(
                f"process {rank} has another run than process 0 ({_difference(runs[0], run)}); "
                "give every machine the same options and the same files"
            )


def claim(folder: Path, wanted: dict[str, Any], weights: Path | None, force: bool) -> None:
    """Claim ``folder`` for the run ``wanted``. Raises ModelError if it holds the state of another run."""
    path = folder / SETTINGS_FILE
    if force:
        for name in (LAST_FILE, BEST_FILE, SETTINGS_FILE, "log.csv"):
            (folder / name).unlink(missing_ok=True)
        rmtree(folder / SAMPLES, ignore_errors=True)
    elif (folder / LAST_FILE).is_file():
        held = _held(path)
        if weights is not None and held.get("weights") == str(weights):  # older versions wrote the path
            held["weights"] = wanted["weights"]
        if _numbers(held) != _numbers(wanted):
            raise ModelError(f"{folder} holds another run ({_difference(held, wanted)}); start over with --force")
    elif (folder / BEST_FILE).is_file():  # a state is written first, so this is no stopped run
        raise ModelError(f"{folder} holds a {BEST_FILE} but no run to continue; --force replaces it")
    write_atomically(path, dump_json(wanted), error=ModelError)


def _numbers(run: dict[str, Any]) -> dict[str, Any]:
    """``run`` without the name of the audited images, which may be another spelling of their place."""
    audit = run["settings"]["audit"]
    return {**run, "settings": {**run["settings"], "audit": audit and {**audit, "dataset": None}}}


def _content(weights: Path) -> str:
    path = weights / BEST_FILE if weights.is_dir() else weights
    return sha256(path.read_bytes()).hexdigest()


def _held(path: Path) -> dict[str, Any]:
    """The run that a folder's settings describe, in this version's format. Raises ModelError."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        settings = TrainSettings.from_dict(held["settings"])
        task = Task.from_dict(settings.task).to_dict()
    except SymmetryAuditError as error:
        raise ModelError(f"{path} cannot be continued ({error}); start over with --force") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ModelError(f"{path} is missing or damaged; start over with --force") from None
    return {**held, "settings": {**settings.model_dump(mode="json"), "task": task}}


def _difference(held: dict[str, Any], wanted: dict[str, Any]) -> str:
    """The first setting that differs, for people."""
    for name in [*wanted["settings"], *(held["settings"].keys() - wanted["settings"].keys())]:
        before, now = held["settings"].get(name), wanted["settings"].get(name)
        if before != now:
            return f"{name} {before}, not {now}"
    names = {"data": "other training images", "valid": "other validation images", "weights": "other --weights"}
    return next((text for name, text in names.items() if held.get(name) != wanted[name]), "other entries")
