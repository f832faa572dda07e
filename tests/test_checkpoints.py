"""Checkpoints come back as they were written, and damaged or hostile ones are one clear line."""

from __future__ import annotations

import json
import pickle
import random
import struct

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save

from symmetry_audit.checkpoints import Card, Checkpoint, load_checkpoint
from symmetry_audit.errors import ModelError
from symmetry_audit.nets import build
from symmetry_audit.tasks import make_task


@pytest.fixture
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    network = build("resnet", "sa", preset="tiny", group="p4")
    for value in network.parameters():
        torch.nn.init.normal_(value, std=0.1)
    task = make_task("denoise", sigma=(5, 35))
    images = (("a.png", "0" * 64, "f" * 16), ("flat.png", "1" * 64, None))
    card = Card(architecture=network.architecture, task=task.to_dict(), step=7, training_images=images)
    return Checkpoint(card, network.state_dict())


def test_there_and_back(checkpoint, tmp_path):
    path = tmp_path / "net.safetensors"
    checkpoint.save(path)
    found = load_checkpoint(path)
    assert found.card == checkpoint.card
    assert found.task == make_task("denoise", sigma=(5, 35))
    x = 255 * torch.rand(1, 3, 32, 32)
    network = build(**checkpoint.card.architecture).eval()
    network.load_state_dict(checkpoint.weights)
    assert torch.equal(found.network()(x), network(x))


def test_a_run_folder_gives_its_best(checkpoint, tmp_path):
    checkpoint.save(tmp_path / "run" / "best.safetensors")
    assert load_checkpoint(tmp_path / "run").card.step == 7


def test_nothing_there(tmp_path):
    with pytest.raises(ModelError, match=r"there is no file .*nothing"):
        load_checkpoint(tmp_path / "nothing")
    with pytest.raises(ModelError, match=r"holds no best.safetensors; give a folder that symaudit train wrote"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("kept", [0, 4, 100, -1])
def test_cut_off(checkpoint, tmp_path, kept):
    path = tmp_path / "net.safetensors"
    checkpoint.save(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ModelError, match="is truncated or not a safetensors file"):
        load_checkpoint(path)


def test_a_flipped_bit_is_noticed(checkpoint, tmp_path):
    path, rng = tmp_path / "net.safetensors", random.Random(0)
    checkpoint.save(path)
    whole = path.read_bytes()
    name = whole.index(b"symaudit.sha256")
    for place in [*range(name, name + 90), *(rng.randrange(len(whole)) for _ in range(100))]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(ModelError):
            load_checkpoint(path)


def test_a_file_without_a_checksum_is_read(checkpoint, tmp_path):
    path = tmp_path / "net.safetensors"
    checkpoint.save(path)
    with safe_open(path, framework="pt") as file:
        header = file.metadata()["symaudit"]
    path.write_bytes(save(load_file(path), {"symaudit": header}))
    assert load_checkpoint(path).card == checkpoint.card


def test_a_header_longer_than_the_file(tmp_path):
    path = tmp_path / "net.safetensors"
    path.write_bytes(struct.pack("<Q", 2**62) + b"{}")
    with pytest.raises(ModelError, match="is truncated or not a safetensors file"):
        load_checkpoint(path)


class Hostile:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_pickle_is_not_run(tmp_path):
    trap = tmp_path / "trap"
    path = tmp_path / "net.safetensors"
    path.write_bytes(pickle.dumps({"weights": Hostile(trap)}))
    with pytest.raises(ModelError, match="is truncated or not a safetensors file"):
        load_checkpoint(path)
    torch.save({"weights": Hostile(trap)}, path)
    with pytest.raises(ModelError, match="is truncated or not a safetensors file"):
        load_checkpoint(path)
    assert not trap.exists()
    pickle.loads(pickle.dumps(Hostile(trap))).close()
    assert trap.exists()  # the trap works


def written(tmp_path, header, weights):
    path = tmp_path / "net.safetensors"
    path.write_bytes(save(weights, header))
    return path


def test_safetensors_of_others(tmp_path):
    path = written(tmp_path, {"format": "pt"}, {"weight": torch.zeros(2)})
    with pytest.raises(ModelError, match="is not a checkpoint of symaudit"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"schema": "symaudit.report/1"},
            'has schema "symaudit.report/1", expected "symaudit.checkpoint/1"; train the network',
        ),
        (
            {"schema": "symaudit.checkpoint/9"},
            'has schema "symaudit.checkpoint/9", which this version does not know: it',
        ),
        ({"step": -1}, r"is damaged \(step: .*\); train the network again"),
        (
            {"extra": 1},
            'has a field "extra" that this version does not know: it was written by a newer symaudit; update',
        ),
        ({"extra": 1, "step": None}, 'has a field "extra" that this version does not know'),
        ({"training_images": [["only a name"]]}, r"is damaged \(training_images.0"),
        ({"training_images": [["a.png", "0" * 64, "no hash"]]}, r"is damaged \(training_images.0.2"),
    ],
)
def test_damaged_headers(checkpoint, tmp_path, change, message):
    document = json.loads(checkpoint.card.to_json()) | change
    path = written(tmp_path, {"symaudit": json.dumps(document)}, {"model.weight": torch.zeros(2)})
    with pytest.raises(ModelError, match=message):
        load_checkpoint(path)


@pytest.mark.parametrize("header", ["", "[]", "{", "[" * 100_000, '{"schema": NaN}', "null"])
def test_headers_that_are_no_document(tmp_path, header):
    path = written(tmp_path, {"symaudit": header}, {"model.weight": torch.zeros(2)})
    with pytest.raises(ModelError, match=r"is damaged .its header|has schema"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "architecture",
    [
        {"backbone": "os.system", "method": "cnn"},
        {"backbone": "resnet", "method": "cnn", "start": "x"},
        {"backbone": "resnet", "method": "gcnn", "group": 5},
        {"backbone": "resnet", "method": "tl", "preset": "tiny", "start": [1, 2]},
        {"backbone": "resnet", "method": "gcnn", "preset": "tiny", "scale": 1, "group": "p360"},
        {"backbone": "a newer one", "method": "cnn"},
    ],
)
def test_architectures_that_are_none(checkpoint, architecture):
    card = checkpoint.card.model_copy(update={"architecture": architecture})
    with pytest.raises(
        ModelError, match=r"the checkpoint cannot be used .its architecture: .*; update symaudit if a newer"
    ):
        Checkpoint(card, checkpoint.weights).network()


@pytest.mark.parametrize("task", [{"name": "denoise"}, {"name": "dance", "scale": 1}])
def test_tasks_that_are_none(checkpoint, task):
    with pytest.raises(ModelError, match=r"cannot be used .its task"):
        _ = Checkpoint(checkpoint.card.model_copy(update={"task": task}), {}).task


def test_options_that_are_missing_or_of_a_newer_version(checkpoint):
    newer = "that this version does not know: it was written by a newer symaudit; update symaudit$"
    for change, message in (
        (
            {"architecture": {}},
            r"the checkpoint is damaged .architecture.backbone is missing.; train the network again$",
        ),
        ({"architecture": {"backbone": "resnet", "command": "rm"}}, f'has a field "architecture.command" {newer}'),
        ({"task": {}}, r"the checkpoint is damaged .task.name is missing.; train the network again$"),
        ({"task": {"name": "denoise", "sigma": 5, "colour": 1}}, f'has a field "task.colour" {newer}'),
    ):
        found = Checkpoint(checkpoint.card.model_copy(update=change), checkpoint.weights)
        with pytest.raises(ModelError, match=message):
            _ = found.network(), found.task


def test_options_of_before_they_existed_take_their_defaults(checkpoint):
    card = checkpoint.card
    architecture = {name: value for name, value in card.architecture.items() if name not in ("scale", "relaxed")}
    task = {name: value for name, value in card.task.items() if name not in ("scale", "missing", "peak")}
    found = Checkpoint(card.model_copy(update={"architecture": architecture, "task": task}), checkpoint.weights)
    assert found.network().architecture == card.architecture
    assert found.task == checkpoint.task


def test_weights_of_another_network(checkpoint):
    weights = dict(checkpoint.weights)
    name = next(iter(weights))
    whole = {**weights, name: torch.zeros(weights[name].shape, dtype=torch.int64)}
    for changed in ({**weights, name: torch.zeros(1)}, {**weights, "more": torch.zeros(1)}, {}, whole):
        with pytest.raises(ModelError, match="weights do not fit its architecture, first at"):
            Checkpoint(checkpoint.card, changed).network()


def test_weights_that_are_no_numbers(checkpoint, tmp_path):
    name = next(iter(checkpoint.weights))
    broken = Checkpoint(checkpoint.card, {**checkpoint.weights, name: checkpoint.weights[name] * float("nan")})
    broken.save(tmp_path / "net.safetensors")
    with pytest.raises(ModelError, match="holds NaN or infinite weights"):
        load_checkpoint(tmp_path / "net.safetensors")


def test_a_place_that_cannot_be_written(checkpoint, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot write"):
        checkpoint.save(tmp_path / "file" / "net.safetensors")
