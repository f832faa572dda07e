"""w that is known before any fit: from a table of fits, or from the pixel spacing of the image (SPEC 5)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.audit._sources import fit_sources
from symmetry_audit.data import DecodedImage
from symmetry_audit.errors import ImageError
from symmetry_audit.groups import MAX_RATIO

__all__ = ["known_axes"]


def known_axes(
    name: str, image: DecodedImage, settings: AuditSettings, table: Mapping[str, np.ndarray] | None
) -> np.ndarray | None:
    """(a, b) to measure the image called ``name`` under, (S, F, 2); None where they are fitted. Raises ImageError."""
    if table is not None:
        if name not in table:
            raise ImageError("the table of fits has no row for this image")
        return table[name]
    if not settings.spacing:
        return None
    if image.spacing is None:
        raise ImageError("its file does not state the pixel spacing; drop --spacing")
    rows, columns = image.spacing
    # lengths of the body are s times those on the grid: D = diag(1 / columns, 1 / rows), x before y
    along_x = np.log(rows / columns)
    if abs(along_x) > np.log(MAX_RATIO):
        raise ImageError(
            f"its rows are {rows:g} mm apart and its columns {columns:g} mm; --spacing takes ratios up to {MAX_RATIO:g}"
        )
    scales = len(settings.sigmas) * len(settings.downscale)
    return np.broadcast_to([along_x, 0.0], (scales, len(fit_sources(settings)), 2))
