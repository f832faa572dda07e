"""The deformation w of the filters: learned for all images (TL-Conv), plus an offset for each image (SA-Conv)."""

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
    """The deformation w of a group, D_w A D_w^-1; returns D_w^-1 to the layers that use it.

    Several layers may use the same deformation. Base of ``SharedDeformation`` and ``FreeDeformation``; another
    parametrization of w overrides ``forward``.

    Attributes
    ----------
    offset : Tensor or None
        Output of a hypernetwork for the N images of the batch, shape (N, 3); None without a hypernetwork. It is kept
        until the next batch, so that activation checkpointing uses the same filters again. Copies start without one.

    Examples
    --------
    >>> from symmetry_audit.layers import SharedDeformation
    >>> w = SharedDeformation()
    >>> w().tolist()  # D_w^-1 of the identity
    [[1.0, 0.0], [0.0, 1.0]]
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
        """D_w^-1, float64: shape (2, 2) for all images, or with an ``offset`` (N, 2, 2), one for each image."""

    def _apply(self, *args: Any, **kwargs: Any) -> Deformation:
        self._samples.clear()
        return super()._apply(*args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "offset": None, "_samples": SampleCache()}


class SharedDeformation(Deformation):
    """One w = (a, b) of ``symmetry_audit.groups.Affine`` for all layers of a network, which then has the group G_w.

    (a, b) = ln(max_ratio) z / sqrt(1 + |z|^2) with z = ``position``, the trained parameter, plus the image's
    offset: bounded, smooth everywhere, the identity at 0. An offset holds the entries xx, xy, yy of a symmetric
    matrix. z takes the traceless part of it, ((xx - yy) / 2, -xy), as log D^2 depends on (a, b); so |det D| = 1. If
    ``anchored``, z is the offset alone, without ``position``.

    Parameters
    ----------
    start : Affine, optional
        Initial w, for example an audit's joint fit; the identity by default.
    max_ratio : float
        Upper limit of the axis ratio of w, more than 1.

    Raises
    ------
    SettingError
        If the axis ratio of ``start`` is ``max_ratio`` or more.

    Examples
    --------
    >>> from symmetry_audit.groups import Affine
    >>> from symmetry_audit.layers import LiftingConv2d, SharedDeformation
    >>> w = SharedDeformation(Affine(0.2, 0.1))
    >>> [round(value, 6) for value in w.coordinates().tolist()]
    [0.2, 0.1]
    >>> layer = LiftingConv2d(3, 4, group="p8", basis="fourier", deformation=w)
    """

    def __init__(self, start: Affine | None = None, max_ratio: float = MAX_RATIO) -> None:
        super().__init__()
        self.limit = log(max_ratio)
        self.position = nn.Parameter(torch.zeros(2))
        self.anchored = False
        if start is not None:
            self.set(start)

    def set(self, affine: Affine) -> None:
        """Start from ``affine``, for example an audit's joint fit. Raises SettingError if its ratio is too large."""
        size = hypot(affine.a, affine.b) / self.limit
        if size >= 1:
            raise SettingError(
                f"w has ratio {affine.ratio:.3g}, but this layer needs a ratio below {exp(self.limit):.3g}"
            )
        with torch.no_grad():
            scale = 1 / (self.limit * sqrt(1 - size**2))
            self.position.copy_(torch.tensor([affine.a * scale, affine.b * scale], dtype=torch.float64))

    def coordinates(self) -> Tensor:
        """(a, b), shape (2,) for all images or (N, 2) with an ``offset``, of the parameter's type."""
        z = self.position
        if self.offset is not None:
            xx, xy, yy = self.offset.unbind(-1)
            offset = torch.stack([(xx - yy) / 2, -xy], dim=-1)
            z = offset if self.anchored else z + offset
        return self.limit * z / (1 + z.square().sum(-1, keepdim=True)).sqrt()

    def forward(self) -> Tensor:
        return _exponential(*self.coordinates().double().unbind(-1))


class FreeDeformation(Deformation):
    """w = (theta0, C_x, C_y) with D_w^-1 = diag(C_x, C_y) Rot(-theta0), unbounded, one for each layer.

    The published parametrization, with offsets added to all three. theta0 is in radians; w starts at (0, 1, 1), the
    identity. Layers with different w have different groups, and a network of them has none; see
    ``SharedDeformation``.

    Examples
    --------
    >>> from symmetry_audit.layers import FreeDeformation
    >>> FreeDeformation().values.tolist()
    [0.0, 1.0, 1.0]
    """

    def __init__(self) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.tensor([0.0, 1.0, 1.0]))

    def forward(self) -> Tensor:
        values = self.values if self.offset is None else self.values + self.offset
        angle, x, y = values.double().unbind(-1)
        rows = torch.stack([x * angle.cos(), -x * angle.sin(), y * angle.sin(), y * angle.cos()], dim=-1)
        return rows.unflatten(-1, (2, 2))


def _exponential(a: Tensor, b: Tensor) -> Tensor:
    """exp(M) for M = ((-a, b), (b, a)) / 2, shape (..., 2, 2); a GPU need not wait, as for torch's matrix_exp.

    M^2 = q 1 with q = (a^2 + b^2) / 4, so exp(M) = cosh(sqrt q) 1 + sinh(sqrt q) / sqrt q M: near 0 their series in q,
    because the root has no derivative at 0.
    """
    q = (a.square() + b.square()) / 4
    near = q < 1e-2
    root = torch.where(near, 1.0, q).sqrt()
    even = torch.where(near, 1 + q / 2 * (1 + q / 12 * (1 + q / 30 * (1 + q / 56 * (1 + q / 90)))), root.cosh())
    odd = torch.where(near, 1 + q / 6 * (1 + q / 20 * (1 + q / 42 * (1 + q / 72 * (1 + q / 110)))), root.sinh() / root)
    diagonal, beside = odd * a / 2, odd * b / 2
    return torch.stack([even - diagonal, beside, beside, even + diagonal], dim=-1).unflatten(-1, (2, 2))
