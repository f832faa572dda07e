"""From an equivariant network to plain convolutions."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from symmetry_audit.errors import SettingError
from symmetry_audit.layers._convolution import EquivariantConv2d
from symmetry_audit.layers._hypernetwork import SampleAdaptive

__all__ = ["fold"]


@torch.no_grad()
def fold(module: nn.Module, image: Tensor | None = None) -> nn.Module:
    """A copy of ``module`` with every equivariant convolution replaced by an ``nn.Conv2d`` of the same output.

    This is for export, and for speed when filters would be built anew. The copy trains as a plain network and is no
    longer constrained by the group. A ``SampleAdaptive`` network is folded for the w of one image and returned without
    its hypernetwork; its own state does not change.

    Parameters
    ----------
    module : nn.Module
        A layer or a network; it is not changed.
    image : Tensor, optional
        For ``SampleAdaptive`` networks: the image whose w the copy keeps, shape (1, C, H, W).

    Returns
    -------
    nn.Module
        The plain copy, on the same device and in the same mode.

    Raises
    ------
    SettingError
        For a ``SampleAdaptive`` network without an image, and for a network with a ``SampleAdaptive`` part.

    Examples
    --------
    >>> from symmetry_audit.layers import LiftingConv2d, fold
    >>> fold(LiftingConv2d(3, 4, group="p8", basis="fourier"))
    Conv2d(3, 32, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))
    """
    if isinstance(module, SampleAdaptive):
        return _folded_for(module, image)
    if any(isinstance(part, SampleAdaptive) for part in module.modules()):
        raise SettingError("fold the SampleAdaptive part itself, with the image whose w the copy should keep")
    return _replaced(deepcopy(module), {})


def _folded_for(module: SampleAdaptive, image: Tensor | None) -> nn.Module:
    if image is None or image.dim() != 4 or len(image) != 1:
        raise SettingError(
            "an SA network has different filters for every image: use fold(network, image), image (1, C, H, W)"
        )
    copy = deepcopy(module)
    offset = copy.hypernetwork.eval()(image)
    for deformation in copy.deformations():
        deformation.offset = offset[0]
    return _replaced(copy.network, {})


def _replaced(module: nn.Module, done: dict[nn.Module, nn.Module]) -> nn.Module:
    """``module`` with its convolutions replaced in place; one used twice is replaced by one."""
    if isinstance(module, EquivariantConv2d):
        if module not in done:
            done[module] = _plain(module)
        return done[module]
    for name, child in list(module._modules.items()):  # named_children skips further names of the same module
        if child is not None:
            setattr(module, name, _replaced(child, done))
    return module


def _plain(layer: EquivariantConv2d) -> nn.Conv2d:
    filters, bias = layer.filters(), layer.channel_bias()
    plain = torch.nn.utils.skip_init(
        nn.Conv2d,
        *(layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding),
        bias=bias is not None,
        padding_mode=layer.padding_mode,
        device=filters.device,
        dtype=filters.dtype,
    )
    assert isinstance(plain, nn.Conv2d)
    plain.weight.copy_(filters)
    if bias is not None and plain.bias is not None:
        plain.bias.copy_(bias)
    return plain.train(layer.training)
