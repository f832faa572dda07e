"""Folding: the same output from plain convolutions alone."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Affine
from symmetry_audit.layers import (
    METHODS,
    EquivariantConv2d,
    EquivariantHyperNetwork,
    GroupBatchNorm2d,
    GroupConv2d,
    GroupPool,
    HyperNetwork,
    Layers,
    LiftingConv2d,
    SampleAdaptive,
    SharedDeformation,
    fold,
)


def stirred(module: nn.Module) -> nn.Module:
    """With biases, running statistics and w that do something."""
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.uniform_(-0.5, 0.5)
                part.running_var.uniform_(0.5, 2)
                part.weight.uniform_(0.5, 2)
                part.bias.uniform_(-0.5, 0.5)
            elif isinstance(part, EquivariantConv2d):
                part.bias.uniform_(-0.5, 0.5)
            elif isinstance(part, SharedDeformation):
                part.set(Affine(0.3, -0.2))
    return module


def body(method: str, **options) -> nn.Sequential:
    torch.manual_seed(0)
    layers = Layers(method, **options)
    block = nn.Sequential(layers.group_conv(2, 2), GroupBatchNorm2d(2, layers.group), nn.ReLU())
    return stirred(
        nn.Sequential(
            *(layers.lifting(3, 2), nn.ReLU(), block, layers.pointwise(2, 3)),
            *(nn.Identity(), layers.projection(3, 2)),
        )
    ).eval()


def pooled(method: str) -> nn.Sequential:
    torch.manual_seed(0)
    layers = Layers(method)
    return stirred(
        nn.Sequential(layers.lifting(3, 2), nn.ReLU(), layers.group_conv(2, 2), GroupPool(layers.group))
    ).eval()


def images(number: int = 2, size: int = 13) -> Tensor:
    return torch.rand(number, 3, size, size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def assert_plain(module: nn.Module, convolutions: int) -> None:
    parts = list(module.modules())
    assert not any(isinstance(part, (EquivariantConv2d, SharedDeformation)) for part in parts)
    assert sum(type(part) is nn.Conv2d for part in parts) == convolutions


@pytest.mark.parametrize("make", [body, pooled])
@pytest.mark.parametrize("method", METHODS)
def test_same_output_for_every_method(method: str, make) -> None:
    model = make(method).double()
    folded = fold(model)
    assert_plain(folded, 4 if make is body else 2)
    with torch.no_grad():
        expected, found = model(images()), folded(images())
    assert expected.std() > 1e-3
    assert (found - expected).abs().max() <= 1e-12 * expected.abs().max().clamp_min(1)
    single = fold(make(method))
    with torch.no_grad():
        found = single(images().float())
    assert found.dtype == torch.float32
    assert (found - expected).abs().max() <= 2e-6 * expected.abs().max().clamp_min(1)


@pytest.mark.parametrize("padding_mode", ["zeros", "replicate"])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", [None, 0, 3])
def test_options_of_the_convolution(padding_mode: str, stride: int, padding: int | None) -> None:
    torch.manual_seed(0)
    layer = LiftingConv2d(
        *(3, 2), group="p8", basis="fourier", bias=False, stride=stride, padding=padding, padding_mode=padding_mode
    ).double()
    folded = fold(layer)
    assert type(folded) is nn.Conv2d
    assert folded.bias is None
    assert folded(images()).shape == layer(images()).shape
    assert torch.allclose(folded(images()), layer(images()), rtol=0, atol=1e-12)


class Reused(nn.Module):
    """One convolution under two names, in one list twice, in a dictionary; one name without a module."""

    def __init__(self) -> None:
        super().__init__()
        layer = GroupConv2d(2, 2, 3, group="p4", basis="fourier", deformation=SharedDeformation(Affine(0.2, 0.1)))
        self.first, self.second, self.nothing = layer, layer, None
        self.listed, self.named = nn.ModuleList([layer, layer]), nn.ModuleDict({"inner": nn.Sequential(layer)})

    def forward(self, x: Tensor) -> Tensor:
        x = self.second(self.first(x).relu()).relu()
        return self.named["inner"](self.listed[1](self.listed[0](x).relu()))


def test_a_layer_used_twice_stays_one() -> None:
    torch.manual_seed(0)
    model = Reused().double()
    folded = fold(model)
    assert_plain(folded, 1)
    one = folded.first
    assert all(other is one for other in (folded.second, *folded.listed, folded.named["inner"][0]))
    x = torch.randn(1, 8, 9, 9, dtype=torch.float64)
    assert torch.allclose(folded(x), model(x), rtol=0, atol=1e-12)
    assert folded.nothing is None


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("method", ["fconv", "tl"])
def test_the_original_is_left_alone(method: str, training: bool) -> None:
    model = body(method).double().train(training)
    model[2][1].eval()  # a mixture of modes
    bank = model[0].filters()
    state, modes = deepcopy(model.state_dict()), [part.training for part in model.modules()]
    folded = fold(model)
    assert [part.training for part in model.modules()] == modes
    assert folded[0].training is training
    assert folded[2][1].training is False
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert method == "tl" or model[0].filters() is bank
    with torch.no_grad():
        for value in folded.parameters():
            value.zero_()
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_a_folded_network_trains() -> None:
    folded = fold(body("tl")).train()
    folded(images().float()).square().sum().backward()
    assert all(value.grad is not None and value.requires_grad for value in folded.parameters())


# ---------------------------------------------------------------- for one image


def adaptive(hypernetwork: nn.Module) -> SampleAdaptive:
    made = body("sa")
    if isinstance(hypernetwork, EquivariantHyperNetwork):
        with torch.no_grad():
            made[0].deformation.position.zero_()  # it would not turn with the image
    model = Layers("sa").network(made, hypernetwork).double().eval()
    torch.manual_seed(3)
    with torch.no_grad():
        hypernetwork.head[-1].weight.normal_(0, 10)
    return model


@pytest.mark.parametrize("kind", [HyperNetwork, EquivariantHyperNetwork])
@pytest.mark.parametrize("training", [False, True])
def test_folded_for_an_image(kind: type, training: bool) -> None:
    model, x = adaptive(kind()), images(2, 29)
    with torch.no_grad():
        expected = [model(x[n : n + 1]) for n in range(2)]
    model.train(training)
    state = deepcopy(model.state_dict())
    for n in range(2):
        folded = fold(model, x[n : n + 1])
        assert_plain(folded, 4)
        assert [part.training for part in model.modules()] == [training] * len(list(model.modules()))
        with torch.no_grad():
            assert torch.allclose(folded.eval()(x[n : n + 1]), expected[n], rtol=0, atol=1e-12)
            assert not torch.allclose(folded(x[1 - n : 2 - n]), expected[1 - n], rtol=0, atol=1e-6)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_folding_keeps_the_filters_of_the_hypernetwork() -> None:
    model, x = adaptive(EquivariantHyperNetwork()), images(1, 29)
    with torch.no_grad():
        model(x)
        bank = model.hypernetwork.encoder[0].filters()
        fold(model, x)
        assert model.hypernetwork.encoder[0].filters() is bank


@pytest.mark.parametrize("image", [None, torch.zeros(2, 3, 29, 29), torch.zeros(3, 29, 29)])
def test_one_image_is_needed(image: Tensor | None) -> None:
    with pytest.raises(SettingError, match=r"use fold\(network, image\), image \(1, C, H, W\)"):
        fold(adaptive(HyperNetwork()), image)


def test_an_adaptive_part_is_refused() -> None:
    with pytest.raises(SettingError, match="fold the SampleAdaptive part itself"):
        fold(nn.Sequential(adaptive(HyperNetwork()), nn.ReLU()))


# ---------------------------------------------------------------- export


@pytest.mark.parametrize("method", ["fconv", "tl"])
def test_torch_export(method: str) -> None:
    model = body(method).double()
    program = torch.export.export(fold(model), (images(),))
    with torch.no_grad():
        assert torch.allclose(program.module()(images()), model(images()), rtol=0, atol=1e-12)


# of torch's own exporter
@pytest.mark.filterwarnings(r"ignore:`isinstance\(treespec, LeafSpec\)` is deprecated:FutureWarning")
def test_onnx(tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    model = Layers("sa").network(body("sa"), HyperNetwork()).eval()
    x = images(1, 29).float()
    file = tmp_path / "folded.onnx"
    torch.onnx.export(fold(model, x), (x,), file, dynamo=True, verbose=False)
    session = runtime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    with torch.no_grad():
        expected = model(x)
    assert (torch.from_numpy(found) - expected).abs().max() <= 1e-5 * expected.abs().max().clamp_min(1)
