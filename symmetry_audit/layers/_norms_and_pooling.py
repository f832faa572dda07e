"""Layers that treat the elements of a feature alike: normalization, dropout, pooling, pixel shuffle.

Pointwise non-linearities need no layer of their own: ``nn.ReLU`` and the like are equivariant already.
"""

from __future__ import annotations

from math import ceil, floor

import torch
from torch import Tensor, nn

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group, as_group

__all__ = [
    "AntiAliasedPool2d",
    "GroupBatchNorm2d",
    "GroupDropout2d",
    "GroupInstanceNorm2d",
    "GroupPixelShuffle",
    "GroupPool",
    "PerFeature",
]


class PerFeature(nn.Module):
    """Runs ``inner`` with one channel for each feature, the elements stacked along the rows of the image.

    So statistics, affine parameters and dropped features are shared over the group axis. Input and output have shape
    (N, n * order, H, W) for n features.

    Parameters
    ----------
    inner : nn.Module
        A layer that keeps the shape; its input is (N, n, order * H, W).
    group : Group or str
        The group of the features, or its name.

    Raises
    ------
    SettingError
        On call, if the number of channels is not a multiple of the group's order.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from symmetry_audit.layers import PerFeature
    >>> PerFeature(nn.GroupNorm(2, 4), "p8")(torch.rand(1, 32, 16, 16)).shape
    torch.Size([1, 32, 16, 16])
    """

    def __init__(self, inner: nn.Module, group: Group | str) -> None:
        super().__init__()
        self.inner, self.group = inner, as_group(group)

    def forward(self, x: Tensor) -> Tensor:
        """(N, n * order, H, W) to the same shape."""
        return self.inner(_split(x, self.group.order).flatten(2, 3)).view_as(x)


class GroupBatchNorm2d(PerFeature):
    """Batch normalization over images, pixels and elements: (N, features * order, H, W) to the same shape.

    Parameters
    ----------
    features : int
        Features before the group axis.
    group : Group or str
        The group of the features, or its name.
    **options
        Options of ``nn.BatchNorm2d``.

    Examples
    --------
    >>> import torch
    >>> from symmetry_audit.layers import GroupBatchNorm2d
    >>> GroupBatchNorm2d(4, "p8", eps=1e-4)(torch.rand(2, 32, 16, 16)).shape
    torch.Size([2, 32, 16, 16])
    """

    def __init__(self, features: int, group: Group | str, **options) -> None:
        super().__init__(nn.BatchNorm2d(features, **options), group)


class GroupInstanceNorm2d(PerFeature):
    """Instance normalization over pixels and elements: (N, features * order, H, W) to the same shape.

    Parameters
    ----------
    features : int
        Features before the group axis.
    group : Group or str
        The group of the features, or its name.
    **options
        Options of ``nn.InstanceNorm2d``.

    Examples
    --------
    >>> import torch
    >>> from symmetry_audit.layers import GroupInstanceNorm2d
    >>> GroupInstanceNorm2d(4, "p8", eps=1e-4)(torch.rand(2, 32, 16, 16)).shape
    torch.Size([2, 32, 16, 16])
    """

    def __init__(self, features: int, group: Group | str, **options) -> None:
        super().__init__(nn.InstanceNorm2d(features, **options), group)


class GroupDropout2d(PerFeature):
    """Drops whole features, with all their elements: (N, n * order, H, W) to the same shape.

    Parameters
    ----------
    group : Group or str
        The group of the features, or its name.
    p : float
        The probability that a feature is dropped, in [0, 1].

    Examples
    --------
    >>> import torch
    >>> from symmetry_audit.layers import GroupDropout2d
    >>> GroupDropout2d("p8", p=0.1)(torch.rand(1, 32, 16, 16)).shape
    torch.Size([1, 32, 16, 16])
    """

    def __init__(self, group: Group | str, p: float = 0.5) -> None:
        super().__init__(nn.Dropout2d(p), group)


class GroupPool(nn.Module):
    """The largest or mean value over the group axis: (N, n * order, H, W) to (N, n, H, W).

    Parameters
    ----------
    group : Group or str
        The group of the features, or its name.
    reduction : str
        "max" or "mean".

    Raises
    ------
    SettingError
        For another reduction, and on call if the number of channels is not a multiple of the group's order.

    Examples
    --------
    >>> import torch
    >>> from symmetry_audit.layers import GroupPool
    >>> GroupPool("p8")(torch.rand(1, 32, 16, 16)).shape
    torch.Size([1, 4, 16, 16])
    """

    def __init__(self, group: Group | str, reduction: str = "max") -> None:
        super().__init__()
        if reduction not in ("max", "mean"):
            raise SettingError(f'reduction must be "max" or "mean", got "{reduction}"')
        self.group, self.reduction = as_group(group), reduction

    def forward(self, x: Tensor) -> Tensor:
        """(N, n * order, H, W) to (N, n, H, W)."""
        split = _split(x, self.group.order)
        return split.amax(2) if self.reduction == "max" else split.mean(2)


class AntiAliasedPool2d(nn.Module):
    """Every ``stride``-th pixel after a Gaussian blur: (N, C, H, W) to (N, C, ceil(H / stride), ceil(W / stride)).

    The Gaussian has standard deviation (size - 1) / 6 on size x size pixels.

    Parameters
    ----------
    size : int
        Side of the Gaussian in pixels, odd, 3 or more.
    stride : int
        Step between output pixels.

    Raises
    ------
    SettingError
        For an even size or one below 3.

    Examples
    --------
    >>> import torch
    >>> from symmetry_audit.layers import AntiAliasedPool2d
    >>> AntiAliasedPool2d()(torch.rand(1, 32, 17, 17)).shape
    torch.Size([1, 32, 9, 9])
    """

    gaussian: Tensor

    def __init__(self, size: int = 5, stride: int = 2) -> None:
        super().__init__()
        if size < 3 or size % 2 == 0:
            raise SettingError(
                f"size must be odd and 3 or more, so that the Gaussian has a centre pixel and a width, got {size}"
            )
        self.size, self.stride = size, stride
        away = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
        profile = torch.exp(-(away**2) / (2 * ((size - 1) / 6) ** 2))
        profile /= profile.sum()
        self.register_buffer("gaussian", torch.outer(profile, profile).to(torch.get_default_dtype()), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, ceil(H / stride), ceil(W / stride))."""
        channels = x.shape[1]
        weight = self.gaussian.to(x.dtype).expand(channels, 1, -1, -1)
        return torch.conv2d(x, weight, None, self.stride, (self.size - 1) // 2, groups=channels)


class GroupPixelShuffle(nn.Module):
    """Up-sampling that keeps the group axis: (N, n * r^2 * order, H, W) to (N, n * order, r H, r W), r = ``factor``.

    The r x r new pixels of an element are rotated by its quarter turns (and its mirror), so that these stay exact.
    ``nn.PixelShuffle`` in its place would destroy the group axis.

    Parameters
    ----------
    group : Group or str
        The group of the features, or its name.
    factor : int
        r, the factor by which the output is larger along each side.

    Raises
    ------
    SettingError
        On call, if the number of channels is not a multiple of r^2 times the group's order.

    Examples
    --------
    >>> import torch
    >>> from symmetry_audit.layers import GroupPixelShuffle
    >>> GroupPixelShuffle("p8", 2)(torch.rand(1, 4 * 4 * 8, 16, 16)).shape
    torch.Size([1, 32, 32, 32])
    """

    layouts: Tensor

    def __init__(self, group: Group | str, factor: int) -> None:
        super().__init__()
        self.group, self.factor = as_group(group), factor
        square = torch.arange(factor**2).view(factor, factor)
        layouts = []
        for element in self.group.elements:
            layout = square.flip(1) if element.mirrored else square
            # angles between two quarter turns use the lower one, after the mirror the upper one: so mirrors agree too
            round_ = ceil if element.mirrored else floor
            layouts.append(torch.rot90(layout, round_(4 * element.turn / self.group.rotations)).flatten())
        # from r^2 x order to order x r^2 channels of one feature
        rows = [layout * self.group.order + index for index, layout in enumerate(layouts)]
        self.register_buffer("layouts", torch.cat(rows), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, n * r^2 * order, H, W) to (N, n * order, r H, r W)."""
        order, square = self.group.order, self.factor**2
        if x.shape[1] % (order * square):
            raise SettingError(
                f"expected a multiple of {order * square} channels ({square} pixels, {self.group}), got {x.shape[1]}"
            )
        laid = x.unflatten(1, (-1, order * square)).index_select(2, self.layouts)
        return torch.pixel_shuffle(laid.flatten(1, 2), self.factor)


def _split(x: Tensor, order: int) -> Tensor:
    """(N, n * order, H, W) as (N, n, order, H, W)."""
    if x.dim() != 4 or x.shape[1] % order:
        raise SettingError(f"expected features (N, n * {order}, H, W), got shape {tuple(x.shape)}")
    return x.unflatten(1, (-1, order))
