"""What is noted of the files of a run, in memory that does not grow with their number, and the warnings about them."""

from __future__ import annotations

from collections.abc import Iterator

from symmetry_audit.audit import ImageRecord
from symmetry_audit.findings._some import SHOWN, Kinds, Names, some
from symmetry_audit.findings._sums import ExactSum
from symmetry_audit.findings._twins import TwinGroups, Twins
from symmetry_audit.results import LeftOut
from symmetry_audit.wording import GREY_LEVELS, count

__all__ = ["FileNotes"]

REMARKS = 1000  # different ones that a report repeats
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


class FileNotes:
    """What a careful analyst would want to know about the files.

    ``add`` takes the records image by image. Then ``twins`` finds the copies, whose names ``name`` collects when the
    images are read once more; ``warnings`` comes last.
    """

    def __init__(self, unit: str | None = None, *, body: bool = False) -> None:
        """``unit`` is the one that the user gave; ``body``: the rotations are those of the body, not of the grid."""
        self._unit, self._body = unit, body
        self._images = self._named = 0
        self._turned, self._floats, self._assumed, self._oblong, self._flat = (Names() for _ in range(5))
        self._left_out, self._worst, self._most = ExactSum(), "", 0.0
        self._remarks: dict[str, Names] = {}
        self._further = Names()  # with other remarks than the first REMARKS
        self._sizes, self._depths = Kinds(), Kinds()
        self._bytes, self._pixels = Twins(), Twins()
        self._twins: dict[str, TwinGroups] = {}
        self._names: dict[int, str] = {}

    def add(self, record: ImageRecord, flat: bool) -> None:
        """Note one image; ``flat``: it gives no response to any regularizer."""
        self._images += 1
        self._sizes.add(f"{record.width} x {record.height}")
        self._depths.add(record.depth)
        self._left_out.add(record.left_out)
        if record.left_out > self._most:
            self._worst, self._most = record.image, record.left_out
        self._bytes.add(record.sha256)
        self._pixels.add(record.pixel_sha256, record.sha256)
        if record.turned:
            self._turned.add(record.image)
        for remark in record.remarks:
            known = remark in self._remarks or len(self._remarks) < REMARKS
            (self._remarks.setdefault(remark, Names()) if known else self._further).add(record.image)
        if record.unit == GREY_LEVELS and record.depth in UNSCALED:
            self._floats.add(record.image)
        if record.unit != GREY_LEVELS and record.depth.startswith(UNTOLD):
            self._assumed.add(record.image)
        if record.spacing is not None and abs(record.spacing[0] / record.spacing[1] - 1) > SQUARE:
            self._oblong.add(record.image)
        if flat:
            self._flat.add(record.image)

    def find_twins(self) -> None:
        """Find the copies, once all images are added."""
        self._twins = {
            "byte": self._bytes.found(SHOWN),
            "pixel": self._pixels.found(SHOWN, differing=True),  # byte-identical ones are named already
        }
        shown = (at for twins in self._twins.values() for group in twins.first for at in group)
        self._names = dict.fromkeys(shown, "")

    def name(self, image: str) -> None:
        """The name of the next image, of all once more in their order, after ``find_twins``."""
        if self._named in self._names:
            self._names[self._named] = image
        self._named += 1

    def leaves_out(self) -> LeftOut:
        """How much of the images V leaves out."""
        if not self._most:
            return LeftOut()
        return LeftOut(self._left_out.value() / self._images, self._most, self._worst)

    def warnings(self) -> list[str]:
        """One sentence each, in a fixed order."""
        return list(self._sentences())

    def _sentences(self) -> Iterator[str]:
        out = self.leaves_out()
        if out.image is not None:
            yield (
                f"V leaves out {100 * out.mean:.3g} % of the pixels inside the margin, as padding or by a mask, in the "
                f"mean over the images and {100 * out.largest:.3g} % at most, of {out.image}"
            )
        if self._turned.count:
            yield f"EXIF orientation applied to {_images(self._turned)}"
        for remark, images in sorted(self._remarks.items()):
            yield f"{remark}, in {_images(images)}"
        if self._further.count:
            yield f"other remarks than these, in {_images(self._further)}"
        for kind, twins in self._twins.items():
            yield from self._duplicates(kind, twins)
        for what, kinds in (("sizes", self._sizes), ("bit depths", self._depths)):
            if len(kinds) > 1:
                yield f"mixed {what}: {kinds}"
        if self._floats.count:
            among = " and weigh by their scale beside the others" if self._floats.count < self._images else ""
            where = _images(self._floats)
            yield f"samples used as they are, not scaled to 0-255{among}, in {where}; --white scales them"
        if self._assumed.count and self._unit is None:
            where = _images(self._assumed)
            yield f"taken as HU, which files of this kind do not say (--unit grey if not), in {where}"
        if self._oblong.count:
            yield f"{OBLONG_BODY if self._body else OBLONG}, in {_images(self._oblong)}"
        if self._flat.count:
            yield f"zero response, so ignored in the normalized epsilon, in {_images(self._flat)}"

    def _duplicates(self, kind: str, twins: TwinGroups) -> Iterator[str]:
        if twins.groups:
            groups = [" = ".join(self._names[at] for at in group) for group in twins.first]
            verb = "s are" if twins.extra > 1 else " is"
            yield (
                f"{twins.extra} image{verb} {kind}-identical to another and counted again: {some(groups, twins.groups)}"
            )


def _images(names: Names) -> str:
    return f"{count(names.count, 'image')}: {names}"
