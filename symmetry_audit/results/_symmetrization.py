"""A network beside its own average over a group, as frozen values, to and from JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from math import fsum, inf, isfinite
from statistics import stdev
from typing import Any

from symmetry_audit.errors import ReportError

__all__ = ["EQUAL", "INFINITE", "Symmetrization", "SymmetrizedScore", "mean"]

INFINITE = {"null": inf}  # an infinite PSNR is null in JSON
EQUAL = "infinite: an image is equal to its clean image"
UNKNOWN = "an image is equal to its clean image, so its difference is infinite"
ONE = "one image has no standard error"


@dataclass(frozen=True, kw_only=True)
class SymmetrizedScore:
    """One image: PSNR in dB of the network and of its average over the group (inf where equal to the clean image).

    ``deviation`` is the root mean square of their outputs' difference, in grey levels of [0, 255], before rounding.
    """

    DERIVED = ("difference",)

    image: str
    psnr: float = field(metadata=INFINITE)
    average_psnr: float = field(metadata=INFINITE)
    deviation: float

    @property
    def difference(self) -> float:
        """Average minus network in dB: above 0 where averaging helps; 0 where both are infinite."""
        return 0.0 if self.average_psnr == self.psnr else self.average_psnr - self.psnr


@dataclass(frozen=True, kw_only=True)
class Symmetrization:
    """A network Phi beside its average Phi_G(y) = 1/|G| sum over g of g^-1 Phi(g y) on the same images (SPEC 11).

    Phi_G is G-equivariant (Lemma 4.1 of [SA]), so where it is better, some G-equivariant restorer is better than
    Phi. Where it is worse, nothing follows. ``interval`` is the 95 % interval of Student for the mean ``difference``
    in dB, over images; None where there are fewer than two images or an infinite difference. ``verdict`` is

    * "gain" or "loss" where the interval is above or below 0;
    * "symmetric" where no output differs from its average beyond rounding, so that there is nothing to tell;
    * "undecided" otherwise.

    ``sentence`` says what the verdict proves.
    """

    DERIVED = ("psnr", "average_psnr", "difference", "standard_error", "deviation")

    group: str
    verdict: str
    sentence: str
    interval: tuple[float, float] | None
    images: tuple[SymmetrizedScore, ...]

    @property
    def psnr(self) -> float:
        """Mean PSNR of the network in dB."""
        return mean(item.psnr for item in self.images)

    @property
    def average_psnr(self) -> float:
        """Mean PSNR of the average in dB."""
        return mean(item.average_psnr for item in self.images)

    @property
    def difference(self) -> float | None:
        """Mean over images of average minus network, in dB; None where that of an image is infinite."""
        values = [item.difference for item in self.images]
        return mean(values) if all(map(isfinite, values)) else None

    @property
    def standard_error(self) -> float | None:
        """Of ``difference``, over images, in dB; None for one image."""
        if self.difference is None or len(self.images) < 2:
            return None
        return stdev(item.difference for item in self.images) / len(self.images) ** 0.5

    @property
    def deviation(self) -> float:
        """The largest deviation of an image."""
        return max(item.deviation for item in self.images)

    def to_dict(self) -> dict[str, Any]:
        """The part of an evaluation's document; what is null is explained by :meth:`reasons`."""
        return {
            "group": self.group,
            "verdict": self.verdict,
            "sentence": self.sentence,
            "psnr": _finite(self.psnr),
            "average_psnr": _finite(self.average_psnr),
            "difference": self.difference,
            "standard_error": self.standard_error,
            "interval": None if self.interval is None else list(self.interval),
            "deviation": self.deviation,
            "images": [_row(item) for item in self.images],
        }

    def reasons(self) -> Iterator[tuple[str, str]]:
        """Why something is null, by path."""
        for where, value in (("", self), *((f"images.{item.image}.", item) for item in self.images)):
            for name in ("psnr", "average_psnr"):
                if getattr(value, name) == inf:
                    yield f"{where}{name}", EQUAL
            if value.difference is None or not isfinite(value.difference):
                yield f"{where}difference", UNKNOWN
        if self.standard_error is None:
            reason = UNKNOWN if self.difference is None else ONE
            yield from ((name, reason) for name in ("standard_error", "interval"))


def _row(item: SymmetrizedScore) -> dict[str, Any]:
    return {name: _finite(value) for name, value in (asdict(item) | {"difference": item.difference}).items()}


def _finite(value: Any) -> Any:
    return None if value in (inf, -inf) else value


def mean(values: Iterable[float]) -> float:
    """Rounded once, so that the order does not matter. Raises ReportError where there are none."""
    values = list(values)
    if not values:
        raise ReportError("no image was scored, so there is no mean; give a folder that holds images")
    return fsum(values) / len(values)
