"""Parameter counts: the published rows to the unit, for e2cnn's windows too, and what w adds."""

from __future__ import annotations

import pytest
from torch import nn

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Affine
from symmetry_audit.layers import (
    METHODS,
    FreeDeformation,
    GroupConv2d,
    HyperNetwork,
    Layers,
    LiftingConv2d,
    ProjectionConv2d,
    SampleAdaptive,
)

# method and basis: K of a filter, the group's order
ROWS = {
    ("fconv", None): (25, 8),
    ("bconv", None): (25, 8),
    ("tl", None): (25, 8),
    ("sa", None): (25, 8),
    ("tl", "bicubic"): (25, 8),
    ("sa", "bicubic"): (25, 8),
    ("harnet", None): (15, 8),
    ("pdoe", None): (9, 8),
    ("e2cnn", None): (11, 8),
    ("gcnn", None): (9, 4),
    ("cnn", None): (9, 1),
}
WIDTHS = [(1, 1), (3, 8), (5, 2), (32, 32)]


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


@pytest.mark.parametrize(("row", "figures"), ROWS.items())
@pytest.mark.parametrize("preset", ["shared", "paper"])
def test_layers(row: tuple[str, str | None], figures: tuple[int, int], preset: str) -> None:
    """ARCHITECTURES 1.2: K a n + n, T K a n + n, K a m + m, T a n + n, and in the paper 3 more for w of TL and SA."""
    (method, basis), (size, order) = row, figures
    for a, n in WIDTHS:
        layers = Layers(method, basis=basis, preset=preset)  # one for each, since a shared w counts in all its layers
        w = (3 if preset == "paper" else 2) if METHODS[method].deformed else 0
        assert count(layers.lifting(a, n)) == size * a * n + n + w
        assert count(layers.group_conv(a, n)) == order * size * a * n + n + w
        assert count(layers.projection(a, n)) == size * a * n + n + w
        assert count(layers.pointwise(a, n)) == order * a * n + n
        assert count(layers.lifting(a, n, bias=False)) == size * a * n + w


def test_figures_of_edsr() -> None:
    """ARCHITECTURES 1.3: head lift 3->32 and body layers 32->32 of F-Conv; 3 more in TL."""
    plain, learned = Layers("fconv"), Layers("tl", basis="bicubic", preset="paper")
    assert (count(plain.lifting(3, 32)), count(plain.group_conv(32, 32))) == (2_432, 204_832)
    assert (count(learned.lifting(3, 32)), count(learned.group_conv(32, 32))) == (2_435, 204_835)


@pytest.mark.parametrize(("p", "size"), [(3, 6), (5, 11), (7, 18)])
@pytest.mark.parametrize(("group", "order"), [("p4", 4), ("p8", 8), ("p16", 16), ("p4m", 8), ("p8m", 16)])
def test_e2cnn(p: int, size: int, group: str, order: int) -> None:
    """R2Conv of e2cnn 0.2.3 and escnn 1.0.11: order K for a pair of regular fields, K with a trivial one."""
    layers = Layers("e2cnn", group, kernel_size=p)
    assert count(layers.lifting(1, 1, bias=False)) == size
    assert count(layers.projection(1, 1, bias=False)) == size
    assert count(layers.group_conv(1, 1, bias=False)) == order * size


@pytest.mark.parametrize("method", ["tl", "sa"])
def test_a_network_has_one_w(method: str) -> None:
    def network(preset: str) -> nn.Module:
        layers = Layers(method, preset=preset)
        return nn.Sequential(
            *(layers.lifting(3, 2), nn.ReLU(), layers.group_conv(2, 2), layers.pointwise(2, 4)),
            *(layers.group_conv(4, 2), layers.projection(2, 3)),
        )

    layers = 25 * 6 + 2 + 200 * 4 + 2 + 8 * 8 + 4 + 200 * 8 + 2 + 25 * 6 + 3
    assert count(network("shared")) == layers + 2
    assert count(network("paper")) == layers + 3 * 4  # none for 1 x 1


@pytest.mark.parametrize("preset", ["shared", "paper"])
def test_sa_adds_the_hypernetwork(preset: str) -> None:
    layers = Layers("sa", preset=preset)
    body = nn.Sequential(layers.lifting(3, 2), layers.projection(2, 3))
    network = layers.network(body)
    assert isinstance(network, SampleAdaptive)
    assert count(network) == count(body) + 33_523
    assert network.hypernetwork.normalized == (preset == "shared")
    other = HyperNetwork(35, 4)
    assert layers.network(body, other).hypernetwork is other


@pytest.mark.parametrize("method", [name for name in METHODS if name != "sa"])
def test_other_methods_have_no_hypernetwork(method: str) -> None:
    body = nn.Sequential(nn.ReLU())
    assert Layers(method).network(body) is body


@pytest.mark.parametrize(("settings", "figure"), [((), 33_523), ((3,), 33_523), ((1,), 33_523), ((35, 4), 29_107)])
def test_hypernetwork(settings: tuple[int, ...], figure: int) -> None:
    assert count(HyperNetwork(*settings)) == figure


# ---------------------------------------------------------------- Layers


def test_layers_pass_their_settings_on() -> None:
    layers = Layers("sa", "p8m", basis="bicubic", kernel_size=7, padding_mode="replicate")
    kinds = (LiftingConv2d, GroupConv2d, ProjectionConv2d)
    made = [make(2, 3, stride=2) for make in (layers.lifting, layers.group_conv, layers.projection)]
    for kind, layer in zip(kinds, made, strict=True):
        assert type(layer) is kind
        assert (layer.basis_name, layer.kernel_size, str(layer.group)) == ("bicubic", 7, "p8m")
        assert (layer.padding, layer.padding_mode, layer.stride, layer.init) == (3, "replicate", 2, "smooth")
        assert layer.deformation is made[0].deformation
    assert layers.pointwise(2, 3).deformation is None


def test_the_paper_has_a_free_w_for_each_layer_and_its_initial_coefficients() -> None:
    layers = Layers("tl", preset="paper")
    first, second = layers.lifting(3, 2), layers.group_conv(2, 2)
    assert isinstance(first.deformation, FreeDeformation)
    assert isinstance(second.deformation, FreeDeformation)
    assert first.deformation is not second.deformation
    assert first.init == "kaiming"
    assert Layers("tl", preset="paper", init="smooth").lifting(3, 2).init == "smooth"


def test_a_start() -> None:
    start = Affine(0.3, -0.2)
    coordinates = Layers("tl", start=start).lifting(3, 2).deformation.coordinates()
    assert coordinates.tolist() == pytest.approx([0.3, -0.2], rel=1e-6)


@pytest.mark.parametrize(
    ("args", "options", "message"),
    [
        (("fcon",), {}, r'no method is called "fcon".*fconv'),
        (("fconv",), {"preset": "papers"}, 'preset must be one of shared, paper, got "papers"'),
        (("cnn", "p4"), {}, r'a plain convolution has no group: use group "p1" with cnn, or gcnn, .* with p4'),
        (("fconv",), {"start": Affine(0.1, 0.0)}, "only a shared w can have a start"),
        (("tl",), {"start": Affine(0.1, 0.0), "preset": "paper"}, "only a shared w can have a start"),
    ],
)
def test_settings_that_do_not_fit(args: tuple[str, ...], options: dict, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        Layers(*args, **options)


def test_a_hypernetwork_of_another_depth() -> None:
    with pytest.raises(SettingError, match="4 or 5 convolutions, got depth=6"):
        HyperNetwork(3, 6)
