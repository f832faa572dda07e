"""How coefficients and a sampled basis form a filter bank, for the three kinds of layers (SPEC 9).

A bank is one matrix product of the ``expanded`` coefficients and the ``arranged`` samples. The result has the memory
layout of a convolution's weight, so only the coefficients are copied. ``collected`` and
``disarranged`` are the adjoints of ``expanded`` and ``arranged``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from symmetry_audit.devices import DeviceCopies
from symmetry_audit.groups import Group

__all__ = ["GroupKind", "Kind", "LiftingKind", "ProjectionKind"]


class Kind(ABC):
    """One kind of layer over a group of order T, with plain channels or channels feature * T + element on each side."""

    takes_group = True
    gives_group = True

    def __init__(self, group: Group) -> None:
        self.group = group

    def channels(self, in_features: int, out_features: int) -> tuple[int, int]:
        """The number of input and output channels."""
        order = self.group.order
        return in_features * (order if self.takes_group else 1), out_features * (order if self.gives_group else 1)

    def coefficient_shape(self, in_features: int, out_features: int, size: int) -> tuple[int, ...]:
        """The shape of the trained weight for a basis of ``size`` functions."""
        return (out_features, in_features, size)

    @abstractmethod
    def expanded(self, weight: Tensor) -> Tensor:
        """The coefficients, of ``coefficient_shape``, laid out for the product: (out features, ..., K)."""

    @abstractmethod
    def collected(self, gradient: Tensor) -> Tensor:
        """The adjoint of ``expanded``."""

    def as_filters(self, product: Tensor, points: int) -> Tensor:
        """The product as a convolution's weight (out channels, in channels, p, p), p * p = ``points``."""
        channels = len(product) * (self.group.order if self.gives_group else 1)
        side = round(points**0.5)
        return product.view(channels, -1, side, side)

    def arranged(self, samples: Tensor) -> Tensor:
        """The samples (..., T, K, P) laid out for the product."""
        return samples

    def disarranged(self, gradient: Tensor) -> Tensor:
        """The adjoint of ``arranged``."""
        return gradient


class LiftingKind(Kind):
    """Plain channels to features over the group: filter^A(u) = sum_k v_k phi_k(A^-1 D^-1 u)."""

    takes_group = False

    def expanded(self, weight: Tensor) -> Tensor:
        return weight[:, None].expand(-1, self.group.order, -1, -1)  # m, A, n, K

    def collected(self, gradient: Tensor) -> Tensor:
        return gradient.sum(1)


class GroupKind(Kind):
    """Features to features: filter^{B,A}(u) = sum_k v_{B^-1 A, k} phi_k(B^-1 D^-1 u)."""

    def __init__(self, group: Group) -> None:
        super().__init__(group)
        quotients = torch.from_numpy(group.quotients())
        self.quotients = quotients
        # the inverse of B^-1 A = S: A at [B, S]
        self.products = quotients.argsort(1)
        self.copies = DeviceCopies()

    def coefficient_shape(self, in_features: int, out_features: int, size: int) -> tuple[int, ...]:
        return (out_features, in_features, self.group.order, size)

    def expanded(self, weight: Tensor) -> Tensor:
        m, n, order, size = weight.shape
        wide = weight.new_empty(m, order, n, order, size)
        for b, row in enumerate(self.copies.of(self.quotients, weight.device)):
            wide[:, b] = weight.index_select(2, row)
        return wide.view(m, order, n * order, size)

    def collected(self, gradient: Tensor) -> Tensor:
        m, order, wide, size = gradient.shape
        parts = gradient.view(m, order, wide // order, order, size)
        rows = self.copies.of(self.products, gradient.device)
        return sum((parts[:, b].index_select(2, row) for b, row in enumerate(rows)), parts.new_zeros(()))


class ProjectionKind(Kind):
    """Features to plain channels: the sum over B of sum_k v_k phi_k(B^-1 D^-1 u)."""

    gives_group = False

    def expanded(self, weight: Tensor) -> Tensor:
        return weight  # m, n, K

    def collected(self, gradient: Tensor) -> Tensor:
        return gradient

    def arranged(self, samples: Tensor) -> Tensor:
        return samples.transpose(-3, -2).flatten(-2)  # K, (B, P)

    def disarranged(self, gradient: Tensor) -> Tensor:
        return gradient.unflatten(-1, (self.group.order, -1)).transpose(-3, -2)
