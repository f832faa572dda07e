"""How well a network restores the squares on which its symmetry is measured, as frozen values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Any

from symmetry_audit.results._symmetrization import EQUAL, INFINITE, Symmetrization, mean

__all__ = ["RestorationScores", "SquareScore"]


@dataclass(frozen=True, kw_only=True)
class SquareScore:
    """One image: PSNR in dB (inf where equal to the clean one) of the network's output and of its input.

    Of its central square alone; the input is enlarged by bicubic interpolation where it is smaller.
    """

    image: str
    psnr: float = field(metadata=INFINITE)
    input_psnr: float = field(metadata=INFINITE)


@dataclass(frozen=True, kw_only=True)
class RestorationScores:
    """PSNR under ``protocol``, which ``protocol_text`` describes, of the squares that an alignment measures.

    Means are plain means over images, infinite where one image's value is infinite. ``symmetrization`` says what the
    network's average over a group gains on these squares; None where the measured group has no element but the
    identity that maps pixels to pixels.
    """

    DERIVED = ("psnr", "input_psnr")

    protocol: str
    protocol_text: str
    images: tuple[SquareScore, ...]
    symmetrization: Symmetrization | None = None

    @property
    def psnr(self) -> float:
        """Mean PSNR of the network's outputs in dB."""
        return mean(item.psnr for item in self.images)

    @property
    def input_psnr(self) -> float:
        """Mean PSNR of its inputs in dB."""
        return mean(item.input_psnr for item in self.images)

    def to_dict(self) -> dict[str, Any]:
        """The part of an alignment's document; what is null is explained by :meth:`reasons`."""
        return {
            "protocol": self.protocol,
            "protocol_text": self.protocol_text,
            **_numbers(self),
            "images": [{"image": item.image, **_numbers(item)} for item in self.images],
            "symmetrization": None if self.symmetrization is None else self.symmetrization.to_dict(),
        }

    def reasons(self) -> Iterator[tuple[str, str]]:
        """Why something is null, by path."""
        for where, value in (("", self), *((f"images.{item.image}.", item) for item in self.images)):
            yield from ((f"{where}{name}", EQUAL) for name, number in _numbers(value).items() if number is None)
        if self.symmetrization is not None:
            yield from ((f"symmetrization.{name}", reason) for name, reason in self.symmetrization.reasons())


def _numbers(value: RestorationScores | SquareScore) -> dict[str, float | None]:
    numbers = {"psnr": value.psnr, "input_psnr": value.input_psnr}
    return {name: None if number == inf else number for name, number in numbers.items()}
