"""Samples of a basis, taken once for all layers of a pass: how often, and as if each layer took its own.

Outputs and the gradients of weights are the same to the bit. Gradients with respect to w are those of a sum, which is
rounded otherwise than the sum of the layers' gradients.
"""

from __future__ import annotations

import copy
import gc
import weakref
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
    return made.double()


def images(seed: int = 0) -> Tensor:
    return 255 * torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


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


def assert_same_but_for_rounding_of_w(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Gradients by name, float64. Biases before a batch normalization have no gradient but rounding."""
    assert found.keys() == expected.keys()
    of_w = {name for name in expected if "deformation" in name or "hypernetwork" in name}
    largest = max(float(expected[name].abs().max()) for name in of_w)
    for name, value in expected.items():
        if name in of_w:
            torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-13 * largest)
        else:
            assert torch.equal(found[name], value), name


@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("options", [{}, {"basis": "bicubic"}, {"relaxed": True}], ids=str)
@pytest.mark.parametrize("method", ["tl", "sa"])
def test_outputs_and_gradients_are_those_of_layers_that_sample_alone(
    method: str, options: dict, passes: int, alone: Callable[[], None]
) -> None:
    model = network(method, **options)
    copies = [copy.deepcopy(model), copy.deepcopy(model)]
    shared, output = gradients(copies[0], passes), copies[0](images(5))
    alone()
    own = gradients(copies[1], passes)
    assert torch.equal(output, copies[1](images(5)))
    assert_same_but_for_rounding_of_w(shared, own)


def test_the_gradient_is_that_of_the_pass_not_of_a_later_one(alone: Callable[[], None]) -> None:
    """Two passes of other images before the first goes back, as EQ-Reg has them."""
    found = []
    for _ in range(2):
        model = network("sa")
        (model(images(1)).square().mean() + model(images(2)).square().mean()).backward()
        found.append({name: part.grad for name, part in model.named_parameters()})
        alone()
    assert_same_but_for_rounding_of_w(*found)


def test_layers_of_one_pass_can_go_back_one_after_the_other(sampled: list[Basis], alone: Callable[[], None]) -> None:
    """Two losses, each with a backward pass of its own, on layers that share their samples."""
    found, x = [], torch.rand(1, 8, 9, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for _ in range(2):
        torch.manual_seed(0)
        layers = Layers("tl", "p4", start=Affine(0.2, 0.1))
        first, second = (layers.group_conv(2, 2).double() for _ in range(2))
        sampled.clear()
        losses = [layer(x).square().sum() for layer in (first, second)]
        found.append((len(sampled), first.deformation.position))
        for loss in losses:
            loss.backward()
        alone()
    assert [times for times, _ in found] == [1, 2]
    torch.testing.assert_close(found[0][1].grad, found[1][1].grad, rtol=1e-12, atol=0)


def test_a_write_to_w_between_forward_and_backward_does_not_reach_the_gradient() -> None:
    found = []
    for change in (0.0, 0.3):
        layer = Layers("tl", "p4", start=Affine(0.2, 0.1)).lifting(1, 1).double()
        torch.nn.init.constant_(layer.weight, 0.3)
        loss = layer.filters().pow(3).sum()
        layer.deformation.position.data += change
        loss.backward()
        found.append(layer.deformation.position.grad)
    assert torch.equal(*found)


def test_a_write_to_the_offset_in_place_is_seen_by_the_next_layer() -> None:
    layers = Layers("sa", "p4")
    first, second = layers.group_conv(2, 2).double(), layers.group_conv(2, 2).double()
    deformation, x = first.deformation, torch.rand(2, 8, 9, 9, dtype=torch.float64)
    deformation.offset = torch.zeros(2, 3, dtype=torch.float64)
    first(x)
    deformation.offset += 0.3
    found = second(x)
    deformation.offset = deformation.offset.clone()
    assert torch.equal(found, second(x))


def test_a_replica_of_data_parallel_samples_under_its_own_w() -> None:
    """``nn.DataParallel`` makes replicas without parameters, whose w is no leaf, and shares all other attributes."""
    layer = Layers("tl", "p4", start=Affine(0.2, 0.1)).lifting(1, 1).double()
    layer.filters()
    replica = layer._replicate_for_data_parallel()
    replica.deformation = layer.deformation._replicate_for_data_parallel()
    replica.weight, replica.deformation.position = 2 * layer.weight, 1.5 * layer.deformation.position
    again = copy.deepcopy(layer)
    with torch.no_grad():
        again.weight.mul_(2)
        again.deformation.position.mul_(1.5)
    assert torch.equal(replica.filters(), again.filters())
    replica.filters().square().sum().backward()
    again.filters().square().sum().backward()
    torch.testing.assert_close(
        layer.deformation.position.grad, 1.5 * again.deformation.position.grad, rtol=1e-12, atol=0
    )


def test_nothing_of_a_pass_is_left_when_the_next_one_begins() -> None:
    model, alive = network("sa"), []
    for seed in range(3):
        model(images(seed)).mean().backward()
        alive.append(weakref.ref(model.deformations()[0].offset))
    gc.collect()
    assert [one() is None for one in alive] == [True, True, False]


def test_what_is_written_past_autograd_is_seen_by_the_next_pass() -> None:
    model = network("tl")
    before = model(images())
    (deformation,) = (part for part in model.modules() if isinstance(part, Deformation))
    deformation.position.data = torch.tensor([0.0, 0.5], dtype=torch.float64)
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
