"""A picture of one image with its fits, and the name of its file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from symmetry_audit.groups import Group
from symmetry_audit.results import AffineFit

__all__ = ["affine_figure", "plot_name"]


def affine_figure(
    image: str,
    luminance: np.ndarray,
    group: Group,
    panels: Sequence[tuple[AffineFit, np.ndarray, np.ndarray]],
) -> bytes:
    """A PNG, 7 in wide, the same bytes for the same input: ``image`` in grey under the ellipse of every fit.

    ``luminance`` is (H, W) in [0, 255]. ``panels`` are the fits with the responses of the image to every element of
    ``group``, (order,), divided by their mean: before, to A_t, and after, to D A_t D^-1. The ellipse is D of a circle:
    long axis along (cos alpha, -sin alpha), x right, y down, lengths as sqrt(ratio) to 1 / sqrt(ratio). The polar
    plots show the responses against the angle of A_t; mirrored elements dashed.
    """
    from symmetry_audit.reports._ellipses import ellipses

    return ellipses(image, luminance, group, panels)


def plot_name(key: str) -> str:
    """A file name for the picture of image ``key``: what is readable of it, and a hash of all of it."""
    name = re.split(r"[/\\]", key)[-1]
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", name.rpartition(".")[0] or name).strip("-")
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{stem[:60] or 'image'}-{digest}.png"
