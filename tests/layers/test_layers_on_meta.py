"""Every layer, forward and backward on the meta device: nothing is left on the CPU, nothing uploaded twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from symmetry_audit.layers import (
    BASES,
    METHODS,
    AntiAliasedPool2d,
    EquivariantHyperNetwork,
    FreeDeformation,
    GroupBatchNorm2d,
    GroupDropout2d,
    GroupInstanceNorm2d,
    GroupPixelShuffle,
    GroupPool,
    HyperNetwork,
    Layers,
    LiftingConv2d,
    SharedDeformation,
    fold,
    relaxation,
)
from tests.devices import META, HostWork, write_all


def images(channels: int = 3, side: int = 33) -> Tensor:
    return torch.zeros(2, channels, side, side, device=META, requires_grad=True)


def assert_runs(module: nn.Module, x: Tensor) -> None:
    """Forward and backward, twice; the second time the device has all constants."""
    module.to(META)
    for _ in range(2):
        module.zero_grad()
        write_all(module)
        with HostWork() as work:
            found = module(x)
            found.sum().backward()
        assert found.is_meta
        missing = [name for name, one in module.named_parameters() if one.requires_grad and one.grad is None]
        assert not missing
    assert work.found == []


def stack(method: str, **options) -> nn.Module:
    layers = Layers(method, **options)
    parts = layers.lifting(3, 2), layers.group_conv(2, 2), layers.pointwise(2, 2), layers.projection(2, 3)
    return layers.network(nn.Sequential(*parts))


@pytest.mark.parametrize("options", [{}, {"relaxed": True}, {"padding_mode": "replicate"}], ids=str)
@pytest.mark.parametrize("method", list(METHODS))
def test_the_layers_of_every_method(method: str, options: dict) -> None:
    if method == "cnn" and "relaxed" in options:
        pytest.skip("a plain convolution has no group to be relaxed from")
    assert_runs(stack(method, **options), images())


@pytest.mark.parametrize("preset", ["shared", "paper"])
@pytest.mark.parametrize("method", ["tl", "sa"])
@pytest.mark.parametrize("basis", [name for name in BASES if name != "pixel"])
def test_every_basis_under_a_learned_w(basis: str, method: str, preset: str) -> None:
    size = {"difference": 5, "coarse": 5}.get(basis, 3)
    assert_runs(stack(method, basis=basis, kernel_size=size, preset=preset), images())


@pytest.mark.parametrize("group", ["p1m", "p4m", "p6"])
def test_mirrors_and_other_angles(group: str) -> None:
    assert_runs(stack("fconv", group=group), images())


@pytest.mark.parametrize(
    ("make", "channels"),
    [
        (lambda: GroupBatchNorm2d(2, "p4"), 8),
        (lambda: GroupInstanceNorm2d(2, "p4", affine=True), 8),
        (lambda: GroupDropout2d("p4"), 8),
        (lambda: GroupPool("p4"), 8),
        (lambda: GroupPool("p4", "mean"), 8),
        (lambda: AntiAliasedPool2d(), 8),
        (lambda: GroupPixelShuffle("p4", 2), 16),
        (lambda: HyperNetwork(), 3),
        (lambda: HyperNetwork(35, depth=4), 35),
        (lambda: HyperNetwork(normalized=False), 3),
        (lambda: EquivariantHyperNetwork(), 3),
    ],
)
def test_other_layers_and_hypernetworks(make: Callable[[], nn.Module], channels: int) -> None:
    assert_runs(make(), images(channels))


def test_an_equivariant_hypernetwork_in_its_network() -> None:
    layers = Layers("sa", "p8")
    body = nn.Sequential(layers.lifting(3, 2), layers.projection(2, 3))
    assert_runs(layers.network(body, EquivariantHyperNetwork()), images())


@pytest.mark.parametrize("deformation", [SharedDeformation, FreeDeformation])
def test_a_second_derivative_with_respect_to_w(deformation: Callable[[], nn.Module]) -> None:
    layer = LiftingConv2d(1, 1, 3, group="p4", basis="fourier", deformation=deformation()).to(META)
    w = list(layer.deformation.parameters())
    (first,) = torch.autograd.grad(layer.filters().pow(3).sum(), w, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), w)
    assert second.is_meta


@pytest.mark.parametrize("method", ["fconv", "tl", "sa"])
def test_folding(method: str) -> None:
    model = stack(method).to(META).eval()
    folded = fold(model, images()[:1]) if method == "sa" else fold(model)
    assert not [name for name, one in folded.state_dict().items() if not one.is_meta]
    assert folded(images()).is_meta


def test_the_penalty_of_relaxed_layers() -> None:
    model = stack("gcnn", relaxed=True).to(META)
    relaxation(model).backward()
    assert all(layer.residual.grad.is_meta for layer in model)


@pytest.mark.parametrize("method", ["fconv", "tl", "sa"])
def test_layers_on_another_device_leave_those_here_alone(method: str) -> None:
    """Layers of one basis share its constants."""
    torch.manual_seed(0)
    model, x = stack(method).eval(), torch.rand(1, 3, 33, 33, generator=torch.Generator().manual_seed(0))
    before = model(x)
    stack(method).to(META)(images()).sum().backward()
    model.train().eval()  # forgets its filters
    assert torch.equal(model(x), before)
