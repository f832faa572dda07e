"""Weights of one method in a network of another."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Affine
from symmetry_audit.layers import Layers, SharedDeformation, load_weights

W = [f"{index}.deformation.position" for index in (0, 2)]


def network(method: str, features: int = 2, seed: int = 0, depth: int = 1, **options) -> nn.Module:
    torch.manual_seed(seed)
    layers = Layers(method, **options)
    inner = [
        part for _ in range(depth) for part in (layers.group_conv(features, features), nn.BatchNorm2d(8 * features))
    ]
    return layers.network(nn.Sequential(layers.lifting(3, features), nn.ReLU(), *inner, layers.pointwise(features, 1)))


def images() -> Tensor:
    return torch.rand(2, 3, 29, 29, generator=torch.Generator().manual_seed(1))


def deformed(model: nn.Module) -> nn.Module:
    for part in model.modules():
        if isinstance(part, SharedDeformation):
            part.set(Affine(0.3, -0.2))
    return model


def copies(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def assert_unchanged(model: nn.Module, state: dict[str, Tensor]) -> None:
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_tl_into_sa() -> None:
    tl, sa = deformed(network("tl")).eval(), network("sa", seed=1).eval()
    before = copies(sa)
    left = load_weights(sa, tl.state_dict())
    assert left == [name for name in sa.state_dict() if name.startswith("hypernetwork.")]
    assert len(left) == 41
    assert all(torch.equal(sa.state_dict()[name], before[name]) for name in left)
    assert torch.allclose(sa(images()), tl(images()), rtol=0, atol=1e-6)


def test_sa_into_tl() -> None:
    sa, tl = deformed(network("sa")).eval(), network("tl", seed=1).eval()
    assert load_weights(tl, sa.state_dict()) == []
    assert torch.allclose(tl(images()), sa(images()), rtol=0, atol=1e-6)  # its hypernetwork starts at zero


def test_sa_into_sa() -> None:
    source, target = deformed(network("sa")), network("sa", seed=1)
    nn.init.normal_(source.hypernetwork.head[-1].weight)
    assert load_weights(target, source.state_dict()) == []
    assert_unchanged(target, source.state_dict())


def test_f_into_tl_and_not_back() -> None:
    f, tl = network("fconv").eval(), deformed(network("tl", seed=1)).eval()
    assert load_weights(tl, f.state_dict()) == W
    assert tl[0].deformation.coordinates().tolist() == pytest.approx([0.3, -0.2])
    tl[0].deformation.set(Affine(0, 0))
    assert torch.allclose(tl(images()), f(images()), rtol=0, atol=1e-6)
    other = network("fconv", seed=2).eval()
    before = copies(other)
    with pytest.raises(
        SettingError, match="a w, but no layer of this network has one: load them into the method tl or sa"
    ):
        load_weights(other, deformed(tl).state_dict())
    assert_unchanged(other, before)


def test_f_into_sa() -> None:
    left = load_weights(network("sa"), network("fconv").state_dict())
    assert [name for name in left if not name.startswith("hypernetwork.")] == [f"network.{name}" for name in W]


def test_filters_are_built_anew() -> None:
    f, tl = network("fconv").eval(), network("fconv", seed=1).eval()
    with torch.no_grad():
        before = tl(images())
        load_weights(tl, f.state_dict())
        assert torch.equal(tl(images()), f(images()))
        assert not torch.allclose(tl(images()), before)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"features": 3}, r'"0.weight" has shape \(3, 3, 25\) in the weights and \(2, 3, 25\) here'),
        ({"group": "p4"}, r'"2.weight" has shape \(2, 2, 4, 25\) in the weights and \(2, 2, 8, 25\) here'),
        ({"kernel_size": 3}, r'"0.weight" has shape \(2, 3, 9\) .* if basis size, group and widths agree'),
    ],
)
def test_another_shape(other: dict, message: str) -> None:
    model = network("tl")
    # plain batch normalisation has a channel for every element, which is not what is asked here
    model[3] = nn.Identity()
    source = network("fconv", seed=1, **other)
    source[3] = nn.Identity()
    state = copies(model)
    with pytest.raises(SettingError, match=message):
        load_weights(model, source.state_dict())
    assert_unchanged(model, state)


@pytest.mark.parametrize("method", ["fconv", "tl", "sa"])
def test_missing_layers(method: str) -> None:
    model = network("tl", depth=2)
    state = copies(model)
    with pytest.raises(SettingError, match=r'the weights have no "5\.weight" \(7 in all\): both networks'):
        load_weights(model, network(method, seed=1).state_dict())
    assert_unchanged(model, state)


def test_layers_too_many() -> None:
    model = network("sa")
    state = copies(model)
    with pytest.raises(SettingError, match=r'this network has no "network.5.weight"'):
        load_weights(model, network("tl", depth=2, seed=1).state_dict())
    assert_unchanged(model, state)


def test_one_name_missing() -> None:
    model, state = network("tl"), network("tl", seed=1).state_dict()
    del state["3.running_mean"]
    before = copies(model)
    with pytest.raises(SettingError, match=r'the weights have no "3.running_mean" \(1 in all\)'):
        load_weights(model, state)
    assert_unchanged(model, before)


def test_weights_of_something_else() -> None:
    with pytest.raises(SettingError, match=r'the weights have no "0\.weight" \(\d+ in all\)'):
        load_weights(network("tl"), {})


def test_the_source_is_left_alone() -> None:
    tl, sa = network("tl"), network("sa", seed=1)
    state = copies(tl)
    load_weights(sa, tl.state_dict())
    with torch.no_grad():
        for value in sa.parameters():
            value.zero_()
    assert_unchanged(tl, state)


def test_w_in_another_form() -> None:
    shared, free = Layers("tl"), Layers("tl", preset="paper")
    models = [nn.Sequential(layers.lifting(3, 2), layers.projection(2, 3)) for layers in (shared, free)]
    for model, other in (models, reversed(models)):
        before = copies(model)
        with pytest.raises(SettingError, match="the weights have another form of w: a shared w and one per layer"):
            load_weights(model, other.state_dict())
        assert_unchanged(model, before)
