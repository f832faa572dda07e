"""May these images be flipped, may they be turned? One answer for each transformation, with its numbers (SPEC 8)."""

from __future__ import annotations

from dataclasses import dataclass

from symmetry_audit.results._documents import Origin

__all__ = ["ANSWERS", "TRANSFORMATIONS", "Answer"]

ORIGIN = Origin("the answers", "measure again with --force")
TRANSFORMATIONS = ("flip left-right", "flip upside down", "half turn", "quarter turns", "any angle")
ANSWERS = ("fits", "does not fit", "not settled", "not tested")
COUNTS = ("images_needed",)
NUMBERS = ("relative_epsilon", "ci_low", "ci_high", "null_epsilon", "floor", "p_value", *COUNTS)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Whether the distribution of the images is the same after one transformation.

    ``transformation`` is one of TRANSFORMATIONS, ``verdict`` one of ANSWERS, and ``reason`` a clause that says why.
    The numbers are those of the ``regularizer`` and ``response`` that decided: ``relative_epsilon`` with its 95 %
    interval ``ci_low`` to ``ci_high``, the level ``null_epsilon`` expected by chance, the ``floor`` that the pixel
    grid alone produces, all as fractions of the mean response, and ``p_value`` of the test that the distribution is the
    same. ``images_needed``: the number of images at which a distribution that is the same would be shown to be so with
    probability 0.8. Numbers that are not known are None. Raises ReportError where a value is impossible.
    """

    transformation: str
    verdict: str
    reason: str
    regularizer: str | None = None
    response: str | None = None
    relative_epsilon: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    null_epsilon: float | None = None
    floor: float | None = None
    p_value: float | None = None
    images_needed: int | None = None

    def __post_init__(self) -> None:
        for name, known in (("transformation", TRANSFORMATIONS), ("verdict", ANSWERS)):
            if getattr(self, name) not in known:
                raise ORIGIN.damaged(f"{name} is {getattr(self, name)!r}")
        for name in NUMBERS:
            value = getattr(self, name)
            whole = name not in COUNTS or isinstance(value, int)
            if value is not None and not (isinstance(value, int | float) and whole and 0 <= value < float("inf")):
                raise ORIGIN.damaged(f"{name} of {self.transformation} is {value!r}")
