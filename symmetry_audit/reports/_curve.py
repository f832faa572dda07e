"""The learning curve of a training run from the rows of its log.csv."""

from __future__ import annotations

import csv
from pathlib import Path

from symmetry_audit.errors import ReportError
from symmetry_audit.files import write_atomically

__all__ = ["write_learning_curve"]


def write_learning_curve(folder: Path) -> tuple[Path, ...]:
    """Write learning_curve.png/.svg/.pdf beside the log.csv in ``folder``; the same log gives the same bytes.

    Left the loss and the learning rate, right the PSNR on training patches, on the validation images and of
    their degraded input. Raises ReportError where there is no log.
    """
    from symmetry_audit.reports._learning import learning_curve

    try:
        with (folder / "log.csv").open(encoding="utf-8", newline="") as file:
            files = learning_curve(list(csv.DictReader(file)))
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise ReportError(f"{folder / 'log.csv'} is no log of a training run ({error})") from None
    return tuple(write_atomically(folder / f"learning_curve.{suffix}", content) for suffix, content in files.items())
