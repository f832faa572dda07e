"""How well a network restores the squares that are measured, and what averaging it over the group gains."""

from __future__ import annotations

from math import gcd

from torch import nn

from symmetry_audit.groups import Group
from symmetry_audit.inference import score_item, symmetrization
from symmetry_audit.results import RestorationScores, SquareScore, SymmetrizedScore
from symmetry_audit.tasks import Item, Task

__all__ = ["Scores", "exact_part"]


def exact_part(group: Group) -> Group | None:
    """The elements of ``group`` that only move pixels; None where the identity alone does."""
    found = Group(gcd(group.rotations, 4), group.mirrored)
    return found if found.order > 1 else None


class Scores:
    """PSNR of a network on squares, one after the other, beside its average over the part of ``group`` that is exact.

    It runs on whole squares that are not faded, so these are the numbers of ``evaluate`` on such images.
    """

    def __init__(self, network: nn.Module, task: Task, group: Group, device: str) -> None:
        self.network, self.task, self.group, self.device = network, task, exact_part(group), device
        self.images: list[SquareScore] = []
        self.averages: list[SymmetrizedScore] = []

    def add(self, square: Item) -> None:
        """Score one image. Raises SettingError for less than 11 px, ModelError for NaN."""
        found, average = score_item(self.network, square, self.task, group=self.group, device=self.device)
        self.images.append(SquareScore(image=found.image, psnr=found.psnr, input_psnr=found.input_psnr))
        if average is not None:
            self.averages.append(average)

    def result(self) -> RestorationScores:
        """The scores so far, one image or more, by name."""
        way = self.task.protocols[self.task.protocol]
        averages = sorted(self.averages, key=lambda item: item.image)
        return RestorationScores(
            protocol=way.name,
            protocol_text=way.text,
            images=tuple(sorted(self.images, key=lambda item: item.image)),
            symmetrization=None if self.group is None else symmetrization(self.group, averages),
        )
