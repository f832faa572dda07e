"""The measure of equivariance: models whose error is known, and broken networks that it has to find."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from symmetry_audit.actions import move
from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Affine, Group
from symmetry_audit.layers import GroupConv2d, GroupPool, LiftingConv2d, ProjectionConv2d, SharedDeformation
from symmetry_audit.testing import GaussianBlobs, assert_equivariant, equivariance_error

ROUNDING = 1e-13
BLOBS = GaussianBlobs(49, sigma=3, spread=0.15)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def smooth_images(number: int = 2, size: int = 49) -> Tensor:
    return GaussianBlobs(size, sigma=3, number=number, spread=0.15)(np.eye(2))


def convolved(x: Tensor, filter_: Tensor) -> Tensor:
    channels = x.shape[1]
    weight = filter_.to(x)[None, None].expand(channels, 1, -1, -1)
    return torch.conv2d(x, weight, padding="same", groups=channels)


def gaussian_blur(x: Tensor) -> Tensor:
    line = torch.exp(-(torch.arange(-6.0, 7.0, dtype=torch.float64) ** 2) / (2 * 1.5**2))
    return convolved(x, torch.outer(line, line) / line.sum() ** 2)


def derivative(x: Tensor) -> Tensor:
    return convolved(x, torch.tensor([[-0.5, 0.0, 0.5]], dtype=torch.float64))


# ---------------------------------------------------------------- known errors


@pytest.mark.parametrize("images", [noise(2, 3, 8, 8), noise(1, 1, 7, 10)])
@pytest.mark.parametrize("group", ["p1", "p2", "p4", "p4m"])
def test_the_identity_has_no_error(images: Tensor, group: str) -> None:
    errors = equivariance_error(lambda x: x, group, images)
    assert (errors.shape, errors.dtype) == ((Group.parse(group).order, len(images)), torch.float64)
    assert not errors.any()


def test_the_identity_on_other_angles_has_the_error_of_splines() -> None:
    assert not equivariance_error(lambda x: x, "p8", noise(1, 1, 20, 23)).any()  # moved alike on both sides
    errors = equivariance_error(lambda x: x, "p8", BLOBS)
    assert 0 < errors[1::2].max() < 5e-6 and errors[::2].max() < ROUNDING
    assert equivariance_error(lambda x: x, "p8", BLOBS, affine=Affine(0.3, -0.2), border=12).max() < 1e-5


@pytest.mark.parametrize("images", [smooth_images(), BLOBS], ids=["tensor", "field"])
def test_a_gaussian_blur_turns_well(images: Tensor | GaussianBlobs) -> None:
    errors = equivariance_error(gaussian_blur, "p8m", images, border=10)
    quarter = [0, 2, 4, 6, 8, 10, 12, 14]
    assert errors[quarter].max() < ROUNDING
    assert errors.max() < 1e-4


def test_an_x_derivative_is_off_by_the_root_of_two_at_a_quarter_turn() -> None:
    """What is found and what is expected are derivatives across each other: orthogonal, of one size."""
    field = GaussianBlobs(65, sigma=3, number=4, channels=1, blobs=60)
    errors = equivariance_error(derivative, "p8", field).mean(1)
    assert errors[0] == 0
    assert errors[4].item() == pytest.approx(2, rel=1e-3)  # a half turn changes the sign
    assert errors[2].item() == pytest.approx(2**0.5, rel=0.1)
    expected = 2 * np.sin(np.deg2rad([22.5, 67.5]))  # |1 - exp(i angle)|
    assert errors[[1, 3]].tolist() == pytest.approx(expected.tolist(), rel=0.15)


def test_errors_belong_to_their_images() -> None:
    """A model that adds a corner to bright images only is wrong for these alone."""
    images = smooth_images(3)
    images[1] += 100
    corner = torch.zeros(49, 49, dtype=torch.float64)
    corner[:9, :9] = 10
    errors = equivariance_error(lambda x: x + corner * (x.mean((1, 2, 3), keepdim=True) > 50), "p4", images)
    assert (errors[1:, 1] > 0.5).all() and not errors[:, [0, 2]].any()


def test_a_level_is_no_excuse() -> None:
    """Errors are relative to what varies: a large constant in the output does not hide them."""
    low, high = (equivariance_error(lambda x, b=b: derivative(x) + b, "p4", noise(1, 1, 9, 9)) for b in (0.0, 1e4))
    assert high[2].item() == pytest.approx(low[2].item(), rel=1e-6)


def test_features_and_invariants() -> None:
    torch.manual_seed(0)
    lifting = LiftingConv2d(3, 2, group="p4m", basis="fourier").double()
    images = noise(2, 3, 10, 13)
    assert equivariance_error(lifting, "p4m", images, kind="features").max() < ROUNDING
    assert equivariance_error(lifting, "p4m", images).max() > 0.5
    pooled = nn.Sequential(lifting, GroupPool("p4m"))
    assert equivariance_error(pooled, "p4m", images).max() < ROUNDING
    mean = nn.Sequential(pooled, nn.AdaptiveAvgPool2d(1))
    for model in (mean, nn.Sequential(mean, nn.Flatten())):
        assert equivariance_error(model, "p4m", images, kind="invariant").max() < ROUNDING
    codes = nn.Sequential(lifting, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert equivariance_error(codes, "p4m", images, kind="features").max() < ROUNDING
    assert equivariance_error(codes, "p4m", images, kind="invariant")[1:].min() > 1e-3


@pytest.mark.parametrize("scale", [2, 3])
def test_larger_outputs(scale: int) -> None:
    up = nn.Upsample(scale_factor=scale, mode="bilinear")
    assert equivariance_error(up, "p4m", noise(1, 3, 9, 12)).max() < ROUNDING
    assert equivariance_error(up, "p8", BLOBS, border=10 * scale).max() < 0.02
    assert equivariance_error(nn.AvgPool2d(2), "p4m", noise(1, 3, 8, 12)).max() < ROUNDING
    assert equivariance_error(nn.AvgPool2d(2), "p4", noise(1, 3, 9, 9)).max() > 0.5  # the last row is left out


def test_images_take_the_type_of_the_module() -> None:
    seen = []

    class Recorder(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(x.dtype)
            return super().forward(x)

    errors = equivariance_error(Recorder(3, 2, 1), "p4", BLOBS)
    assert set(seen) == {torch.float32} and errors.dtype == torch.float64
    assert 0 <= errors.max() < 1e-6
    equivariance_error(Recorder(3, 2, 1).half(), "p1", noise(1, 3, 4, 4))
    assert seen[-1] == torch.float16


def test_the_deformed_group() -> None:
    """A blur along an ellipse has the deformed turns, and not the plain ones."""
    affine = Affine.from_axes(0.3, 1.6)
    y, x = torch.meshgrid(*[torch.arange(-9.0, 10.0, dtype=torch.float64)] * 2, indexing="ij")
    inverse = torch.from_numpy(np.linalg.inv(affine.matrix))
    u, v = (inverse @ torch.stack([x, y]).flatten(1)).view(2, 19, 19)
    ellipse = torch.exp(-(u**2 + v**2) / (2 * 1.5**2))
    field = GaussianBlobs(65, sigma=3, spread=0.12)
    assert equivariance_error(lambda x: convolved(x, ellipse), "p8", field, affine=affine, border=18).max() < 1e-4
    assert equivariance_error(lambda x: convolved(x, ellipse), "p8", field, border=18).max() > 0.05
    same = equivariance_error(lambda x: convolved(x, ellipse), "p4", noise(1, 1, 20, 20), affine=Affine(0, 0))
    assert torch.equal(same, equivariance_error(lambda x: convolved(x, ellipse), "p4", noise(1, 1, 20, 20)))


def test_no_gradients_and_no_switching() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Dropout(0.5)).train()
    equivariance_error(lambda x: x if not torch.is_grad_enabled() else 1 / 0, "p4", noise(1, 1, 4, 4))
    assert equivariance_error(model, "p4", noise(1, 1, 9, 9)).max() > 0.1 and model.training
    assert equivariance_error(model.eval(), "p4", noise(1, 1, 9, 9)).max() < 1e-6


def test_a_constant_output_has_no_error_or_an_infinite_one() -> None:
    assert not equivariance_error(lambda x: x * 0 + 3, "p4", noise(1, 1, 6, 6)).any()
    with_image = equivariance_error(lambda x: x * 0 + x[..., :1, :1], "p4", noise(50, 1, 6, 6))
    assert with_image[1:].isinf().all()


# ---------------------------------------------------------------- errors and the assertion


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "feature"}, 'kind must be one of image, features, invariant, got "feature"'),
        ({"group": "p5x"}, '"p5x" is not a group'),
        ({"images": noise(3, 8, 8)}, r"expected images \(N, C, H, W\), got shape \(3, 8, 8\)"),
        ({"group": "p8", "border": 4.0}, "a border of 4 leaves nothing of 8 x 8 output pixels"),
        ({"images": noise(1, 3, 8, 9), "model": nn.AvgPool2d((1, 2))}, "changes the shape of the output"),
        ({"model": lambda x: x.mean((2, 3))}, r'outputs \(N, C, H, W\), got shape \(1, 3\).*kind="invariant"'),
        ({"kind": "features"}, "features over p4 need a multiple of 4 channels, got 3"),
    ],
)
def test_settings_that_do_not_fit(options: dict, message: str) -> None:
    settings = {"model": lambda x: x, "group": "p4", "images": noise(1, 3, 8, 8), **options}
    with pytest.raises(SettingError, match=message):
        equivariance_error(**settings)


def test_the_assertion_names_the_worst_element() -> None:
    images = noise(1, 1, 9, 9)
    assert_equivariant(lambda x: x, "p4", images, tolerance=0)
    with pytest.raises(AssertionError, match=r"under p2: error 2 under A1 \(180 degrees\), tolerance 0.1"):
        assert_equivariant(lambda x: derivative(x), "p2", images, tolerance=0.1)
    with pytest.raises(AssertionError, match=r"under A0M \(0 degrees after the mirror\)"):
        assert_equivariant(lambda x: derivative(x), "p1m", images, tolerance=0.1)
    with pytest.raises(AssertionError, match="error inf under A0 "):
        assert_equivariant(lambda x: x * torch.nan, "p4", images, tolerance=1e9)
    with pytest.raises(AssertionError, match="error inf under A1 "):
        assert_equivariant(lambda x: x * 0 + x[..., :1, :1], "p2", images, tolerance=1e9)


def test_the_assertion_passes_its_options_on() -> None:
    torch.manual_seed(0)
    layer = LiftingConv2d(1, 2, group="p8", basis="steerable").double()
    field = GaussianBlobs(49, sigma=4, channels=1)
    assert_equivariant(layer, "p8", field, kind="features", tolerance=0.01)
    with pytest.raises(AssertionError, match="not equivariant under p8"):
        assert_equivariant(layer, "p8", field, kind="features", tolerance=0.01, affine=Affine(0.5, 0))
    with pytest.raises(SettingError, match="a border of 24"):
        assert_equivariant(layer, "p8", field, kind="features", tolerance=0.01, border=24.5)


# ---------------------------------------------------------------- broken networks


def correct(group: str = "p8", basis: str = "steerable", **options) -> nn.Sequential:
    torch.manual_seed(1)
    settings = {"group": group, "basis": basis, **options}
    layers = [LiftingConv2d(3, 3, **settings), GroupConv2d(3, 3, **settings), ProjectionConv2d(3, 3, **settings)]
    for layer in layers:
        nn.init.uniform_(layer.bias, -0.5, 0.5)
    return nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2]).double()


class Rearranged(nn.Module):
    """Channels feature * order + element as element * features + feature."""

    def __init__(self, order: int) -> None:
        super().__init__()
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(1, (-1, self.order)).transpose(1, 2).flatten(1, 2)


def set_quotients(network: nn.Sequential, table: np.ndarray) -> nn.Sequential:
    network[2].kind.quotients = torch.from_numpy(table.copy())
    return network


def reversed_shift(group: str) -> nn.Sequential:
    """v_{B A} in place of v_{B^-1 A}."""
    g = Group.parse(group)
    return set_quotients(correct(group), np.array([[g.index(b @ a) for a in g.elements] for b in g.elements]))


def missing_shift(group: str) -> nn.Sequential:
    order = Group.parse(group).order
    return set_quotients(correct(group), np.tile(np.arange(order), (order, 1)))


def flip_angle(layer: nn.Module) -> None:
    layer.basis = copy(layer.basis)
    layer.basis.inverses = layer.basis.inverses.mT
    layer.basis.__dict__.pop("undeformed")


def flipped_angle(group: str) -> nn.Sequential:
    network = correct(group)
    flip_angle(network[2])
    return network


def orientation_major(place: int) -> Callable[[str], nn.Sequential]:
    def broken(group: str) -> nn.Sequential:
        network = correct(group)
        return nn.Sequential(*network[:place], Rearranged(Group.parse(group).order), *network[place:])

    return broken


def own_biases(group: str) -> nn.Sequential:
    network = correct(group)
    biases = 3 * noise(network[2].out_channels)
    network[2].channel_bias = lambda: biases
    return network


def off_centre(group: str) -> nn.Sequential:
    """Padded by 3 on one side and 1 on the other, as filters of even size are."""
    network = correct(group)
    return nn.Sequential(nn.ZeroPad2d((1, -1, 1, -1)), *network)


BROKEN = [
    reversed_shift,
    missing_shift,
    flipped_angle,
    orientation_major(2),
    orientation_major(4),
    own_biases,
    off_centre,
]
NAMES = ["shift reversed", "no shift", "angle flipped", "channels", "projection", "biases", "off centre"]


@pytest.mark.parametrize("size", [(16, 16), (15, 15), (14, 17)])
@pytest.mark.parametrize("group", ["p4", "p8", "p4m"])
@pytest.mark.parametrize("broken", BROKEN, ids=NAMES)
def test_broken_networks_are_found(broken: Callable[[str], nn.Sequential], group: str, size: tuple[int, int]) -> None:
    exact = "p4m" if group == "p4m" else "p4"
    images = noise(2, 3, *size)
    assert_equivariant(correct(group), exact, images, tolerance=1e-12)
    errors = equivariance_error(broken(group), exact, images)
    assert errors[1].min() > 0.05  # a quarter turn, each image: 1e13 times the right one
    with pytest.raises(AssertionError, match="not equivariant"):
        assert_equivariant(broken(group), exact, images, tolerance=1e-3)


@pytest.mark.parametrize("broken", BROKEN, ids=NAMES)
def test_broken_networks_are_found_at_45_degrees(broken: Callable[[str], nn.Sequential]) -> None:
    right = equivariance_error(correct(), "p8", BLOBS)[1].item()
    assert right < 0.05
    wrong = equivariance_error(broken("p8"), "p8", BLOBS)[1].item()
    assert wrong > max(0.05, 3 * right)


def test_the_sign_of_all_angles_is_found_in_features_alone() -> None:
    """Turns commute, so that a whole network of flipped angles only calls A what is A^-1: its output is right."""
    network = correct("p8")
    for layer in network[::2]:
        flip_angle(layer)
    images = noise(1, 3, 12, 15)
    assert equivariance_error(network, "p4", images).max() < 1e-12
    assert_equivariant(correct("p4")[:3], "p4", images, kind="features", tolerance=1e-12)
    flipped = correct("p4")[:3]
    for layer in flipped[::2]:
        flip_angle(layer)
    assert equivariance_error(flipped, "p4", images, kind="features")[1].min() > 0.3


def test_a_transposed_quotient_table_is_another_name_of_the_coefficients() -> None:
    """A^-1 B is the inverse of B^-1 A: the layer stays equivariant, with v_A and v_{A^-1} exchanged."""
    for name in ("p8", "p4m"):
        group = Group.parse(name)
        network = set_quotients(correct(name), group.quotients().T)
        exact = "p4m" if name == "p4m" else "p4"
        assert equivariance_error(network, exact, noise(1, 3, 12, 15)).max() < 1e-12
        inverses = torch.tensor([group.index(~element) for element in group.elements])
        renamed = correct(name)
        with torch.no_grad():
            renamed[2].weight.copy_(renamed[2].weight[:, :, inverses])
        assert torch.allclose(network[2].filters(), renamed[2].filters(), rtol=0, atol=1e-14)


def test_a_transposed_table_in_the_measure_is_no_action() -> None:
    """Features moved with B^-1 A in place of A^-1 B do not agree with a right layer."""
    group, images = Group.parse("p4"), noise(1, 3, 9, 9)
    layer = correct("p4")[0]
    matrix = group.elements[1].matrix()
    found, before = layer(move(images, matrix)), layer(images)
    wrong = before.unflatten(1, (-1, 4))[:, :, group.quotients().T[1]].flatten(1, 2)
    assert (found - move(wrong, matrix)).norm() / found.norm() > 0.3
    assert equivariance_error(layer, group, images, kind="features").max() < 1e-12


def test_strides_off_the_centre_are_found() -> None:
    network = correct("p4", "fourier", stride=2)
    assert equivariance_error(network, "p4", noise(1, 3, 17, 25)).max() < 1e-12
    assert equivariance_error(network, "p4", noise(1, 3, 16, 16))[1:].min() > 0.05


@pytest.mark.parametrize("basis", ["fourier", "bicubic"])
def test_a_mask_that_stays_round_is_found(basis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    affine = Affine.from_axes(0.3, 1.5)
    field = GaussianBlobs(61, sigma=3, spread=0.15)

    def error() -> float:
        layer = correct(basis=basis, deformation=SharedDeformation(affine))[0]
        square = layer.basis.points.square().sum(-1)
        with torch.no_grad():  # a Gaussian of 1.2 px, which reaches the mask
            wanted = torch.exp(-square / 2.88) @ torch.linalg.inv(layer.basis.undeformed[0])
            layer.weight.copy_(torch.randn(3, 3, 1, dtype=torch.float64) * wanted)
        return equivariance_error(layer, "p8", field, affine=affine, border=14, kind="features")[1].item()

    right = error()
    assert right < 0.11
    module = f"symmetry_audit.layers.bases._{basis}"
    monkeypatch.setattr(f"{module}.radial_mask", round_mask)
    assert error() > max(0.13, 4 * right)


def round_mask(u: Tensor, radius: int, width: float) -> Tensor:
    axis = torch.arange(-radius, radius + 1, dtype=u.dtype)
    distance = (axis[:, None] ** 2 + axis**2).flatten() / radius**2
    return torch.exp(-(distance - 1).clamp_min(0) / width).expand(u.shape[:-1])
