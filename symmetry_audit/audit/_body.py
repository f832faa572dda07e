"""Rotations of the body, where pixels are not square: strict responses under D = diag(spacing) (SPEC 5)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from symmetry_audit.audit._plan import StrictBank, strict_bank
from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.errors import ImageError
from symmetry_audit.groups import IDENTITY, MAX_RATIO, Affine
from symmetry_audit.kernels import KernelModel, distinct_elements

if TYPE_CHECKING:
    from symmetry_audit.engine import DeformedEngine
    from symmetry_audit.fits import DeformedFamily

__all__ = ["BodyPlan", "body_affine", "body_plan", "elements_apart", "visible_elements"]

SQUARE = 1e-6  # of ln(ratio): spacings computed from an affine matrix are off by less, and float32 samples by as much


def body_affine(spacing: tuple[float, float] | None, settings: AuditSettings) -> Affine:
    """D of an image whose rows and columns are ``spacing`` mm apart; the identity where ``settings`` ask for none.

    Raises ImageError where the spacing is not known or too unequal.
    """
    if not settings.spacing:
        return IDENTITY
    if spacing is None:
        raise ImageError("its file does not state the pixel spacing; drop --spacing")
    rows, columns = spacing
    # lengths of the body are s times those on the grid: D = diag(1 / columns, 1 / rows), x before y
    along_x = float(np.log(rows / columns))
    if abs(along_x) > np.log(MAX_RATIO):
        raise ImageError(
            f"its rows are {rows:g} mm apart and its columns {columns:g} mm; --spacing takes ratios up to {MAX_RATIO:g}"
        )
    return IDENTITY if abs(along_x) < SQUARE else Affine(along_x, 0.0)


@dataclass(frozen=True)
class BodyPlan:
    """How the group D A D^-1 of every image is measured; its responses are (R E,), those of each regularizer to the
    distinct elements of ``family`` side by side, whatever D is. ``strict`` (R, T) indexes those under D = 1."""

    family: DeformedFamily
    engine: DeformedEngine
    strict: np.ndarray

    @property
    def index(self) -> np.ndarray:
        """Which response is that of regularizer r to element t, (R, T)."""
        return len(self.family.distinct) * np.arange(len(self.family.stencils))[:, None] + self.family.index

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Responses (n, m) to the strict bank as responses under D = 1, (n, R E)."""
        # take, so that the memory layout stays: rounding of sums depends on it
        return np.take(values, self.strict[:, self.family.distinct].ravel(), axis=1)

    def row_means(self, image: np.ndarray, affine: Affine, kind: str, inside: np.ndarray | None = None) -> np.ndarray:
        """Means over each row of V of ``image`` (H, W) under D of ``affine``, (rows, R E)."""
        parts = [(kernels, affine.ratio) for kernels in _kernels(self.family, affine)]
        return np.concatenate(self.engine.row_means(image, parts, kind, inside), axis=1)


def body_plan(settings: AuditSettings, model: KernelModel, strict: np.ndarray, device: str = "cpu") -> BodyPlan | None:
    """The plan of one kernel model, None without ``spacing``; ``strict`` is the index of the strict bank."""
    if not settings.spacing:
        return None
    from symmetry_audit.audit._adaptive_plan import deformed_engine, deformed_family

    family = deformed_family(settings, model, settings.group)
    return BodyPlan(family, deformed_engine(settings, family, device), strict)


def visible_elements(
    settings: AuditSettings, banks: Iterable[StrictBank], bodies: Collection[Affine]
) -> tuple[np.ndarray, ...]:
    """Which regularizer can tell which element from the identity: (R, T) of bool at every sigma, SPEC 3's "tested".

    ``bodies`` are those that the strict groups of the images are deformed by.
    """
    if settings.spacing:
        apart = (elements_apart(settings, model, bodies) for model in settings.models)
    else:
        apart = (bank.index for bank in banks)
    return tuple(labels != labels[:, :1] for labels in apart)


def elements_apart(settings: AuditSettings, model: KernelModel, bodies: Collection[Affine]) -> np.ndarray:
    """Labels (R, T) of the elements of the run's strict group, equal where a regularizer responds equally to all."""
    if not settings.spacing:
        return strict_bank(settings, model).index
    from symmetry_audit.audit._adaptive_plan import deformed_family

    # what a deformation tells apart, a stronger one does too
    body = max(bodies, key=lambda affine: affine.ratio)
    family = deformed_family(settings, model, settings.group)
    kernels = _kernels(family, body)
    return np.stack([distinct_elements(each, signed=family.signed)[family.index] for each in kernels])


@lru_cache(maxsize=8)
def _kernels(family: DeformedFamily, affine: Affine) -> np.ndarray:
    """The kernels of all stencils, (R, E, k, k): most images of a run share one D."""
    return family.kernels(affine)
