"""How far a network is from equivariance, image by image and element by element, as frozen values, to and from JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from symmetry_audit.results._alignment_parts import DataSymmetry, ScenarioAlignment
from symmetry_audit.results._documents import Origin, check_agreement, dump_checked, read_json, read_value, unchecked
from symmetry_audit.results._evaluation import EvaluatedModel
from symmetry_audit.results._notebook import notebook_html, percent_of
from symmetry_audit.results._report import DatasetInfo
from symmetry_audit.results._restoration import RestorationScores
from symmetry_audit.results._skipped import SkippedImage

__all__ = ["ALIGNMENT_SCHEMA", "Alignment"]

ALIGNMENT_SCHEMA = "symaudit.alignment/1"
CONSTANT = "the output is constant"


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """How far ``model`` is from commuting with the elements of ``group`` on the images of ``data``.

    ``elements`` are their names, ``angles_deg`` their rotation angles and ``mirrored`` whether they mirror first.
    ``settings`` holds crop and margin in px of the input, scale and device. ``restoration`` says how well the network
    restores the same squares, None where no task is known. ``answer`` ("yes", "no" or "cannot tell") says whether the
    network is equivariant under strict rotations (SPEC 15), None in older files. ``verdict`` is in sentences, the
    first of which begins with the answer.
    """

    DERIVED = ("schema", "reasons")

    model: EvaluatedModel
    task: Mapping[str, Any] | None
    task_text: str | None
    data: DatasetInfo
    seed: int
    group: str
    elements: tuple[str, ...]
    angles_deg: tuple[float, ...]
    mirrored: tuple[bool, ...]
    settings: Mapping[str, Any]
    scenarios: tuple[ScenarioAlignment, ...]
    restoration: RestorationScores | None = None
    symmetry: DataSymmetry | None = None
    answer: str | None = None
    verdict: tuple[str, ...] = ()
    skipped: tuple[SkippedImage, ...] = ()

    @property
    def excess(self) -> float | None:
        """The largest relative error above its floor of any element; None where every output is constant."""
        found = (mean.excess for item in self.scenarios for mean in item.elements[1:])
        return max((value for value in found if value is not None), default=None)

    def _repr_html_(self) -> str:
        """What notebooks show: the verdict and the errors by element."""
        rows = [
            (item.title, name, percent_of(mean.relative), percent_of(mean.relative_floor))
            for item in self.scenarios
            for name, mean in list(zip(self.elements, item.elements, strict=True))[1:]
        ]
        title = f"{self.model.name} under {self.group} on {self.data.name}"
        return notebook_html(title, self.verdict, ("scenario", "element", "relative error (%)", "floor (%)"), rows)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document, ``schema`` first; what is null is explained in ``reasons``, by path."""
        scenarios = [self._scenario(item) for item in self.scenarios]
        plain = (
            "task",
            "task_text",
            "seed",
            "group",
            "elements",
            "angles_deg",
            "mirrored",
            "settings",
            "answer",
            "verdict",
        )
        document = {
            "schema": ALIGNMENT_SCHEMA,
            "model": asdict(self.model),
            "data": asdict(self.data),
            **{name: getattr(self, name) for name in (*plain, "answer", "verdict")},
            "scenarios": scenarios,
            "restoration": None if self.restoration is None else self.restoration.to_dict(),
            "symmetry": None if self.symmetry is None else asdict(self.symmetry),
            "skipped": [asdict(item) for item in self.skipped],
        }
        reasons = {
            f"{item['scenario']}.{row['element']}.relative": CONSTANT
            for item in scenarios
            for row in item["elements"]
            if row["relative"] is None
        }
        if self.restoration is not None:
            reasons |= {f"restoration.{name}": reason for name, reason in self.restoration.reasons()}
        return json.loads(json.dumps({**document, "reasons": reasons}))  # tuples as lists, as from a file

    def to_json(self) -> str:
        """``to_dict`` as text, without NaN or Infinity."""
        return dump_checked(self.to_dict())

    @classmethod
    def load(cls, path: str | Path) -> Alignment:
        """Read what ``symaudit align --json`` printed. Raises ReportError."""
        return cls.from_dict(read_json(path, "save what align --json prints"), str(path))

    @classmethod
    def from_dict(cls, document: Any, where: str = "the alignment") -> Alignment:
        """The inverse of ``to_dict``. Raises ReportError where it is damaged or of another or a newer schema."""
        origin = Origin(where, "measure again")
        document = unchecked(document, origin)
        origin.check_schema(document, ALIGNMENT_SCHEMA)
        found = read_value(cls, document, origin)
        try:
            computed = found.to_dict()
        except (KeyError, ValueError) as error:  # one list is shorter than another
            raise origin.damaged(error) from None
        check_agreement(document, computed, origin)
        return found

    def _scenario(self, item: ScenarioAlignment) -> dict[str, Any]:
        return {
            "scenario": item.scenario,
            "elements": [
                {"element": name, "angle_deg": angle, "mirrored": mirrored, **mean.to_dict()}
                for name, angle, mirrored, mean in zip(
                    self.elements, self.angles_deg, self.mirrored, item.elements, strict=True
                )
            ],
            "restoration_rms": item.restoration_rms,
            "images": [asdict(image) for image in item.images],
            "layers": [layer.to_dict() for layer in item.layers],
        }
