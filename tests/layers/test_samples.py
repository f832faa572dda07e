"""Samples of a basis, taken once for all layers of a pass: how often, and to the bit as if each took its own."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from symmetry_audit.groups import Affine
from symmetry_audit.layers import EquivariantConv2d, Layers
from symmetry_audit.layers._affine import Deformation
from symmetry_audit.layers.bases import Basis
from symmetry_audit.nets import build


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> list[Basis]:
    """The bases that are sampled under a w from now on, once for each time."""
    found, real = [], Basis.sample

    def counted(self: Basis, inverse: Tensor | None = None) -> Tensor:
        found.extend([] if inverse is None else [self])
        return real(self, inverse)

    monkeypatch.setattr(Basis, "sample", counted)
    return found


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on every layer takes its own samples, as the definition says."""
    return lambda: monkeypatch.setattr(Deformation, "samples", lambda self, basis, layer: basis.sample(self()))


def network(method: str, **options) -> nn.Module:
    torch.manual_seed(1)
    made = build("resnet", method, preset="tiny", start=Affine(0.2, 0.1), **options)
    if method == "sa":
        nn.init.normal_(made.hypernetwork.head[-1].weight, std=0.5)
    return made


def images(seed: int = 0) -> Tensor:
    return 255 * torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def gradients(model: nn.Module, passes: int = 1) -> dict[str, Tensor]:
    for seed in range(passes):
        (model(images(seed)) - images(seed)).abs().mean().backward()
    return {name: part.grad for name, part in model.named_parameters()}


@pytest.mark.parametrize("method", ["tl", "sa"])
def test_eleven_layers_sample_once(method: str, sampled: list[Basis], alone: Callable[[], None]) -> None:
    model = network(method)
    assert sum(isinstance(part, EquivariantConv2d) for part in model.modules()) == 11
    sampled.clear()
    loss = model(images()).square().mean()
    assert len(sampled) == 1
    loss.backward()
    assert len(sampled) == 2  # once more, for the gradients of all layers
    model(images(1))
    assert len(sampled) == 3
    alone()
    sampled.clear()
    model(images())
    assert len(sampled) == 11


def test_evaluation_samples_once(sampled: list[Basis]) -> None:
    model = network("sa").eval()
    sampled.clear()
    for seed in range(3):
        with torch.inference_mode():
            model(images(seed))
    assert len(sampled) == 3


@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("options", [{}, {"basis": "bicubic"}, {"relaxed": True}], ids=str)
@pytest.mark.parametrize("method", ["tl", "sa"])
def test_outputs_and_gradients_are_the_same_to_the_bit(
    method: str, options: dict, passes: int, alone: Callable[[], None]
) -> None:
    model = network(method, **options)
    copies = [copy.deepcopy(model), copy.deepcopy(model)]
    shared, output = gradients(copies[0], passes), copies[0](images(5))
    alone()
    own = gradients(copies[1], passes)
    assert torch.equal(output, copies[1](images(5)))
    for name, value in own.items():
        assert torch.equal(shared[name], value), name


def test_the_gradient_is_that_of_the_pass_not_of_a_later_one(alone: Callable[[], None]) -> None:
    """Two passes of other images before the first goes back, as EQ-Reg has them."""
    found = []
    for _ in range(2):
        model = network("sa")
        (model(images(1)).square().mean() + model(images(2)).square().mean()).backward()
        found.append({name: part.grad for name, part in model.named_parameters()})
        alone()
    assert all(torch.equal(found[0][name], value) for name, value in found[1].items())


def test_what_is_written_past_autograd_is_seen_by_the_next_pass() -> None:
    model = network("tl")
    before = model(images())
    (deformation,) = (part for part in model.modules() if isinstance(part, Deformation))
    deformation.position.data = torch.tensor([0.0, 0.5])
    after = model(images())
    assert not torch.equal(before, after)
    deformation.position.data.mul_(0.5)
    assert not torch.equal(after, model(images()))


def test_activation_checkpointing_meets_the_same_samples() -> None:
    found = []
    for part in (lambda layer, x: layer(x), lambda layer, x: checkpoint(layer, x, use_reentrant=False)):
        torch.manual_seed(0)
        layers = Layers("tl", "p4", start=Affine(0.2, 0.1))
        body = [layers.lifting(3, 2), layers.group_conv(2, 2), layers.projection(2, 3)]
        x = torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(0), requires_grad=True)
        y = x
        for layer in body:
            y = part(layer, y)
        y.square().sum().backward()
        found.append([x.grad, body[0].deformation.position.grad])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_second_derivatives_with_respect_to_w(alone: Callable[[], None]) -> None:
    found = []
    for _ in range(2):
        layer = Layers("tl", "p4", start=Affine(0.2, 0.1)).lifting(1, 1).double()
        torch.nn.init.constant_(layer.weight, 0.3)
        position = layer.deformation.position
        (first,) = torch.autograd.grad(layer.filters().pow(3).sum(), position, create_graph=True)
        found.append(torch.autograd.grad(first.square().sum(), position)[0])
        alone()
    assert found[0].abs().min() > 0
    assert torch.allclose(*found, rtol=1e-12, atol=0)


def test_copies_share_nothing() -> None:
    model = network("sa")
    model(images()).mean().backward()
    again = copy.deepcopy(model)
    assert torch.equal(again(images()), model(images()))
