"""The fits of one image as values: AffineFit, or FailedFit with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from symmetry_audit.audit._settings import AuditSettings
from symmetry_audit.audit._sources import fit_sources
from symmetry_audit.audit._tables import ImageTables, scales
from symmetry_audit.groups import Affine
from symmetry_audit.results import AffineFit, FailedFit
from symmetry_audit.statistics import relative_error, symmetry_error

__all__ = ["fit_rows"]

FLAT = "an element of the group gives no response, or there is no pixel to fit to"
NOT_GIVEN = "the table of fits has none; measured under strict rotations"
ISOTROPIC = "isotropic: the response does not depend on direction, so it identifies no deformation"


def fit_rows(
    image: str, tables: ImageTables, settings: AuditSettings, pixel_sha256: str | None = None
) -> Iterator[AffineFit | FailedFit]:
    """All fits of one image: every source at every scale, and a failed one for every undirected regularizer."""
    found = tables.adaptive
    if found is None:
        return
    from symmetry_audit.fits import StructureTensor, proxy

    sources = fit_sources(settings)
    for s, (sigma, factor) in enumerate(scales(settings)):
        tensor = StructureTensor(*found.tensor[s].tolist())
        about: dict[str, Any] = {"image": image, "sigma": sigma, "downscale": factor, "pixel_sha256": pixel_sha256}
        about.update(orientation=tensor.orientation, coherence=tensor.coherence)
        for stencil in settings.stencils:
            if not stencil.directed:
                yield FailedFit(regularizer=stencil.name, reason=ISOTROPIC, **about)
        for f, source in enumerate(sources):
            fit, chosen = found.fits[s, f], list(source.stencils)
            before, after = found.unfitted[s, chosen], found.fitted[s, f, chosen]
            if np.isnan(fit[0]) or not before.any(-1).all():
                unknown = np.isnan(fit[0]) and not settings.fitted
                yield FailedFit(regularizer=source.name, reason=NOT_GIVEN if unknown else FLAT, **about)
                continue
            yield AffineFit(
                regularizer=source.name,
                **about,
                **_axes(Affine(float(fit[0]), float(fit[1]))),
                iterations=int(fit[2]),
                converged=bool(fit[3]),
                at_limit=bool(fit[4]),
                proxy_before=float(proxy(before).mean()),
                proxy_after=float(proxy(after).mean()),
                **_errors("before", before),
                **_errors("after", after),
            )


def _axes(affine: Affine) -> dict[str, Any]:
    ratio, alpha = affine.ratio, affine.alpha
    return {
        "a": affine.a,
        "b": affine.b,
        "alpha": alpha,
        "alpha_deg": float(np.degrees(alpha)),
        "s_x": float(np.sqrt(ratio)),
        "s_y": float(1 / np.sqrt(ratio)),
        "ratio": ratio,
    }


def _errors(when: str, profiles: np.ndarray) -> dict[str, Any]:
    epsilon = symmetry_error(profiles)[0]
    return {
        f"epsilon_{when}": float(epsilon.mean()),
        f"relative_epsilon_{when}": float(relative_error(profiles).mean()),
    }
