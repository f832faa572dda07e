"""Filters and outputs of the three layers against the oracle's; per-image w against the same images one by one."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import Tensor

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Affine, Group
from symmetry_audit.layers import (
    BASES,
    Deformation,
    EquivariantConv2d,
    FreeDeformation,
    GroupConv2d,
    LiftingConv2d,
    ProjectionConv2d,
    SharedDeformation,
)
from tests.oracles import layers as oracle

EXACT, MIXED = 1e-11, 1e-8
KINDS = {"lifting": LiftingConv2d, "group": GroupConv2d, "projection": ProjectionConv2d}
EACH_KIND = pytest.mark.parametrize("kind", KINDS)
IN, OUT = 2, 3
CASES = [
    ("bicubic", "p8", None),
    ("bicubic", "p8m", "shared"),
    ("bicubic", "p4m", None),
    ("difference", "p8m", None),
    ("difference", "p8", "free"),
    ("fourier", "p8m", "free"),
    ("fourier", "p4", None),
    ("fourier", "p3", "shared"),
    ("harmonic", "p8", "shared"),
    ("steerable", "p8m", None),
    ("steerable", "p8", "free"),
    ("pixel", "p4m", None),
    ("pixel", "p1", None),
]


def deformation(name: str | None) -> tuple[Deformation | None, np.ndarray | None]:
    """A deformation and its D^-1."""
    if name is None:
        return None, None
    if name == "shared":
        return SharedDeformation(Affine(0.25, -0.3)), oracle.inverse_smooth(0.25, -0.3)
    free = FreeDeformation()
    with torch.no_grad():
        free.values.copy_(torch.tensor([0.5, 1.25, 0.75]))
    return free, oracle.inverse_free(0.5, 1.25, 0.75)


def layer(kind: str, dtype: torch.dtype = torch.float64, **settings) -> EquivariantConv2d:
    """A layer with random coefficients and bias."""
    torch.manual_seed(0)
    settings = {"group": "p8", "basis": "fourier", **settings}
    made = KINDS[kind](IN, OUT, settings.pop("kernel_size", 5), **settings).to(dtype)
    with torch.no_grad():
        made.weight.normal_()
        if made.bias is not None:
            made.bias.normal_()
    return made


def images(made: EquivariantConv2d, count: int = 2, height: int = 9, width: int = 8) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    shape = (count, made.in_channels, height, width)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(made.weight.dtype)


def oracle_functions(made: EquivariantConv2d, inverse: np.ndarray | None = None) -> np.ndarray:
    """The oracle's samples; mixed ones in the layer's order and with its signs."""
    name, p, group, masked = made.basis_name, made.kernel_size, str(made.group), made.basis.masked
    found = oracle.basis(name, p, group, inverse, masked)
    if name not in oracle.MIXED or p == 1:
        return found
    undeformed = made.basis.undeformed.numpy().reshape(found.shape)
    wanted = oracle.basis(name, p, group, None, masked)
    signed = np.round(np.einsum("okyx,olyx->kl", undeformed, wanted) / len(found))
    return np.einsum("kl,olyx->okyx", signed, found)


def oracle_filters(made: EquivariantConv2d, kind: str, inverse: np.ndarray | None = None) -> np.ndarray:
    weight = made.weight.detach().double().numpy()
    return oracle.filters(kind, weight, oracle_functions(made, inverse), str(made.group))


def oracle_bias(made: EquivariantConv2d, kind: str) -> np.ndarray:
    return np.repeat(made.bias.detach().double().numpy(), 1 if kind == "projection" else made.group.order)


@EACH_KIND
@pytest.mark.parametrize(("basis", "group", "bent"), CASES)
def test_filters_and_output(kind: str, basis: str, group: str, bent: str | None) -> None:
    w, inverse = deformation(bent)
    made = layer(kind, group=group, basis=basis, deformation=w)
    if bent is not None:
        inverse = np.asarray(w().detach())  # w is stored in float32; its value is checked in test_bases
        assert np.allclose(inverse, deformation(bent)[1], rtol=0, atol=1e-6)
    exact = MIXED if basis in oracle.MIXED else EXACT
    filters = oracle_filters(made, kind, inverse)
    assert np.allclose(made.filters().detach().numpy(), filters, rtol=0, atol=exact)
    x = images(made)
    with torch.no_grad():
        found = made(x).numpy()
    wanted = [oracle.convolve(image, filters, oracle_bias(made, kind), 2) for image in x.numpy()]
    assert np.allclose(found, wanted, rtol=0, atol=100 * exact)


@EACH_KIND
@pytest.mark.parametrize("p", [3, 7])
def test_other_windows(kind: str, p: int) -> None:
    made = layer(kind, group="p4m", kernel_size=p, basis="steerable")
    assert made.padding == (p - 1) // 2
    assert np.allclose(made.filters().detach().numpy(), oracle_filters(made, kind), rtol=0, atol=MIXED)


@EACH_KIND
@pytest.mark.parametrize("basis", BASES)
def test_one_pixel(kind: str, basis: str) -> None:
    made = layer(kind, group="p8m", kernel_size=1, basis=basis)
    assert made.padding == 0
    filters = oracle_filters(made, kind)
    assert filters.shape[-1] == 1
    assert np.array_equal(made.filters().detach().numpy(), filters)
    x = images(made, 1)
    wanted = oracle.convolve(x[0].numpy(), filters, oracle_bias(made, kind))
    assert np.allclose(made(x)[0].detach().numpy(), wanted, rtol=0, atol=EXACT)


@EACH_KIND
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, 3])
@pytest.mark.parametrize("mode", ["zeros", "replicate"])
def test_padding_and_stride(kind: str, stride: int, padding: int, mode: str) -> None:
    made = layer(kind, group="p3", basis="bicubic", stride=stride, padding=padding, padding_mode=mode)
    x = images(made, 1)
    border = [(0, 0), (padding, padding), (padding, padding)]
    padded = np.pad(x[0].numpy(), border, mode="edge" if mode == "replicate" else "constant")
    wanted = oracle.convolve(padded, oracle_filters(made, kind), oracle_bias(made, kind))[:, ::stride, ::stride]
    assert np.allclose(made(x)[0].detach().numpy(), wanted, rtol=0, atol=EXACT)


@EACH_KIND
def test_the_bias_is_shared_over_the_group_axis(kind: str) -> None:
    made = layer(kind, group="p8m", basis="steerable")
    assert made.bias.shape == (OUT,)
    change = made(images(made))
    with torch.no_grad():
        made.bias[1] += 0.5
    change = (made(images(made)) - change).detach().view(2, OUT, -1)
    wanted = torch.tensor([0.0, 0.5, 0.0]).double()[None, :, None].expand_as(change)
    assert torch.allclose(change, wanted, rtol=0, atol=EXACT)
    without = layer(kind, bias=False)
    assert without.bias is None
    assert without.channel_bias() is None
    assert not without(torch.zeros(1, without.in_channels, 7, 7).double()).any()


def test_order_of_channels() -> None:
    """Channel = feature * T + element: zeroing all coefficients of out feature 1 silences channels T to 2 T - 1."""
    made = layer("group", group="p4m", basis="bicubic", bias=False)
    with torch.no_grad():
        made.weight[1] = 0
        made.weight[:, 0] = 0
    filters = made.filters()
    assert not filters[8:16].any()
    assert not filters[:, :8].any()
    assert filters[:8, 8:].flatten(2).abs().amax(-1).all()


# ---------------------------------------------------------------- types


def magnitudes(made: EquivariantConv2d, x: Tensor) -> Tensor:
    """The sum of |filter| |x| behind every output: what its rounding error is proportional to."""
    filters = made.filters().detach().abs()
    each = filters if filters.dim() == 5 else filters.expand(len(x), *filters.shape)
    sums = [torch.conv2d(image[None], one, padding=2) for image, one in zip(x.abs(), each, strict=True)]
    return torch.cat(sums) + made.channel_bias().detach().abs()[:, None, None]


@EACH_KIND
@pytest.mark.parametrize(
    ("bent", "offsets"), [(None, False), ("shared", False), ("free", False), ("shared", True), ("free", True)]
)
def test_single_precision(kind: str, bent: str | None, offsets: bool) -> None:
    w, _ = deformation(bent)
    single = layer(kind, torch.float32, deformation=w)
    double = copy.deepcopy(single).double()
    x = images(double)
    if offsets:
        single.deformation.offset = torch.tensor([[0.1, 0.2, -0.3], [0.0, -0.2, 0.1]])
        double.deformation.offset = single.deformation.offset.double()
    found, wanted = single(x.float()), double(x)
    assert (found.dtype, wanted.dtype) == (torch.float32, torch.float64)
    assert single.filters().dtype == torch.float32
    # samples, coefficients, products and sums are rounded once each: 5 eps on the worst of three instruction sets
    bound = 10 * torch.finfo(torch.float32).eps * magnitudes(double, x)
    assert ((found - wanted).abs() < bound).all()


# ---------------------------------------------------------------- one w for each image


OFFSETS = torch.tensor([[0.1, 0.2, -0.3], [0.0, 0.0, 0.0], [-0.2, 0.05, 0.15]], dtype=torch.float64)


@EACH_KIND
@pytest.mark.parametrize(
    ("basis", "group", "bent", "settings"),
    [
        ("fourier", "p8", "shared", {}),
        ("fourier", "p8", "free", {"stride": 2, "padding": 1}),
        ("bicubic", "p8m", "shared", {"padding_mode": "replicate", "bias": False}),
        ("bicubic", "p4", "free", {}),
        ("steerable", "p8m", "shared", {"kernel_size": 3, "stride": 3}),
        ("difference", "p8", "shared", {}),
        ("harmonic", "p1", "free", {}),
        ("pixel", "p8", "shared", {"kernel_size": 1}),
    ],
)
def test_offsets_are_the_images_one_by_one(kind: str, basis: str, group: str, bent: str, settings: dict) -> None:
    w, _ = deformation(bent)
    made = layer(kind, group=group, basis=basis, deformation=w, **settings)
    x = images(made, 3)
    w.offset = OFFSETS
    together, filters = made(x), made.filters()
    assert filters.shape == (3, made.out_channels, made.in_channels, made.kernel_size, made.kernel_size)
    assert made.kernel_size == 1 or not torch.allclose(filters[0], filters[1], atol=1e-3)
    for n in range(3):
        fixed = copy.deepcopy(made)  # without offset, w itself moved to that of the image
        xx, xy, yy = OFFSETS[n].tolist()
        moved = [(xx - yy) / 2, -xy] if bent == "shared" else [xx, xy, yy]
        with torch.no_grad():
            next(fixed.deformation.parameters()).add_(torch.tensor(moved, dtype=torch.float64))
        assert fixed.deformation.offset is None
        assert torch.allclose(filters[n], fixed.filters(), rtol=0, atol=EXACT)
        assert torch.allclose(together[n], fixed(x[n : n + 1])[0], rtol=0, atol=EXACT)


# ---------------------------------------------------------------- the kept filters


@EACH_KIND
@pytest.mark.parametrize("bent", [None, "shared"])
def test_kept_filters_follow_every_change(kind: str, bent: str | None) -> None:
    made = layer(kind, deformation=deformation(bent)[0])
    with torch.no_grad():
        first = made.filters()
        assert made.filters() is first
        made.weight[0] += 1
        second = made.filters()
        assert second is not first
        assert np.allclose(second.numpy(), copy.deepcopy(made).filters().numpy(), rtol=0, atol=EXACT)
        assert not torch.allclose(second, first)
        if bent is not None:
            made.deformation.position += 0.2
            assert not torch.allclose(made.filters(), second)
        made.load_state_dict({name: 2 * value for name, value in made.state_dict().items()})
        assert torch.equal(made.filters(), copy.deepcopy(made).filters())
    assert made.filters().requires_grad
    with torch.no_grad():
        assert not made.filters().requires_grad


def test_kept_filters_after_a_write_through_data() -> None:
    made = layer("lifting")
    with torch.no_grad():
        before = made.filters().clone()
        made.weight.data.mul_(3)
        assert torch.allclose(made.eval().filters(), 3 * before)
        assert made.float().filters().dtype == torch.float32


def test_copies() -> None:
    made = layer("group", deformation=deformation("free")[0])
    x = images(made)
    made.deformation.offset = OFFSETS[:2]
    for other in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert other.deformation.offset is None
        other.deformation.offset = OFFSETS[:2]
        assert torch.equal(other(x), made(x))


def test_inference_mode_leaves_no_trace() -> None:
    made = layer("lifting")
    x = images(made)
    with torch.inference_mode():
        wanted = made(x)
    found = made(x)
    found.sum().backward()
    assert torch.equal(found, wanted)
    assert made.weight.grad.abs().max() > 0


# ---------------------------------------------------------------- initial coefficients


@EACH_KIND
@pytest.mark.parametrize("init", ["smooth", "kaiming"])
def test_initial_coefficients(kind: str, init: str) -> None:
    torch.manual_seed(3)
    made = KINDS[kind](16, 24, group="p8", basis="fourier", init=init)
    assert not made.bias.any()
    if init == "kaiming":
        bound = made.weight[0].numel() ** -0.5
        assert made.weight.abs().max() <= bound
        assert made.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.05)
    else:  # a random image of variance 1 and autocorrelation exp(-d^2 / 4) comes out with variance 1 / 3
        u = np.stack(oracle.window(5, np.eye(2)), axis=-1).reshape(25, 2)
        correlation = np.exp(-((u[:, None] - u) ** 2).sum(-1) / 4)
        filters = made.filters().detach().double().flatten(2).numpy()
        variance = np.einsum("oip,pq,oiq->o", filters, correlation, filters).mean()
        assert variance == pytest.approx(1 / 3, rel=0.1)
    before = made.weight.detach().clone()
    made.reset_parameters()
    assert not torch.equal(made.weight, before)


# ---------------------------------------------------------------- errors


def test_settings_that_do_not_fit() -> None:
    with pytest.raises(SettingError, match='padding_mode must be "zeros" or "replicate", got "circular"'):
        layer("lifting", padding_mode="circular")
    with pytest.raises(SettingError, match='init must be "smooth" or "kaiming", got "xavier"'):
        layer("lifting", init="xavier")
    with pytest.raises(SettingError, match="kernel_size must be odd and positive, got 4"):
        layer("lifting", kernel_size=4)
    with pytest.raises(SettingError, match='no filter basis is called "wavelet"'):
        layer("lifting", basis="wavelet")
    with pytest.raises(SettingError, match="free pixels cannot be deformed"):
        layer("lifting", group="p4", basis="pixel", deformation=SharedDeformation())


@EACH_KIND
def test_input_of_another_shape(kind: str) -> None:
    made = layer(kind)
    for shape in [(1, made.in_channels + 1, 8, 8), (made.in_channels, 8, 8)]:
        with pytest.raises(SettingError, match=rf"expected images \(N, {made.in_channels}, H, W\), got shape"):
            made(torch.zeros(shape).double())


def test_offsets_of_other_images() -> None:
    made = layer("lifting", deformation=SharedDeformation())
    made.deformation.offset = OFFSETS
    with pytest.raises(SettingError, match="offsets for 3 images, got 2: call the whole network"):
        made(images(made, 2))


def test_groups_as_objects() -> None:
    assert layer("lifting", group=Group(8, True)).group == layer("lifting", group="p8m").group


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kernel_size": (5, 5)}, r"kernel_size must be one whole number, 1 or more, got \(5, 5\)"),
        ({"stride": 0}, "stride must be one whole number, 1 or more, got 0"),
        ({"padding": "same"}, "padding must be one whole number, 0 or more, got 'same'"),
        ({"in_features": 0}, "in_features must be one whole number, 1 or more, got 0"),
    ],
)
def test_sizes_are_whole_numbers(settings: dict, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        LiftingConv2d(**{"in_features": 3, "out_features": 2, "group": "p8", "basis": "fourier", **settings})


def test_channels_that_do_not_fit_are_told_in_one_line() -> None:
    # a layer with a part of its own, whose repr takes several lines
    layer = GroupConv2d(4, 4, group="p8", basis="fourier", deformation=SharedDeformation())
    with pytest.raises(SettingError, match="takes 4 features over p8: begin with a Lifting") as raised:
        layer(torch.zeros(1, 4, 9, 9))
    assert "\n" not in str(raised.value)
