"""Networks of others in ``align``: their weights, their task, and the range of values in which they restore."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from symmetry_audit.errors import ModelError, SettingError
from symmetry_audit.verbs._networks import asked_task, network_task

if TYPE_CHECKING:
    from symmetry_audit.alignment import UnitTrial
    from symmetry_audit.inference import Model, ValueRange
    from symmetry_audit.options import Say
    from symmetry_audit.tasks import Pairs, Task
    from symmetry_audit.verbs._align import AlignRequest

__all__ = ["in_its_unit", "load_network", "say_batch"]

UNITS: tuple[float | tuple[float, float], ...] = (255, 1, (-1, 1))  # the first of equally good ones is taken
SUSPECT = 1.0  # dB; what padding with grey instead of black gains stays below


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
    """The network in the range that was asked for; otherwise in one in which it runs at all."""
    from symmetry_audit.inference import load_model

    load = partial(
        load_model, str(request.model), weights=request.weights, arguments=request.arguments, trust=request.trust
    )
    try:
        return load(unit=255.0 if request.unit is None else request.unit, say=request.say)
    except ModelError:
        if request.unit is not None:
            raise
        try:
            return load(unit=1.0, say=request.say)
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


def in_its_unit(loaded: Model, request: AlignRequest, task: Task, pairs: Pairs) -> tuple[Model, int | str]:
    """The network in the range of values that it needs, and that range as ``--unit`` takes it, a number where it can.

    The usual ranges are tried on the first images. Raises SettingError where another range than the one that was asked
    for restores clearly better.
    """
    from symmetry_audit.alignment import try_units
    from symmetry_audit.inference import ValueRange
    from symmetry_audit.tasks import evaluation_items
    from symmetry_audit.verbs._machine import resolve_device

    asked = None if request.unit is None else ValueRange.of(request.unit)
    ranges = [*map(ValueRange.of, UNITS), *([asked] if asked else [])]
    models = {values: loaded.in_range(values) for values in ranges}
    networks = {values: model.network for values, model in models.items()}
    items, device = evaluation_items(pairs, task, request.seed), resolve_device(request.device)
    trial = try_units(networks, items, task, crop=request.crop or None, device=device)
    best = trial.best
    found = ", ".join(f"with --unit {values} {_decibels(trial.psnr[values])}" for values in sorted(models, key=_white))
    tried = f"{found}; the input has {_decibels(trial.input_psnr)}"
    if asked is not None and trial.refutes(asked):
        raise SettingError(
            f"{loaded.name} restores with --unit {best}, not with --unit {asked} ({tried}); give --unit {best}, or "
            "leave --unit out"
        )
    if asked is None:
        _say_range(trial, tried, request.say)
    text = str(asked or best)
    return models[asked or best], int(text) if text.isdecimal() else text


def _say_range(trial: UnitTrial, tried: str, say: Say) -> None:
    """Say which range was taken where it makes a difference."""
    best = trial.best
    usual = [values for values in trial.psnr if values.black == 0 and values != best]
    if trial.restores and any(map(trial.refutes, usual)):
        say(f"Note: --unit {best} is taken, in which the network restores ({tried})")
    elif not trial.restores and len({trial.psnr[values] for values in (best, *usual)}) > 1:
        say(f"Note: the network restores in none of the usual input ranges ({tried}); --unit {best} is taken")
    for values, psnr in trial.psnr.items():
        if trial.restores and psnr > trial.psnr[best] + SUSPECT:
            say(f"Note: with --unit {values} the network restores better ({tried}); give it if it was trained so")


def say_batch(model: Model, request: AlignRequest, task: Task, pairs: Pairs) -> None:
    """Say where the output for an image depends on the other images of its batch."""
    from symmetry_audit.alignment import batch_difference
    from symmetry_audit.tasks import evaluation_items
    from symmetry_audit.verbs._machine import resolve_device

    first, device = next(iter(evaluation_items(pairs, task, request.seed))), resolve_device(request.device)
    if difference := batch_difference(model.network, first, crop=request.crop or None, device=device):
        request.say(
            f"Note: the output for {first.key} changes by {difference:.3g} grey levels RMS beside another image in one "
            "batch; batches of one image are measured"
        )


def _white(values: ValueRange) -> tuple[bool, float]:
    return values.black != 0, values.white


def _decibels(value: float) -> str:
    return f"{value:.2f} dB" if value > float("-inf") else "no image"
