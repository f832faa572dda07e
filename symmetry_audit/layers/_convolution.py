"""The one equivariant convolution: any basis, any group, w fixed, learned or per image."""

from __future__ import annotations

from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group, as_group
from symmetry_audit.layers._affine import Deformation
from symmetry_audit.layers._filters import FilterCache, build_filters
from symmetry_audit.layers._initial import initial_weight
from symmetry_audit.layers._kinds import GroupKind, Kind, LiftingKind, ProjectionKind
from symmetry_audit.layers._per_sample import convolve_per_sample
from symmetry_audit.layers.bases import make_basis

__all__ = ["PADDING_MODES", "EquivariantConv2d", "GroupConv2d", "LiftingConv2d", "ProjectionConv2d"]

PaddingMode = Literal["zeros", "replicate"]
PADDING_MODES = get_args(PaddingMode)


class EquivariantConv2d(nn.Module):
    """Base of ``LiftingConv2d``, ``GroupConv2d`` and ``ProjectionConv2d``, SPEC 9, Eqs. of Sec. 5 in [SA].

    A feature over a group of order T takes T channels, channel = feature * T + element. Rotating the input by an
    element rotates the output in space and moves its group axis by left multiplication. This is exact for quarter
    turns if the stride divides height - 1 and width - 1 of the padded input less the filter; for other angles it is as
    exact as the basis allows. The input has shape (N, in channels, H, W), the output (N, out channels, H', W').

    Parameters
    ----------
    in_features, out_features : int
        Features before the group axis, 1 or more.
    kernel_size : int
        Side of the filters in pixels, odd.
    group : Group or str
        The group, or its name: "p8" for 8 rotations, "p4m" for 4 rotations and mirrors.
    basis : str
        The filter basis, a name in ``BASES``.
    deformation : Deformation, optional
        Deformation of the group to D_w A D_w^-1; give the same one to all layers of a network.
    stride : int
        Step between output pixels, 1 or more.
    padding : int, optional
        Pixels added on every side, 0 or more; (kernel_size - 1) / 2 by default, which keeps the size at stride 1.
    padding_mode : str
        "zeros" or "replicate".
    bias : bool
        Whether every output feature has a bias, one value for all its elements.
    init : str
        Initial filters: "smooth", random filters that rotate well from the first step, or "kaiming", as published.
    relaxed : bool
        Whether to add a free filter to the equivariant one, zero at first: a residual pathway (Finzi et al. 2021). With
        it training can depart from the group, at a cost in the loss; see ``relaxation``.

    Raises
    ------
    SettingError
        If settings do not fit together, and on call for inputs of another shape.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from symmetry_audit.layers import LiftingConv2d, ProjectionConv2d
    >>> shared = {"group": "p8", "basis": "steerable"}
    >>> net = nn.Sequential(LiftingConv2d(3, 4, **shared), nn.ReLU(), ProjectionConv2d(4, 3, **shared))
    >>> net(torch.rand(1, 3, 32, 32)).shape
    torch.Size([1, 3, 32, 32])
    """

    kind_type: type[Kind]

    def __init__(
        self,
        in_features: int,
        out_features: int,
        kernel_size: int = 5,
        *,
        group: Group | str,
        basis: str,
        deformation: Deformation | None = None,
        stride: int = 1,
        padding: int | None = None,
        padding_mode: PaddingMode = "zeros",
        bias: bool = True,
        init: str = "smooth",
        relaxed: bool = False,
    ) -> None:
        super().__init__()
        if padding_mode not in PADDING_MODES:
            raise SettingError(f'padding_mode must be "zeros" or "replicate", got "{padding_mode}"')
        padding = (kernel_size - 1) // 2 if padding is None and isinstance(kernel_size, int) else padding
        sizes = {"in_features": in_features, "out_features": out_features, "kernel_size": kernel_size, "stride": stride}
        for name, value in {**sizes, "padding": padding}.items():
            least = 0 if name == "padding" else 1
            if not isinstance(value, int) or value < least:
                raise SettingError(f"{name} must be one whole number, {least} or more, got {value!r}")
        assert padding is not None  # refused above
        self.in_features, self.out_features, self.kernel_size = in_features, out_features, kernel_size
        self.group, self.basis_name, self.stride = as_group(group), basis, stride
        self.padding_mode: PaddingMode = padding_mode
        self.padding = padding
        self.kind = self.kind_type(self.group)
        self.in_channels, self.out_channels = self.kind.channels(in_features, out_features)
        # deformed pixels are not rotated onto pixels, so a deformed filter is always masked
        masked = deformation is not None or self.group.rotations not in (1, 2, 4)
        self.basis = make_basis(basis, kernel_size, self.group, masked)
        self.deformation = deformation
        self.weight = nn.Parameter(torch.empty(self.kind.coefficient_shape(in_features, out_features, self.basis.size)))
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None
        self.init = init
        shape = self.out_channels, self.in_channels, kernel_size, kernel_size
        self.residual = nn.Parameter(torch.empty(shape)) if relaxed else None
        self.reset_parameters()
        self._cache = FilterCache()

    def reset_parameters(self) -> None:
        """Draw new coefficients. Biases and the free filter of a relaxed layer start at zero."""
        with torch.no_grad():
            deformed = self.deformation is not None
            self.weight.copy_(initial_weight(self.weight.shape, self.basis, self.in_channels, self.init, deformed))
            for zero in (self.bias, self.residual):
                if zero is not None:
                    zero.zero_()

    def filters(self) -> Tensor:
        """The weight of the same plain convolution, shape (out channels, in channels, kernel_size, kernel_size).

        With an offset for each of N images, there are N such weights along a first axis. If no gradient with respect
        to w is needed, filters are built only when a parameter has changed.
        """
        own = [self.weight] if self.residual is None else [self.weight, self.residual]
        if self.deformation is None:
            return self._cache.get(own, lambda: self._build(self._undeformed()))
        w = list(self.deformation.parameters())
        if self.deformation.offset is None and not (torch.is_grad_enabled() and any(p.requires_grad for p in w)):
            return self._cache.get([*own, *w], lambda: self._build(self._deformed()))
        samples = self._deformed()
        if samples.dim() == 3:
            return self._build(samples)
        return torch.stack([self._build(one) for one in samples])

    def channel_bias(self) -> Tensor | None:
        """The bias of every out channel, shape (out channels,), or None without a bias."""
        if self.bias is None or not self.kind.gives_group:
            return self.bias
        return self.bias.repeat_interleave(self.group.order)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in channels, H, W) to (N, out channels, H', W').

        Raises SettingError for another shape, and if the offsets belong to another number of images.
        """
        if x.dim() != 4 or x.shape[1] != self.in_channels:
            over = f" over {self.group}: begin with a LiftingConv2d" if self.kind.takes_group else ""
            raise SettingError(
                f"expected images (N, {self.in_channels}, H, W), got shape {tuple(x.shape)}: "
                f"{type(self).__name__}({self.extra_repr()}) takes {self.in_features} features{over}"
            )
        padding = self.padding
        if padding and self.padding_mode == "replicate":
            x, padding = nn.functional.pad(x, [padding] * 4, mode="replicate"), 0
        if self.deformation is None or self.deformation.offset is None:
            return torch.conv2d(x, self.filters(), self.channel_bias(), self.stride, padding)
        samples = self._deformed()
        if len(samples) != len(x):
            raise SettingError(
                f"the deformation has offsets for {len(samples)} images, got {len(x)}: call the whole network, "
                "whose hypernetwork sets them"
            )
        y = convolve_per_sample(x, self.weight, samples, self.channel_bias(), self.kind, self.stride, padding)
        return y if self.residual is None else y + torch.conv2d(x, self.residual, None, self.stride, padding)

    def train(self, mode: bool = True) -> EquivariantConv2d:
        self._cache.clear()
        return super().train(mode)

    def _apply(self, *args: Any, **kwargs: Any) -> EquivariantConv2d:
        self._cache.clear()
        return super()._apply(*args, **kwargs)

    def extra_repr(self) -> str:
        return (
            f'{self.in_features}, {self.out_features}, {self.kernel_size}, group="{self.group}", '
            f'basis="{self.basis_name}", stride={self.stride}, padding={self.padding}, bias={self.bias is not None}'
            + (", relaxed=True" if self.residual is not None else "")
        )

    def _build(self, samples: Tensor) -> Tensor:
        filters = build_filters(self.weight, samples, self.kind)
        return filters if self.residual is None else filters + self.residual

    def _undeformed(self) -> Tensor:
        return self.basis.copies.of(self.basis.undeformed, self.weight.device)

    def _deformed(self) -> Tensor:
        assert self.deformation is not None
        return self.deformation.samples(self.basis, self)


class LiftingConv2d(EquivariantConv2d):
    """From ``in_features`` plain channels to ``out_features`` features over the group.

    Parameters and errors are those of ``EquivariantConv2d``. The first layer of an equivariant network.

    Examples
    --------
    >>> import torch
    >>> from symmetry_audit.layers import LiftingConv2d
    >>> LiftingConv2d(3, 4, group="p8", basis="fourier")(torch.rand(1, 3, 16, 16)).shape  # 4 features x 8 elements
    torch.Size([1, 32, 16, 16])
    """

    kind_type = LiftingKind


class GroupConv2d(EquivariantConv2d):
    """From features over the group to features over the group; ``kernel_size=1`` mixes them pixel by pixel.

    Parameters and errors are those of ``EquivariantConv2d``.

    Examples
    --------
    >>> import torch
    >>> from symmetry_audit.layers import GroupConv2d
    >>> GroupConv2d(4, 6, group="p8", basis="fourier")(torch.rand(1, 32, 16, 16)).shape
    torch.Size([1, 48, 16, 16])
    """

    kind_type = GroupKind


class ProjectionConv2d(EquivariantConv2d):
    """From features over the group to ``out_features`` plain channels, which rotate in space alone.

    Parameters and errors are those of ``EquivariantConv2d``. The last layer of an equivariant network.

    Examples
    --------
    >>> import torch
    >>> from symmetry_audit.layers import ProjectionConv2d
    >>> ProjectionConv2d(4, 3, group="p8", basis="fourier")(torch.rand(1, 32, 16, 16)).shape
    torch.Size([1, 3, 16, 16])
    """

    kind_type = ProjectionKind
