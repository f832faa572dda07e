"""Random transformations under which a set of images is supposed to look the same: shifts and rotations."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from symmetry_audit.actions import Resampling, is_exact, move
from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group, as_group

__all__ = ["Rotations", "Shifts", "Transforms"]


class Transforms(Protocol):
    """Images (N, C, H, W) to several transformed copies, (k N, C, H, W): the whole batch once, then again."""

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor: ...


class Shifts:
    """``count`` circular shifts, by dy rows and dx columns, none of them 0; no dy and no dx occurs twice, as in [EI].

    Every dy is one of -(H - 1) .. H - 1, every dx one of -(W - 1) .. W - 1; all images of a batch move alike.
    """

    def __init__(self, count: int = 3) -> None:
        """Raises SettingError for a count below 1."""
        self.count = _checked(count)

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Raises SettingError for images too small for as many shifts."""
        down, right = (_offsets(side, self.count, generator) for side in images.shape[-2:])
        moves = zip(down, right, strict=True)
        return torch.cat([images.roll(offsets, (-2, -1)) for offsets in moves])


class Rotations:
    """``count`` different elements of ``group``, never the identity, about the centre of square images.

    "p360" is the group of all whole degrees, "p4" that of quarter turns, which only move pixels. Others interpolate by
    Keys' cubic, with zeros beyond the border. All images of a batch turn alike.
    """

    def __init__(self, count: int = 2, group: Group | str = "p360") -> None:
        """Raises SettingError for a group with fewer other elements than ``count``."""
        self.group, self.count = as_group(group), _checked(count)
        if self.count >= self.group.order:
            raise SettingError(
                f"{self.group} has {self.group.order - 1} elements beside the identity, so it cannot give {count} "
                "different ones; choose a larger group or a smaller count"
            )

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Raises SettingError for images that are not square."""
        if images.shape[-1] != images.shape[-2]:
            raise SettingError(f"rotations need square images, got shape {tuple(images.shape)}")
        elements = 1 + _shuffled(self.group.order - 1, self.count, generator)
        return torch.cat([self._turned(images, index) for index in elements.tolist()])

    def _turned(self, images: Tensor, index: int) -> Tensor:
        element = self.group.elements[index]
        if is_exact(element.matrix()):
            return move(images, element.matrix())
        # not from the cache of all elements, which would fill the memory: p360 has 359 of them
        return _Turn.apply(images, Resampling(element, images.shape[-1], images.dtype, images.device))


class _Turn(torch.autograd.Function):
    """pi_A on images, whose gradient is the adjoint's."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, turn: Resampling) -> Tensor:
        ctx.turn = turn
        return turn(images)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (gradient,) = grad_outputs
        return ctx.turn.adjoint(gradient), None


def _checked(count: int) -> int:
    if count < 1:
        raise SettingError(f"there must be at least 1 transformation, got {count}")
    return count


def _shuffled(many: int, count: int, generator: torch.Generator | None) -> Tensor:
    """``count`` different ones of 0 .. many - 1."""
    device = None if generator is None else generator.device
    return torch.randperm(many, generator=generator, device=device)[:count]


def _offsets(side: int, count: int, generator: torch.Generator | None) -> list[int]:
    """``count`` different ones of -(side - 1) .. side - 1 without 0."""
    if count > 2 * (side - 1):
        least = count // 2 + count % 2 + 1
        raise SettingError(f"{count} different shifts need a side of {least} px or more, got {side}")
    found = _shuffled(2 * (side - 1), count, generator) - (side - 1)
    return (found + (found >= 0)).tolist()
