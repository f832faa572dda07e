"""How far a network is from equivariance, image by image and element by element, as frozen values, to and from JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from symmetry_audit.errors import ReportError
from symmetry_audit.results._alignment_parts import (
    DataCurve,
    DataSymmetry,
    GroupAlignment,
    ImageAlignment,
    LayerAlignment,
    ScenarioAlignment,
)
from symmetry_audit.results._evaluation import EvaluatedModel
from symmetry_audit.results._report import DatasetInfo, dump_json, read_json
from symmetry_audit.results._skipped import SkippedImage

__all__ = ["ALIGNMENT_SCHEMA", "Alignment"]

ALIGNMENT_SCHEMA = "symaudit.alignment/1"
DERIVED = ("relative", "relative_floor")  # of a layer
CONSTANT = "the output is constant"


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """How far ``model`` is from commuting with the elements of ``group`` on the images of ``data``.

    ``elements`` are their names, ``angles_deg`` their rotation angles and ``mirrored`` whether they mirror first.
    ``settings`` holds crop and margin in px of the input, scale and device. ``verdict`` is in sentences.
    """

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
    symmetry: DataSymmetry | None = None
    verdict: tuple[str, ...] = ()
    skipped: tuple[SkippedImage, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON document, ``schema`` first; what is null is explained in ``reasons``, by path."""
        scenarios = [self._scenario(item) for item in self.scenarios]
        plain = ("task", "task_text", "seed", "group", "elements", "angles_deg", "mirrored", "settings", "verdict")
        document = {
            "schema": ALIGNMENT_SCHEMA,
            "model": asdict(self.model),
            "data": asdict(self.data),
            **{name: getattr(self, name) for name in plain},
            "scenarios": scenarios,
            "symmetry": None if self.symmetry is None else asdict(self.symmetry),
            "skipped": [asdict(item) for item in self.skipped],
        }
        reasons = {
            f"{item['scenario']}.{row['element']}.relative": CONSTANT
            for item in scenarios
            for row in item["elements"]
            if row["relative"] is None
        }
        return json.loads(json.dumps({**document, "reasons": reasons}))  # tuples as lists, as from a file

    def to_json(self) -> str:
        """``to_dict`` as text, without NaN or Infinity."""
        return dump_json(self.to_dict())

    @classmethod
    def load(cls, path: str | Path) -> Alignment:
        """Read what ``symaudit align --json`` printed. Raises ReportError."""
        return cls.from_dict(read_json(path, "save what align --json prints"), str(path))

    @classmethod
    def from_dict(cls, document: Any, where: str = "the alignment") -> Alignment:
        """The inverse of ``to_dict``. Raises ReportError."""
        schema = document.get("schema") if isinstance(document, dict) else None
        if schema != ALIGNMENT_SCHEMA:
            raise ReportError(f'{where} has schema "{schema}", expected "{ALIGNMENT_SCHEMA}"; measure again')
        try:
            found = _alignment(document)
            same = found.to_dict() == document
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ReportError(f"{where} is damaged ({error}); measure again") from None
        if not same:
            raise ReportError(f"{where} is damaged (its means are not those of its images); measure again")
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
            "images": [asdict(image) for image in item.images],
            "layers": [layer.to_dict() for layer in item.layers],
        }


def _alignment(document: Mapping[str, Any]) -> Alignment:
    """Raises KeyError, TypeError or ValueError where something is missing or no number."""
    given = {name: document[name] for name in Alignment.__dataclass_fields__}
    lists = {name: tuple(given[name]) for name in ("elements", "angles_deg", "mirrored", "verdict")}
    return Alignment(
        **{
            **given,
            **lists,
            "model": EvaluatedModel(**given["model"]),
            "data": DatasetInfo(**given["data"]),
            "scenarios": tuple(_scenario(item) for item in given["scenarios"]),
            "symmetry": None if given["symmetry"] is None else _symmetry(given["symmetry"]),
            "skipped": tuple(SkippedImage(**item) for item in given["skipped"]),
        }
    )


def _scenario(item: Mapping[str, Any]) -> ScenarioAlignment:
    layers = [{name: value for name, value in layer.items() if name not in DERIVED} for layer in item["layers"]]
    return ScenarioAlignment(
        scenario=item["scenario"],
        images=tuple(ImageAlignment(**_tuples(image)) for image in item["images"]),
        layers=tuple(LayerAlignment(**_tuples(layer)) for layer in layers),
    )


def _symmetry(item: Mapping[str, Any]) -> DataSymmetry:
    curves = tuple(DataCurve(**_tuples(curve)) for curve in item["curves"])
    groups = tuple(GroupAlignment(**group) for group in item["groups"])
    return DataSymmetry(**{**_tuples(item), "curves": curves, "groups": groups})


def _tuples(item: Mapping[str, Any]) -> dict[str, Any]:
    """Lists of numbers as tuples. Raises ValueError for what is no finite number."""
    found = {name: tuple(value) if isinstance(value, list) else value for name, value in item.items()}
    for name in ("error", "floor", "contrast", "deviation"):
        if not all(isfinite(value) for value in _numbers(found.get(name)) if value is not None):
            raise ValueError(f"{name} has a value that is no number")
    return found


def _numbers(value: Any) -> Iterable[float | None]:
    return value if isinstance(value, tuple) else ()
