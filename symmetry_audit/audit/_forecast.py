"""How long a run will take, predicted from the first few of its images."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from symmetry_audit.audit._costs import ASSUMED, LONG, MANY, core_time, duration, image_cost, less
from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.wording import count

__all__ = ["Forecast"]

FEW = 3  # images of each kind that are timed before anything is predicted
SHORTEST = 20.0  # s; of a shorter run nothing is said


class Forecast:
    """The time of a run, from the seconds that its first images took.

    ``sizes`` maps the names of the images to measure to their sizes in any unit, 0 for files that are no images. An
    image with controls takes longer than one without, so the two kinds are timed apart: within a kind the time is taken
    as proportional to the size, and the factor is the sum of the seconds over the sum of the sizes (a ratio estimator).
    Seconds are those of one worker while all of them work.
    """

    def __init__(
        self,
        sizes: Mapping[str, float],
        controlled: Collection[str],
        workers: int,
        images: int,
        settings: AuditSettings | None = None,
        whole: AuditSettings | None = None,
    ) -> None:
        """``images`` counts those of the source: where some were measured before, it is larger than ``sizes``.

        With ``settings``, the cost of a large run is told; ``whole`` are those of the run that this one begins.
        """
        self._sizes, self._workers, self._images = sizes, workers, images
        self._settings, self._whole = settings, whole or settings
        self._share = len([name for name in sizes if name in controlled]) / max(len(sizes), 1)
        both = ([name for name in sizes if sizes[name] and (name in controlled) is kind] for kind in (True, False))
        self._kinds = [sorted(names, key=lambda name: sizes[name]) for names in both if names]
        self._timed: dict[str, float] = {}
        self._known = False

    def first(self) -> list[str]:
        """The images to measure first: of each kind FEW, or all if there are fewer, spread evenly over the sizes."""
        spread = []
        for names in self._kinds:
            few = min(FEW, len(names))
            spread += [names[(2 * i + 1) * len(names) // (2 * few)] for i in range(few)]
        return spread

    def add(self, name: str, seconds: float) -> str | None:
        """One image was measured. Returns the prediction in words when it is first known, unless the run is short."""
        self._timed[name] = seconds
        if self._known or (total := self.seconds()) is None:
            return None
        self._known = True
        if (cost := self._cost(total)) is not None:
            return f"{self._sentence(total)}\n{cost}"
        return None if total < SHORTEST else self._sentence(total)

    def seconds(self) -> float | None:
        """Predicted time of all images together, also of those added; None until FEW of each kind are timed."""
        total = 0.0
        for names in self._kinds:
            timed = [name for name in names if name in self._timed]
            size = sum(self._sizes[name] for name in timed)
            if len(timed) < min(FEW, len(names)):
                return None
            total += sum(self._timed[name] for name in timed) / size * sum(self._sizes[name] for name in names)
        return total / min(self._workers, sum(map(len, self._kinds))) if self._kinds else None

    def _sentence(self, seconds: float) -> str:
        left, timed = len(self._sizes), count(len(self._timed), "image")
        what = count(left, "image") if left == self._images else f"{left} of {count(self._images, 'image')} left"
        workers = count(self._workers, "worker")
        return f"{what}: about {duration(seconds)} on {workers}, predicted from {timed} timed first"

    def _cost(self, seconds: float) -> str | None:
        """What a large run costs and what would cost less; ``seconds`` are those of this part of it."""
        settings, whole = self._settings, self._whole
        if settings is None or whole is None:
            return None
        told = [size for size in self._sizes.values() if size > 1]
        pixels = sum(told) / len(told) if told else ASSUMED
        total = seconds * image_cost(pixels, whole) / image_cost(pixels, settings)
        images = sum(map(len, self._kinds))
        if images <= MANY and total <= LONG:
            return None
        cores = min(self._workers, images)
        found = (
            f"That is {core_time(seconds * cores)} at this machine's speed, {seconds * cores / images:.2g} s an image"
        )
        if whole != settings:
            found += f"; with the adaptive rows that follow {core_time(total * cores)} by the cost model"
        cheaper = less(whole, images, total, pixels, self._share)
        return f"{found}. For less: {cheaper}" if cheaper else found
