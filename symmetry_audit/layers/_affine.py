"""The deformation w of the filters: learned for all images (TL-Conv), with an offset for each (SA-Conv)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import exp, hypot, log, sqrt
from typing import Any

import torch
from torch import Tensor, nn

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import MAX_RATIO, Affine
from symmetry_audit.layers._samples import SampleCache
from symmetry_audit.layers.bases import Basis

__all__ = ["Deformation", "FreeDeformation", "SharedDeformation"]


class Deformation(nn.Module, ABC):
    """Gives D_w^-1 to the layers that hold it; several layers may hold the same one.

    ``offset``, shape (N, 3), is what a hypernetwork found for the N images at hand, and None without one. It
    stays until the next batch, so that activation checkpointing meets the same filters again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.offset: Tensor | None = None
        self._samples = SampleCache()

    def samples(self, basis: Basis, layer: nn.Module) -> Tensor:
        """phi_k(A^-1 D_w^-1 x) of ``basis`` for ``layer``, (..., order, K, points); once for all layers of a pass."""
        return self._samples.get(self, basis, layer)

    @abstractmethod
    def forward(self) -> Tensor:
        """D_w^-1 for all images, shape (2, 2), or for each, (N, 2, 2)."""

    def _apply(self, *args: Any, **kwargs: Any) -> Deformation:
        self._samples.clear()
        return super()._apply(*args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "offset": None, "_samples": SampleCache()}


class SharedDeformation(Deformation):
    """w = (a, b) of ``symmetry_audit.groups.Affine``: one for all layers of a network, so that it has the group G_w.

    (a, b) = ln(max_ratio) z / sqrt(1 + |z|^2) with z = ``position``, the trained parameter, plus the image's
    offset: bounded, smooth everywhere, the identity at 0. An offset holds the entries xx, xy, yy of a symmetric
    matrix, of which z takes the traceless part ((xx - yy) / 2, -xy), in the way log D^2 depends on (a, b); so
    |det D| = 1. Where ``anchored``, the offset stands alone, without ``position``.
    """

    def __init__(self, start: Affine | None = None, max_ratio: float = MAX_RATIO) -> None:
        super().__init__()
        self.limit = log(max_ratio)
        self.position = nn.Parameter(torch.zeros(2))
        self.anchored = False
        if start is not None:
            self.set(start)

    def set(self, affine: Affine) -> None:
        """Start from ``affine``, for example an audit's. Raises SettingError beyond the largest ratio."""
        size = hypot(affine.a, affine.b) / self.limit
        if size >= 1:
            raise SettingError(f"w has ratio {affine.ratio:.3g}, this layer allows less than {exp(self.limit):.3g}")
        with torch.no_grad():
            scale = 1 / (self.limit * sqrt(1 - size**2))
            self.position.copy_(torch.tensor([affine.a * scale, affine.b * scale], dtype=torch.float64))

    def coordinates(self) -> Tensor:
        """(a, b), shape (2,) or (N, 2), of the parameter's type."""
        z = self.position
        if self.offset is not None:
            xx, xy, yy = self.offset.unbind(-1)
            offset = torch.stack([(xx - yy) / 2, -xy], dim=-1)
            z = offset if self.anchored else z + offset
        return self.limit * z / (1 + z.square().sum(-1, keepdim=True)).sqrt()

    def forward(self) -> Tensor:
        a, b = self.coordinates().double().unbind(-1)
        return torch.linalg.matrix_exp(torch.stack([-a, b, b, a], dim=-1).unflatten(-1, (2, 2)) / 2)


class FreeDeformation(Deformation):
    """w = (theta0, C_x, C_y) with D_w^-1 = diag(C_x, C_y) Rot(-theta0), unbounded, one for each layer.

    The published parametrisation, with offsets added to all three. Layers with different w have different
    groups, so that a network of them has none; see ``SharedDeformation``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.tensor([0.0, 1.0, 1.0]))

    def forward(self) -> Tensor:
        values = self.values if self.offset is None else self.values + self.offset
        angle, x, y = values.double().unbind(-1)
        rows = torch.stack([x * angle.cos(), -x * angle.sin(), y * angle.sin(), y * angle.cos()], dim=-1)
        return rows.unflatten(-1, (2, 2))
