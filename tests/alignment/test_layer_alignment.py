"""Layer by layer: equivariant networks, broken ones, hooks on modules of others, and which layers a pattern names."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from symmetry_audit.alignment import measure_alignment
from symmetry_audit.errors import SettingError
from symmetry_audit.layers import EquivariantHyperNetwork
from symmetry_audit.nets import build
from tests.alignment.networks import item, photo, small


def layers(network, items, group, *patterns, **options):
    return measure_alignment(network, items, group, layers=patterns, **options).scenarios[0].layers


@pytest.fixture
def images(rng):
    return [item(photo(rng, (32, 32)), str(at)) for at in range(2)]


def test_layers_of_a_p4_network(images):
    found = layers(small("p4"), images, "p4", "*")
    assert [(layer.layer, layer.kind, layer.group, layer.channels) for layer in found] == [
        ("0", "features", "p4", 16),
        ("2", "features", "p4", 16),
        ("4", "image", "p4", 3),
    ]
    for layer in found:
        assert layer.relative < 1e-4 and layer.relative_floor == 0.0
        assert len(layer.error) == 4 and layer.error[0] == 0.0


def test_a_larger_group_is_measured_where_a_layer_has_it(images):
    first, _, last = layers(small("p4"), images, "p8", "*")
    assert [value is None for value in first.error] == [False, True] * 4
    assert first.relative < 1e-4
    assert None not in last.error and last.relative > 1e-3  # plain channels turn by any angle
    assert last.floor[1] > 0 and last.floor[2] == 0.0


def test_where_the_symmetry_is_lost(images):
    network = small("p4")
    plain = nn.Sequential(*network[:2], nn.Conv2d(16, 16, 3, padding=1), *network[3:]).eval()
    first, middle, last = layers(plain, images, "p4", "0", "2", "4")
    assert first.relative < 1e-4 and middle.relative > 0.1 and last.relative > 1e-3
    assert middle.kind == "features" and middle.group == "p4"


def test_a_relative_error_is_of_the_features_themselves(images):
    """Features that stay where they are while they ought to move along the group, by hand."""

    class Ladder(nn.Module):
        def forward(self, x):
            return torch.cat([torch.full_like(x[:, :1], value) for value in (0.0, 1.0)], 1)

    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.ladder = Ladder()

        def forward(self, x):
            self.ladder(x)
            return x

    (found,) = layers(Whole(), images, "p2", "ladder")
    assert found.error == pytest.approx((0.0, 1.0)) and found.contrast == pytest.approx((0.25, 0.25))
    assert found.relative == pytest.approx(2.0)


def test_patterns_and_names(images):
    network = build("edsr", "fconv", preset="tiny", scale=2, group="p4")
    names = [layer.layer for layer in layers(network, images[:1], "p4", "body.*.0", "head")]
    assert names[0] == "head" and len(names) > 1 and all(name.startswith("body.") for name in names[1:])
    plain = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1)).eval()
    assert [layer.layer for layer in layers(plain, images, "p4", "0", "1")] == ["0", "1"]
    with pytest.raises(SettingError, match=r'no layer is called "heed"\. Did you mean "head"\?'):
        layers(network, images, "p4", "heed")
    with pytest.raises(SettingError, match=r'no layer is called "\*"'):
        layers(nn.Identity(), images, "p4", "*")


def test_networks_that_find_w_are_compared_without_their_hypernetwork(rng):
    network = build("edsr", "sa", preset="tiny", scale=2, group="p4")
    found = layers(network, [item(photo(rng, (40, 40)))], "p4", "*", crop=40)
    assert found and not any("hyper" in layer.layer for layer in found)
    assert all(layer.relative < 1e-4 for layer in found)  # w starts at the identity


def test_an_equivariant_hypernetwork_is_left_aside_too(images):
    network = small("p4")
    network.append(nn.Identity())
    network[5].hyper = EquivariantHyperNetwork()
    assert [layer.layer for layer in layers(network, images, "p4", "*")] == ["0", "2", "4"]


def test_a_finer_map_is_compared_on_its_own_mesh(images):
    class Finer(nn.Module):
        def __init__(self):
            super().__init__()
            self.up = nn.Upsample(scale_factor=2, mode="nearest")

        def forward(self, x):
            return self.up(x[:, :2]).mean(1, keepdim=True)[:, :, ::2, ::2].expand(-1, 3, -1, -1)

    (found,) = layers(Finer(), images, "p2", "up")
    assert found.channels == 2 and found.relative > 0.5  # red and green do not change places


def test_refusals(images):
    network = nn.Sequential(nn.Conv2d(3, 6, 1), nn.Conv2d(6, 3, 1)).eval()
    with pytest.raises(SettingError, match=r'0: layer "0" has 6 channels, not a multiple of the 4 elements of p4'):
        layers(network, images, "p4", "0")

    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.idle, self.flat, self.pair = nn.Identity(), nn.Flatten(), nn.Identity()

        def forward(self, x):
            self.flat(x)
            self.pair((x, x))
            return x

    with pytest.raises(SettingError, match='layer "idle" did not run'):
        layers(Odd(), images, "p4", "idle")
    with pytest.raises(SettingError, match=r'layer "flat" returns shape \(1, 3072\), not features'):
        layers(Odd(), images, "p4", "flat")
    with pytest.raises(SettingError, match='layer "pair" returns tuple, not features'):
        layers(Odd(), images, "p4", "pair")
    long = nn.Sequential(nn.Conv2d(3, 4, (3, 1)), nn.Upsample((32, 32)), nn.Conv2d(4, 3, 1)).eval()
    with pytest.raises(SettingError, match="square outputs are needed"):
        layers(long, images, "p4", "0")
