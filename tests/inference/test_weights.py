"""Weights as other codebases store them: containers, prefixes, counters, averages; and what is said about them."""

from __future__ import annotations

import argparse

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from symmetry_audit.errors import ModelError
from symmetry_audit.inference import load_model

SOURCE = """
from torch import nn

def make(width=4):
    return nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.Conv2d(width, 3, 1))
"""


@pytest.fixture
def network(tmp_path, monkeypatch) -> nn.Module:
    """Trained, so to say; nets.py:make builds another one like it."""
    (tmp_path / "nets.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(5)
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 3, 1)).eval()


def loaded(path: str) -> tuple[nn.Module, list[str]]:
    """The network with the weights in ``path``, and what was said."""
    notes: list[str] = []
    return load_model("nets.py:make", weights=path, say=notes.append).network, notes


def same(found: nn.Module, network: nn.Module) -> bool:
    expected = network.state_dict()
    return all(torch.equal(value, expected[name]) for name, value in found.state_dict().items())


def prefixed(network: nn.Module, prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + name: value for name, value in network.state_dict().items()}


@pytest.mark.parametrize(
    "prefix",
    [
        "_orig_mod.",
        "module.",
        "model.",
        "module._orig_mod.model.",
        "any_name.of.ours.",
        "_orig_mod.module.net._orig_mod.",
    ],
)
@pytest.mark.parametrize("suffix", ["pth", "ckpt", "bin", "safetensors"])
def test_one_prefix_of_all_names(network, prefix, suffix):
    state, path = prefixed(network, prefix), f"w.{suffix}"
    save_file(state, path) if suffix == "safetensors" else torch.save(state, path)
    found, notes = loaded(path)
    assert same(found, network)
    plain = prefix.replace("_orig_mod.", "")
    assert notes == ([f'Note: the prefix "{plain}" of the names in {path} is taken off'] if plain else [])


def test_parts_that_were_compiled(network):
    torch.save({name.replace("2.", "2._orig_mod."): value for name, value in network.state_dict().items()}, "w.pth")
    found, notes = loaded("w.pth")
    assert same(found, network) and notes == []


@pytest.mark.parametrize(
    "nest",
    [
        *(("net",), ("netG",), ("generator",), ("model_state_dict",), ("G",), ("network",), ("module",)),
        *(("model", "state_dict"), ("a", "b", "params"), ("state", "best", "ema", "params_ema")),
    ],
)
def test_containers_of_any_name(network, nest):
    beside = {"optimizer": torch.optim.Adam(network.parameters()).state_dict(), "netD": nn.Linear(3, 1).state_dict()}
    state = network.state_dict()
    for name in reversed(nest):
        state = {"epoch": 7, "step": torch.tensor(7), **beside, name: state}
    torch.save(state, "w.pth")
    found, _ = loaded("w.pth")
    assert same(found, network)


def test_what_lightning_writes(network):
    """Callbacks, options, numbers of NumPy; and losses and a discriminator beside the network."""
    rest = {"loss.vgg.weight": torch.ones(3), "discriminator.0.weight": torch.ones(2)}
    checkpoint = {
        "epoch": 3,
        "state_dict": prefixed(network, "generator.") | rest,
        "callbacks": {"ModelCheckpoint{'monitor': 'x'}": {"best_model_score": torch.tensor(1.0), "dirpath": "runs"}},
        "hyper_parameters": {"lr": 1e-3, "options": argparse.Namespace(width=4), "best": np.float64(31.5)},
        "optimizer_states": [torch.optim.Adam(network.parameters()).state_dict()],
    }
    torch.save(checkpoint, "w.ckpt")
    found, notes = loaded("w.ckpt")
    assert same(found, network)
    assert notes == [
        'Note: the prefix "generator." of the names in w.ckpt is taken off; 2 weights beside it are left out '
        '(first "loss.vgg.weight")'
    ]


def test_averages_and_counters(network):
    averaged = torch.optim.swa_utils.AveragedModel(network)
    torch.save(averaged.state_dict(), "averaged.pth")
    counted = {"total_ops": torch.zeros(1), "0.total_params": torch.zeros(1), "epoch": 3}
    torch.save(network.state_dict() | counted, "counted.pth")
    old = {name: value for name, value in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    torch.save(old, "old.pth")
    for path in ("averaged.pth", "counted.pth", "old.pth"):
        assert same(loaded(path)[0], network), path


@pytest.mark.parametrize("names", [("params", "params_ema"), ("model", "ema"), ("state_dict", "swa_model")])
def test_an_average_is_taken_before_the_last_weights(network, names):
    other = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 3, 1)).state_dict()
    torch.save(dict(zip(names, (other, network.state_dict()), strict=True)), "w.pth")
    found, notes = loaded("w.pth")
    assert same(found, network)
    assert notes == [f'Note: w.pth has weights that fit at "{names[1]}", "{names[0]}"; "{names[1]}" is taken']
    flat = {f"model.{name}": value for name, value in other.items()} | prefixed(network, "ema.")
    torch.save({"state_dict": flat}, "flat.ckpt")
    assert same(loaded("flat.ckpt")[0], network)


def test_a_part_of_another_network_is_not_taken_for_the_network(network):
    """Names below a prefix that is no trainer's word fit, but are not all."""
    torch.save(prefixed(network, "encoder.") | {"decoder.weight": torch.ones(3)}, "w.pth")
    with pytest.raises(ModelError, match=r'weights 1 unexpected \(first "decoder.weight"\); check the factory'):
        loaded("w.pth")


def test_weights_of_another_network_and_of_another_width(network):
    torch.save({"body.a.weight": torch.ones(3)}, "w.pth")
    with pytest.raises(ModelError, match=r"8 missing .* and 1 unexpected .*; no name is that of the network: give the"):
        loaded("w.pth")
    torch.save({"params": network.state_dict()}, "w.pth")
    with pytest.raises(ModelError, match=r'"0.weight" is \(4, 3, 3, 3\), the network has \(6, 3, 3, 3\); check the'):
        load_model("nets.py:make", arguments={"width": 6}, weights="w.pth")
