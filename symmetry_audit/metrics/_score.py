"""What an image scored, and the mean over images."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from symmetry_audit.errors import DataError

__all__ = ["Score", "ScoreMean"]


@dataclass(frozen=True)
class Score:
    """PSNR in dB (inf where the images are equal) and SSIM (1 where they are) of one image."""

    psnr: float
    ssim: float


class ScoreMean:
    """The plain mean over images, fed one by one or merged from parts.

    All scores are kept and their sum is rounded once, so the mean has the same bits whatever the order and
    however the images were shared out.

    >>> (ScoreMean([Score(30.0, 0.9)]) + ScoreMean([Score(32.0, 0.8)])).psnr
    31.0
    """

    def __init__(self, scores: Iterable[Score] = ()) -> None:
        self._scores = list(scores)

    def add(self, score: Score) -> None:
        """Take the next image."""
        self._scores.append(score)

    def __add__(self, other: ScoreMean) -> ScoreMean:
        return ScoreMean([*self._scores, *other._scores])

    @property
    def count(self) -> int:
        """How many images were scored."""
        return len(self._scores)

    @property
    def psnr(self) -> float:
        """Mean PSNR in dB, inf where one image is; raises DataError where no image was scored."""
        return self._mean([score.psnr for score in self._scores])

    @property
    def ssim(self) -> float:
        """Mean SSIM; raises DataError where no image was scored."""
        return self._mean([score.ssim for score in self._scores])

    def _mean(self, values: list[float]) -> float:
        if not values:
            raise DataError("no image was scored, so there is no mean; check that the source holds images")
        return math.fsum(values) / len(values)
