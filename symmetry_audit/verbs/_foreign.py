"""Networks of others in ``align``: their weights, their task, and the range of values in which they restore."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symmetry_audit.errors import ModelError, SettingError
from symmetry_audit.verbs._networks import asked_task, network_task

if TYPE_CHECKING:
    from symmetry_audit.inference import Model
    from symmetry_audit.tasks import Pairs, Task
    from symmetry_audit.verbs._align import AlignRequest

__all__ = ["in_its_unit", "load_network"]

UNITS = (1, 255)


def load_network(request: AlignRequest) -> tuple[Model, Task]:
    """The network and its task. Raises SettingError if the two do not fit, and for a factory without weights."""
    from symmetry_audit.tasks import make_task

    model, loaded = str(request.model), _loaded(request)
    if loaded.checkpoint is not None:
        return loaded, network_task(loaded.name, loaded.checkpoint.task, request, request.say)
    _check_weights(loaded, request)
    asked = asked_task(request.task, request)
    if request.task == "classify":
        raise SettingError(f"only classifiers that symaudit trained can be measured; {model} is another network")
    if "name" not in asked and loaded.scale == 1:
        raise SettingError(
            f"{model} does not say what task it was trained for; give --task, such as --task denoise --sigma 25"
        )
    if asked.setdefault("name", "sr") == "sr":
        asked.setdefault("scale", max(loaded.scale, 2))
    task = make_task(**asked)
    if task.scale != loaded.scale:
        raise SettingError(f"{model} enlarges by {loaded.scale}, which does not fit {task.text}; give another --task")
    return loaded, task


def _loaded(request: AlignRequest) -> Model:
    """The network in the unit that was asked for; otherwise in one in which it runs at all."""
    from symmetry_audit.inference import load_model

    model, options = str(request.model), {"weights": request.weights, "arguments": request.arguments}
    try:
        return load_model(model, **options, unit=float(request.unit or 255))
    except ModelError:
        if request.unit is not None:
            raise
        try:
            return load_model(model, **options, unit=1.0)
        except (ModelError, SettingError):
            pass  # the first error says more
        raise


def _check_weights(loaded: Model, request: AlignRequest) -> None:
    """Raise SettingError for a factory whose network has weights that nobody gave."""
    if loaded.kind != "factory" or request.weights is not None or request.as_built:
        return
    if count := sum(value.numel() for value in loaded.network.state_dict().values()):
        raise SettingError(
            f"{loaded.name} builds a network with {count:,} weights, at random unless it loads them itself; give the "
            "trained ones with --weights FILE, or --as-built to measure it as it is"
        )


def in_its_unit(loaded: Model, request: AlignRequest, task: Task, pairs: Pairs) -> tuple[Model, int]:
    """The network with white as it needs it, and that value; both are tried on the first images.

    Raises SettingError where another value than the one that was asked for restores clearly better.
    """
    from symmetry_audit.alignment import try_units
    from symmetry_audit.tasks import evaluation_items
    from symmetry_audit.verbs._machine import resolve_device

    models = {unit: loaded.in_unit(unit) for unit in UNITS}
    networks = {unit: model.network for unit, model in models.items()}
    items, device = evaluation_items(pairs, task, request.seed), resolve_device(request.device)
    trial = try_units(networks, items, task, crop=request.crop or None, device=device)
    best, asked = trial.best, request.unit
    found = f"with --unit 1 {_decibels(trial.psnr[1])}, with --unit 255 {_decibels(trial.psnr[255])}"
    tried = f"{found}; the input has {_decibels(trial.input_psnr)}"
    if asked is not None and trial.refutes(asked):
        raise SettingError(
            f"{loaded.name} restores with --unit {best}, not with --unit {asked} ({tried}); give --unit {best}, or "
            "leave --unit out"
        )
    if asked is None and trial.restores and trial.refutes(UNITS[best == UNITS[0]]):
        request.say(f"Note: --unit {best} is taken, in which the network restores ({tried})")
    elif asked is None and not trial.restores and trial.psnr[1] != trial.psnr[255]:
        request.say(f"Note: the network restores in neither input range ({tried}); --unit {best} is taken")
    unit = best if asked is None else asked
    return models[unit], unit


def _decibels(value: float) -> str:
    return f"{value:.2f} dB" if value > float("-inf") else "no image"
