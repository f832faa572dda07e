"""How an element moves features over its group: in space, and along the group axis."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from symmetry_audit.actions._images import move
from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group

__all__ = ["move_features"]


def move_features(features: Tensor, group: Group, index: int, matrix: np.ndarray | None = None) -> Tensor:
    """pi_A on ``features`` (N, n * order, H, W), channel = feature * order + element; A = element ``index``.

    The value at B moves to A B. ``matrix`` moves the pixels; it is the element's own by default (give D A D^-1 for a
    deformed group). Features without height and width, (N, n * order), are only moved along the group axis.
    """
    features = _along_group(features, group, index)
    if features.dim() == 2:
        return features
    return move(features, group.elements[index].matrix() if matrix is None else matrix)


def _along_group(features: Tensor, group: Group, index: int) -> Tensor:
    """The part of :func:`move_features` that moves no pixels: the value at B moves to A B."""
    if features.shape[1] % group.order:
        raise SettingError(f"features over {group} need a multiple of {group.order} channels, got {features.shape[1]}")
    come_from = torch.from_numpy(group.quotients()[index]).to(features.device)  # A^-1 B at B
    return features.unflatten(1, (-1, group.order)).index_select(2, come_from).flatten(1, 2)
