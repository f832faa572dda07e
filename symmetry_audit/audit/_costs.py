"""The cost model: seconds of one core that an image takes, by its size and by what is measured, and what costs less."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from symmetry_audit.audit._control_images import control_images
from symmetry_audit.audit._settings import PER_REGULARIZER, AuditSettings, strict_settings
from symmetry_audit.data import pixel_count, sampled
from symmetry_audit.results import JOINT
from symmetry_audit.wording import count

if TYPE_CHECKING:
    from collections.abc import Collection

    from symmetry_audit.data import ImageRef

__all__ = ["LONG", "MANY", "Estimate", "core_time", "duration", "estimated", "image_cost", "image_sizes", "less"]

# benchmarks/cost_model.csv: medians over eight photographs, JPEG, default regularizers and group, one thread
PIXELS = (256 * 256, 512 * 384, 1024 * 768, 2040 * 1356)
SECONDS = {
    "strict": (0.0178, 0.0211, 0.0380, 0.0970),
    "joint": (0.1261, 0.1908, 0.3149, 0.5675),
    "default": (0.1834, 0.2522, 0.3746, 0.6827),
    "controls": (0.4641, 0.5762, 0.6986, 1.1687),
}
ASSUMED = PIXELS[1]  # of an image whose size no header tells
SIZED = 200  # images whose headers are read for an estimate
MANY = 100_000  # images; of more of them, or of a run longer than LONG, the cost is told, and what costs less
LONG = 24 * 3600.0  # s
SAMPLE = 20_000  # images that answer most questions


@dataclass(frozen=True)
class Estimate:
    """What a run of so many ``images`` will cost by the cost model: ``core_seconds``, the seconds of one core, on so
    many ``workers``, for images of ``pixels`` in the mean, None where no header tells it. ``less`` says what would cost
    less."""

    images: int
    core_seconds: float
    workers: int
    pixels: int | None
    less: str

    @property
    def text(self) -> str:
        """For people, in one line, or in two where the run takes minutes."""
        size = f"{ASSUMED} pixels, which is assumed" if self.pixels is None else f"{self.pixels} pixels"
        each = f"{self.core_seconds / max(self.images, 1):.2g} s an image of {size}"
        time = f"{duration(self.core_seconds / self.workers)} on {count(self.workers, 'worker')}"
        found = f"about {core_time(self.core_seconds)} by the cost model ({each}), {time}"
        return f"{found}\nFor less: {self.less}" if self.less and self.core_seconds >= 60 else found

    @property
    def large(self) -> bool:
        """Whether the run should say what it will cost before it starts."""
        return self.images > MANY or self.core_seconds / self.workers > LONG

    def to_dict(self) -> dict[str, float | int | None]:
        """JSON-ready."""
        hours = round(self.core_seconds / 3600, 4)
        return {"core_hours": hours, "images": self.images, "mean_pixels": self.pixels}


def estimated(refs: Collection[ImageRef], settings: AuditSettings, workers: int) -> Estimate:
    """The cost of measuring ``refs`` on ``workers``, from the headers of SIZED of them, drawn at random."""
    drawn = sampled((ref.key for ref in refs), SIZED, settings.seed, purpose="size ")
    told = image_sizes([ref for ref in refs if ref.key in drawn], settings.max_pixels)
    sizes = [size for size in told.values() if size > 1]
    controlled = len(control_images((ref.key for ref in refs), settings))
    costs = [[image_cost(size, settings, controlled=on) for size in sizes or [ASSUMED]] for on in (False, True)]
    plain, with_controls = (float(np.mean(each)) for each in costs)
    readable = len(refs) * (1 - list(told.values()).count(0) / max(len(told), 1))
    seconds = readable * plain + controlled * (with_controls - plain)
    pixels = round(float(np.mean(sizes))) if sizes else None
    share = controlled / max(len(refs), 1)
    cheaper = less(settings, len(refs), seconds / workers, pixels or ASSUMED, share)
    return Estimate(len(refs), seconds, workers, pixels, cheaper)


def image_sizes(refs: Collection[ImageRef], max_pixels: int) -> dict[str, float]:
    """The pixels of every image by its header, 0 for files that will be refused; members of an archive and slices of a
    series count 1 each."""

    def size(ref: ImageRef) -> int:
        unknown = ref.window is None and (ref.member is not None or ref.series)
        return 1 if unknown else pixel_count(ref, max_pixels)

    return {ref.key: size(ref) for ref in refs}


def image_cost(pixels: float, settings: AuditSettings, *, controlled: bool = False) -> float:
    """Seconds of one core for an image of ``pixels``: linear between the sizes of the table, and beyond them."""
    if not settings.adaptive:
        way = "strict"
    else:
        way = "default" if settings.fit == PER_REGULARIZER and settings.affine is None else "joint"
    seen = min(pixels, settings.pixels or pixels)
    sizes = [seen / factor**2 for factor in settings.downscale]
    cost = sum(_at(size, way) + controlled * (_at(size, "controls") - _at(size, "default")) for size in sizes)
    return len(settings.sigmas) * cost


def less(settings: AuditSettings, images: int, seconds: float, pixels: float, controlled: float) -> str:
    """Runs that cost less than the ``seconds`` of this one, in words, empty where there are none.

    Times of a sample follow from the number of images, those of other ways to measure from the model's ratios for
    ``pixels``; ``controlled`` is the share of images with controls.
    """
    found = []
    if settings.limit is settings.sample is None and images > SAMPLE:
        found.append(f"--sample {SAMPLE} takes {duration(seconds * SAMPLE / images)}")
    own = [image_cost(pixels, settings, controlled=on) for on in (False, True)]
    mean = own[0] + controlled * (own[1] - own[0])
    for flags, other in _cheaper(settings).items():
        found.append(f"{flags} {100 * image_cost(pixels, other) / mean:.0f} %")
    return ", ".join(found)


def _cheaper(settings: AuditSettings) -> dict[str, AuditSettings]:
    """Flags of runs on the same images with fewer rows, or fewer fits, than one with all rows."""
    strict = strict_settings(settings)
    if strict is None:
        return {}
    joint = settings.model_copy(update={"fit": JOINT, "controls": False})
    fewer = {"--fit joint --no-controls": joint} if settings.affine is None and joint != settings else {}
    return fewer | {f"--scenario {','.join(strict.scenarios)}": strict}


def _at(pixels: float, way: str) -> float:
    costs = SECONDS[way]
    at = int(np.clip(np.searchsorted(PIXELS, pixels), 1, len(PIXELS) - 1))
    slope = (costs[at] - costs[at - 1]) / (PIXELS[at] - PIXELS[at - 1])
    return costs[at] + slope * (pixels - PIXELS[at])


def core_time(seconds: float) -> str:
    """``seconds`` of one core in words."""
    hours = seconds / 3600
    if hours < 1:
        return f"{duration(seconds)} of one core"
    return f"{hours:.1f} core-hours" if hours < 10 else f"{hours:.0f} core-hours"


def duration(seconds: float) -> str:
    """``seconds`` in words, to two digits or the minute: "40 seconds", "7 minutes", "1 h 20 min"; from two days on to
    the hour."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if minutes < 60:
        return f"{minutes} minutes"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 48 * 60 else f"{minutes / 60:.0f} hours"
