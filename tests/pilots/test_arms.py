"""Short runs and the arms of a pilot: paired patches, two readings in one run, the average over quarter turns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from symmetry_audit.catalogue import ARMS
from symmetry_audit.errors import ModelError
from symmetry_audit.metrics import psnr
from symmetry_audit.nets import build
from symmetry_audit.pilots import _arms
from symmetry_audit.pilots._arms import Averaged, Length, run_arm, step_seconds, width_for
from symmetry_audit.pilots._split import Split
from symmetry_audit.tasks import PatchSampler, make_task
from symmetry_audit.training import make_settings, short_run
from tests.conftest import smooth_noise

TASK = make_task("denoise", sigma=25)


def images(rng, count=3, side=24):
    planes = [
        np.stack([smooth_noise(rng, side, side) for _ in range(3)], axis=-1).astype(np.uint8) for _ in range(count)
    ]
    return [(plane, plane) for plane in planes]


@pytest.fixture
def split(rng):
    held_out = [(TASK.corrupt(clean, rng), clean) for _, clean in images(rng, 2)]
    return Split(tuple(images(rng)), tuple(held_out))


def scores(split, arm, *, steps=4, seed=0, **options):
    length = Length(steps=steps, batch=2, patch=16)
    return run_arm(ARMS[arm], TASK, split, split.held_out, seed=seed, length=length, **options)


def test_arms_see_the_same_patches_with_the_same_noise(split, monkeypatch):
    seen, original = [], PatchSampler.batch

    def batch(self, *arguments):
        found = original(self, *arguments)
        seen.append(np.concatenate([part.ravel() for part in found]))
        return found

    monkeypatch.setattr(PatchSampler, "batch", batch)
    for arm in ("plain", "p4", "relaxed"):
        scores(split, arm, steps=2)
    plain, p4, relaxed = seen[:2], seen[2:4], seen[4:]
    assert len(seen) == 6
    for one, two, three in zip(plain, p4, relaxed, strict=True):
        assert np.array_equal(one, two) and np.array_equal(one, three)
    assert not np.array_equal(*plain)


def test_two_readings_of_one_run_are_those_of_two_runs(split):
    both, short = scores(split, "p4", steps=4), scores(split, "p4", steps=2)
    assert both.psnr[0] == short.psnr[1] and both.psnr[1] != short.psnr[1]
    assert len(both.psnr[0]) == 2 and both.seconds > 0 and both.averaged is None


def test_a_seed_gives_the_same_numbers_again(split):
    assert scores(split, "plain", seed=3).psnr == scores(split, "plain", seed=3).psnr
    assert scores(split, "plain", seed=3).psnr != scores(split, "plain", seed=4).psnr


def test_training_restores_better_than_the_input(split):
    found = scores(split, "plain", steps=120)
    noisy = [psnr(np.clip(degraded, 0, 255), clean) for degraded, clean in split.held_out]
    assert np.mean(found.psnr[1]) > np.mean(noisy) + 1


def test_a_short_run_yields_copies_with_averaged_weights(split):
    architecture = {"backbone": "resnet", "method": "cnn", "preset": "tiny", "scale": 1, "group": None}
    settings = make_settings(
        task=TASK.to_dict(), architecture=architecture, steps=3, batch=1, patch=16, warmup=0, ema=0.5, seed=1
    )
    heard: list[int] = []
    found = list(short_run(settings, split, TASK, (1, 3), on_step=heard.append))
    assert [step for step, _ in found] == [1, 3] and heard == [1, 2, 3]
    weights = [torch.cat([value.flatten() for value in network.parameters()]) for _, network in found]
    assert not torch.equal(*weights)
    (_, alone), *_ = short_run(settings, split, TASK, (1,))
    assert all(torch.equal(a, b) for a, b in zip(alone.parameters(), found[0][1].parameters(), strict=True))
    (_, raw), *_ = short_run(settings.model_copy(update={"ema": None}), split, TASK, (1,))
    assert any(not torch.equal(a, b) for a, b in zip(alone.parameters(), raw.parameters(), strict=True))


def test_the_average_against_a_loop_over_pixels_and_turns(split, monkeypatch):
    """The averaged scores are those of outputs that NumPy turns back and averages."""
    kept: list[torch.nn.Module] = []
    original = _arms.short_run

    def keeping(*arguments):
        for step, network in original(*arguments):
            kept.append(network)
            yield step, network

    monkeypatch.setattr(_arms, "short_run", keeping)
    found = scores(split, "plain", average=True)
    expected = []
    for degraded, clean in split.held_out:
        outputs = []
        for turns in range(4):
            turned = np.rot90(degraded, turns).transpose(2, 0, 1)
            with torch.no_grad():
                output = kept[-1](torch.from_numpy(turned.copy())[None])[0].numpy().transpose(1, 2, 0)
            outputs.append(np.rot90(output, -turns))
        expected.append(psnr(np.clip(np.mean(outputs, axis=0), 0, 255), clean))
    assert found.averaged == pytest.approx(expected, abs=1e-4)
    assert found.averaged != pytest.approx(found.psnr[1], abs=1e-4)


def test_an_equivariant_network_is_its_own_average(split):
    found = scores(split, "p4", average=True)
    assert found.averaged == pytest.approx(found.psnr[1], abs=1e-3)


def test_the_average_is_equivariant_on_any_rectangle():
    torch.manual_seed(0)
    network = Averaged(build("resnet", "cnn", preset="tiny", scale=1).eval())
    x = 255 * torch.rand(1, 3, 10, 14)
    with torch.no_grad():
        assert torch.allclose(network(x.rot90(1, (2, 3))), network(x).rot90(1, (2, 3)), atol=1e-3)
        assert not torch.allclose(network.network(x.rot90(1, (2, 3))), network.network(x).rot90(1, (2, 3)), atol=1e-3)


def test_a_training_that_diverges_is_an_error_in_one_line(split):
    with pytest.raises(ModelError, match=r"the training of plain diverged with seed 5; give another --seed"):
        run_arm(ARMS["plain"], TASK, split, split.held_out, seed=5, length=Length(steps=8, patch=16, lr=1e30, warmup=0))


def test_the_time_of_a_step_and_the_width(split):
    assert 0 < step_seconds(ARMS["p4"], TASK, split, Length(patch=16), steps=3) < 10
    network = build("resnet", "cnn", preset="tiny", scale=1)
    assert width_for(TASK) == next(network.parameters()).shape[0] == 32
