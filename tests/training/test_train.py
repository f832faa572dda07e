"""Whole runs: they learn, continue to the last bit, and refuse what cannot go well."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import time
from itertools import count

import numpy as np
import pytest
import torch
from filelock import FileLock
from PIL import Image

from symmetry_audit.checkpoints import Checkpoint, load_checkpoint, read_tensors, write_tensors
from symmetry_audit.errors import ModelError, SettingError
from symmetry_audit.nets import build
from symmetry_audit.tasks import PatchCache, Task, make_task, open_pairs
from symmetry_audit.training import Interrupted
from symmetry_audit.training import _train as train_module
from symmetry_audit.training._log import read_log
from tests.conftest import save_photos


def weights(folder):
    return load_checkpoint(folder).weights


def state(folder):
    """All tensors of the last state but the time it took."""
    tensors, card = read_tensors(folder / "last.safetensors")
    progress = json.loads(bytes(tensors.pop("progress").tolist()))
    return tensors, progress["step"], progress["best"], card


def stopping(step):
    """A progress callback that asks the run to stop after ``step``."""

    def progress(done, total, values):
        if done == step and "loss" in values:
            os.kill(os.getpid(), signal.SIGTERM)

    return progress


def assert_same_state(one, other):
    first, *rest = state(one)
    second, *others = state(other)
    assert rest[:2] == others[:2]
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def test_it_learns(run, settings):
    result = run(settings(steps=60, validate_every=60, lr=3e-3))
    found = result.best.card.validation
    assert result.step == 60
    assert found["images"] == 2
    assert found["psnr"] > found["input_psnr"] + 2


@pytest.mark.parametrize(
    "given",
    [
        {"method": "sa", "tl_steps": 2, "ema": 0.9},
        {"method": "tl", "clip": 1.0, "schedule": "multistep", "milestones": (0.5,), "warmup": 2},
        {"method": "cnn", "backbone": "rcdnet", "loss": "stages", "accumulate": 2},
        {"method": "cnn", "precision": "bf16", "accumulate": 2},
        {"method": "cnn", "eq_reg": 0.1, "eq_group": "p8", "eq_layers": 3},
        {"method": "fconv", "relaxed": True, "relax": 0.1},
    ],
    ids=["sa", "tl", "rcdnet", "bf16", "eq-reg", "relaxed"],
)
def test_a_stopped_run_continues_to_the_last_bit(run, settings, tmp_path, given):
    chosen = settings(steps=7, validate_every=3, **given)
    run(chosen, "whole")
    for step in (1, 4):
        with pytest.raises(Interrupted, match="same command continues"):
            run(chosen, "stopped", progress=stopping(step))
    said = []
    run(chosen, "stopped", say=said.append)
    assert said[0] == "continuing after step 4 of 7"
    assert_same_state(tmp_path / "whole", tmp_path / "stopped")
    for name, value in weights(tmp_path / "whole").items():
        assert torch.equal(value, weights(tmp_path / "stopped")[name])


def test_a_run_killed_between_saves_repeats_the_steps(run, settings, tmp_path):
    chosen = settings(steps=8, validate_every=4, log_every=1)
    run(chosen, "whole")

    class KilledError(Exception):
        pass

    def kill(done, total, values):
        if done == 6:
            raise KilledError

    with pytest.raises(KilledError):
        run(chosen, "killed", progress=kill)
    run(chosen, "killed")
    assert_same_state(tmp_path / "whole", tmp_path / "killed")
    logs = [read_log(tmp_path / name / "log.csv") for name in ("whole", "killed")]
    for one, other in zip(*logs, strict=True):
        assert {**one, "seconds": ""} == {**other, "seconds": ""}
    assert [row["step"] for row in logs[0]] == [str(step) for step in range(1, 9)]


def test_another_seed_gives_other_weights(run, settings, tmp_path):
    run(settings(steps=2), "one")
    run(settings(steps=2, seed=1), "two")
    with pytest.raises(AssertionError):
        assert_same_state(tmp_path / "one", tmp_path / "two")


def test_a_finished_run_is_left_alone(run, settings, tmp_path):
    run(settings())
    before = (tmp_path / "run" / "last.safetensors").read_bytes()
    result = run(settings())
    assert result.step == 6
    assert (tmp_path / "run" / "last.safetensors").read_bytes() == before


def test_another_run_cannot_land_in_the_folder(run, settings):
    run(settings(steps=2))
    with pytest.raises(ModelError, match=r"holds another run \(lr 0.001, not 0.002\); start over with --force"):
        run(settings(steps=2, lr=2e-3))
    assert run(settings(steps=2, lr=2e-3), force=True).step == 2


def test_a_run_of_an_older_version_goes_on(run, settings, tmp_path):
    """Its settings had no ``start``: w began where the note about the audit said."""
    audit = {"w": [0.3, -0.2], "group": "p4"}
    chosen = settings("tl", steps=5, start=(0.3, -0.2), audit=audit)
    run(chosen, "whole")
    with pytest.raises(Interrupted):
        run(chosen, "old", progress=stopping(2))
    path = tmp_path / "old" / "settings.json"
    document = json.loads(path.read_text())
    del document["settings"]["start"], document["settings"]["relax"], document["settings"]["task"]["peak"]
    path.write_text(json.dumps(document))
    run(chosen, "old")
    assert_same_state(tmp_path / "whole", tmp_path / "old")
    assert "start" in json.loads(path.read_text())["settings"]


def test_a_run_of_a_newer_version_is_left_alone(run, settings, tmp_path):
    run(settings(steps=1))
    path = tmp_path / "run" / "settings.json"
    document = json.loads(path.read_text())
    document["settings"]["tempo"] = 1
    path.write_text(json.dumps(document))
    with pytest.raises(ModelError, match=r"cannot be continued .*tempo.*written by a newer symaudit; update symaudit"):
        run(settings(steps=1))


def test_w_starts_where_the_settings_say(run, settings, tmp_path):
    """And a note about another w changes nothing."""
    for start, audit in (((0.3, -0.2), {"w": [0.1, 0.1]}), (None, {"w": [0.1, 0.1]})):
        best = run(settings("tl", steps=1, lr=1e-12, start=start, audit=audit), f"run{start}").best
        assert (best.card.w["a"], best.card.w["b"]) == pytest.approx(start or (0, 0), abs=1e-6)
    with pytest.raises(SettingError, match="only a shared w can have a start: use the methods tl and sa"):
        run(settings("cnn", steps=1, start=(0.3, -0.2)), "plain")


def test_damaged_settings_are_an_error(run, settings, tmp_path):
    run(settings(steps=1))
    (tmp_path / "run" / "settings.json").write_text("{")
    with pytest.raises(ModelError, match=r"settings.json is missing or damaged; start over"):
        run(settings(steps=1))
    (tmp_path / "run" / "settings.json").unlink()
    with pytest.raises(ModelError, match=r"settings.json is missing or damaged; start over"):
        run(settings(steps=1))


@pytest.mark.parametrize("every", [1, 9], ids=["first best", "only validation, at the end"])
def test_a_run_killed_between_its_state_and_its_best_continues(run, settings, tmp_path, monkeypatch, every):
    chosen = settings(steps=2, validate_every=every)
    whole = run(chosen, "whole").best

    def full(checkpoint, path):
        raise ModelError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "save", full)
        with pytest.raises(ModelError, match="no space"):
            run(chosen)
    found = run(chosen).best
    assert found.card == whole.card
    assert all(torch.equal(found.weights[name], value) for name, value in whole.weights.items())
    assert_same_state(tmp_path / "whole", tmp_path / "run")


def test_states_between_validations(run, settings, tmp_path):
    """``save_every`` loses fewer steps; the rows of log.csv do not see it."""
    chosen = settings(steps=8, validate_every=8, log_every=4)
    run(chosen, "whole")

    class KilledError(Exception):
        pass

    def kill(step, steps, values):
        if step == 6:
            raise KilledError

    with pytest.raises(KilledError):
        run(chosen, "killed", save_every=3, progress=kill)
    said = []
    run(chosen, "killed", say=said.append)
    assert said == ["continuing after step 3 of 8"]
    assert_same_state(tmp_path / "whole", tmp_path / "killed")
    whole, killed = (read_log(tmp_path / name / "log.csv") for name in ("whole", "killed"))
    assert [{**row, "seconds": ""} for row in whole] == [{**row, "seconds": ""} for row in killed]


def test_a_run_keeps_its_number_of_threads(run, settings, tmp_path):
    seen, before = [], torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with pytest.raises(Interrupted):
            run(settings(), progress=stopping(2))
        torch.set_num_threads(1)
        run(settings(), progress=lambda *_: seen.append(torch.get_num_threads()))
        assert set(seen) == {3}
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("1", "7"),
        lambda text: text.replace("step", "stop"),
        lambda text: text.replace(",", ",,,", 1),
        lambda text: text[: len(text) // 2] + '\ufffd\x00"' + text[len(text) // 2 :],
        lambda text: text.replace("\n2", "\n²"),
        lambda text: "",
    ],
)
def test_a_damaged_log_is_told(run, settings, tmp_path, damage):
    with pytest.raises(Interrupted):
        run(settings(), progress=stopping(4))
    path, said = tmp_path / "run" / "log.csv", []
    path.write_text(damage(path.read_text()))
    run(settings(), say=said.append)
    assert said[1] == f"{path} was damaged or edited before step 4; training is not affected"


def test_moved_images_are_the_same_run(run, settings, images, tmp_path):
    run(settings(steps=7), "whole")
    with pytest.raises(Interrupted):
        run(settings(steps=7), progress=stopping(4))
    moved = [folder.rename(tmp_path / f"moved_{folder.name}") for folder in images]
    task = Task.from_dict(settings().task)
    pairs, valid = (open_pairs(f"{one.parent}/./{one.name}", task) for one in moved)
    said, cache = [], PatchCache(pairs, task, tmp_path / "cache")
    train_module.train(settings(steps=7), pairs, valid, tmp_path / "run", cache=cache, say=said.append)
    assert said == ["continuing after step 4 of 7"]
    ends = [state(tmp_path / name)[0] for name in ("whole", "run")]
    assert all(torch.equal(value, ends[1][name]) for name, value in ends[0].items())


def test_weights_to_start_from_are_known_by_content(run, settings, tmp_path):
    start = run(settings(steps=1), "start").folder / "best.safetensors"
    run(settings(steps=2), weights=start)
    moved = start.rename(tmp_path / "moved.safetensors")
    assert run(settings(steps=2), weights=moved).step == 2
    path = tmp_path / "run" / "settings.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"weights": str(moved)}))  # as older versions
    assert run(settings(steps=2), weights=moved).step == 2
    run(settings(steps=1, seed=1), "other")
    with pytest.raises(ModelError, match=r"holds another run .other --weights."):
        run(settings(steps=2), weights=tmp_path / "other" / "best.safetensors")


def test_networks_are_not_replaced_without_being_told(run, settings, tmp_path):
    run(settings(steps=1))
    (tmp_path / "run" / "last.safetensors").unlink()
    with pytest.raises(ModelError, match=r"holds a best.safetensors but no run to continue; --force replaces it"):
        run(settings(steps=1))
    run(settings(steps=1), force=True)
    (tmp_path / "run" / "best.safetensors").unlink()
    assert run(settings(steps=1)).best.card.step == 1  # found again from the state


def test_a_best_network_that_is_gone(run, settings, tmp_path, monkeypatch):
    usual, scores = train_module.IMAGES, iter((30.0, 20.0))

    def scored(*arguments, **options):
        found = usual.validate(*arguments, **options)
        return dataclasses.replace(found, scores={**found.scores, "psnr": next(scores)})

    monkeypatch.setattr(train_module, "IMAGES", dataclasses.replace(usual, validate=scored))
    run(settings(steps=2, validate_every=1))
    (tmp_path / "run" / "best.safetensors").unlink()
    with pytest.raises(ModelError, match=r"has no best.safetensors any more; start over with --force"):
        run(settings(steps=2, validate_every=1))


def test_a_folder_is_trained_into_by_one_process(run, settings, tmp_path):
    (tmp_path / "run").mkdir()
    with (
        FileLock(tmp_path / "run" / ".lock"),
        pytest.raises(ModelError, match=r"another process trains into .*run; wait for it or choose another --out"),
    ):
        run(settings(steps=1))


def test_errors_of_the_run_are_not_blamed_on_the_folder(run, settings):
    def progress(done, total, values):
        raise FileNotFoundError(2, "gone", "photo.png")

    with pytest.raises(FileNotFoundError, match=r"photo.png"):
        run(settings(steps=1), progress=progress)
    assert run(settings(steps=1)).step == 1  # and the lock is free again


def test_looking_for_layers_of_eq_reg_leaves_no_trace(run, settings, tmp_path):
    """A hypernetwork's batch statistics are those of the patches alone."""
    run(settings("sa", steps=1, eq_reg=1e-12, eq_group="p4"))
    counts = [value for name, value in state(tmp_path / "run")[0].items() if name.endswith("num_batches_tracked")]
    assert counts == [2] * 5  # the batch, and the batch turned


def test_a_folder_that_cannot_be_made(run, settings, tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(ModelError, match=r"run is a file; choose another --out"):
        run(settings(steps=1))


def test_force_leaves_no_old_samples(run, settings, tmp_path):
    run(settings(steps=2, validate_every=1))
    run(settings(steps=1, validate_every=1, lr=1e-5), force=True)
    assert {path.name[:12] for path in (tmp_path / "run" / "samples").iterdir()} == {"step_0000001"}


def test_first_stage_is_tl_and_second_trains_the_hypernetwork(run, settings, tmp_path):
    run(settings("sa", steps=4, tl_steps=2, validate_every=2))
    rows = read_log(tmp_path / "run" / "log.csv")
    assert [row["stage"] for row in rows] == ["1", "2"]
    assert float(rows[1]["lr"]) < float(rows[0]["lr"])
    first = run(settings("sa", steps=3, tl_steps=2, validate_every=2, lr=1e-3), "short")
    tensors, *_ = state(tmp_path / "short")
    assert first.step == 3
    assert any(name.startswith("optimizer.hypernetwork") for name in tensors)
    assert tensors["model.hypernetwork.head.4.weight"].any()


def test_first_stage_equals_tl(run, settings, tmp_path):
    """The networks of both draw the same initial weights, so they take the same steps."""
    run(settings("tl", steps=2, schedule="constant"), "tl")
    with pytest.raises(Interrupted):
        run(settings("sa", steps=4, tl_steps=2, schedule="constant"), "sa", progress=stopping(2))
    tl, sa = state(tmp_path / "tl")[0], state(tmp_path / "sa")[0]
    names = [name.removeprefix("model.") for name in tl if name.startswith("model.")]
    assert names
    for name in names:
        torch.testing.assert_close(sa[f"model.network.{name}"], tl[f"model.{name}"], rtol=0, atol=1e-6)


def test_a_checkpoint_knows_its_w(run, settings):
    tl = run(settings("tl", steps=2), "tl").best
    position = next(value for name, value in tl.weights.items() if name.endswith("deformation.position"))
    size = float(np.log(2) * position.norm() / (1 + position.square().sum()).sqrt())
    assert tl.card.w["ratio"] == pytest.approx(np.exp(size), rel=1e-6)
    assert tl.card.w["ratio"] == pytest.approx(np.exp(np.hypot(tl.card.w["a"], tl.card.w["b"])))
    sa = run(settings("sa", steps=2), "sa").best
    assert 1 <= sa.card.w["ratio_q25"] <= sa.card.w["ratio_median"] <= sa.card.w["ratio_q75"] < 2
    assert run(settings("cnn", steps=1), "cnn").best.card.w is None


def test_tl_weights_start_sa(run, settings, tmp_path):
    run(settings("tl", steps=2), "tl")
    result = run(settings("sa", steps=1, lr=1e-12), "sa", weights=tmp_path / "tl")
    tl = weights(tmp_path / "tl")
    for name, value in tl.items():
        torch.testing.assert_close(result.best.weights[f"network.{name}"], value, rtol=0, atol=1e-6)


def test_weights_of_another_basis_are_refused(run, settings, tmp_path):
    run(settings("tl", steps=1), "tl")
    chosen = settings("sa", steps=1)
    bicubic = chosen.model_copy(update={"architecture": {**chosen.architecture, "basis": "bicubic"}})
    with pytest.raises(SettingError, match="trained with the basis fourier, but this network has bicubic"):
        run(bicubic, "sa", weights=tmp_path / "tl")


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_state(run, settings, tmp_path, monkeypatch):
    from symmetry_audit.training._objective import Objective

    whole, calls = Objective.forward, []

    def failing(self, x, clean):
        calls.append(1)
        return whole(self, x * (float("nan") if len(calls) == 5 else 1), clean)

    monkeypatch.setattr(Objective, "forward", failing)
    with pytest.raises(
        ModelError, match=r"the loss of step 5 is NaN or infinite; last.safetensors holds step 3; start"
    ):
        run(settings(steps=6, validate_every=3))
    tensors, step, _, _ = state(tmp_path / "run")
    assert step == 3
    assert all(torch.isfinite(value).all() for name, value in tensors.items() if name.startswith("model."))


def test_a_loss_that_is_no_number_before_anything_was_saved(run, settings):
    chosen = settings(steps=200, lr=1e30, schedule="constant", validate_every=200, loss="mse")
    with pytest.raises(ModelError, match=r"the loss of step \d+ is NaN or infinite; no earlier state was saved"):
        run(chosen)


def test_images_that_are_no_numbers(run, settings):
    with pytest.raises(ModelError, match="the output of step 1 is NaN or infinite; no earlier state was saved"):
        run(settings(steps=200, lr=1e30, schedule="constant", validate_every=1, loss="mse"))


def test_what_only_the_second_stage_would_meet_is_refused_at_once(run, settings):
    with pytest.raises(SettingError, match="needs patches of 29 px or more, got --patch 24"):
        run(settings("sa", steps=4, tl_steps=2, patch=24))
    with pytest.raises(SettingError, match="the report has no fit for any training image; use --hyper-init zero"):
        run(settings("sa", steps=4, tl_steps=2, hyper_init="audit"))


def test_a_mistake_leaves_no_run_behind(run, settings):
    """After an error before the first state the mended command goes ahead without --force."""
    with pytest.raises(SettingError, match="smaller than a patch"):
        run(settings(patch=500))
    assert run(settings(steps=1)).step == 1


def test_other_validation_images_are_another_run(run, settings, images, rng):
    run(settings(steps=1))
    save_photos(images[1] / "more", rng, 1)
    with pytest.raises(ModelError, match=r"holds another run .other validation images."):
        run(settings(steps=1))


def test_a_damaged_state_is_one_line(run, settings, tmp_path):
    run(settings(steps=2))
    path = tmp_path / "run" / "last.safetensors"
    tensors, card = read_tensors(path)
    for changed in ({"progress": torch.tensor([0.5])}, {"generator.cpu": torch.zeros(3, dtype=torch.uint8)}):
        write_tensors(path, {**tensors, **changed}, card)
        with pytest.raises(ModelError, match="the saved state does not fit this network"):
            run(settings(steps=2))


def test_averaged_weights_know_the_fitted_hypernetwork(run, settings, monkeypatch):
    from symmetry_audit.groups import Affine
    from symmetry_audit.training import _prefit

    monkeypatch.setattr(_prefit.prefit, "__kwdefaults__", {**_prefit.prefit.__kwdefaults__, "steps": 20})
    fits = {f"photo_{index}.png": Affine(0.4, 0.1) for index in range(4)}
    chosen = settings("sa", steps=2, ema=0.999, hyper_init="audit", lr=1e-9)
    last = run(chosen, fits=fits).best.weights["hypernetwork.head.4.bias"]
    assert last.abs().max() > 1e-3


def test_averaged_weights_follow_their_formula(run, settings, tmp_path):
    """v <- 0.9 v + 0.1 w after every step; they are what is validated and kept."""
    trained = []
    for steps in (1, 2, 3):
        run(settings(steps=steps, schedule="constant"), f"plain{steps}")
        trained.append(state(tmp_path / f"plain{steps}")[0])
    best = run(settings(steps=3, schedule="constant", ema=0.9), "average").best
    torch.manual_seed(0)
    average = build("resnet", "cnn", preset="tiny").state_dict()
    for one in trained:
        average = {name: 0.9 * value + 0.1 * one[f"model.{name}"] for name, value in average.items()}
    for name, value in best.weights.items():
        torch.testing.assert_close(value, average[name], rtol=0, atol=1e-7)
    assert best.card.validation["psnr"] != run(settings(steps=3, schedule="constant"), "plain3").best.card.validation


def test_the_best_state_is_kept(run, settings, monkeypatch):
    scores = iter((20.0, 30.0, 25.0))
    usual = train_module.IMAGES

    def scored(*arguments, **options):
        found = usual.validate(*arguments, **options)
        return dataclasses.replace(found, scores={**found.scores, "psnr": next(scores)})

    monkeypatch.setattr(train_module, "IMAGES", dataclasses.replace(usual, validate=scored))
    result = run(settings(steps=3, validate_every=1))
    assert (result.best.card.step, result.best.card.validation["psnr"], result.step) == (2, 30.0, 3)


def test_a_clipped_gradient_moves_nothing(run, settings, tmp_path):
    """A gradient far below Adam's epsilon: weights stay where they began."""
    torch.manual_seed(0)
    before = build("resnet", "cnn", preset="tiny").state_dict()
    for clip, moved in ((1e-14, False), (None, True)):
        found = run(settings(steps=2, clip=clip), f"clip{clip}").best.weights
        assert moved == any((found[name] - value).abs().max() > 1e-5 for name, value in before.items())


def test_the_clock_goes_on(run, settings, tmp_path):
    """A resumed run knows how long it has taken, also for --minutes."""
    for minutes, step in ((None, 6), (100.0, 6), (10.0, 5)):
        chosen = settings(steps=6, validate_every=6, minutes=minutes)
        with pytest.raises(Interrupted):
            run(chosen, f"run{minutes}", progress=stopping(4))
        path = tmp_path / f"run{minutes}" / "last.safetensors"
        tensors, card = read_tensors(path)
        progress = {**json.loads(bytes(tensors["progress"].tolist())), "seconds": 1000.0}
        write_tensors(
            path,
            {**tensors, "progress": torch.frombuffer(bytearray(json.dumps(progress).encode()), dtype=torch.uint8)},
            card,
        )
        result = run(chosen, f"run{minutes}")
        assert result.step == step
        assert 1000 < result.seconds < 1100


def test_batches_that_cannot_be_cut_are_refused(run, settings):
    with pytest.raises(SettingError, match="cut into 3 equal parts"):
        settings(batch=4, accumulate=3)


def test_accumulating_is_the_same_step(run, settings, tmp_path):
    """Without batch statistics the mean over two halves is the mean over the whole."""
    run(settings(steps=2, precision="fp64"), "whole")
    run(settings(steps=2, precision="fp64", accumulate=2), "halves")
    one, other = state(tmp_path / "whole")[0], state(tmp_path / "halves")[0]
    for name in one:
        if name.startswith("model."):
            torch.testing.assert_close(one[name], other[name], rtol=0, atol=1e-10)


def test_a_time_limit_ends_the_run(run, settings):
    result = run(settings(steps=10**6, minutes=0.02, validate_every=10**6))
    assert 0 < result.step < 10**6
    assert result.seconds < 60
    assert run(settings(steps=10**6, minutes=0.02, validate_every=10**6)).step == result.step


def test_a_time_limit_reaches_both_stages(run, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(time, "monotonic", count(0.0, 0.02).__next__)  # a slow machine takes seconds for a step
    run(settings("sa", steps=10**6, tl_steps=5 * 10**5, minutes=0.05, validate_every=10**6, log_every=1))
    rows = read_log(tmp_path / "run" / "log.csv")
    stages = [row["stage"] for row in rows]
    assert stages == sorted(stages)
    assert set(stages) == {"1", "2"}
    assert float(rows[stages.index("2")]["seconds"]) == pytest.approx(1.5, abs=0.2)


def test_what_a_run_leaves(run, settings, tmp_path):
    sr = make_task("sr", scale=2)
    result = run(settings(backbone="edsr", task=sr, steps=2, patch=24, validate_every=2))
    picture = np.asarray(Image.open(tmp_path / "run" / "samples" / "step_0000002_0.png"))
    assert picture.shape == (64, 3 * 56, 3)
    card = result.best.card
    assert card.task == sr.to_dict()
    assert len(card.training_images) == 4
    assert card.settings["patch"] == 24
    assert len(card.data["fingerprint"]) == 64
    assert result.best.network()(torch.zeros(1, 3, 20, 20)).shape == (1, 3, 40, 40)


def test_tensorboard_that_is_not_there(run, settings, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(SettingError, match="needs the package tensorboard: pip install tensorboard"):
        run(settings(), tensorboard=True)
