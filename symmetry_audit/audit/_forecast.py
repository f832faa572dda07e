"""How long a run will take, predicted from the first few of its images."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from symmetry_audit.data import ImageRef, pixel_count
from symmetry_audit.wording import count

__all__ = ["Forecast", "duration", "image_sizes"]

FEW = 3  # images of each kind that are timed before anything is predicted
SHORTEST = 20.0  # s; of a shorter run nothing is said


class Forecast:
    """The time of a run, from the seconds that its first images took.

    ``sizes`` maps the names of the images to measure to their sizes in any unit, 0 for files that are no images. An
    image with controls takes longer than one without, so the two kinds are timed apart: within a kind the time is taken
    as proportional to the size, and the factor is the sum of the seconds over the sum of the sizes (a ratio estimator).
    Seconds are those of one worker while all of them work.
    """

    def __init__(self, sizes: Mapping[str, float], controlled: Collection[str], workers: int, images: int) -> None:
        """``images`` counts those of the source: where some were measured before, it is larger than ``sizes``."""
        self._sizes, self._workers, self._images = sizes, workers, images
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


def image_sizes(refs: Collection[ImageRef], max_pixels: int) -> dict[str, float]:
    """The pixels of every image by its header, 0 for files that will be refused; members of an archive and slices of a
    series count 1 each."""

    def size(ref: ImageRef) -> int:
        unknown = ref.window is None and (ref.member is not None or ref.series)
        return 1 if unknown else pixel_count(ref, max_pixels)

    return {ref.key: size(ref) for ref in refs}


def duration(seconds: float) -> str:
    """``seconds`` in words, to two digits or the minute: "40 seconds", "7 minutes", "1 h 20 min"."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{minutes} minutes" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
