"""``train``: from a folder, a network and data to a finished run; an existing run is continued."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from symmetry_audit.checkpoints import BEST_FILE, Card, Checkpoint, load_checkpoint, read_tensors
from symmetry_audit.errors import ModelError, SettingError
from symmetry_audit.files import locked
from symmetry_audit.groups import Affine
from symmetry_audit.layers import EquivariantHyperNetwork, HyperNetwork, SampleAdaptive, load_weights
from symmetry_audit.nets import architecture_of, build, smallest_side
from symmetry_audit.tasks import Pairs, PatchCache, PatchSampler, Task
from symmetry_audit.training._claim import claim, refuse_differences, run_identity
from symmetry_audit.training._distributed import World, join
from symmetry_audit.training._eq_reg import EquivarianceRegularizer
from symmetry_audit.training._log import Log
from symmetry_audit.training._loop import Loop, Progress
from symmetry_audit.training._prefit import prefit, w_statistics
from symmetry_audit.training._settings import TrainSettings
from symmetry_audit.training._state import LAST_FILE, RunPosition, RunState, unpack
from symmetry_audit.training._validate import IMAGES
from symmetry_audit.training._validate_labels import LABELS

__all__ = ["TrainResult", "train"]

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
    save_every: int | None = None,
    progress: Progress = lambda step, steps, values: None,
    say: Say = lambda line: None,
) -> TrainResult:
    """Train on ``pairs``, validate on ``valid``, and write everything to ``folder``.

    ``cache`` holds the decoded ``pairs``, by default in the user's cache folder. ``fits`` are w_n by image name, for
    ``hyper_init="audit"``. ``weights`` is a checkpoint to start from, such as TL for SA. A stopped run continues from
    its saved state, which is written at every validation and every ``save_every`` steps; on a CPU its final weights are
    the same bit for bit, since it also keeps its number of threads. Under torchrun all processes make the same call;
    only the first one needs ``folder``. Raises DataError if their images, weights or settings differ; ModelError if the
    folder holds another run (``force`` starts over), if another process trains in it, if the run cannot be continued,
    or if the loss becomes NaN or infinite; Interrupted when asked to stop, with the state saved.
    """
    with join(device) as world, ExitStack() as held:
        world.from_first(
            lambda: held.enter_context(locked(folder, error=ModelError, busy="another process trains into"))
        )
        torch.manual_seed(settings.seed)
        network = _network(settings, weights).to(world.device)
        cache = cache or PatchCache(pairs, Task.from_dict(settings.task))

        def checked() -> dict[str, Any]:
            _check(settings, network, cache, fits or {}, world)
            return run_identity(settings, cache, pairs, valid, weights)

        runs = world.each(checked)
        refuse_differences(runs)
        world.from_first(lambda: claim(folder, runs[0], weights, force))
        task = Task.from_dict(settings.task)
        measure = LABELS if task.labelled else IMAGES
        state = _continued(folder / LAST_FILE, network, settings, world, say)
        held.enter_context(_threads(state, world))

        def enter_stage2() -> None:
            if settings.hyper_init == "audit":
                assert isinstance(network, SampleAdaptive)  # checked above
                _prefit(network, cache, task, fits or {}, settings, world, say)

        log = Log(folder, state.position, measure, tensorboard, say) if world.first else None
        loop = Loop(
            settings,
            network,
            PatchSampler(cache, task, settings.patch, settings.seed, settings.augment, blind=settings.blind),
            world,
            folder,
            card=_card(settings, network, pairs, cache),
            measure=measure,
            validation=partial(measure.validate, pairs=valid, task=task, world=world),
            log=log,
            state=state,
            save_every=save_every,
            enter_stage2=enter_stage2,
            progress=progress,
        )
        loop.mend()
        if loop.position.step < settings.steps and not _timed_out(settings, loop.position):
            loop.run()
        best = world.from_first(lambda: _best(folder))
        return TrainResult(folder, best, loop.position.step, loop.position.seconds)


def _best(folder: Path) -> Checkpoint:
    if not (folder / BEST_FILE).is_file():
        raise ModelError(f"{folder} has no {BEST_FILE} any more; start over with --force")
    return load_checkpoint(folder)


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
    """The saved state of the run, which the first process reads for all, or its beginning."""
    tensors = world.from_first(lambda: read_tensors(path)[0] if path.is_file() else None)
    if tensors is None:
        return RunState()
    state = unpack(tensors, path, network, world.device)
    if world.first:
        say(f"continuing after step {state.position.step} of {settings.steps}")
    return state


@contextmanager
def _threads(state: RunState, world: World) -> Iterator[None]:
    """As many threads of torch as the run began with: on a CPU its sums depend on them."""
    before = torch.get_num_threads()
    state.position.threads = state.position.threads or world.from_first(torch.get_num_threads)
    torch.set_num_threads(state.position.threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _timed_out(settings: TrainSettings, position: RunPosition) -> bool:
    """Whether the time is up. A run that was never validated takes one more step, which ends in a validation."""
    over = settings.minutes is not None and position.seconds >= 60 * settings.minutes
    return over and position.best is not None
