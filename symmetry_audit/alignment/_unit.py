"""In which range of values a network works, such as 0 to 1 or 0 to 255, tried on the first images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from math import fsum, inf

from torch import nn

from symmetry_audit.alignment._domain import squared
from symmetry_audit.inference import ValueRange, score_item
from symmetry_audit.tasks import Item, Task

__all__ = ["UnitTrial", "try_units"]

TRIED = 3  # images
CLEAR = 0.1  # dB


@dataclass(frozen=True)
class UnitTrial:
    """Mean PSNR in dB of the first ``images``: of the input, and by range of the network's outputs, -inf for NaN."""

    images: int
    input_psnr: float
    psnr: Mapping[ValueRange, float]

    @property
    def best(self) -> ValueRange:
        """The range in which the network restores best; the first of equal ones.

        One whose black is not 0 counts only where the network restores in it and in no other: padding with zeros,
        which are then grey, can look better than it is.
        """
        usual = max((one for one in self.psnr if one.black == 0), key=self.psnr.__getitem__)
        found = max(self.psnr, key=self.psnr.__getitem__)
        return found if self.psnr[found] > self.input_psnr >= self.psnr[usual] else usual

    @property
    def restores(self) -> bool:
        """Whether the network improves the images in the best range."""
        return self.psnr[self.best] > self.input_psnr

    def refutes(self, values: ValueRange) -> bool:
        """Whether the network restores in another range, and clearly better than in ``values``."""
        return self.restores and self.psnr[self.best] > self.psnr[values] + CLEAR


def try_units(
    networks: Mapping[ValueRange, nn.Module],
    items: Iterable[Item],
    task: Task,
    *,
    crop: int | None,
    device: str = "cpu",
) -> UnitTrial:
    """How well the same network, behind an adapter for every range, restores the squares of the first three images."""
    squares = [squared(item, crop) for item in islice(items, TRIED)]
    inputs: list[float] = []
    outputs: dict[ValueRange, list[float]] = {values: [] for values in networks}
    for square in squares:
        for values, network in networks.items():
            try:
                score, _ = score_item(network, square, task, device=device)
            except Exception:  # foreign code can raise anything; where it matters the measurement raises it again
                outputs[values].append(-inf)
            else:
                outputs[values].append(score.psnr)
                inputs.append(score.input_psnr)
    return UnitTrial(
        images=len(squares),
        input_psnr=_mean(inputs),
        psnr={values: _mean(scores) for values, scores in outputs.items()},
    )


def _mean(values: list[float]) -> float:
    return fsum(values) / len(values) if values and -inf not in values else -inf
