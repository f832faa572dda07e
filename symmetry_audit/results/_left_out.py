"""How much of the images was not measured because of padding and masks."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LeftOut"]


@dataclass(frozen=True)
class LeftOut:
    """The share of the pixels inside the margin that V leaves out (SPEC 3), at full resolution: the ``mean`` over the
    images, and the ``largest``, of ``image``; 0, 0 and None where V is the whole rectangle in all images."""

    mean: float = 0.0
    largest: float = 0.0
    image: str | None = None
