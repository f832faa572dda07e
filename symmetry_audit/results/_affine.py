"""What fitting found for one image and regularizer: an AffineFit, or a FailedFit with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, overload

from symmetry_audit.results._skipped import SkippedImage

__all__ = ["AFFINE_COLUMNS", "AFFINE_FILE", "AFFINE_SCHEMA", "JOINT", "AffineFit", "AffineFits", "FailedFit"]

AFFINE_FILE = "affine.parquet"
AFFINE_SCHEMA = "symaudit.affine/2"
JOINT = "joint"


@dataclass(frozen=True, kw_only=True)
class AffineFit:
    """w_n of one image: the deformation D of determinant one whose group D A D^-1 leaves the response flattest.

    ``image``, ``regularizer``, ``sigma`` and ``downscale`` say what was fitted. ``a`` and ``b`` are
    ln(ratio) (cos 2 alpha, sin 2 alpha); ``alpha`` in [0, pi), ``alpha_deg`` in degrees, is the angle of the long axis
    (cos alpha, -sin alpha), x right, y down; ``s_x`` times ``s_y`` is 1, and ``ratio`` = s_x / s_y in [1, 2].
    ``proxy_before`` and ``proxy_after`` are the variance of the responses over the group divided by their squared
    mean, under strict rotations and under G_w. ``epsilon_before`` and ``epsilon_after`` are the single image's, in
    grey levels, ``relative_epsilon_before`` and ``relative_epsilon_after`` relative (SPEC 4). For "joint" all are
    means over its regularizers. ``orientation`` (as alpha) and ``coherence`` in [0, 1] are those of the structure
    tensor. ``iterations`` of the solver, and whether it ``converged``. ``at_limit``: the ratio is the largest admitted.
    ``pixel_sha256`` is the hash of the image's decoded samples, by which fits find their image whatever its name; None
    for an array, and in older files.
    """

    image: str
    regularizer: str
    sigma: float | None
    downscale: int
    a: float
    b: float
    alpha: float
    alpha_deg: float
    s_x: float
    s_y: float
    ratio: float
    proxy_before: float
    proxy_after: float
    epsilon_before: float
    epsilon_after: float
    relative_epsilon_before: float
    relative_epsilon_after: float
    iterations: int
    converged: bool
    at_limit: bool
    orientation: float
    coherence: float
    pixel_sha256: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with every column of AFFINE_COLUMNS."""
        return asdict(self) | {"reason": None}


@dataclass(frozen=True, kw_only=True)
class FailedFit:
    """An image without w_n, and the ``reason``; false in a condition.

    ``image``, ``regularizer``, ``sigma`` and ``downscale`` say what was to be fitted, ``orientation``, ``coherence``
    and ``pixel_sha256`` are as in AffineFit.
    """

    image: str
    regularizer: str
    sigma: float | None
    downscale: int
    orientation: float
    coherence: float
    reason: str
    pixel_sha256: str | None = None

    def __bool__(self) -> Literal[False]:
        return False

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with every column of AFFINE_COLUMNS, null where there is no fit."""
        return dict.fromkeys(AFFINE_COLUMNS) | asdict(self)


@dataclass(frozen=True)
class AffineFits(Sequence[AffineFit | FailedFit]):
    """All fits of one run, a sequence; ``source`` as the user gave it, ``skipped`` the images without fits."""

    fits: tuple[AffineFit | FailedFit, ...]
    source: str
    settings: Mapping[str, Any] = field(repr=False)
    skipped: tuple[SkippedImage, ...] = ()

    @overload
    def __getitem__(self, index: int) -> AffineFit | FailedFit: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[AffineFit | FailedFit, ...]: ...
    def __getitem__(self, index: int | slice) -> AffineFit | FailedFit | tuple[AffineFit | FailedFit, ...]:
        return self.fits[index]

    def __len__(self) -> int:
        return len(self.fits)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document, ``schema`` first."""
        return {
            "schema": AFFINE_SCHEMA,
            "source": self.source,
            "settings": dict(self.settings),
            "fits": [fit.to_dict() for fit in self.fits],
            "skipped": [asdict(item) for item in self.skipped],
        }


AFFINE_COLUMNS = (*AffineFit.__dataclass_fields__, "reason")
