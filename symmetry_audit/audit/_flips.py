"""Responses that tell an image from its mirror images and its half turn: rising against falling edges (SPEC 8).

The derivative of TV in eight directions, rectified: what rises along a direction and what falls are apart. Flips and
half turns take these eight kernels, as sampled, to each other, so that the pixel grid adds nothing to what they
differ by. That is why they are narrower than the run's own kernels: more edges are seen one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symmetry_audit.groups import Group
from symmetry_audit.kernels import STENCILS, kernel_model, sampled_kernels, window_radius

if TYPE_CHECKING:
    from symmetry_audit.engine import StrictEngine

__all__ = ["DIRECTIONS", "FLIP_KIND", "FLIP_REGULARIZER", "flip_engine", "flip_kernels"]

DIRECTIONS = Group(8)
FLIP_REGULARIZER, FLIP_KIND = "tv", "rectified"
SIGMA = 1.0  # px


def flip_kernels() -> np.ndarray:
    """The kernels (8, k, k), in the order of the elements of DIRECTIONS."""
    stencil, model = STENCILS[FLIP_REGULARIZER], kernel_model("gaussian", SIGMA)
    return sampled_kernels(stencil, DIRECTIONS.matrices(), model, window_radius(stencil, model))


def flip_engine(margin: int, device: str = "cpu") -> StrictEngine | None:
    """What measures the responses to ``flip_kernels``; None where they are wider than ``margin`` (px) allows."""
    from symmetry_audit.engine import strict_engine

    kernels = flip_kernels()
    if kernels.shape[1] // 2 > margin:
        return None
    return strict_engine([kernels], kernel_model("gaussian", SIGMA), margin, device, signed=True)
