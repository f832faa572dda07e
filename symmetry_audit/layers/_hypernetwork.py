"""Networks that predict from an image how the filters should be deformed (SA-Conv)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from symmetry_audit.devices import DeviceCopies
from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group, as_group
from symmetry_audit.layers._affine import Deformation, SharedDeformation
from symmetry_audit.layers._convolution import GroupConv2d, LiftingConv2d
from symmetry_audit.layers._norms_and_pooling import AntiAliasedPool2d, GroupBatchNorm2d

__all__ = ["EquivariantHyperNetwork", "HyperNetwork", "SampleAdaptive"]

GREY = torch.tensor([0.2989, 0.5870, 0.1140], dtype=torch.float64, device="cpu")
COPIES = DeviceCopies()
FLAT = 1e-5  # relative to the largest value; an image with a smaller standard deviation is flat but for rounding


class HyperNetwork(nn.Module):
    """w of each image, (N, 3): the published encoder (Sec. 5 of [SA]), 33,523 parameters for 1 or 3 channels.

    Its parts: a grey image; 3 x 3 convolutions without padding, batch-normalized, to 32 features; the inner product of
    every feature with the down-sampled image; an MLP 32-16-8-3, whose last layer starts at zero, so that an untrained
    network changes nothing. With other numbers of channels, the encoder sees all channels and the inner product is with
    their mean (``depth=4`` is then the small variant for deraining, 29,107 parameters for 35 channels).

    Images need 29 pixels a side (21 with ``depth=4``). With fewer, a single feature pixel is left, and its product with
    the mean of a normalized image is 0 for all images. Without ``normalized``, 25 (17) pixels suffice.

    Parameters
    ----------
    in_channels : int
        Channels of the images.
    depth : int
        Convolutions of the encoder, 4 or 5.
    normalized : bool
        Whether to normalize every image to mean 0 and variance 1, so that w depends neither on units nor on brightness
        or contrast; the published code uses 0..255.

    Raises
    ------
    SettingError
        For another depth, and on call for images of another shape or below ``smallest`` pixels a side.

    Examples
    --------
    >>> import torch
    >>> from symmetry_audit.layers import HyperNetwork
    >>> HyperNetwork()(torch.rand(2, 3, 32, 32)).shape
    torch.Size([2, 3])
    """

    def __init__(self, in_channels: int = 3, depth: int = 5, normalized: bool = True) -> None:
        super().__init__()
        if depth not in (4, 5):
            raise SettingError(f"the encoder has 4 or 5 convolutions, got depth={depth}")
        self.in_channels, self.normalized = in_channels, normalized
        self.smallest = (25 if depth == 5 else 17) + (4 if normalized else 0)
        widths = [1 if in_channels in (1, 3) else in_channels, 16, *[32] * (depth - 1)]
        strides = [1, 2, 2, 1, 1][:depth]
        self.encoder = nn.Sequential(
            *[
                nn.Sequential(nn.Conv2d(a, b, 3, stride), nn.BatchNorm2d(b), nn.ReLU())
                for a, b, stride in zip(widths, widths[1:], strides, strict=False)
            ]
        )
        self.head = nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))
        self.reset_output()

    def reset_output(self) -> None:
        """Set the last layer to zero, so that w = 0 for every image."""
        last = self.head[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) in any unit to (N, 3)."""
        image = _reference(x, self.in_channels, self.smallest)
        if self.normalized:
            image, x = _standardized(image), _standardized(x)
        features = self.encoder(image if self.in_channels in (1, 3) else x)
        down = nn.functional.adaptive_avg_pool2d(image, features.shape[-2:])
        return self.head((features * down).mean((2, 3)))


class EquivariantHyperNetwork(nn.Module):
    """w of each image, (N, 3), that rotates with the image: w(pi_A x) = A w(x) A^-1 (ours; [SA] has no such guarantee).

    Like ``HyperNetwork``, but with features over ``group`` instead of plain ones: three 5 x 5 convolutions with
    anti-aliased pooling between them, and an MLP of 1 x 1 group convolutions. Its result are values f_A over the
    group. Their part of frequency 2, the sum of f_A (cos 2 theta_A, sin 2 theta_A), rotates like the long axis of w.
    This is exact for quarter turns, and for the mirrors of a mirrored group, if height - 1 and width - 1 are multiples
    of 4; for other angles it is as exact as the encoder. An SA network with it is equivariant from end to end: its w
    replaces the shared w, which does not rotate with the image.

    Parameters
    ----------
    in_channels : int
        Channels of the images.
    group : Group or str
        A group of 3 rotations or more, but not 4: quarter turns only change the sign of an axis, so half of all axes
        are out of reach. It need not be the group of the network.
    features : int
        Features of each layer.

    Raises
    ------
    SettingError
        For groups of 1, 2 or 4 rotations, and on call for images of another shape or below 9 pixels a side.

    Examples
    --------
    >>> import torch
    >>> from symmetry_audit.layers import EquivariantHyperNetwork
    >>> EquivariantHyperNetwork(group="p8")(torch.rand(2, 3, 33, 33)).shape
    torch.Size([2, 3])
    """

    waves: Tensor

    def __init__(self, in_channels: int = 3, group: Group | str = "p8", features: int = 4) -> None:
        super().__init__()
        self.group, self.in_channels, self.smallest = as_group(group), in_channels, 9
        if self.group.rotations in (1, 2, 4):
            raise SettingError(f"{self.group} cannot rotate an axis to all directions; use p3 or p8, for example")
        shared = {"group": self.group, "basis": "steerable"}
        self.encoder = nn.Sequential(
            *(LiftingConv2d(1, features, **shared), GroupBatchNorm2d(features, self.group), nn.ReLU()),
            AntiAliasedPool2d(),
            *(GroupConv2d(features, features, **shared), GroupBatchNorm2d(features, self.group), nn.ReLU()),
            AntiAliasedPool2d(),
            *(GroupConv2d(features, features, **shared), GroupBatchNorm2d(features, self.group), nn.ReLU()),
        )
        self.head = nn.Sequential(
            *(GroupConv2d(features, features, 1, **shared), nn.ReLU()),
            GroupConv2d(features, 1, 1, bias=False, **shared),
        )
        angles = torch.tensor([2 * element.angle_deg for element in self.group.elements]).double().deg2rad()
        # the long axis of A M is that of A: the mirror maps the axis at 0 to itself
        waves = torch.stack([angles.cos(), angles.sin()], dim=-1)
        self.register_buffer("waves", waves.to(torch.get_default_dtype()), persistent=False)
        self.reset_output()

    def reset_output(self) -> None:
        """Set the last layer to zero, so that w = 0 for every image."""
        last = self.head[-1]
        assert isinstance(last, GroupConv2d)
        nn.init.zeros_(last.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) in any unit to (N, 3)."""
        image = _standardized(_reference(x, self.in_channels, self.smallest))
        features = self.encoder(image)
        down = nn.functional.adaptive_avg_pool2d(image, features.shape[-2:])
        pooled = (features * down).mean((2, 3), keepdim=True)
        a, b = (self.head(pooled).flatten(1) @ self.waves.to(pooled.dtype)).unbind(-1)
        return torch.stack([a, -b, -a], dim=-1)  # xx, xy, yy


class SampleAdaptive(nn.Module):
    """``network`` with filters that ``hypernetwork`` deforms anew for every image (SA-Conv).

    The offsets go to every ``Deformation`` of the layers of ``network``. Called with images (N, C, H, W), it returns
    the output of ``network``.

    Parameters
    ----------
    network : nn.Module
        A network whose layers have a deformation.
    hypernetwork : nn.Module
        Maps images (N, C, H, W) to offsets (N, 3): ``HyperNetwork`` or ``EquivariantHyperNetwork``.

    Raises
    ------
    SettingError
        If no layer has a deformation, and if an equivariant hypernetwork is combined with a w that is not shared or
        does not start at the identity.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from symmetry_audit.layers import HyperNetwork, Layers, SampleAdaptive
    >>> layers = Layers("sa", "p8")
    >>> net = SampleAdaptive(nn.Sequential(layers.lifting(3, 2), layers.projection(2, 3)), HyperNetwork())
    >>> net(torch.rand(2, 3, 32, 32)).shape
    torch.Size([2, 3, 32, 32])
    """

    def __init__(self, network: nn.Module, hypernetwork: nn.Module) -> None:
        super().__init__()
        self.network, self.hypernetwork = network, hypernetwork
        if not self.deformations():
            raise SettingError("no layer of the network has a deformation: build its layers with one")
        if isinstance(hypernetwork, EquivariantHyperNetwork):
            self._anchor()

    def deformations(self) -> list[Deformation]:
        """The different deformations of the network's layers."""
        return [module for module in self.network.modules() if isinstance(module, Deformation)]

    def _anchor(self) -> None:
        """Let the hypernetwork alone set w, since a shared w does not rotate with the image."""
        for deformation in self.deformations():
            if not isinstance(deformation, SharedDeformation):
                raise SettingError(
                    'an equivariant hypernetwork needs a shared deformation: use preset="shared", '
                    "or the published hypernetwork"
                )
            if deformation.position.any():
                raise SettingError(
                    "an equivariant hypernetwork replaces the shared w: start it at 0, or use the published one"
                )
            deformation.anchored = True
            deformation.position.requires_grad_(False)

    def adapt(self, x: Tensor) -> None:
        """Deform the filters for the images ``x`` (N, C, H, W), until the next call."""
        offset = self.hypernetwork(x)
        for deformation in self.deformations():
            deformation.offset = offset

    def forward(self, x: Tensor, **options: Any) -> Any:
        """The network's output for the images ``x`` (N, C, H, W); ``options`` are passed to it."""
        self.adapt(x)
        return self.network(x, **options)


def _reference(x: Tensor, in_channels: int, smallest: int) -> Tensor:
    """The grey image (N, 1, H, W), or the mean of channels that are not colors."""
    if x.dim() != 4 or x.shape[1] != in_channels or min(x.shape[-2:]) < smallest:
        raise SettingError(
            f"the hypernetwork expects images (N, {in_channels}, H, W) of {smallest} pixels a side or more, "
            f"got shape {tuple(x.shape)}"
        )
    if in_channels != 3:
        return x.mean(1, keepdim=True)
    return torch.einsum("nchw,c->nhw", x, COPIES.of(GREY, x.device, x.dtype))[:, None]


def _standardized(x: Tensor) -> Tensor:
    """Each image with mean 0 and variance 1; a flat one, up to rounding, is 0."""
    size = x.abs().amax((1, 2, 3), keepdim=True)
    centred = x - x.mean((1, 2, 3), keepdim=True)
    # unlike the root of a mean of squares, the norm has a gradient at 0
    deviation = torch.linalg.vector_norm(centred, dim=(1, 2, 3), keepdim=True) / x[0].numel() ** 0.5
    return torch.where(deviation > FLAT * size, centred / deviation.clamp_min(torch.finfo(x.dtype).tiny), 0.0)
