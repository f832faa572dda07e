"""How far a classifier's logits are from invariance under a group, as frozen values, to and from JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import fsum, sqrt
from pathlib import Path
from typing import Any

from symmetry_audit.results._alignment_parts import DOUBT
from symmetry_audit.results._documents import Origin, check_agreement, dump_checked, read_json, read_value, unchecked
from symmetry_audit.results._evaluation import EvaluatedModel
from symmetry_audit.results._report import DatasetInfo
from symmetry_audit.results._skipped import SkippedImage

__all__ = ["INVARIANCE_SCHEMA", "ElementInvariance", "ImageInvariance", "Invariance"]

INVARIANCE_SCHEMA = "symaudit.invariance/1"
CONSTANT = "the logits do not differ between classes"


@dataclass(frozen=True, kw_only=True)
class ImageInvariance:
    """One image: the class that the network predicts, and by element of the group mean squares over the classes.

    ``error`` is that of L(pi_A Y) - L(Y), ``floor`` that of L(Q Y) - L(Y) with Q as in ``measure_alignment``, both
    of logits L less their mean over the classes; ``contrast`` is that of L(Y). ``predicted`` by element begins with the
    class of the image as it is.
    """

    image: str
    side: int
    contrast: float
    error: tuple[float, ...]
    floor: tuple[float, ...]
    predicted: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ElementInvariance:
    """The images under one element: root mean squares relative to the contrast, and labels that change.

    ``interval`` is the 95 % interval of Wilson for the share of the images whose label changes.
    """

    relative: float | None
    relative_floor: float | None
    changed: int
    interval: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Invariance:
    """How far the logits of ``model`` are from being invariant under the elements of ``group``, image by image.

    ``intervals`` are those of :class:`ElementInvariance`, by element. ``settings`` holds crop and margin in px, whether
    the image is ``faded`` outside its disc, and the device. ``verdict`` is in sentences.
    """

    DERIVED = ("schema", "elements", "reasons")

    model: EvaluatedModel
    task: Mapping[str, Any]
    task_text: str
    data: DatasetInfo
    group: str
    names: tuple[str, ...]
    angles_deg: tuple[float, ...]
    mirrored: tuple[bool, ...]
    settings: Mapping[str, Any]
    intervals: tuple[tuple[float, float], ...]
    images: tuple[ImageInvariance, ...]
    verdict: tuple[str, ...] = ()
    skipped: tuple[SkippedImage, ...] = ()

    @property
    def elements(self) -> tuple[ElementInvariance, ...]:
        """The images together, by element; the identity first."""
        contrast = fsum(item.contrast for item in self.images)

        def share(values: list[float]) -> float | None:
            return sqrt(fsum(values) / contrast) if contrast > 0 else None

        return tuple(
            ElementInvariance(
                relative=share([item.error[at] for item in self.images]),
                relative_floor=share([item.floor[at] for item in self.images]),
                changed=sum(item.predicted[at] != item.predicted[0] for item in self.images),
                interval=self.intervals[at],
            )
            for at in range(len(self.names))
        )

    @property
    def excess(self) -> float | None:
        """The largest relative change of the logits above its floor; None where no logits differ between classes."""
        pairs = ((one.relative, one.relative_floor) for one in self.elements[1:])
        known = [max(own - DOUBT * floor, 0.0) for own, floor in pairs if own is not None and floor is not None]
        return max(known, default=None)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document, ``schema`` first; what is null is explained in ``reasons``, by path."""
        elements = [
            {"element": name, "angle_deg": angle, "mirrored": mirrored, **asdict(one)}
            for name, angle, mirrored, one in zip(
                self.names, self.angles_deg, self.mirrored, self.elements, strict=True
            )
        ]
        reasons = {f"{row['element']}.relative": CONSTANT for row in elements if row["relative"] is None}
        document = {"schema": INVARIANCE_SCHEMA, **asdict(self), "elements": elements, "reasons": reasons}
        return json.loads(json.dumps(document))  # tuples as lists, as from a file

    def to_json(self) -> str:
        """``to_dict`` as text, without NaN or Infinity."""
        return dump_checked(self.to_dict())

    @classmethod
    def load(cls, path: str | Path) -> Invariance:
        """Read what ``symaudit align --json`` printed for a classifier. Raises ReportError."""
        return cls.from_dict(read_json(path, "save what align --json prints"), str(path))

    @classmethod
    def from_dict(cls, document: Any, where: str = "the alignment") -> Invariance:
        """The inverse of ``to_dict``. Raises ReportError where it is damaged or of another or a newer schema."""
        origin = Origin(where, "measure again")
        document = unchecked(document, origin)
        origin.check_schema(document, INVARIANCE_SCHEMA)
        found = read_value(cls, document, origin)
        try:
            computed = found.to_dict()
        except (IndexError, ValueError) as error:  # one list is shorter than another
            raise origin.damaged(error) from None
        check_agreement(document, computed, origin)
        return found
