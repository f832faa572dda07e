"""The layer that degrades images, audited as images are (SPEC 8): degraded minus clean, where both are given."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from symmetry_audit.errors import ImageError

if TYPE_CHECKING:
    from symmetry_audit.results import AuditReport
    from symmetry_audit.tasks import Pairs, Task

__all__ = ["degradation_audit"]

LIMIT = 200  # images


def degradation_audit(pairs: Pairs, task: Task, report: AuditReport) -> AuditReport | None:
    """The strict audit of degraded minus clean luminance at the first scale of ``report``.

    None where the task makes its degradation itself: noise, missing pixels and reductions by bicubic interpolation have
    no direction but that of the pixel grid. Of many pairs the first 200 are used.
    """
    import numpy as np
    from PIL import Image

    from symmetry_audit.data import load_rgb
    from symmetry_audit.kernels import STENCILS
    from symmetry_audit.verbs._measure import measure

    if not task.paired:
        return None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, pair in enumerate(pairs.refs[:LIMIT]):
            try:
                sides = [load_rgb(side).to_8bit().astype(float) for side in (pair.clean, pair.degraded) if side]
                clean, degraded = (side @ (0.299, 0.587, 0.114) for side in sides)
                layer = (degraded - clean).astype(np.float32)
            except (ImageError, ValueError):  # the pilot reports it
                continue
            Image.fromarray(layer).save(folder / f"{number:06}.tif")
        settings = report.settings
        return measure(
            folder,
            reg=[name for item in settings["regularizers"] if (name := item["name"]) in STENCILS] or None,
            **{name: settings[name] for name in ("group", "kernel", "response", "margin")},
            sigma=settings["sigma"][0],
            scenario="dataset_strict",
        )
