"""One image through a network: whole or in tiles, once or averaged over a group of exact moves."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from symmetry_audit.actions import is_exact, move
from symmetry_audit.errors import ModelError, SettingError
from symmetry_audit.groups import Group, as_group
from symmetry_audit.inference._modes import evaluating, move_to
from symmetry_audit.inference._outputs import remedy
from symmetry_audit.layers import SampleAdaptive, fold
from symmetry_audit.nets import smallest_side

__all__ = ["average_image", "can_tile", "exact_group", "prepared", "restore_image"]

ALONE = Group(1)
SQUARE = Group(4, mirrored=True)  # the eight flips and quarter turns
EXACT = tuple(group for group in SQUARE.subgroups() if group != ALONE)


def prepared(network: nn.Module) -> nn.Module:
    """``network`` for inference: in eval mode, and folded to plain convolutions if no filter depends on the image.

    A network with SA-Conv is returned as it is. Outputs agree up to rounding.
    """
    return (network if _adaptive_parts(network) else fold(network)).eval()


def can_tile(network: nn.Module) -> bool:
    """Whether w, if the network has any, depends on its input only, so that all tiles can share it."""
    return all(part is network for part in _adaptive_parts(network))


def restore_image(
    network: nn.Module,
    image: np.ndarray,
    *,
    tile: int | None = None,
    overlap: int = 32,
    self_ensemble: bool = False,
    device: str | torch.device = "cpu",
) -> np.ndarray:
    """``image`` (H, W, C) in 0..255 to the network's output (s H, s W, C'), float32 in 0..255 units, unclipped.

    With ``tile`` the image is cut into equal parts of at most ``tile`` px a side. Each part comes with ``overlap`` px
    around it, so the network's padding is seen only where the image itself ends. The result equals that of the whole
    image wherever the overlap covers the reach of the network's filters. w of an SA network is always found once, from
    the whole image. ``self_ensemble`` averages over the eight flips and quarter turns. Images that are too small for a
    hypernetwork are extended by copies of their last row and column, which are cut off afterwards. The network runs in
    eval mode on ``device``, stays there, and returns to the mode that it had.

    Raises SettingError for arrays of another shape, and for tiles if the network finds w from inner features;
    ModelError if the output is not an image of a whole multiple of the size, or if there is not enough memory.
    """
    return _run(network, image, SQUARE if self_ensemble else ALONE, tile, overlap, device)[1]


def average_image(
    network: nn.Module,
    image: np.ndarray,
    group: Group | str,
    *,
    tile: int | None = None,
    overlap: int = 32,
    device: str | torch.device = "cpu",
) -> tuple[np.ndarray, np.ndarray]:
    """What :func:`restore_image` gives for ``image``, and its average over ``group``, each (s H, s W, C') float32.

    The average of Phi is Phi_G(y) = 1/|G| sum over g of g^-1 Phi(g y). It has the group G whatever Phi is, since
    Phi_G(h y) = h Phi_G(y) (Lemma 4.1 of [SA]). The network runs once for each element.

    Raises the errors of :func:`restore_image`, and SettingError for a group that does not map pixels to pixels.
    """
    return _run(network, image, exact_group(group), tile, overlap, device)


def exact_group(group: Group | str) -> Group:
    """``group``, checked to have several elements, all of which map pixels to pixels. Raises SettingError otherwise."""
    group = as_group(group)
    if group == ALONE or not all(map(is_exact, group.matrices())):
        names = ", ".join(map(str, EXACT))
        raise SettingError(f"--symmetrize takes a group that only moves pixels, one of {names}; got {group}")
    return group


def _run(
    network: nn.Module, image: np.ndarray, group: Group, tile: int | None, overlap: int, device: str | torch.device
) -> tuple[np.ndarray, np.ndarray]:
    """The output and its average over ``group``."""
    if image.ndim != 3 or not image.size:
        raise SettingError(f"expected an image (H, W, C), got shape {image.shape}")
    for name, value, least in (("tile", tile, 1), ("overlap", overlap, 0)):
        if value is not None and value < least:
            raise SettingError(f"{name} must be {least} px or more, got {value}")
    if tile is not None and not can_tile(network):
        raise SettingError(
            "this network finds w from inner features, so tiles would get different w: restore the whole image"
        )
    pixels = np.ascontiguousarray(image.transpose(2, 0, 1)[None], dtype=np.float32)
    move_to(network, torch.device(device))
    with torch.inference_mode(), evaluating(network):
        x = torch.from_numpy(pixels).to(device)
        outputs = _averaged(network, x, group, tile, overlap)
        own, average = (output[0].permute(1, 2, 0).contiguous().cpu().numpy() for output in outputs)
        return own, average


def _adaptive_parts(network: nn.Module) -> list[nn.Module]:
    return [part for part in network.modules() if isinstance(part, SampleAdaptive)]


def _averaged(network: nn.Module, x: Tensor, group: Group, tile: int | None, overlap: int) -> tuple[Tensor, Tensor]:
    """The output, and the mean over ``group`` of the outputs for moved images, each moved back."""
    own = total = _restored(network, x, tile, overlap)
    for element in sorted(group.elements)[1:]:  # the identity is first
        moved = _restored(network, move(x, element.matrix()), tile, overlap)
        total = total + move(moved, (~element).matrix())
    return own, total / group.order


def _restored(network: nn.Module, x: Tensor, tile: int | None, overlap: int) -> Tensor:
    """x (1, C, H, W) to (1, C', s H, s W)."""
    height, width = x.shape[-2:]
    smallest = smallest_side(network)
    missing = [max(smallest - size, 0) for size in (width, height)]
    if any(missing):
        x = nn.functional.pad(x, (0, missing[0], 0, missing[1]), mode="replicate")
    channels = getattr(network, "outputs", 3)
    if tile is None or max(x.shape[-2:]) <= tile:
        result, scale = _checked(network(x), x, channels)
    else:
        result, scale = _tiled(network, x, tile, overlap, channels)
    return result[..., : scale * height, : scale * width]


def _tiled(network: nn.Module, x: Tensor, tile: int, overlap: int, channels: int) -> tuple[Tensor, int]:
    """``network(x)`` from tiles, whose margins are cut off afterwards."""
    if isinstance(network, SampleAdaptive):
        network.adapt(x)
        network = network.network
    rows = []
    for top, bottom, above, below in _spans(x.shape[-2], tile, overlap):
        row = []
        for left, right, before, after in _spans(x.shape[-1], tile, overlap):
            part = x[..., top - above : bottom + below, left - before : right + after]
            result, scale = _checked(network(part), part, channels)
            ends = scale * (above + bottom - top), scale * (before + right - left)
            row.append(result[..., scale * above : ends[0], scale * before : ends[1]])
        rows.append(torch.cat(row, dim=-1))
    return _checked(torch.cat(rows, dim=-2), x, channels)


def _spans(length: int, tile: int, overlap: int) -> list[tuple[int, int, int, int]]:
    """(start, stop, margin before, margin after) of equal parts of at most ``tile``; margins end with the image."""
    count = -(-length // tile)
    edges = [index * length // count for index in range(count + 1)]
    return [(start, stop, min(overlap, start), min(overlap, length - stop)) for start, stop in pairwise(edges)]


def _checked(result: Tensor, x: Tensor, channels: int) -> tuple[Tensor, int]:
    """The output, which has so many ``channels``, and the factor by which it is larger than ``x``."""
    scale = result.shape[-1] // x.shape[-1] if isinstance(result, Tensor) and result.dim() == 4 else 0
    if scale < 1 or result.shape != (1, channels, *(scale * size for size in x.shape[-2:])):
        got = tuple(result.shape) if isinstance(result, Tensor) else type(result).__name__
        raise ModelError(
            f"for an image of shape {tuple(x.shape)} the network returned {got}; "
            f"expected {'an RGB image' if channels == 3 else 'a grey image'}{remedy(result, x)}"
        )
    return result, scale
