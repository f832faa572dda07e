"""The warnings of a report: about its files, its regularizers and its kernel."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean

import numpy as np

from symmetry_audit.audit import AuditSettings, ImageRecord
from symmetry_audit.results import DATASET_STRICT, LeftOut, ResultRow
from symmetry_audit.wording import GREY_LEVELS, count

__all__ = ["FileNotes", "blind_spots", "cluster_notes", "coarse_grid", "untested_elements"]

FLOOR_SHARE = 0.2  # of epsilon; above it a warning names the discretization floor
SHOWN = 5  # names in one warning
SQUARE = 1e-3  # relative difference of the distances of rows and of columns that is not told
UNSCALED = ("float", "32-bit", "signed 16-bit", "signed 32-bit")  # depths of grey levels that stay as they are
OBLONG = (
    "pixels are not square, so turning the grid deforms what it shows (--spacing measures under the rotations of the "
    "body)"
)
OBLONG_BODY = (
    "pixels are not square and the rows are under the rotations of the body (--spacing), while a network turns the "
    "grid: resample to square pixels before training"
)
UNTOLD = ("signed", "NIfTI")  # depths of HU that the file does not call so


def untested_elements(settings: AuditSettings, visible: Sequence[np.ndarray]) -> list[int]:
    """Elements other than the identity that no regularizer tells from it; ``visible`` (R, T) says which does, at every
    sigma."""
    seen = np.any([each.any(0) for each in visible], axis=0)
    return [t for t in range(1, settings.group.order) if not seen[t]]


def blind_spots(settings: AuditSettings, visible: Sequence[np.ndarray]) -> list[str]:
    """The elements that no regularizer of the run can see, where nothing else measures flips and half turns either."""
    blind = untested_elements(settings, visible)
    if not blind:
        return []
    names = [str(settings.group.elements[t]) for t in blind]
    return [
        f"no regularizer of this run can tell {_some(names)} of {settings.group} from the identity, so epsilon does "
        "not test for that; --response rectified sees half turns and mirrors"
    ]


def coarse_grid(rows: list[ResultRow]) -> list[str]:
    """Rows where the pixel grid alone explains much of relative epsilon, which is why SPEC 2 has its default kernel."""
    dataset = [row for row in rows if row.scenario == DATASET_STRICT.name] or rows
    coarse = [
        (row, row.relative_floor)
        for row in dataset
        if row.relative_floor is not None and row.relative_floor > FLOOR_SHARE * (row.relative_epsilon or 0) > 0
    ]
    if not coarse:
        return []
    shown = dict.fromkeys(f"{row.regularizer} {100 * floor:.2g} %" for row, floor in coarse)
    return [
        "much of epsilon may come from the pixel grid and not from the images: with this kernel an ideal isotropic "
        f"field would show {', '.join(shown)}; with a gaussian kernel of 1.5 px or wider it shows almost nothing"
    ]


def cluster_notes(settings: AuditSettings, units: int, images: int) -> list[str]:
    """What the bootstrap draws, where the images themselves decided it."""
    if settings.clusters == "image" and settings.tile is not None:
        return [
            "intervals draw single tiles, which are not independent where they are of one picture: they tell how alike "
            "its parts are, not what another picture would show"
        ]
    if settings.clusters != "series":
        return []
    if settings.tile is not None:
        return [
            f"intervals draw whole pictures ({count(units, 'picture')} of {count(images, 'tile')}), since tiles of one "
            "picture are not independent; --clusters image draws single tiles"
        ]
    drawn = count(units, "series") if units == 1 else f"{units} series"
    return [
        f"intervals draw whole series or volumes ({drawn} of {count(images, 'image')}), since slices of one series are "
        "not independent; --clusters image draws single slices"
    ]


class FileNotes:
    """What a careful analyst would want to know about the files, collected image by image."""

    def __init__(self, unit: str | None = None, *, body: bool = False) -> None:
        """``unit`` is the one that the user gave; ``body``: the rotations are those of the body, not of the grid."""
        self._unit, self._body = unit, body
        self.turned: list[str] = []
        self.floats: list[str] = []
        self.assumed: list[str] = []
        self.oblong: list[str] = []
        self.flat: list[str] = []
        self.left_out: dict[str, float] = {}
        self.remarks: defaultdict[str, list[str]] = defaultdict(list)
        self.sizes: Counter[str] = Counter()
        self.depths: Counter[str] = Counter()
        self.same_bytes: defaultdict[str, list[str]] = defaultdict(list)
        self.same_pixels: defaultdict[str, list[str]] = defaultdict(list)

    def add(self, record: ImageRecord, flat: bool) -> None:
        """Note one image; ``flat``: it gives no response to any regularizer."""
        self.sizes[f"{record.width} x {record.height}"] += 1
        self.depths[record.depth] += 1
        self.left_out[record.image] = record.left_out
        self.same_bytes[record.sha256].append(record.image)
        self.same_pixels[record.pixel_sha256].append(record.image)
        if record.turned:
            self.turned.append(record.image)
        for remark in record.remarks:
            self.remarks[remark].append(record.image)
        if record.unit == GREY_LEVELS and record.depth in UNSCALED:
            self.floats.append(record.image)
        if record.unit != GREY_LEVELS and record.depth.startswith(UNTOLD):
            self.assumed.append(record.image)
        if record.spacing is not None and abs(record.spacing[0] / record.spacing[1] - 1) > SQUARE:
            self.oblong.append(record.image)
        if flat:
            self.flat.append(record.image)

    def leaves_out(self) -> LeftOut:
        """How much of the images V leaves out."""
        worst = max(self.left_out, key=lambda image: self.left_out[image])
        if not self.left_out[worst]:
            return LeftOut()
        return LeftOut(fmean(self.left_out.values()), self.left_out[worst], worst)

    def warnings(self) -> list[str]:
        """One sentence each, in a fixed order."""
        sentences, out = [], self.leaves_out()
        if out.image is not None:
            sentences.append(
                f"V leaves out {100 * out.mean:.3g} % of the pixels inside the margin, as padding or by a mask, in the "
                f"mean over the images and {100 * out.largest:.3g} % at most, of {out.image}"
            )
        if self.turned:
            sentences.append(f"EXIF orientation applied to {count(len(self.turned), 'image')}: {_some(self.turned)}")
        for remark, images in sorted(self.remarks.items()):
            sentences.append(f"{remark}, in {count(len(images), 'image')}: {_some(images)}")
        sentences += _duplicates("byte", self.same_bytes.values())
        byte_twins = {tuple(group) for group in self.same_bytes.values()}
        sentences += _duplicates(
            "pixel", (group for group in self.same_pixels.values() if tuple(group) not in byte_twins)
        )
        for what, kinds in (("sizes", self.sizes), ("bit depths", self.depths)):
            if len(kinds) > 1:
                most = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
                sentences.append(f"mixed {what}: {_some([f'{kind} ({number})' for kind, number in most])}")
        if self.floats:
            where = f"{count(len(self.floats), 'image')}: {_some(self.floats)}"
            among = " and weigh by their scale beside the others" if len(self.floats) < self.depths.total() else ""
            sentences.append(f"samples used as they are, not scaled to 0-255{among}, in {where}; --white scales them")
        if self.assumed and self._unit is None:
            where = f"{count(len(self.assumed), 'image')}: {_some(self.assumed)}"
            sentences.append(f"taken as HU, which files of this kind do not say (--unit grey if not), in {where}")
        if self.oblong:
            where = f"{count(len(self.oblong), 'image')}: {_some(self.oblong)}"
            sentences.append(f"{OBLONG_BODY if self._body else OBLONG}, in {where}")
        if self.flat:
            where = f"{count(len(self.flat), 'image')}: {_some(self.flat)}"
            sentences.append(f"zero response, so ignored in the normalized epsilon, in {where}")
        return sentences


def _duplicates(kind: str, groups: Iterable[list[str]]) -> list[str]:
    twins = [group for group in groups if len(group) > 1]
    if not twins:
        return []
    extra = sum(len(group) - 1 for group in twins)
    return [
        f"{extra} image{'s are' if extra > 1 else ' is'} {kind}-identical to another and counted again: "
        f"{_some([' = '.join(group[:SHOWN]) for group in twins])}"
    ]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
