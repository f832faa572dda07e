"""Evaluations that can be compared in one table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from symmetry_audit.errors import ReportError
from symmetry_audit.results._documents import dump_json
from symmetry_audit.results._evaluation import EQUAL, Evaluation
from symmetry_audit.results._notebook import notebook_html

__all__ = ["COMPARISON_SCHEMA", "Comparison"]

COMPARISON_SCHEMA = "symaudit.comparison/1"


@dataclass(frozen=True)
class Comparison:
    """Evaluations of one task on the same images under the same protocol and seed, one row each.

    Raises ReportError where there are none, or where two differ in any of these.
    """

    evaluations: tuple[Evaluation, ...]

    def __post_init__(self) -> None:
        if not self.evaluations:
            raise ReportError("there is nothing to compare; give two runs or more")
        first, *others = self.evaluations
        for other in others:
            for name, value in first.conditions.items():
                if other.conditions[name] != value:
                    raise ReportError(
                        f"{first.model.name} and {other.model.name} cannot be compared: "
                        f"{_said(first, name)} versus {_said(other, name)}; evaluate both under the same conditions"
                    )

    def _repr_html_(self) -> str:
        """What notebooks show: a row for each evaluation."""
        rows = [
            (item.model.name, item.model.group or "", f"{item.psnr:.2f}", f"{item.ssim:.4f}")
            for item in self.evaluations
        ]
        first = self.evaluations[0]
        title = f"{first.task_text} on {first.data.name}, protocol {first.protocol}"
        told = (f"The input: {first.input_psnr:.2f} dB, {first.input_ssim:.4f}.",)
        return notebook_html(title, told, ("network", "group", "PSNR (dB)", "SSIM"), rows)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document: the common conditions, and a row for each evaluation; an infinite mean is null."""
        first = self.evaluations[0]
        return {
            "schema": COMPARISON_SCHEMA,
            "task": dict(first.task),
            "task_text": first.task_text,
            "protocol": first.protocol,
            "protocol_text": first.protocol_text,
            "data": asdict(first.data),
            "seed": first.seed,
            "input": {"psnr": _finite(first.input_psnr), "ssim": first.input_ssim},
            "rows": [_row(item) for item in self.evaluations],
            "reasons": dict(_reasons(self.evaluations)),
        }

    def to_json(self) -> str:
        """``to_dict`` as text, without NaN or Infinity."""
        return dump_json(self.to_dict())


def _row(item: Evaluation) -> dict[str, Any]:
    scores = {"psnr": _finite(item.psnr), "ssim": item.ssim, "seconds": item.seconds}
    return {**asdict(item.model), **scores, "settings": dict(item.settings)}


def _reasons(evaluations: tuple[Evaluation, ...]) -> Iterator[tuple[str, str]]:
    """Why something is null, by path."""
    if not isfinite(evaluations[0].input_psnr):
        yield "input.psnr", EQUAL
    for item in evaluations:
        if not isfinite(item.psnr):
            yield f"rows.{item.model.name}.psnr", EQUAL
        if item.model.parameters is None:
            yield f"rows.{item.model.name}.parameters", f"{item.model.name} has no parameters"


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def _said(item: Evaluation, name: str) -> str:
    """One of its conditions in words."""
    return {
        "task": item.task_text,
        "protocol": f"protocol {item.protocol}",
        "data": f"{item.data.name} ({item.data.images} images, {item.data.fingerprint[:8]})",
        "seed": f"seed {item.seed}",
    }[name]
