"""The costs of a network: parameters, multiply-adds, and the memory that a training step keeps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group
from symmetry_audit.layers import METHODS, EquivariantConv2d
from symmetry_audit.nets._build import build, smallest_side

__all__ = ["Cost", "costs"]


@dataclass(frozen=True)
class Cost:
    """The costs of one network on one image, see ``costs``."""

    parameters: int
    trainable: int
    multiply_adds: int
    activation_bytes: int


def costs(
    backbone: str,
    method: str = "cnn",
    preset: str = "small",
    scale: int | None = None,
    size: int = 48,
    *,
    group: Group | str | None = None,
    basis: str | None = None,
) -> Cost:
    """Parameters of ``build``'s network, and its costs for one image of ``size`` x ``size`` px before enlarging.

    ``parameters`` includes frozen parameters. ``multiply_adds`` counts convolutions and matrix products of a forward
    pass, padding included. Building filters that are the same for all images is not counted; building the filters of
    SA-Conv, which differ from image to image, is. ``activation_bytes`` is the memory in float32 that a training step
    keeps from the forward pass for the backward pass: every distinct tensor once, including filter banks, without
    parameters. Raises SettingError as ``build`` does, and for images that are too small.
    """
    network = build(backbone, method, preset=preset, scale=scale, group=group, basis=basis)
    if size < (least := smallest_side(network)):
        raise SettingError(f"{backbone} with {method} needs images of {least} pixels a side or more, got size {size}")
    numbers = [(parameter.numel(), parameter.requires_grad) for parameter in network.parameters()]
    for_each_image = METHODS[method].adaptive
    inputs, layers = vars(network)["inputs"], _take_out(network)
    try:
        with FlopCounterMode(display=False) as counter:
            saved = _saved(network, torch.zeros(1, inputs, size, size, device="meta"))
    except ValueError:  # batch normalization of a single value
        raise SettingError(
            f"{backbone} with {method} cannot be trained on a single image of {size} x {size} pixels: "
            "give a larger size"
        ) from None
    products, kept = _filters(layers, for_each_image)
    return Cost(
        sum(number for number, _ in numbers),
        sum(number for number, trained in numbers if trained),
        counter.get_total_flops() // 2 + products,
        _bytes(saved.values()) + kept,
    )


def _take_out(network: nn.Module) -> list[EquivariantConv2d]:
    """Replace the equivariant layers of ``network``, which it returns, by plain ones, and all values by shapes."""
    found = [(name, part) for name, part in network.named_modules() if isinstance(part, EquivariantConv2d)]
    for name, layer in found:
        parent, _, last = name.rpartition(".")
        sizes = layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding
        plain = nn.Conv2d(*sizes, bias=layer.bias is not None, padding_mode=layer.padding_mode, device="meta")
        setattr(network.get_submodule(parent), last, plain)
    network.to("meta")
    return [layer for _, layer in found]


def _saved(module: nn.Module, image: Tensor) -> dict[int, torch.UntypedStorage]:
    """The tensors that the forward pass keeps for the backward pass, by identity, without parameters and ``image``."""
    own = {tensor.untyped_storage()._cdata for tensor in (*module.parameters(), image)}
    saved = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            saved[storage._cdata] = storage  # held, so that no address is used twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        module(image)
    return saved


def _filters(layers: list[EquivariantConv2d], for_each_image: bool) -> tuple[int, int]:
    """Multiply-adds for building the filters that differ from image to image, and the bytes that all filters keep.

    Measured on one pixel of the output. Of equal layers two are measured: every further layer adds as much as the
    second. The first also includes constants that the layers share, and samples that are computed once for all.
    """
    products, further, saved, alike = 0, 0, {}, defaultdict(list)
    for layer in layers:
        if layer.deformation is not None and for_each_image:
            layer.deformation.offset = torch.zeros(1, 3, requires_grad=True)
        alike[type(layer), layer.weight.shape, layer.kernel_size, layer.deformation is None].append(layer)
    for same in alike.values():
        before, counts = 0, []
        for layer in same[:2]:
            side = max(1, layer.kernel_size - 2 * layer.padding)
            before = _bytes(saved.values())
            with FlopCounterMode(display=False) as counter:
                saved |= _saved(layer, torch.zeros(1, layer.in_channels, side, side))
            counts.append(counter.get_total_flops() // 2)
        further += (_bytes(saved.values()) - before) * max(0, len(same) - 2)
        layer = same[0]
        if layer.deformation is not None and for_each_image:
            convolution = layer.in_channels * layer.out_channels * layer.kernel_size**2
            products += sum(counts) + counts[-1] * (len(same) - len(counts)) - convolution * len(same)
    return products, _bytes(saved.values()) + further


def _bytes(storages: Iterable[torch.UntypedStorage]) -> int:
    return sum(storage.nbytes() for storage in storages)
