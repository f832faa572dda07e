"""How well one network restores one test set, as frozen values, to and from JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Any

from symmetry_audit.results._documents import Origin, check_agreement, dump_checked, read_json, read_value, unchecked
from symmetry_audit.results._report import DatasetInfo
from symmetry_audit.results._skipped import SkippedImage
from symmetry_audit.results._symmetrization import EQUAL, INFINITE, Symmetrization, mean

__all__ = ["EVALUATION_SCHEMA", "EvaluatedModel", "Evaluation", "FurtherScore", "ImageScore"]

EVALUATION_SCHEMA = "symaudit.evaluation/1"
SHOWN_SETTINGS = {"self_ensemble": bool, "device": str}  # those that tables show


@dataclass(frozen=True, kw_only=True)
class EvaluatedModel:
    """What was evaluated: a trained network, or a baseline such as bicubic interpolation, which has only a name.

    ``method`` is the title of its layers ("F-Conv"), ``step`` the number of training steps done,
    ``parameters`` the number of parameters, trained and frozen.
    """

    name: str
    method: str | None = None
    group: str | None = None
    backbone: str | None = None
    preset: str | None = None
    step: int | None = None
    parameters: int | None = None


@dataclass(frozen=True, kw_only=True)
class FurtherScore:
    """One more number under some ``protocol``: ``name`` (PSNR, SSIM or RMSE) in ``unit``, of the restored image and of
    the input."""

    protocol: str
    name: str
    unit: str
    value: float = field(metadata=INFINITE)
    input_value: float = field(metadata=INFINITE)


@dataclass(frozen=True, kw_only=True)
class ImageScore:
    """One image: PSNR in dB (inf where equal) and SSIM of the restored image and of the input (enlarged by bicubic
    interpolation where it is smaller), the seconds that restoring took, and what the task's further protocols say."""

    image: str
    psnr: float = field(metadata=INFINITE)
    ssim: float
    input_psnr: float = field(metadata=INFINITE)
    input_ssim: float
    seconds: float
    further: tuple[FurtherScore, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """PSNR and SSIM of ``model`` on every image of a test set, under one protocol.

    ``task`` holds the settings of the task by name; ``task_text`` and ``protocol_text`` describe task and ``protocol``
    in words. ``data.fingerprint`` is that of the clean images (and of the degraded ones, where these are given).
    ``settings`` holds self_ensemble, tile, overlap and device. Means are plain means over images, infinite where one
    image's value is infinite. ``symmetrization`` sets the network beside its average over a group, if that was asked.
    """

    DERIVED = ("schema", "mean", "input", "further", "reasons")

    model: EvaluatedModel
    task: Mapping[str, Any]
    task_text: str
    protocol: str
    protocol_text: str
    data: DatasetInfo
    seed: int
    settings: Mapping[str, Any]
    images: tuple[ImageScore, ...]
    skipped: tuple[SkippedImage, ...] = ()
    symmetrization: Symmetrization | None = None

    @property
    def psnr(self) -> float:
        """Mean PSNR of the restored images in dB."""
        return mean(item.psnr for item in self.images)

    @property
    def ssim(self) -> float:
        """Mean SSIM of the restored images."""
        return mean(item.ssim for item in self.images)

    @property
    def input_psnr(self) -> float:
        """Mean PSNR of the input in dB."""
        return mean(item.input_psnr for item in self.images)

    @property
    def input_ssim(self) -> float:
        """Mean SSIM of the input."""
        return mean(item.input_ssim for item in self.images)

    @property
    def seconds(self) -> float:
        """Mean time for an image."""
        return mean(item.seconds for item in self.images)

    @property
    def further(self) -> tuple[FurtherScore, ...]:
        """The means of all further numbers."""
        return tuple(
            replace(same[0], value=mean(one.value for one in same), input_value=mean(one.input_value for one in same))
            for same in zip(*(item.further for item in self.images), strict=True)
        )

    @property
    def conditions(self) -> dict[str, Any]:
        """The conditions that two evaluations must share to be compared."""
        plain = json.loads(json.dumps(dict(self.task)))  # as read from a file
        task = {name: value for name, value in plain.items() if value is not None}  # older versions have fewer fields
        return {"task": task, "protocol": self.protocol, "data": self.data.fingerprint, "seed": self.seed}

    def to_dict(self) -> dict[str, Any]:
        """The JSON document, ``schema`` first; what is null is explained in ``reasons``, by path."""
        means: dict[str, dict[str, float | None]] = {
            "mean": {"psnr": self.psnr, "ssim": self.ssim},
            "input": {"psnr": self.input_psnr, "ssim": self.input_ssim},
        }
        images = [_image(item) for item in self.images]
        more = [asdict(item) for item in self.further]
        reasons = {}
        places = [*means.items(), *((f"images.{item['image']}", item) for item in images)]
        for where, numbers in [("", more), *((f"images.{item['image']}.", item.get("further", ())) for item in images)]:
            places += [(f"{where}further[{index}]", values) for index, values in enumerate(numbers)]
        for where, values in places:
            for name in [name for name, value in values.items() if value == inf]:
                values[name], reasons[f"{where}.{name}"] = None, EQUAL
        if self.model.parameters is None:
            reasons["parameters"] = f"{self.model.name} has no parameters"
        further: dict[str, Any] = {"further": more} if more else {}
        if self.symmetrization is not None:
            further["symmetrization"] = self.symmetrization.to_dict()
            reasons |= {f"symmetrization.{name}": reason for name, reason in self.symmetrization.reasons()}
        return {
            "schema": EVALUATION_SCHEMA,
            "model": {name: value for name, value in asdict(self.model).items() if name != "parameters"},
            "task": dict(self.task),
            "task_text": self.task_text,
            "protocol": self.protocol,
            "protocol_text": self.protocol_text,
            "data": asdict(self.data),
            "seed": self.seed,
            "settings": dict(self.settings),
            **means,
            "images": images,
            "skipped": [asdict(item) for item in self.skipped],
            **further,
            "parameters": self.model.parameters,
            "reasons": reasons,
        }

    def to_json(self) -> str:
        """``to_dict`` as text, without NaN or Infinity."""
        return dump_checked(self.to_dict())

    @classmethod
    def load(cls, path: str | Path) -> Evaluation:
        """Read what ``symaudit evaluate --json`` printed. Raises ReportError."""
        return cls.from_dict(read_json(path, "save what evaluate --json prints"), str(path))

    @classmethod
    def from_dict(cls, document: Any, where: str = "the evaluation") -> Evaluation:
        """The inverse of ``to_dict``. Raises ReportError where it is damaged or of another or a newer schema."""
        origin = Origin(where, "evaluate again")
        document = unchecked(document, origin)
        origin.check_schema(document, EVALUATION_SCHEMA)
        found = read_value(cls, _nested(document), origin)
        for name, kind in SHOWN_SETTINGS.items():
            if not isinstance(found.settings.get(name), kind):
                raise origin.damaged(f"settings.{name} is {found.settings.get(name)!r:.40}")
        check_agreement(document, found.to_dict(), origin)
        return found


def _image(item: ImageScore) -> dict[str, Any]:
    """JSON-ready, without further numbers where there are none."""
    further = {"further": [asdict(one) for one in item.further]} if item.further else {}
    return {name: value for name, value in asdict(item).items() if name != "further"} | further


def _nested(document: Mapping[str, Any]) -> dict[str, Any]:
    """``document`` with the parameters where a model has them."""
    rest = {name: value for name, value in document.items() if name != "parameters"}
    if isinstance(rest.get("model"), dict) and "parameters" in document:
        rest["model"] = {**rest["model"], "parameters": document["parameters"]}
    return rest
