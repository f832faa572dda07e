"""``train``: from a folder, a network and data to a finished run; an existing run is continued."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from shutil import rmtree
from typing import Any

import torch
from filelock import FileLock, Timeout
from torch import nn

from symmetry_audit.checkpoints import BEST_FILE, Card, Checkpoint, load_checkpoint
from symmetry_audit.errors import ModelError, SettingError
from symmetry_audit.files import remove_leftovers, write_atomically
from symmetry_audit.groups import Affine
from symmetry_audit.layers import EquivariantHyperNetwork, HyperNetwork, SampleAdaptive, load_weights
from symmetry_audit.nets import architecture_of, build, smallest_side
from symmetry_audit.results import dump_json
from symmetry_audit.tasks import Pairs, PatchCache, PatchSampler, Task, source_fingerprint
from symmetry_audit.training._distributed import World, join
from symmetry_audit.training._eq_reg import EquivarianceRegularizer
from symmetry_audit.training._log import Log
from symmetry_audit.training._loop import SAMPLES, Loop, Progress
from symmetry_audit.training._prefit import prefit, w_statistics
from symmetry_audit.training._settings import TrainSettings
from symmetry_audit.training._state import LAST_FILE, RunPosition, RunState, read_state
from symmetry_audit.training._validate import IMAGES
from symmetry_audit.training._validate_labels import LABELS

__all__ = ["SETTINGS_FILE", "TrainResult", "train"]

SETTINGS_FILE = "settings.json"
LIBRARIES = ("symaudit", "torch", "numpy")

Say = Callable[[str], None]


@dataclass(frozen=True)
class TrainResult:
    """A finished run: its folder, its best checkpoint, and how long it took in total."""

    folder: Path
    best: Checkpoint
    step: int
    seconds: float


def train(
    settings: TrainSettings,
    pairs: Pairs,
    valid: Pairs,
    folder: Path,
    *,
    fits: Mapping[str, Affine] | None = None,
    weights: Path | None = None,
    cache: PatchCache | None = None,
    device: str = "cpu",
    force: bool = False,
    tensorboard: bool = False,
    progress: Progress = lambda step, steps, values: None,
    say: Say = lambda line: None,
) -> TrainResult:
    """Train on ``pairs``, validate on ``valid``, and write everything to ``folder``.

    ``cache`` holds the decoded ``pairs``, by default in the user's cache folder. ``fits`` are w_n by image name, for
    ``hyper_init="audit"``. ``weights`` is a checkpoint to start from, such as TL for SA. A stopped run continues from
    its saved state; on a CPU its final weights are the same bit for bit. Under torchrun all processes make the same
    call. Raises ModelError if the folder holds another run (``force`` starts over), if another process trains in it,
    if the run cannot be continued, or if the loss becomes NaN or infinite. Raises Interrupted when asked to stop; the
    state is then saved.
    """
    with join(device) as world, _claimed(folder) if world.first else nullcontext():
        torch.manual_seed(settings.seed)
        network = _network(settings, weights).to(world.device)
        cache = cache or PatchCache(pairs, Task.from_dict(settings.task))
        _check(settings, network, cache, fits or {}, world)
        if world.first:
            refs = [ref for pair in pairs.refs for ref in pair.refs]
            bands = next((ref.bands for ref in refs if ref.bands), None)
            white = next((ref.white for ref in refs if ref.white), None)
            data = {"data": cache.fingerprint, "valid": source_fingerprint(valid), "weights": weights and str(weights)}
            data |= {"white": white} if white else {}
            data |= {"bands": list(bands)} if bands else {}  # runs without them are claimed as by older versions
            _claim(folder, {"settings": settings.model_dump(mode="json"), **data}, force)
        world.wait()
        task = Task.from_dict(settings.task)
        measure = LABELS if task.labelled else IMAGES
        state = _continued(folder / LAST_FILE, network, settings, world, say)

        def enter_stage2() -> None:
            if settings.hyper_init == "audit":
                assert isinstance(network, SampleAdaptive)  # checked above
                _prefit(network, cache, task, fits or {}, settings, world, say)

        loop = Loop(
            settings,
            network,
            PatchSampler(cache, task, settings.patch, settings.seed, settings.augment, blind=settings.blind),
            world,
            folder,
            card=_card(settings, network, pairs, cache),
            measure=measure,
            validation=partial(measure.validate, pairs=valid, task=task, device=world.device),
            log=Log(folder, state.position.step, measure, tensorboard) if world.first else None,
            state=state,
            enter_stage2=enter_stage2,
            progress=progress,
        )
        if loop.position.step < settings.steps and not _timed_out(settings, loop.position):
            with _threads(loop.position):
                loop.run()
        world.wait()
        if not (folder / BEST_FILE).is_file():
            raise ModelError(f"{folder} has no {BEST_FILE} any more; start over with --force")
        return TrainResult(folder, load_checkpoint(folder), loop.position.step, loop.position.seconds)


@contextmanager
def _threads(position: RunPosition) -> Iterator[None]:
    """As many threads of torch as the run began with, wherever it continues: another number gives other last bits."""
    before = torch.get_num_threads()
    position.threads = position.threads or before
    torch.set_num_threads(position.threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    """Keep other processes out of ``folder``."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = FileLock(folder / ".lock").acquire(timeout=0)
        remove_leftovers(folder)
    except Timeout:
        raise ModelError(f"another process trains into {folder}; wait for it, or choose another --out") from None
    except OSError as error:
        raise ModelError(f"cannot write to {folder}: {error.strerror}; choose another --out") from None
    with held:  # later errors have nothing to do with the folder
        yield


def _check(
    settings: TrainSettings, network: nn.Module, cache: PatchCache, fits: Mapping[str, Affine], world: World
) -> None:
    """Raise SettingError now for errors that would appear only in the second stage, or only in some processes."""
    if settings.batch % (settings.accumulate * world.size):
        raise SettingError(
            f"a batch of {settings.batch} cannot be cut into {settings.accumulate} x {world.size} equal parts "
            "(accumulate x processes); change --batch"
        )
    if settings.patch < (least := smallest_side(network)):
        raise SettingError(f"the hypernetwork of SA needs patches of {least} px or more, got --patch {settings.patch}")
    if settings.eq_reg is not None:
        assert settings.eq_group is not None
        # on a copy, since a pass changes batch statistics and the w of the last images
        regularizer = EquivarianceRegularizer(deepcopy(network), settings.eq_group, settings.eq_layers)
        with torch.no_grad():
            regularizer(next(network.parameters()).new_zeros(1, 3, settings.patch, settings.patch), 1)
    adaptive = isinstance(network, SampleAdaptive)
    if settings.tl_steps and not adaptive:
        raise SettingError(
            "this network finds w from inner features and has no stage without its hypernetworks: remove --tl-steps"
        )
    if settings.hyper_init == "audit":
        if not adaptive or w_statistics(network.network, []) is None:
            raise SettingError(
                "--hyper-init audit needs a network whose layers share one w; use --preset small or tiny"
            )
        if not set(cache.keys) & set(fits):
            raise SettingError("the report has no fit for any training image; use --hyper-init zero")


def _claim(folder: Path, wanted: dict[str, Any], force: bool) -> None:
    """Claim ``folder`` for the run ``wanted``. Raises ModelError if it holds the state of another run."""
    path = folder / SETTINGS_FILE
    if force:
        for name in (LAST_FILE, BEST_FILE, SETTINGS_FILE, "log.csv"):
            (folder / name).unlink(missing_ok=True)
        rmtree(folder / SAMPLES, ignore_errors=True)
    elif (folder / LAST_FILE).is_file():
        held = _held(path)
        if held != wanted:
            raise ModelError(f"{folder} holds another run ({_difference(held, wanted)}); start over with --force")
    elif (folder / BEST_FILE).is_file() and not _stopped_at_first_best(folder, wanted):
        raise ModelError(f"{folder} holds a {BEST_FILE} but no run to continue; --force replaces it")
    write_atomically(path, dump_json(wanted), error=ModelError)


def _stopped_at_first_best(folder: Path, wanted: dict[str, Any]) -> bool:
    """Whether ``wanted`` stopped between its first best and its first last state, so that it begins again.

    A later best, or that of the last step, is not such a run: training again would replace a finished network.
    """
    if not (folder / SETTINGS_FILE).is_file() or _held(folder / SETTINGS_FILE) != wanted:
        return False
    step = load_checkpoint(folder).card.step
    return step <= wanted["settings"]["validate_every"] and step < wanted["settings"]["steps"]


def _held(path: Path) -> dict[str, Any]:
    """The run that a folder's settings describe, in this version's format. Raises ModelError."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        settings = TrainSettings.from_dict(held["settings"])
        task = Task.from_dict(settings.task).to_dict()
    except SettingError as error:
        raise ModelError(f"{path} cannot be continued ({error}); start over with --force") from None
    except (OSError, ValueError, KeyError, TypeError):
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


def _network(settings: TrainSettings, weights: Path | None) -> nn.Module:
    """The network before its first step."""
    network = build(**settings.architecture, start=None if settings.start is None else Affine(*settings.start))
    if weights is not None:
        checkpoint = load_checkpoint(weights)
        bases = [architecture_of(part).get("basis") for part in (network, checkpoint.network())]
        if bases[0] != bases[1]:
            raise SettingError(f"{weights} was trained with the basis {bases[1]}, but this network has {bases[0]}")
        load_weights(network, checkpoint.weights)
        if settings.tl_steps and isinstance(network, SampleAdaptive):
            assert isinstance(network.hypernetwork, HyperNetwork | EquivariantHyperNetwork)
            network.hypernetwork.reset_output()  # so that the states of the first stage are those of a TL network
    return network.double() if settings.precision == "fp64" else network


def _card(settings: TrainSettings, network: nn.Module, pairs: Pairs, cache: PatchCache) -> Card:
    """The description of the run in its checkpoints."""
    return Card(
        architecture=dict(architecture_of(network)),
        task=Task.from_dict(settings.task).to_dict(),
        step=0,
        settings=settings.model_dump(mode="json"),
        data={"name": pairs.name, "images": len(pairs.refs), "fingerprint": cache.fingerprint},
        audit=settings.audit,
        training_images=tuple((key, mark["sha256"], mark["phash"]) for key, mark in cache.fingerprints),
        versions={name: version(name) for name in LIBRARIES},
    )


def _prefit(
    network: SampleAdaptive,
    cache: PatchCache,
    task: Task,
    fits: Mapping[str, Affine],
    settings: TrainSettings,
    world: World,
    say: Say,
) -> None:
    """Fit the hypernetwork to the audit's w_n of the training images."""
    known = [(index, fits[key]) for index, key in enumerate(cache.keys) if key in fits]
    images = [cache[index][0] for index, _ in known]
    away = prefit(
        network,
        images,
        [fit for _, fit in known],
        task.corrupt,
        smallest=settings.patch,
        seed=settings.seed,
        device=world.device,
    )
    say(f"hypernetwork pre-fitted to w_n of {len(known)} images: mean distance {away:.3f} in (a, b)")


def _continued(path: Path, network: nn.Module, settings: TrainSettings, world: World, say: Say) -> RunState:
    """The saved state of the run, or its beginning."""
    if not path.is_file():
        return RunState()
    state = read_state(path, network, world.device)
    if world.first:
        say(f"continuing after step {state.position.step} of {settings.steps}")
    return state


def _timed_out(settings: TrainSettings, position: RunPosition) -> bool:
    """Whether the time is up. A run that was never validated takes one more step, which ends in a validation."""
    over = settings.minutes is not None and position.seconds >= 60 * settings.minutes
    return over and position.best is not None
