"""Layer by layer: equivariant networks, broken ones, hooks on modules of others, and which layers a pattern names."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from symmetry_audit.alignment import measure_alignment
from symmetry_audit.errors import SettingError
from symmetry_audit.inference import Adapted, ValueRange
from symmetry_audit.layers import EquivariantHyperNetwork, GroupBatchNorm2d, GroupPool, LiftingConv2d
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
            self.ladder, self.over = Ladder(), LiftingConv2d(3, 1, group="p2", basis="pixel")

        def forward(self, x):
            self.ladder(x)
            return x

    (found,) = layers(Whole(), images, "p2", "ladder")
    assert found.error == pytest.approx((0.0, 1.0)) and found.contrast == pytest.approx((0.25, 0.25))
    assert found.relative == pytest.approx(2.0)


def test_a_plain_network_has_no_group_axis(images):
    """32 channels are no 8 features over p4: channels that only a shift tells apart, by hand."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 32, 1), nn.ReLU(), nn.Conv2d(32, 3, 3, padding=1)).eval()
    first, last = layers(network, images, "p4", "*")
    assert (first.kind, first.group, first.channels) == ("image", "p4", 32) and first.relative < 1e-5
    assert (last.kind, last.channels) == ("image", 3) and last.relative > 0.01
    own = build("resnet", "cnn", preset="tiny").eval()
    found = layers(own, images[:1], "p4", "*")
    assert {layer.kind for layer in found} == {"image"} and len(found) > 2
    assert [layer.kind for layer in layers(network, images[:1], "p8", "*", "1")] == ["image"] * 3


def test_which_layers_of_ours_have_a_group_axis(images):
    network = small("p4")
    network = nn.Sequential(*network[:2], GroupBatchNorm2d(4, "p4"), GroupPool("p4"), nn.Conv2d(4, 3, 1)).eval()
    found = layers(network, images, "p4", *"01234")
    assert [layer.kind for layer in found] == ["features", "features", "features", "image", "image"]
    assert all(layer.relative < 1e-4 for layer in found[:4])


def test_names_are_those_of_the_network_whatever_its_range(images):
    plain = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1)).eval()
    for network in (plain, Adapted(plain, ValueRange(0, 1)), Adapted(plain, ValueRange(-1, 1))):
        assert [layer.layer for layer in layers(network, images[:1], "p4", "*")] == ["0", "2"]


def test_what_a_pattern_finds_and_cannot_be_compared_is_left_out(images):
    class Some(nn.Module):
        def __init__(self):
            super().__init__()
            self.idle, self.long = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, (3, 1))
            self.used = nn.Conv2d(3, 3, 1)

        def forward(self, x):
            self.long(x)
            return self.used(x)

    whole = measure_alignment(Some().eval(), images, "p4", layers=["*"])
    assert [layer.layer for layer in whole.scenarios[0].layers] == ["used"]
    assert whole.settings["layers_left_out"] == {
        "idle": "did not run",
        "long": "returns (1, 4, 30, 32) for a square image",
    }
    with pytest.raises(SettingError, match='layer "idle" did not run; choose others with --layers'):
        layers(Some().eval(), images, "p4", "*", "idle")
    assert "layers_left_out" not in measure_alignment(Some().eval(), images, "p4", layers=["used"]).settings


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
            self.over = LiftingConv2d(3, 1, group="p2", basis="pixel")

        def forward(self, x):
            return self.up(x[:, :2]).mean(1, keepdim=True)[:, :, ::2, ::2].expand(-1, 3, -1, -1)

    (found,) = layers(Finer(), images, "p2", "up")
    assert found.channels == 2 and found.relative > 0.5  # red and green do not change places


def test_refusals(images):
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
    with pytest.raises(SettingError, match=r'0: layer "0" returns \(1, 4, 30, 32\) for a square image'):
        layers(long, images, "p4", "0")
