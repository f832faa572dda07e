"""Metal artefact reduction: CT slices, and scans of them with metal that was never there (SPEC 12)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from symmetry_audit.data import ImageRef, load_slice
from symmetry_audit.errors import DataError, ImageError, SettingError
from symmetry_audit.metrics import MAR_PROTOCOLS, MarProtocol, Score, rmse_hu
from symmetry_audit.tasks._example import Example
from symmetry_audit.tasks._options import Option
from symmetry_audit.tasks._task import Task

if TYPE_CHECKING:
    from symmetry_audit.tasks._pairs import Pair
    from symmetry_audit.tomography import CleanSlice, FanBeam, MetalScan

__all__ = ["TASK"]

LEVELS = 255.0  # of 1/cm: what networks see is attenuation in [0, 1], times 255
AIR = -1000.0  # HU
PICTURE = (-1000.0, 1000.0)  # HU, of pictures by which copies are recognized
WINDOW = (-175.0, 275.0)  # HU, of pictures for people
KEPT = 64  # examples in memory: a validation comes back to its own
PLACES = ("random", "given")
FINEST = 2048  # pixels and views


def _checked_side(value: object) -> int:
    return _checked_count("ct-side", value, 32, 1)


def _checked_views(value: object) -> int:
    return _checked_count("views", value, 8, 8)


def _checked_scans(value: object) -> int:
    return _checked_count("scans", value, 1, 1)


def _checked_count(name: str, value: object, least: int, step: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= FINEST or value % step:
        multiple = f", a multiple of {step}" if step > 1 else ""
        raise SettingError(f"--{name} takes a whole number from {least} to {FINEST}{multiple}, got {value!r}")
    return value


def _checked_place(value: object) -> str:
    if value not in PLACES:
        raise SettingError(f"--metal-place is {' or '.join(PLACES)}, got {value!r}")
    return str(value)


SIDE = Option("ct_side", _checked_side, examples=("416",))
VIEWS = Option("views", _checked_views, examples=("640",))
SCANS = Option("scans", _checked_scans, examples=("10",))
PLACE = Option("metal_place", _checked_place, examples=("given",))


@dataclass(frozen=True, kw_only=True)
class MetalArtefacts(Task):
    """Scans of CT slices with titanium in them, each beside its linear interpolation (LI) and the mask of the metal.

    A network gets (h, w, 3): the image with artefacts, that of LI, and 0 on metal, 1 elsewhere; the clean image is
    (h, w, 1). Images are attenuation in 1/cm, clipped to [0, 1], times 255. ``ct_side`` is their side in pixels,
    ``views`` the number of views, with one detector element more, of every one of the ``scans`` of a slice. Metal lies
    where the mask has it ("given"), or pieces of the shape of the masks are put into the body ("random").
    """

    name = "mar"
    protocol = "mar"
    further = ("mar-statistic", "mar-window")
    protocols = MAR_PROTOCOLS
    backbone = "dicdnet"
    augment = "flips"
    masked = True
    outputs = 1
    baselines = ("identity", "li", "nmar")
    options = (SIDE, VIEWS, SCANS, PLACE)

    ct_side: int = 416
    views: int = 640
    scans: int = 1
    metal_place: Literal["random", "given"] = "random"

    @property
    def text(self) -> str:
        return (
            f"metal artefact reduction, {self.ct_side} px from {self.views} views, metal at {self.metal_place} places"
        )

    @property
    def repeats(self) -> int:
        """One for every scan."""
        return self.scans

    def picture(self, ref: ImageRef) -> np.ndarray:
        """The slice from -1000 to 1000 HU."""
        return _grey(_hu(ref), PICTURE)

    def read(self, pair: Pair) -> Example:
        """The scan of ``pair``; its metal and its noise depend on its key alone."""
        return _example(self, pair, tuple(ref.stamp() for ref in pair.refs))

    def scored(self, way: MarProtocol, restored: np.ndarray, clean: np.ndarray, degraded: np.ndarray) -> Score:
        """Outside the metal; with the error in HU under the first protocol."""
        one, other = (image[..., 0].astype(np.float64) / LEVELS for image in (restored, clean))
        metal = degraded[..., 2] < 0.5
        found = way.score(one, other, metal)
        return replace(found, rmse_hu=rmse_hu(one, other, metal)) if way.name == self.protocol else found

    def shown(self, degraded: np.ndarray) -> np.ndarray:
        """The image with artefacts."""
        return degraded[..., :1]

    def displayed(self, image: np.ndarray) -> np.ndarray:
        """The window from -175 to 275 HU."""
        from symmetry_audit.tomography import to_hu

        return _grey(to_hu(image[..., 0] / LEVELS), WINDOW)

    def restored_by(self, baseline: str, degraded: np.ndarray, pair: Pair) -> np.ndarray:
        """LI, which a network sees as well, or NMAR."""
        if baseline == "nmar":
            from symmetry_audit.tomography import nmar

            scan, geometry = _scan(self, pair)
            return _seen(nmar(scan.sinogram, scan.trace, scan.metal, geometry))
        return degraded[..., 1:2] if baseline == "li" else self.shown(degraded)


@lru_cache(maxsize=KEPT)
def _example(task: MetalArtefacts, pair: Pair, stamps: tuple[str, ...]) -> Example:
    """The example of ``pair``, whose files have ``stamps``."""
    scan, _ = _scan(task, pair)
    known = 1 - scan.metal[..., None].astype(np.float32)
    degraded = np.concatenate([_seen(scan.corrupted), _seen(scan.li), known], axis=2)
    return Example(degraded, _seen(scan.image), task.picture(pair.clean), grey=True)


def _scan(task: MetalArtefacts, pair: Pair) -> tuple[MetalScan, FanBeam]:
    """The scan of ``pair`` and its geometry. Raises ImageError."""
    from symmetry_audit.tomography import body_mask, random_metal, synthesise, to_hu

    assert pair.degraded is not None
    try:
        clean = _clean(pair.clean, pair.clean.stamp(), task.ct_side, task.views)
        masks = _masks(pair.degraded.path, pair.degraded.stamp())
        if task.metal_place == "given":
            metal = masks[_rng(pair.clean.key).permutation(len(masks))[pair.number % len(masks)]]
        else:
            metal = random_metal(masks, body_mask(to_hu(clean.image)), _rng(f"{pair.key} metal"))
        return synthesise(clean, metal, _rng(pair.key)), clean.geometry
    except (DataError, SettingError) as error:
        raise ImageError(str(error)) from None


@lru_cache(maxsize=2)
def _clean(ref: ImageRef, stamp: str, side: int, views: int) -> CleanSlice:
    """A slice and what all its scans share."""
    from symmetry_audit.tomography import FanBeam, clean_slice

    return clean_slice(_hu(ref), FanBeam(side=side, views=views, detectors=views + 1))


@lru_cache(maxsize=2)
def _masks(path: Path, stamp: str) -> np.ndarray:
    from symmetry_audit.tomography import read_masks

    return read_masks(path)


def _hu(ref: ImageRef) -> np.ndarray:
    """A slice in HU (H, W); padding is air."""
    found = load_slice(ref)
    return np.where(found.valid, found.hu, np.float32(AIR))


def _seen(mu: np.ndarray) -> np.ndarray:
    """(h, w) in 1/cm as networks see it, (h, w, 1)."""
    return (LEVELS * mu.clip(0, 1)).astype(np.float32)[..., None]


def _grey(hu: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    """A picture (H, W, 3) uint8 of the values in ``window``."""
    low, high = window
    grey = np.rint(LEVELS * ((hu - low) / (high - low)).clip(0, 1)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _rng(text: str) -> np.random.Generator:
    return np.random.default_rng(list(hashlib.sha256(text.encode()).digest()))


TASK = MetalArtefacts
