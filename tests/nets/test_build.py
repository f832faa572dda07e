"""Networks by name: shapes, architectures, widths, where they start, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Affine
from symmetry_audit.layers import METHODS, EquivariantConv2d, SampleAdaptive, SharedDeformation, fold
from symmetry_audit.nets import BACKBONES, PRESETS, build, presets_of, scales_of
from tests.conftest import smooth_noise
from tests.nets.inputs import METAL, given_to

RESTORING = [name for name, backbone in BACKBONES.items() if not backbone.classifies]
PAIRS = [(backbone, method) for backbone in RESTORING for method in METHODS]


def images(size: int, number: int = 2) -> Tensor:
    rng = np.random.default_rng(7)
    fields = [[smooth_noise(rng, size, size) for _ in range(3)] for _ in range(number)]
    return torch.tensor(np.array(fields), dtype=torch.float32)


@pytest.mark.parametrize(("backbone", "method"), PAIRS)
def test_an_architecture_makes_the_same_network_again(backbone: str, method: str) -> None:
    first = build(backbone, method, preset="tiny").eval()
    document = json.loads(json.dumps(first.architecture))
    assert document == {
        **{"backbone": backbone, "method": method, "preset": "tiny", "scale": scales_of(backbone)[0]},
        **{"group": METHODS[method].group, "basis": METHODS[method].basis, "relaxed": False},
    }
    second = build(**document).eval()
    second.load_state_dict(first.state_dict())
    x = given_to(backbone, images(first.smallest + 3))
    with torch.no_grad():
        found = first(x)
        assert x.shape[1] == first.inputs
        assert found.shape == (2, first.outputs, *(first.scale * side for side in x.shape[2:]))
        assert torch.equal(found, second(x))


@pytest.mark.parametrize(("backbone", "method"), PAIRS)
def test_all_methods_are_equally_wide_and_deep(backbone: str, method: str) -> None:
    def structure(network: nn.Module) -> list[tuple[int, int]]:
        layers = [part for part in network.modules() if isinstance(part, EquivariantConv2d)]
        return [(layer.in_channels, layer.out_channels) for layer in layers]

    assert structure(build(backbone, method, preset="tiny")) == structure(build(backbone, preset="tiny"))


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if method.deformed])
@pytest.mark.parametrize("backbone", BACKBONES)
def test_one_w_for_all_layers_and_one_hypernetwork(backbone: str, method: str) -> None:
    network = build(backbone, method, preset="tiny", start=Affine(0.2, -0.1))
    (held,) = [part for part in network.modules() if isinstance(part, SharedDeformation)]
    assert held.coordinates().tolist() == pytest.approx([0.2, -0.1], rel=1e-6)
    assert sum(isinstance(part, SampleAdaptive) for part in network.modules()) == METHODS[method].adaptive
    assert "start" not in network.architecture


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_network_starts_near_bicubic_interpolation(scale: int) -> None:
    """Pillow's bicubic (a = -1/2) on float images, colour by colour; borders differ by nothing either."""
    x = images(16, number=1)
    pictures = [Image.fromarray(colour.numpy()) for colour in x[0]]
    side = 16 * scale
    expected = [np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC)) for picture in pictures]
    network = build("edsr", "fconv", preset="tiny", scale=scale)
    with torch.no_grad():
        assert (network(x)[0] - torch.from_numpy(np.array(expected))).abs().mean() < 2.5
        nn.init.zeros_(network.tail.weight)
        assert network(x)[0].numpy() == pytest.approx(np.array(expected), abs=1e-3)


@pytest.mark.parametrize(("backbone", "largest"), [("resnet", 2.5), ("rcdnet", 10), ("unet", 5)])
@pytest.mark.parametrize("method", ["cnn", "sa"])
def test_a_network_starts_near_the_identity(backbone: str, method: str, largest: float) -> None:
    x = images(32)
    with torch.no_grad():
        assert (build(backbone, method, preset="tiny").eval()(x) - x).abs().mean() < largest


@pytest.mark.parametrize("method", ["cnn", "sa"])
@pytest.mark.parametrize("backbone", METAL)
def test_a_network_against_metal_starts_near_the_interpolated_image(backbone: str, method: str) -> None:
    """Two smooth images that differ by 70 grey levels on average."""
    x = given_to(backbone, images(32))
    with torch.no_grad():
        found = build(backbone, method, preset="tiny").eval()(x)
    away = [(found - x[:, at : at + 1]).abs().mean() for at in (0, 1)]
    assert away[1] < 0.5 * away[0]


def test_any_shape_of_images() -> None:
    with torch.no_grad():
        assert build("edsr", "gcnn", preset="tiny", scale=3)(torch.rand(1, 3, 1, 6)).shape == (1, 3, 3, 18)
        assert build("rcdnet", "gcnn", preset="tiny")(torch.rand(1, 3, 5, 2)).shape == (1, 3, 5, 2)


def test_the_smallest_image() -> None:
    assert build("edsr", "fconv", preset="tiny").smallest == 1
    network = build("resnet", "sa", preset="tiny")
    assert network.smallest == network.hypernetwork.smallest
    assert network(torch.rand(2, 3, network.smallest, network.smallest)).isfinite().all()
    with pytest.raises(SettingError, match=f"of {network.smallest} pixels a side or more"):
        network(torch.rand(2, 3, 40, network.smallest - 1))
    assert build("rcdnet", "sa", preset="paper").smallest == 17


def test_a_folded_network_is_the_same() -> None:
    network = build("rdn", "tl", preset="tiny", start=Affine(0.2, 0.1)).eval()
    plain = fold(network)
    assert (plain.scale, plain.smallest, plain.architecture) == (2, 1, network.architecture)
    assert not any(isinstance(part, EquivariantConv2d) for part in plain.modules())
    with torch.no_grad():
        assert torch.allclose(plain(images(12)), network(images(12)), rtol=1e-5, atol=1e-3)


def test_another_group_and_basis() -> None:
    network = build("rcan", "fconv", preset="tiny", group="p4m", basis="bicubic")
    assert (network.architecture["group"], network.architecture["basis"]) == ("p4m", "bicubic")
    layers = [part for part in network.modules() if isinstance(part, EquivariantConv2d)]
    assert {(str(layer.group), layer.basis_name, layer.kernel_size) for layer in layers} == {("p4m", "bicubic", 5)}
    assert build("edsr", "fconv", preset="tiny", group="p8m").head.out_features == 2


def test_presets_grow() -> None:
    for backbone in BACKBONES:
        assert set(presets_of(backbone)) <= set(PRESETS)
        with torch.device("meta"):
            networks = [build(backbone, "fconv", preset=preset) for preset in presets_of(backbone)]
        sizes = [sum(p.numel() for p in network.parameters()) for network in networks]
        assert sizes == sorted(sizes, reverse=True)


def test_scales() -> None:
    for backbone, scale in {
        "edsr": 2,
        "rdn": 2,
        "rcan": 2,
        "resnet": 1,
        "rcdnet": 1,
        "unet": 1,
        **dict.fromkeys(METAL, 1),
    }.items():
        assert build(backbone, preset="tiny").scale == scale
    same, other = build("edsr", preset="tiny", scale=1), build("resnet", preset="tiny")
    assert {k: v.shape for k, v in same.state_dict().items()} == {k: v.shape for k, v in other.state_dict().items()}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backbone": "edrs"}, 'no backbone is called "edrs". Did you mean "edsr"'),
        ({"backbone": "edsr", "method": "fcon"}, 'no method is called "fcon"'),
        ({"backbone": "edsr", "preset": "large"}, 'no preset is called "large". Choose from: paper, small, tiny'),
        ({"backbone": "small", "preset": "tiny"}, 'no backbone is called "small". Choose from: edsr'),
        ({"backbone": "edsr", "scale": 5}, "edsr has scale 1 or 2 or 3 or 4, got 5"),
        ({"backbone": "edsr", "scale": 2.0}, "got 2.0"),
        ({"backbone": "resnet", "scale": 2}, "resnet has scale 1, got 2; edsr, rdn and rcan enlarge"),
        ({"backbone": "edsr", "group": "p4"}, "a plain convolution has no group"),
        (
            {"backbone": "edsr", "method": "fconv", "group": "p3"},
            "32 channels .* the 3 elements of p3: .* order 1, 2, 4, 8, 16 or 32, for example p4",
        ),
        (
            {"backbone": "rdn", "method": "fconv", "group": "p16m"},
            "16 channels .* the 32 elements of p16m: .* 1, 2, 4, 8 or 16",
        ),
        ({"backbone": "edsr", "method": "fconv", "start": Affine(0.1, 0)}, "only a shared w can have a start"),
        (
            {"backbone": "edsr", "method": "tl", "preset": "paper", "start": Affine(0.1, 0)},
            "only a shared w can have a start",
        ),
        ({"backbone": "edsr", "method": "tl", "basis": "fourie"}, 'no filter basis is called "fourie"'),
    ],
)
def test_what_is_refused(arguments: dict, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        build(**{"preset": "tiny", **arguments})
