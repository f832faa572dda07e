"""Filters are built when a parameter has changed, and only then."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from copy import deepcopy
from io import BytesIO

import pytest
import torch
from torch import Tensor, nn

from symmetry_audit.groups import Affine
from symmetry_audit.layers import EquivariantConv2d, GroupConv2d, LiftingConv2d, ProjectionConv2d, SharedDeformation

SHAPE = (2, 2, 9, 9)


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EquivariantConv2d]]:
    """The layers whose filters were built, in order."""
    built, build = [], EquivariantConv2d._build

    def counted(layer: EquivariantConv2d, samples: Tensor) -> Tensor:
        built.append(layer)
        return build(layer, samples)

    monkeypatch.setattr(EquivariantConv2d, "_build", counted)
    return built


def lifting(deformation: SharedDeformation | None = None) -> LiftingConv2d:
    torch.manual_seed(0)
    return LiftingConv2d(2, 2, 3, group="p8", basis="fourier", deformation=deformation).double()


def network(deformation: SharedDeformation | None = None) -> nn.Sequential:
    torch.manual_seed(0)
    shared = {"group": "p4", "basis": "fourier", "deformation": deformation}
    return nn.Sequential(
        *(LiftingConv2d(2, 2, 3, **shared), nn.ReLU(), GroupConv2d(2, 2, 3, **shared), nn.ReLU()),
        ProjectionConv2d(2, 2, 3, **shared),
    ).double()


def images(seed: int = 1) -> Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def fresh(layer: EquivariantConv2d) -> Tensor:
    """Its filters, built without a look at the cache."""
    with torch.no_grad():
        w = None if layer.deformation is None else layer.deformation()
        return layer._build(layer.basis.sample(w))


def assert_current(module: nn.Module) -> None:
    for layer in module.modules():
        if isinstance(layer, EquivariantConv2d):
            assert torch.equal(layer.filters(), fresh(layer))


# ---------------------------------------------------------------- how often


def test_fixed_filters_are_built_once_in_training(builds: list) -> None:
    layer = lifting()
    for _ in range(3):
        layer(images()).square().sum().backward()
    assert len(builds) == 1


OPTIMIZERS = [
    lambda parameters: torch.optim.SGD(parameters, 0.1, momentum=0.9),
    lambda parameters: torch.optim.SGD(parameters, 0.1, foreach=True),
    lambda parameters: torch.optim.Adam(parameters, 0.1, foreach=False),
    lambda parameters: torch.optim.Adam(parameters, 0.1, foreach=True),
    # fused kernels do not raise the version counter of what they write to
    lambda parameters: torch.optim.Adam(parameters, 0.1, fused=True),
    lambda parameters: torch.optim.SGD(parameters, 0.1, fused=True),
]


NAMES = ["sgd", "sgd-foreach", "adam", "adam-foreach", "adam-fused", "sgd-fused"]


@pytest.mark.parametrize("optimizer_of", OPTIMIZERS, ids=NAMES)
def test_an_optimizer_step_gives_new_filters(builds: list, optimizer_of: Callable) -> None:
    layer = lifting()
    optimizer = optimizer_of(layer.parameters())
    before = layer.filters().detach().clone()
    for step in range(1, 4):
        optimizer.zero_grad()
        layer(images()).square().sum().backward()
        assert len(builds) == step
        optimizer.step()
    assert torch.equal(layer.filters(), fresh(layer))
    assert not torch.allclose(layer.filters(), before)


@pytest.mark.parametrize("deformation", [None, SharedDeformation(Affine(0.3, 0.1))], ids=["fixed", "learned"])
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_evaluation_builds_once(builds: list, mode: Callable, deformation: SharedDeformation | None) -> None:
    layer = lifting(deformation).eval()
    with mode():
        first = layer(images())
        assert all(torch.equal(layer(images()), first) for _ in range(3))
    assert len(builds) == 1


def test_a_learned_w_is_built_each_time_gradients_flow(builds: list) -> None:
    layer = lifting(SharedDeformation(Affine(0.3, 0.1)))
    for _ in range(3):
        layer(images()).square().sum().backward()
    assert len(builds) == 3
    assert layer.deformation.position.grad.abs().min() > 0


def test_a_frozen_w_and_weight_are_built_once_though_gradients_flow(builds: list) -> None:
    layer = lifting(SharedDeformation(Affine(0.3, 0.1))).requires_grad_(False)
    for _ in range(3):
        x = images().requires_grad_()
        layer(x).square().sum().backward()
        assert x.grad.abs().max() > 0
    assert len(builds) == 1


# ---------------------------------------------------------------- never stale


def in_place(layer: LiftingConv2d) -> LiftingConv2d:
    with torch.no_grad():
        layer.weight.mul_(2)
    return layer


def in_place_under_inference_mode(layer: LiftingConv2d) -> LiftingConv2d:
    with torch.inference_mode():
        layer.weight.mul_(2)
    return layer


def loaded(layer: LiftingConv2d) -> LiftingConv2d:
    layer.load_state_dict({name: 2 * value for name, value in layer.state_dict().items()})
    return layer


def assigned(layer: LiftingConv2d) -> LiftingConv2d:
    layer.load_state_dict({name: 2 * value for name, value in layer.state_dict().items()}, assign=True)
    return layer


def replaced(layer: LiftingConv2d) -> LiftingConv2d:
    layer.weight = nn.Parameter(2 * layer.weight.detach())
    return layer


def drawn_again(layer: LiftingConv2d) -> LiftingConv2d:
    layer.reset_parameters()
    return layer


def through_data_and_a_switch(layer: LiftingConv2d) -> LiftingConv2d:
    layer.weight.data = 2 * layer.weight.data
    return layer.train(layer.training)


CHANGES = [
    *(in_place, in_place_under_inference_mode, loaded, assigned, replaced, drawn_again, through_data_and_a_switch),
    *(lambda layer: layer.float(), lambda layer: layer.to(torch.float32)),
]


@pytest.mark.parametrize("deformation", [None, SharedDeformation(Affine(0.3, 0.1))], ids=["fixed", "learned"])
@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_new_filters_after_a_change(change: Callable, grad: bool, deformation: SharedDeformation | None) -> None:
    layer = lifting(deepcopy(deformation))
    with torch.set_grad_enabled(grad):
        before = layer.filters().detach().clone()
        changed = change(layer)
        assert changed is layer
        assert layer.filters().dtype == layer.weight.dtype
        assert torch.equal(layer.filters(), fresh(layer))
        assert not torch.equal(layer.filters().double(), before)


def test_moved_to_half_precision() -> None:
    layer = lifting()
    before = layer.filters().detach().clone()
    assert layer.half().filters().dtype == torch.float16
    assert torch.allclose(layer.filters().double(), before, atol=1e-3)
    assert layer.double().filters().dtype == torch.float64


def test_switching_between_training_and_evaluation() -> None:
    layer = lifting(SharedDeformation())
    for mode in (False, True, False):
        layer.train(mode)
        with torch.no_grad():
            layer.weight.add_(0.1)
        with torch.set_grad_enabled(mode):
            assert torch.equal(layer.filters(), fresh(layer))
        assert layer.filters().requires_grad


def test_without_and_then_with_gradients() -> None:
    layer = lifting()
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            assert not layer.filters().requires_grad
        layer(images()).square().sum().backward()
        assert layer.weight.grad.abs().max() > 0
        layer.weight.grad = None


def test_input_gradient_through_frozen_weights_after_inference_mode() -> None:
    layer = lifting(SharedDeformation(Affine(0.3, 0.1))).requires_grad_(False)
    with torch.inference_mode():
        layer(images())
    x = images().requires_grad_()
    layer(x).square().sum().backward()
    y = images().requires_grad_()
    torch.conv2d(y, fresh(layer), layer.channel_bias(), 1, 1).square().sum().backward()
    assert torch.allclose(x.grad, y.grad, atol=1e-12)


def test_frozen_and_thawed() -> None:
    layer = lifting()
    assert layer.filters().requires_grad
    layer.requires_grad_(False)
    assert not layer.filters().requires_grad
    layer.requires_grad_(True)
    assert layer.filters().requires_grad


def test_a_basis_first_met_in_inference_mode_can_be_trained_with() -> None:
    """The functions are kept for all later layers of the same basis, window and group."""
    settings = {"group": "p7", "basis": "fourier"}
    with torch.inference_mode():
        LiftingConv2d(1, 1, 3, **settings, deformation=SharedDeformation())
    layer = LiftingConv2d(1, 1, 3, **settings, deformation=SharedDeformation()).double()
    layer(images()[:, :1]).square().sum().backward()
    assert layer.weight.grad.abs().max() > 0


def test_a_basis_first_met_on_another_default_device_can_be_used() -> None:
    with torch.device("meta"):
        assert LiftingConv2d(1, 1, 3, group="p9", basis="fourier").weight.is_meta
    layer = LiftingConv2d(1, 1, 3, group="p9", basis="fourier")
    assert layer(torch.ones(1, 1, 5, 5)).isfinite().all()


# ---------------------------------------------------------------- copies


def after_a_step(deformation: SharedDeformation | None) -> nn.Sequential:
    model = network(deformation)
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    model(images()).square().mean().backward()
    optimizer.step()
    model(images())
    return model


def pickled(model: nn.Module) -> nn.Module:
    return pickle.loads(pickle.dumps(model))


def saved(model: nn.Module) -> nn.Module:
    buffer = BytesIO()
    torch.save(model, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=False)


@pytest.mark.parametrize("copied", [deepcopy, pickled, saved])
@pytest.mark.parametrize("learned", [False, True])
def test_copies(copied: Callable, learned: bool) -> None:
    model = after_a_step(SharedDeformation(Affine(0.3, 0.1)) if learned else None)
    expected = model(images())
    copy = copied(model)
    assert torch.equal(copy(images()), expected)
    with torch.no_grad():
        copy[0].weight.mul_(2)
    assert_current(copy)
    assert not torch.allclose(copy(images()), expected)
    assert torch.equal(model(images()), expected)  # the original does not see it


@pytest.mark.parametrize("learned", [False, True])
def test_filters_are_in_no_state_dict(learned: bool) -> None:
    model = after_a_step(SharedDeformation() if learned else None)
    one = ["weight", "bias", *(["deformation.position"] if learned else [])]
    assert list(model.state_dict()) == [f"{index}.{name}" for index in (0, 2, 4) for name in one]
    with torch.no_grad():
        model.eval()(images())
    assert list(model.state_dict()) == [f"{index}.{name}" for index in (0, 2, 4) for name in one]


# ---------------------------------------------------------------- weights for one call


def called_with(model: nn.Module, weights: dict[str, Tensor], x: Tensor) -> Tensor:
    """Not tied: torch does not put back what it tied where a module has two names (pytorch issue 164759)."""
    return torch.func.functional_call(model, weights, x, tie_weights=False)


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("wrap", [Tensor.detach, nn.Parameter])
def test_functional_call(wrap: Callable, grad: bool, learned: bool) -> None:
    model = network(SharedDeformation(Affine(0.3, 0.1)) if learned else None)
    other = deepcopy(model)
    with torch.no_grad():
        for value in other.parameters():
            value.add_(0.1)
    weights = {name: wrap(value.detach()) for name, value in other.named_parameters()}
    with torch.set_grad_enabled(grad):
        own = model(images())
        for _ in range(2):
            assert torch.equal(called_with(model, weights, images()), other(images()))
        assert torch.equal(model(images()), own)
    assert_current(model)


def test_gradients_by_torch_func_are_those_of_backward() -> None:
    model = network(SharedDeformation(Affine(0.3, 0.1)))
    parameters = dict(model.named_parameters())

    def loss(values: dict[str, Tensor]) -> Tensor:
        return called_with(model, values, images()).square().sum()

    found = torch.func.grad(loss)({name: value.detach() for name, value in parameters.items()})
    loss(parameters).backward()
    assert list(found) == list(parameters)
    for name, value in parameters.items():
        assert torch.allclose(found[name], value.grad, rtol=1e-10), name


# ---------------------------------------------------------------- one w for many layers


def set_w(w: SharedDeformation) -> None:
    w.set(Affine(-0.2, 0.4))


def step_w(w: SharedDeformation) -> None:
    w.position.grad = torch.ones_like(w.position)
    torch.optim.Adam([w.position], 0.3).step()


def load_w(w: SharedDeformation) -> None:
    w.load_state_dict({"position": torch.tensor([0.5, -0.5])})


def assign_w(w: SharedDeformation) -> None:
    w.load_state_dict({"position": torch.tensor([0.5, -0.5])}, assign=True)


@pytest.mark.parametrize("change", [set_w, step_w, load_w, assign_w])
def test_a_new_w_reaches_all_layers(builds: list, change: Callable) -> None:
    w = SharedDeformation(Affine(0.3, 0.1))
    model = network(w).eval()
    with torch.no_grad():
        before = [model[index].filters() for index in (0, 2, 4)]
        model(images())
        assert len(builds) == 3
        change(w)
        model(images())
        assert builds[3:] == [model[0], model[2], model[4]]
        assert_current(model)
        for index, old in zip((0, 2, 4), before, strict=True):
            assert not torch.allclose(model[index].filters(), old)


# ---------------------------------------------------------------- gradients


@pytest.mark.parametrize("learned", [False, True])
def test_accumulated_gradients_are_those_of_one_batch(learned: bool) -> None:
    parts = [images(seed) for seed in range(3)]
    model = network(SharedDeformation(Affine(0.3, 0.1)) if learned else None)
    whole = deepcopy(model)
    for part in parts:
        model(part).square().sum().backward()
    whole(torch.cat(parts)).square().sum().backward()
    for (name, found), expected in zip(model.named_parameters(), whole.parameters(), strict=True):
        assert torch.allclose(found.grad, expected.grad, rtol=1e-10), name


def test_two_backward_passes_through_one_bank() -> None:
    """The forward passes first: both use the same filters, none of the passes may free what the other needs."""
    layer = lifting()
    losses = [layer(images(seed)).square().sum() for seed in range(2)]
    for loss in losses:
        loss.backward()
    expected = lifting()
    expected(torch.cat([images(0), images(1)])).square().sum().backward()
    assert torch.allclose(layer.weight.grad, expected.weight.grad, rtol=1e-10)


class Naive(LiftingConv2d):
    """Builds its filters in every call, by plain operations."""

    def filters(self) -> Tensor:
        samples = self.basis.sample(None if self.deformation is None else self.deformation())
        return torch.einsum("onk,akp->oanp", self.weight, samples).flatten(0, 1).unflatten(-1, (3, 3))


@pytest.mark.parametrize("learned", [False, True])
def test_two_training_steps_as_without_a_cache(learned: bool) -> None:
    results = []
    for kind in (LiftingConv2d, Naive):
        torch.manual_seed(0)
        w = SharedDeformation(Affine(0.3, 0.1)) if learned else None
        layer = kind(2, 2, 3, group="p8", basis="fourier", deformation=w).double()
        optimizer = torch.optim.SGD(layer.parameters(), 1e-3, momentum=0.9)
        for seed in range(2):
            optimizer.zero_grad()
            layer(images(seed)).square().mean().backward()
            optimizer.step()
        results.append(torch.cat([value.detach().flatten() for value in layer.parameters()]))
    assert torch.allclose(*results, rtol=1e-12, atol=1e-14)


# ---------------------------------------------------------------- devices


@pytest.mark.cuda
@pytest.mark.parametrize("learned", [False, True])
def test_moves_between_devices(cuda: str, learned: bool) -> None:
    model = network(SharedDeformation(Affine(0.3, 0.1)) if learned else None).eval()
    with torch.no_grad():
        expected = model(images())
        for device in (cuda, "cpu", cuda):
            model.to(device)
            assert model[0].filters().device.type == device
            assert torch.allclose(model(images().to(device)).cpu(), expected, atol=1e-10)
    model.train()(images().to(cuda)).square().sum().backward()
    assert all(value.grad.device.type == cuda for value in model.parameters())
