"""What fitting found for one image and regularizer: an AffineFit, or a FailedFit with its reason."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["AFFINE_COLUMNS", "AFFINE_FILE", "JOINT", "AffineFit", "FailedFit"]

AFFINE_FILE = "affine.parquet"
JOINT = "joint"


@dataclass(frozen=True, kw_only=True)
class AffineFit:
    """w_n of one image: the deformation D of determinant one whose group D A D^-1 leaves the response flattest.

    ``a`` and ``b`` are ln(ratio) (cos 2 alpha, sin 2 alpha); ``alpha`` in [0, pi) is the angle of the long axis
    (cos alpha, -sin alpha), x right, y down; s_x s_y = 1 and ``ratio`` = s_x / s_y in [1, 2]. The proxy is the
    variance of the responses over the group divided by their squared mean, epsilon the single image's, in grey
    levels and relative to the response at the identity; "before" is under strict rotations. For "joint" all are
    means over its regularizers. ``orientation`` (as alpha) and ``coherence`` in [0, 1] are those of the structure
    tensor. ``at_limit``: the largest ratio admitted binds.
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

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with every column of AFFINE_COLUMNS."""
        return asdict(self) | {"reason": None}


@dataclass(frozen=True, kw_only=True)
class FailedFit:
    """No w_n, and why; false in a condition."""

    image: str
    regularizer: str
    sigma: float | None
    downscale: int
    orientation: float
    coherence: float
    reason: str

    def __bool__(self) -> bool:
        return False

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with every column of AFFINE_COLUMNS, null where there is no fit."""
        return dict.fromkeys(AFFINE_COLUMNS) | asdict(self)


AFFINE_COLUMNS = (*AffineFit.__dataclass_fields__, "reason")
