"""Training without clean images: the batches, the loss against its classes, and runs that never see a clean target."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from symmetry_audit.checkpoints import Checkpoint
from symmetry_audit.errors import Interrupted, SettingError
from symmetry_audit.nets import build
from symmetry_audit.self_supervised import EILoss, MaskOperator, Noise, REILoss, Rotations, Shifts
from symmetry_audit.tasks import PatchCache, PatchSampler, Task, make_task, open_pairs
from symmetry_audit.training import TrainSettings, short_run
from symmetry_audit.training._blind import blind_loss
from symmetry_audit.training._objective import Objective

INPAINT = make_task("inpaint", missing=0.3, peak=20, mask_seed=0)
SMALL = {"patch": 16, "batch": 1}
Make = Callable[..., TrainSettings]


class Images:
    """Prepared images in memory, whose clean targets may be wrong."""

    keys = ("a", "b", "c")

    def __init__(self, task: Task, poisoned: bool = False) -> None:
        rng = np.random.default_rng(2)
        pictures = rng.integers(0, 256, (3, 40, 36, 3), dtype=np.uint8)
        self._pairs = [task.prepare(picture) for picture in pictures]
        if poisoned:
            self._pairs = [(degraded.copy(), np.full_like(clean, 7)) for degraded, clean in self._pairs]

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self._pairs[index]


def trained(settings: TrainSettings, task: Task, poisoned: bool = False) -> dict[str, torch.Tensor]:
    """The weights after two steps."""
    [(_, network)] = short_run(settings, Images(task, poisoned), task, [2])
    return network.state_dict()


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_batches_hold_measurements_and_masks():
    """A pixel that is missing is missing in every visit, wherever the patch lies; noise is drawn anew."""
    sampler = PatchSampler(Images(INPAINT), INPAINT, 24, 0, "flips+turns", blind=True)
    y, kept = sampler.batch(0, 12)
    assert y.shape == (12, 3, 24, 24) and kept.shape == (12, 1, 24, 24) and y.dtype == kept.dtype == np.float32
    assert set(np.unique(kept)) == {0, 1} and not (y * (1 - kept)).any()
    counts = y * 20 / 255
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-4)
    whole = INPAINT.prepare(np.full((40, 36, 3), 200, np.uint8))[0]
    visits = [INPAINT.measurement(whole, np.random.default_rng(seed)) for seed in (0, 1)]
    assert np.array_equal(visits[0][1], visits[1][1]) and not np.array_equal(visits[0][0], visits[1][0])


def test_measurements_of_other_tasks_are_whole():
    task = make_task("denoise", sigma=25)
    y, kept = PatchSampler(Images(task), task, 24, 0, blind=True).batch(0, 2)
    assert y.shape == (2, 3, 24, 24) and kept.shape == (2, 1, 24, 24) and kept.all()


@pytest.mark.parametrize("transforms", ["shifts", "rotations", "quarter-turns"])
@pytest.mark.parametrize("way", ["ei", "rei"])
def test_the_loss_is_that_of_the_class(settings: Make, way, transforms):
    """In squares of [0, 1]; the network takes grey levels."""
    given = {"self_supervised": way, "transforms": transforms, "ei_weight": 0.5}
    chosen = {"shifts": Shifts(3), "rotations": Rotations(2), "quarter-turns": Rotations(2, "p4")}[transforms]
    network = build("resnet", preset="tiny").double()
    y, kept = (
        torch.from_numpy(part).double()
        for part in PatchSampler(Images(INPAINT), INPAINT, 24, 0, blind=True).batch(0, 2)
    )
    objective = Objective(network, blind_loss(settings(task=INPAINT, precision="fp64", **given)))
    torch.manual_seed(1)
    loss, error = objective(y, kept)
    torch.manual_seed(1)
    same = EILoss(chosen, 0.5) if way == "ei" else REILoss(Noise(1 / 20), chosen, 0.5)
    expected = same(lambda values: network(255 * values) / 255, y / 255, MaskOperator(kept)).mean()
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-6)
    at = kept.expand_as(y) == 1
    misfit = (network(y).detach().clamp(0, 255) - y)[at].square().mean()
    assert float(error) == pytest.approx(float(misfit), rel=1e-9)


@pytest.mark.parametrize(
    "given",
    [
        {"self_supervised": "ei"},
        {"self_supervised": "rei"},
        {"self_supervised": "rei", "transforms": "quarter-turns", "eq_reg": 0.1, "eq_group": "p4"},
    ],
    ids=["ei", "rei", "rei-eq-reg"],
)
def test_clean_images_are_never_used(settings: Make, given):
    """With wrong targets the weights are the same bit for bit."""
    blind = settings(task=INPAINT, **SMALL, **given)
    assert equal(trained(blind, INPAINT), trained(blind, INPAINT, poisoned=True))


def test_wrong_targets_would_show(settings: Make):
    """Where clean images are used."""
    supervised = settings(task=INPAINT, **SMALL)
    assert not equal(trained(supervised, INPAINT), trained(supervised, INPAINT, poisoned=True))


def test_every_part_of_the_loss_trains(settings: Make):
    """Weight, transformations, noise and EQ-Reg each change the weights."""
    base: dict[str, Any] = {"task": INPAINT, **SMALL, "self_supervised": "rei"}
    others = [
        {"self_supervised": "ei"},
        {"ei_weight": 0.5},
        {"transforms": "rotations"},
        {"eq_reg": 0.1, "eq_group": "p4"},
    ]
    weights = trained(settings(**base), INPAINT)
    for other in others:
        assert not equal(weights, trained(settings(**base | other), INPAINT)), other
    quiet = make_task("inpaint", missing=0.3, mask_seed=0)
    assert not equal(weights, trained(settings(**base | {"task": quiet}), quiet))


def test_denoising_without_clean_images(settings: Make):
    task = make_task("denoise", sigma=25)
    blind = settings(task=task, **SMALL, self_supervised="rei")
    assert equal(trained(blind, task), trained(blind, task, poisoned=True))


def test_a_stopped_run_ends_with_the_same_weights(settings: Make, images: tuple[Path, Path], run, tmp_path):
    """Probes, shifts and noise are those of the run that was not stopped."""
    chosen = settings(task=INPAINT, self_supervised="rei", batch=2, validate_every=2)
    straight = run(chosen, "straight")

    def stop(step: int, steps: int, values: dict[str, float]) -> None:
        if step == 3 and "loss" in values:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        run(chosen, "stopped", progress=stop)
    run(chosen, "stopped")
    one, other = (load_file(tmp_path / name / "last.safetensors") for name in ("straight", "stopped"))
    names = [name for name in one if name.startswith("model.")]
    assert names and all(torch.equal(one[name], other[name]) for name in names)
    assert isinstance(straight.best, Checkpoint) and straight.best.card.validation["protocol"] == "rgb"


def test_refusals(settings: Make):
    with pytest.raises(SettingError, match="--self-supervised is for denoise or inpaint; remove it for sr"):
        blind_loss(settings(task=make_task("sr"), backbone="edsr", self_supervised="ei"))
    with pytest.raises(SettingError, match="give --sigma one number"):
        blind_loss(settings(task=make_task("denoise", sigma=(5, 35)), self_supervised="rei"))
    for wrong in ({"compile": True}, {"precision": "bf16"}):
        with pytest.raises(SettingError, match="--precision fp32 or fp64 and without --compile"):
            settings(task=INPAINT, self_supervised="rei", **wrong)


def test_images_of_a_cache(images: tuple[Path, Path], tmp_path):
    """The mask is stored beside the pixels, and is the same in all images of one size."""
    pairs = open_pairs(str(images[0]), INPAINT)
    cache = PatchCache(pairs, INPAINT, tmp_path / "cache")
    masks = [cache[index][0][..., 3] for index in range(len(cache))]
    same = [one for one in masks if one.shape == masks[0].shape]
    assert all(np.array_equal(one, same[0]) for one in same)
    assert abs((masks[0] == 255).mean() - 0.7) < 5 * np.sqrt(0.21 / masks[0].size)
    assert cache[0][0].shape[2] == 4 and cache[0][1].shape[2] == 3
