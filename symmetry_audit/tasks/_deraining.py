"""Deraining: rainy images, which come in pairs with clean ones."""

from __future__ import annotations

from dataclasses import dataclass

from symmetry_audit.tasks._task import Task

__all__ = ["TASK"]


@dataclass(frozen=True, kw_only=True)
class Deraining(Task):
    """Rainy images with their clean partners."""

    name = "derain"
    protocol = "derain-y"
    backbone = "rcdnet"
    augment = "hflip"  # rain falls downwards
    paired = True

    @property
    def text(self) -> str:
        return "deraining"


TASK = Deraining
