"""In which range of values a network works: 0 to 1 or 0 to 255, tried on the first images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from math import fsum, inf

from torch import nn

from symmetry_audit.alignment._domain import squared
from symmetry_audit.inference import score_item
from symmetry_audit.tasks import Item, Task

__all__ = ["UnitTrial", "try_units"]

TRIED = 3  # images
CLEAR = 0.1  # dB


@dataclass(frozen=True)
class UnitTrial:
    """Mean PSNR in dB of the first ``images``: of the input, and by unit of the network's outputs, -inf for NaN."""

    images: int
    input_psnr: float
    psnr: Mapping[int, float]

    @property
    def best(self) -> int:
        """The unit in which the network restores best; 255 where both are equal."""
        return max(self.psnr, key=lambda unit: (self.psnr[unit], unit))

    @property
    def restores(self) -> bool:
        """Whether the network improves the images in the better unit."""
        return self.psnr[self.best] > self.input_psnr

    def refutes(self, unit: int) -> bool:
        """Whether the network restores in the other unit, and clearly better than in ``unit``."""
        return self.restores and self.psnr[self.best] > self.psnr[unit] + CLEAR


def try_units(
    networks: Mapping[int, nn.Module], items: Iterable[Item], task: Task, *, crop: int | None, device: str = "cpu"
) -> UnitTrial:
    """How well the same network, behind an adapter for every unit, restores the squares of the first three images."""
    squares = [squared(item, crop) for item in islice(items, TRIED)]
    inputs: list[float] = []
    outputs: dict[int, list[float]] = {unit: [] for unit in networks}
    for square in squares:
        for unit, network in networks.items():
            try:
                score, _ = score_item(network, square, task, device=device)
            except Exception:  # foreign code can raise anything; where it matters the measurement raises it again
                outputs[unit].append(-inf)
            else:
                outputs[unit].append(score.psnr)
                inputs.append(score.input_psnr)
    return UnitTrial(
        images=len(squares),
        input_psnr=_mean(inputs),
        psnr={unit: _mean(values) for unit, values in outputs.items()},
    )


def _mean(values: list[float]) -> float:
    return fsum(values) / len(values) if values and -inf not in values else -inf
