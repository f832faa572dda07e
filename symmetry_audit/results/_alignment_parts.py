"""The parts of an alignment: means, images, layers, and the data beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import fsum, sqrt
from typing import Any

from symmetry_audit.results._scenario import Scenario

__all__ = [
    "DataCurve",
    "DataSymmetry",
    "GroupAlignment",
    "ImageAlignment",
    "LayerAlignment",
    "MeanAlignment",
    "ScenarioAlignment",
]

DOUBT = 1.25  # the floor is an estimate: only an error clearly above it supports a claim
FLAT = 1e-3  # grey levels: an output of less contrast is constant up to rounding, so no error is relative to it


@dataclass(frozen=True, kw_only=True)
class MeanAlignment:
    """Mean squares in grey levels^2 per pixel and channel, over the pixels compared and over images.

    ``error`` is that of Phi(pi_A Y) - pi_A Phi(Y), ``contrast`` that of pi_A Phi(Y) minus its mean. ``floor`` is the
    part of the error that resampling on the pixel grid alone produces, as ``measure_alignment`` defines it.
    """

    error: float
    floor: float
    contrast: float

    @property
    def relative(self) -> float | None:
        """Root of error / contrast; None where the output is constant."""
        return self._share(self.error)

    @property
    def relative_floor(self) -> float | None:
        """Root of floor / contrast; None where the output is constant."""
        return self._share(self.floor)

    @property
    def excess(self) -> float | None:
        """``relative`` less DOUBT times ``relative_floor``, but at least 0; None as ``relative``.

        By the triangle inequality the error without the part from the pixel grid is at least this large.
        """
        relative, floor = self.relative, self.relative_floor
        return None if relative is None or floor is None else max(relative - DOUBT * floor, 0.0)

    def to_dict(self) -> dict[str, float | None]:
        """The three mean squares, their roots, and those relative to the contrast."""
        roots = {"error_rms": sqrt(self.error), "floor_rms": sqrt(self.floor)}
        relative = {"relative": self.relative, "relative_floor": self.relative_floor}
        return {**asdict(self), **roots, **relative}

    def _share(self, value: float) -> float | None:
        return sqrt(value / self.contrast) if self.contrast > FLAT**2 else None


@dataclass(frozen=True, kw_only=True)
class ImageAlignment:
    """One image: ``error``, ``floor`` and ``contrast`` of :class:`MeanAlignment` by element.

    ``side`` is the side in px of the square of the input that was used, ``pixels`` the number of output pixels
    compared; ``w`` is (a, b) of the image's own group, None for strict rotations. ``restoration_error`` is the mean
    square of Phi(Y) minus the clean image on the same pixels, None where that is not known.
    """

    image: str
    side: int
    pixels: int
    error: tuple[float, ...]
    floor: tuple[float, ...]
    contrast: tuple[float, ...]
    w: tuple[float, float] | None = None
    restoration_error: float | None = None


@dataclass(frozen=True, kw_only=True)
class LayerAlignment:
    """One layer: mean squares over images by element, of the features in their own unit.

    Null by element where the layer's own ``group`` lacks it. ``kind`` is "features" (moved in space and along the
    group axis) or "image" (moved in space).
    """

    DERIVED = ("relative", "relative_floor")

    layer: str
    kind: str
    group: str
    channels: int
    error: tuple[float | None, ...]
    floor: tuple[float | None, ...]
    contrast: tuple[float | None, ...]

    @property
    def relative(self) -> float | None:
        """Root of error / contrast, both means over all elements but the identity; None where constant."""
        return self._share(self.error)

    @property
    def relative_floor(self) -> float | None:
        """As ``relative``, of the floor."""
        return self._share(self.floor)

    def to_dict(self) -> dict[str, Any]:
        """Its fields, and the two relative errors."""
        return {**asdict(self), "relative": self.relative, "relative_floor": self.relative_floor}

    def _share(self, values: tuple[float | None, ...]) -> float | None:
        part, whole = (fsum(value or 0.0 for value in row[1:]) for row in (values, self.contrast))
        return sqrt(part / whole) if whole > 0 else None


@dataclass(frozen=True, kw_only=True)
class ScenarioAlignment:
    """All images under strict rotations ("dataset_strict") or each under its own group ("dataset_adaptive")."""

    DERIVED = ("elements", "restoration_rms")

    scenario: str
    images: tuple[ImageAlignment, ...]
    layers: tuple[LayerAlignment, ...] = ()

    @property
    def title(self) -> str:
        """The scenario in words."""
        return Scenario.named(self.scenario).title

    @property
    def elements(self) -> tuple[MeanAlignment, ...]:
        """The means over images by element: (1/N) sum_n of the left side of Eqs. (18) and (31), per pixel."""
        names = tuple(MeanAlignment.__dataclass_fields__)
        columns = (zip(*(getattr(item, name) for item in self.images), strict=True) for name in names)
        means = ([fsum(values) / len(values) for values in by_element] for by_element in columns)
        return tuple(MeanAlignment(**dict(zip(names, values, strict=True))) for values in zip(*means, strict=True))

    @property
    def restoration_rms(self) -> float | None:
        """Root of the mean over images of ``restoration_error``, in grey levels; None where one is not known."""
        squares = [image.restoration_error for image in self.images if image.restoration_error is not None]
        return sqrt(fsum(squares) / len(squares)) if squares and len(squares) == len(self.images) else None

    def worst(self, indices: Sequence[int]) -> int:
        """The index, among ``indices``, of the element of the largest error; the first of equal ones."""
        elements = self.elements
        return max(indices, key=lambda index: elements[index].error)


@dataclass(frozen=True, kw_only=True)
class DataCurve:
    """How far the data are from invariance under every element in common, by one regularizer.

    ``deviation`` = |mean f_0 - mean f_A| / the mean of mean f over the elements, exactly 0 where the regularizer cannot
    see A; ``floor`` and ``null`` are the relative epsilons that the pixel grid alone and chance alone produce.
    ``correlation`` is Spearman's, with the network's relative error above its floor, over the elements that the
    regularizer sees.
    """

    scenario: str
    regularizer: str
    title: str
    deviation: tuple[float, ...]
    floor: float
    null: float
    correlation: float | None


@dataclass(frozen=True, kw_only=True)
class GroupAlignment:
    """One group under one scenario: the network's relative error beside the data's relative epsilon (SPEC 8).

    ``model`` and ``model_floor`` are the error and floor of the element of the largest error; ``model_excess`` is the
    largest error above its floor of any element. Only elements that a regularizer of the report can see count, if
    there are any. ``data`` is the relative epsilon of the ``regularizer`` that speaks most against the group, and
    ``data_floor`` its floor and null level together. ``relation`` says how symmetric the network is beside the data:
    "more", "less", "as" (within a factor of 2), "cannot tell" or "not tested" (SPEC 15); in older files "as" may stand
    for "cannot tell". ``factor`` is the ratio of the larger side to the smaller one, the larger minus its floor; None
    where the smaller one is 0, or there is no difference. ``data_low`` to ``data_high`` is what the data's epsilon may
    be: its confidence interval, at the lower end minus ``data_floor``; None in older files.
    """

    scenario: str
    group: str
    model: float | None
    model_floor: float | None
    model_excess: float | None
    data: float | None
    data_floor: float | None
    regularizer: str | None
    relation: str
    factor: float | None = None
    data_low: float | None = None
    data_high: float | None = None


@dataclass(frozen=True, kw_only=True)
class DataSymmetry:
    """The data beside the network. ``group`` is what both know, ``indices`` its elements among those measured.

    ``relative_to`` is what the data's relative numbers are divided by: "mean", over the elements, as DataCurve says; in
    older files "identity", where they were |f_0 - f_A| / f_0.
    """

    name: str
    group: str
    indices: tuple[int, ...]
    same_images: bool
    curves: tuple[DataCurve, ...]
    groups: tuple[GroupAlignment, ...]
    relative_to: str = "identity"
