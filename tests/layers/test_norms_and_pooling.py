"""Normalisation, dropout, pooling and pixel shuffle over the group axis."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from symmetry_audit.actions import is_exact, move_features
from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group
from symmetry_audit.layers import (
    AntiAliasedPool2d,
    GroupBatchNorm2d,
    GroupConv2d,
    GroupDropout2d,
    GroupInstanceNorm2d,
    GroupPixelShuffle,
    GroupPool,
    PerFeature,
)
from symmetry_audit.testing import equivariance_error


def features(channels: int, height: int = 5, width: int = 7, number: int = 3) -> Tensor:
    drawn = torch.Generator().manual_seed(1)
    scale = torch.arange(1, channels + 1)[:, None, None]
    return scale * torch.randn(number, channels, height, width, generator=drawn, dtype=torch.float64) + scale


def unequal(norm: PerFeature) -> PerFeature:
    with torch.no_grad():
        norm.inner.weight.copy_(torch.tensor([0.5, 2.0, -1.0]))
        norm.inner.bias.copy_(torch.tensor([1.0, 0.0, 3.0]))
    return norm.double()


def by_hand(x: Tensor, axes: tuple[int, ...], norm: nn.Module) -> Tensor:
    split = x.view(len(x), 3, -1, *x.shape[2:])  # image, feature, element, row, column
    mean, variance = split.mean(axes, keepdim=True), split.var(axes, unbiased=False, keepdim=True)
    weight, bias = (value.view(1, 3, 1, 1, 1) for value in (norm.inner.weight, norm.inner.bias))
    return ((split - mean) / (variance + 1e-5).sqrt() * weight + bias).view_as(x)


# ---------------------------------------------------------------- per feature


@pytest.mark.parametrize("group", ["p4", "p4m"])
def test_batch_norm_by_hand(group: str) -> None:
    norm = unequal(GroupBatchNorm2d(3, group))
    order = Group.parse(group).order
    x = features(3 * order)
    assert torch.allclose(norm(x), by_hand(x, (0, 2, 3, 4), norm), rtol=0, atol=1e-12)
    split = x.view(3, 3, -1, 5, 7)
    assert torch.allclose(norm.inner.running_mean, 0.1 * split.mean((0, 2, 3, 4)))
    assert torch.allclose(norm.inner.running_var, 0.9 + 0.1 * split.var((0, 2, 3, 4)))
    assert norm.inner.weight.shape == (3,)


def test_batch_norm_in_evaluation() -> None:
    norm = unequal(GroupBatchNorm2d(3, "p4", eps=0.1)).eval()
    norm.inner.running_mean.copy_(torch.tensor([1.0, 2.0, 3.0]))
    norm.inner.running_var.copy_(torch.tensor([4.0, 5.0, 6.0]))
    x = features(12)
    mean, variance, weight, bias = (
        value.repeat_interleave(4).view(1, 12, 1, 1)
        for value in (norm.inner.running_mean, norm.inner.running_var, norm.inner.weight, norm.inner.bias)
    )
    assert torch.allclose(norm(x), (x - mean) / (variance + 0.1).sqrt() * weight + bias, rtol=0, atol=1e-12)


def test_instance_norm_by_hand() -> None:
    norm = unequal(GroupInstanceNorm2d(3, "p4", affine=True))
    x = features(12)
    assert torch.allclose(norm(x), by_hand(x, (2, 3, 4), norm), rtol=0, atol=1e-12)


def test_dropout_drops_whole_features() -> None:
    torch.manual_seed(0)
    dropped = GroupDropout2d("p4", p=0.25)(torch.ones(50, 12, 3, 3)).view(50, 3, -1)
    first = dropped[:, :, :1]
    assert torch.equal(dropped, first.expand_as(dropped))
    assert torch.equal(first.unique(), torch.tensor([0.0, 1 / 0.75]))
    assert 0.15 < (first == 0).double().mean() < 0.35
    x = features(12)
    assert torch.equal(GroupDropout2d("p4", p=0.25).eval()(x), x)


@pytest.mark.parametrize("group", ["p4", "p8", "p4m"])
@pytest.mark.parametrize("kind", [GroupBatchNorm2d, GroupInstanceNorm2d, nn.BatchNorm2d])
def test_norms_are_equivariant(kind: type, group: str) -> None:
    """And plain batch normalisation, with parameters for every element, is not."""
    group = Group.parse(group)
    plain = kind is nn.BatchNorm2d
    norm = unequal(kind(3, group) if kind is GroupBatchNorm2d else kind(3, group, affine=True)) if not plain else None
    if plain:
        norm = nn.BatchNorm2d(3 * group.order).double()
        norm.weight.data.copy_(torch.arange(3 * group.order))
    x = features(3 * group.order, 6, 6)
    norm(x)
    for index, element in enumerate(group.elements):
        if not is_exact(element.matrix()):
            continue
        found, expected = norm(move_features(x, group, index)), move_features(norm(x), group, index)
        assert torch.allclose(found, expected, rtol=0, atol=1e-10) is (not plain or index == 0), element


def test_conversion_to_synchronised_batch_norm() -> None:
    model = nn.Sequential(unequal(GroupBatchNorm2d(3, "p4")), nn.ReLU()).eval()
    x = features(12)
    expected = model(x)
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    assert isinstance(converted[0], GroupBatchNorm2d)
    assert isinstance(converted[0].inner, nn.SyncBatchNorm)
    assert converted[0].inner.num_features == 3
    assert torch.equal(converted(x), expected)


def test_memory_formats() -> None:
    norm = unequal(GroupBatchNorm2d(3, "p4"))
    x = features(12)
    last = x.to(memory_format=torch.channels_last)
    assert torch.allclose(norm(last), norm(x), rtol=0, atol=1e-12)
    assert torch.equal(GroupPool("p4")(last), GroupPool("p4")(x))
    assert torch.equal(GroupPixelShuffle("p3", 2)(last), GroupPixelShuffle("p3", 2)(x))
    assert torch.allclose(AntiAliasedPool2d()(last), AntiAliasedPool2d()(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("layer", [GroupBatchNorm2d(3, "p4"), GroupDropout2d("p4"), GroupPool("p4")])
@pytest.mark.parametrize("shape", [(2, 13, 5, 5), (12, 5, 5)])
def test_wrong_channels(layer: nn.Module, shape: tuple[int, ...]) -> None:
    with pytest.raises(SettingError, match=r"expected features \(N, n \* 4, H, W\), got shape"):
        layer(torch.rand(shape))


# ---------------------------------------------------------------- pooling


@pytest.mark.parametrize(("reduction", "by_numpy"), [("max", np.max), ("mean", np.mean)])
def test_group_pool(reduction: str, by_numpy) -> None:
    x = features(16)
    found = GroupPool("p4m", reduction)(x)
    assert found.shape == (3, 2, 5, 7)
    assert np.allclose(found.numpy(), by_numpy(x.numpy().reshape(3, 2, 8, 5, 7), axis=2), rtol=0, atol=1e-12)
    model = nn.Sequential(GroupConv2d(2, 2, 3, group="p4m", basis="pixel"), GroupPool("p4m", reduction)).double()
    group = Group(4, True)
    with torch.no_grad():
        for index in range(8):
            turned = model(move_features(x[..., :5], group, index))
            expected = move_features(model(x[..., :5]), Group(1), 0, group.elements[index].matrix())
            assert torch.allclose(turned, expected, rtol=0, atol=1e-12)


def test_unknown_reduction() -> None:
    with pytest.raises(SettingError, match='must be "max" or "mean", got "median"'):
        GroupPool("p4", "median")


@pytest.mark.parametrize(("size", "stride"), [(5, 2), (3, 2), (7, 3)])
def test_anti_aliased_pool_by_hand(size: int, stride: int) -> None:
    sigma, reach = (size - 1) / 6, (size - 1) // 2
    profile = np.array([np.exp(-0.5 * (away / sigma) ** 2) for away in range(-reach, reach + 1)])
    weight = np.outer(profile, profile) / profile.sum() ** 2
    x = features(4, 7, 13, number=1)
    padded = np.pad(x.numpy()[0], ((0, 0), (reach, reach), (reach, reach)))
    expected = [
        [(padded[:, y : y + size, column : column + size] * weight).sum((1, 2)) for column in range(0, 13, stride)]
        for y in range(0, 7, stride)
    ]
    pool = AntiAliasedPool2d(size, stride).double()
    # the weights are made before the layer is brought to float64
    assert np.allclose(pool(x)[0].numpy(), np.moveaxis(expected, 2, 0), rtol=0, atol=1e-6)
    assert pool.gaussian.sum() == pytest.approx(1, abs=1e-6)
    assert list(pool.state_dict()) == []


def test_anti_aliased_pool_keeps_quarter_turns() -> None:
    pool = AntiAliasedPool2d().double()
    group = Group(4, True)
    x = features(8, 9, 13)
    for index in range(8):
        found, expected = pool(move_features(x, group, index)), move_features(pool(x), group, index)
        assert torch.allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [1, 4])
def test_gaussian_of_a_wrong_size(size: int) -> None:
    with pytest.raises(SettingError, match=f"size must be odd and 3 or more, .* got {size}"):
        AntiAliasedPool2d(size)


# ---------------------------------------------------------------- pixel shuffle


@pytest.mark.parametrize("factor", [1, 2, 3])
@pytest.mark.parametrize("group", ["p2", "p4", "p8", "p4m", "p8m", "p6m", "p1m"])
def test_pixel_shuffle_keeps_quarter_turns_and_mirrors(group: str, factor: int) -> None:
    group = Group.parse(group)
    shuffle = GroupPixelShuffle(group, factor)
    x = features(2 * factor**2 * group.order)
    exact = [index for index, element in enumerate(group.elements) if is_exact(element.matrix())]
    assert len(exact) >= 2
    for index in exact:
        assert torch.equal(shuffle(move_features(x, group, index)), move_features(shuffle(x), group, index))


def test_a_plain_pixel_shuffle_does_not() -> None:
    group, x = Group(4), features(32)
    shuffle = nn.PixelShuffle(2)
    assert not torch.equal(shuffle(move_features(x, group, 1)), move_features(shuffle(x), group, 1))


def test_pixel_shuffle_in_a_network() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        GroupConv2d(2, 8, 3, group="p4", basis="fourier"),
        GroupPixelShuffle("p4", 2),
        GroupConv2d(2, 1, 3, group="p4", basis="fourier"),
    ).double()
    x, group = features(8, 6, 6), Group(4)
    with torch.no_grad():
        expected = model(x)
        assert expected.shape == (3, 4, 12, 12)
        for index in range(4):
            found = model(move_features(x, group, index))
            assert torch.allclose(found, move_features(expected, group, index), rtol=0, atol=1e-11)


def test_without_a_group_it_is_the_plain_one() -> None:
    x = features(18)
    assert torch.equal(GroupPixelShuffle("p1", 3)(x), nn.PixelShuffle(3)(x))
    first = GroupPixelShuffle("p4", 2)(features(16)).view(3, 1, 4, 10, 14)[:, :, 0]
    assert torch.equal(first, nn.PixelShuffle(2)(features(16)[:, ::4]))


@pytest.mark.parametrize("group", ["p4", "p8m"])
def test_no_pixel_is_lost(group: str) -> None:
    order = Group.parse(group).order
    x = torch.arange(2 * 4 * order * 6, dtype=torch.float64).view(1, 8 * order, 2, 3).requires_grad_()
    found = GroupPixelShuffle(group, 2)(x)
    assert found.shape == (1, 2 * order, 4, 6)
    assert torch.equal(found.flatten().sort().values, x.flatten())
    # every element keeps its own pixels, block by block
    blocks = nn.functional.pixel_unshuffle(found, 2).view(2, order, 4, 2, 3).transpose(1, 2)
    assert torch.equal(blocks.sort(1).values, x.view(2, 4, order, 2, 3))
    found.square().sum().backward()
    assert torch.equal(x.grad, 2 * x)


def test_pixel_shuffle_of_wrong_channels() -> None:
    with pytest.raises(SettingError, match=r"multiple of 16 channels \(4 pixels, p4\), got 24"):
        GroupPixelShuffle("p4", 2)(torch.rand(1, 24, 5, 5))


def test_pixel_shuffle_has_nothing_to_load() -> None:
    assert list(GroupPixelShuffle("p4", 2).state_dict()) == []


@pytest.mark.parametrize("layer", [GroupBatchNorm2d(1, "p8"), GroupPool("p8"), AntiAliasedPool2d()])
def test_constant_images_are_invariant(layer: nn.Module) -> None:
    """A layer on features that are the same for all elements, by the tool for users."""
    x = torch.rand(1, 1, 9, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def model(images: Tensor) -> Tensor:
        return layer.double().eval()(images.expand(-1, 8, -1, -1))[:, :1]

    assert equivariance_error(model, "p4", x).max() < 1e-12
