"""Nine methods as settings of one layer."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Affine, Group
from symmetry_audit.layers import (
    METHODS,
    EquivariantHyperNetwork,
    FreeDeformation,
    GroupConv2d,
    HyperNetwork,
    Layers,
    LiftingConv2d,
    ProjectionConv2d,
    SampleAdaptive,
    SharedDeformation,
    load_weights,
)

# title, basis, window, group, where w comes from
TABLE = {
    "cnn": ("CNN", "pixel", 3, "p1", "none"),
    "gcnn": ("G-CNN", "pixel", 3, "p4", "none"),
    "e2cnn": ("E2-CNN", "steerable", 5, "p8", "none"),
    "harnet": ("Har-Net", "harmonic", 5, "p8", "none"),
    "pdoe": ("PDO-eConv", "difference", 5, "p8", "none"),
    "fconv": ("F-Conv", "fourier", 5, "p8", "none"),
    "bconv": ("B-Conv", "bicubic", 5, "p8", "none"),
    "tl": ("TL-Conv", "fourier", 5, "p8", "learned"),
    "sa": ("SA-Conv", "fourier", 5, "p8", "sample"),
}


def layers_of(layers: Layers) -> list:
    return [layers.lifting(3, 2), layers.group_conv(2, 2), layers.pointwise(2, 2), layers.projection(2, 3)]


def test_the_table_of_methods() -> None:
    found = {name: (one.title, one.basis, one.kernel_size, one.group, one.deformation) for name, one in METHODS.items()}
    assert found | TABLE == found  # others may follow
    assert list(METHODS)[: len(TABLE)] == list(TABLE)


@pytest.mark.parametrize("method", METHODS)
def test_layers_of_every_method(method: str) -> None:
    one = METHODS[method]
    basis, size, group, deformation = one.basis, one.kernel_size, one.group, one.deformation
    made = layers_of(Layers(method))
    assert [type(layer) for layer in made] == [LiftingConv2d, GroupConv2d, GroupConv2d, ProjectionConv2d]
    assert [layer.basis_name for layer in made] == [basis] * 4
    assert [layer.kernel_size for layer in made] == [size, size, 1, size]
    assert {str(layer.group) for layer in made} == {group}
    has_w = [layer.deformation is not None for layer in made]
    assert has_w == ([False] * 4 if deformation == "none" else [True, True, False, True])
    with torch.no_grad():
        assert nn.Sequential(*made)(torch.rand(1, 3, 9, 9)).shape == (1, 3, 9, 9)


def test_the_plain_network_is_a_plain_convolution() -> None:
    layer = Layers("cnn").group_conv(4, 6)
    assert layer.weight.numel() == nn.Conv2d(4, 6, 3).weight.numel()
    weight = layer.weight.detach().view(6, 4, 3, 3)
    assert torch.equal(layer.filters(), weight)


@pytest.mark.parametrize("method", ["tl", "sa"])
def test_all_layers_share_one_w(method: str) -> None:
    layers = Layers(method)
    first, second, _, last = layers_of(layers)
    assert isinstance(first.deformation, SharedDeformation)
    assert first.deformation is second.deformation is last.deformation
    assert layers_of(Layers(method))[0].deformation is not first.deformation
    body = nn.Sequential(first, second, last)
    assert sum(value.numel() for name, value in body.named_parameters() if "deformation" in name) == 2


@pytest.mark.parametrize("method", ["tl", "sa"])
def test_published_layers_have_a_w_of_their_own(method: str) -> None:
    first, second, point, last = layers_of(Layers(method, preset="paper"))
    assert all(isinstance(layer.deformation, FreeDeformation) for layer in (first, second, last))
    assert len({id(layer.deformation) for layer in (first, second, last)}) == 3
    assert point.deformation is None
    assert {layer.init for layer in (first, second, point, last)} == {"kaiming"}
    assert torch.equal(second.deformation(), torch.eye(2, dtype=torch.float64))


def test_published_initial_coefficients_can_be_replaced() -> None:
    assert Layers("fconv").group_conv(2, 2).init == "smooth"
    assert Layers("fconv", preset="paper").group_conv(2, 2).init == "kaiming"
    assert Layers("fconv", preset="paper", init="smooth").group_conv(2, 2).init == "smooth"


def test_where_w_starts() -> None:
    layers = Layers("tl", start=Affine(0.3, -0.2))
    found = layers.lifting(3, 2).deformation
    assert found.coordinates().tolist() == pytest.approx([0.3, -0.2])
    assert torch.allclose(found().inverse(), torch.from_numpy(Affine(0.3, -0.2).matrix), atol=1e-6)


def test_options() -> None:
    layers = Layers("sa", Group(4, True), basis="bicubic", kernel_size=3, bias=False, padding_mode="replicate")
    for layer in layers_of(layers):
        assert (layer.basis_name, layer.bias, layer.padding_mode) == ("bicubic", None, "replicate")
        assert layer.group == Group(4, True)
    assert layers.group_conv(2, 2).kernel_size == 3
    own = layers.group_conv(2, 2, kernel_size=5, stride=2, bias=True)
    assert (own.kernel_size, own.stride, own.bias is not None) == (5, 2, True)
    assert own.deformation is layers.lifting(3, 2).deformation
    assert layers.group_conv(2, 2, kernel_size=1).deformation is None


# ---------------------------------------------------------------- whole networks


@pytest.mark.parametrize("method", METHODS)
def test_networks(method: str) -> None:
    layers = Layers(method)
    body = nn.Sequential(*layers_of(layers))
    model = layers.network(body)
    if not METHODS[method].adaptive:
        assert model is body
        return
    assert isinstance(model, SampleAdaptive)
    assert isinstance(model.hypernetwork, HyperNetwork)
    assert (model.hypernetwork.in_channels, model.hypernetwork.normalized) == (3, True)


def test_hypernetworks_of_networks() -> None:
    layers = Layers("sa")
    own = EquivariantHyperNetwork()
    assert layers.network(nn.Sequential(*layers_of(layers)), own).hypernetwork is own
    published = Layers("sa", preset="paper")
    found = published.network(nn.Sequential(*layers_of(published)), in_channels=1).hypernetwork
    assert (found.in_channels, found.normalized) == (1, False)


def test_a_network_in_two_stages() -> None:
    """The example of the class, trained a step as TL, then as SA from there."""
    torch.manual_seed(0)
    x, losses = torch.rand(2, 3, 32, 32), []
    first = None
    for method in ("tl", "sa"):
        layers = Layers(method, "p8", kernel_size=3)
        body = nn.Sequential(
            layers.lifting(3, 8), nn.ReLU(), layers.group_conv(8, 8), nn.ReLU(), layers.projection(8, 3)
        )
        model = layers.network(body)
        if first is not None:
            load_weights(model, first.state_dict())
        first = model
        optimizer = torch.optim.Adam(model.parameters(), 1e-3)
        for _ in range(3):
            optimizer.zero_grad()
            loss = (model(x) - x).square().mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)
    assert body[0].deformation.position.abs().min() > 0
    assert model.hypernetwork.head[-1].weight.abs().max() > 0


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "fcon"}, 'no method is called "fcon".*fconv'),
        ({"method": "tl", "preset": "papers"}, 'preset must be one of shared, paper, got "papers"'),
        ({"method": "cnn", "group": "p4"}, r'use group "p1" with cnn, or gcnn, fconv, ... with p4'),
        ({"method": "fconv", "start": Affine(0.1, 0)}, "only a shared w can have a start: use the methods tl and sa"),
        ({"method": "tl", "preset": "paper", "start": Affine(0.1, 0)}, "only a shared w can have a start"),
        ({"method": "tl", "start": Affine(0.7, 0)}, "w has ratio 2.01, but this layer needs a ratio below 2"),
        ({"method": "tl", "group": "8"}, '"8" is not a group'),
    ],
)
def test_settings_that_do_not_fit(settings: dict, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        Layers(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "tl", "basis": "forier"}, 'no filter basis is called "forier"'),
        ({"method": "fconv", "kernel_size": 4}, "kernel_size must be odd and positive, got 4"),
        ({"method": "fconv", "padding_mode": "circular"}, 'padding_mode must be "zeros" or "replicate"'),
        ({"method": "fconv", "init": "zeros"}, 'init must be "smooth" or "kaiming", got "zeros"'),
    ],
)
def test_settings_that_a_layer_refuses(settings: dict, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        Layers(**settings).lifting(3, 2)


def test_a_layer_of_another_basis() -> None:
    assert Layers("fconv").lifting(3, 2, basis="bicubic").basis_name == "bicubic"


def test_only_sa_has_a_hypernetwork() -> None:
    with pytest.raises(SettingError, match="TL-Conv has no hypernetwork; only the method sa has"):
        Layers("tl").network(nn.Identity(), HyperNetwork())


def test_an_equivariant_hypernetwork_and_free_w() -> None:
    layers = Layers("sa", preset="paper")
    body = nn.Sequential(layers.lifting(3, 2), layers.projection(2, 3))
    with pytest.raises(SettingError, match='needs a shared deformation: use preset="shared"'):
        layers.network(body, EquivariantHyperNetwork())
