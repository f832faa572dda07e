"""The responses.parquet of two runs of the same data and settings, compared row by row as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pyarrow.parquet import ParquetFile

from symmetry_audit.results import AuditReport
from symmetry_audit.verification._differences import row_key, scale_of
from symmetry_audit.verification._tolerance import UNRECORDED, Tolerance

__all__ = ["response_differences"]

RESPONSE_KEYS = ("image", "regularizer", "scenario", "sigma", "downscale")


def response_differences(
    old: Path, new: Path, report: AuditReport, tolerance: Tolerance = UNRECORDED
) -> tuple[str, ...]:
    """The first row of the responses.parquet ``old`` that the recomputed ``new`` contradicts by more than the
    ``tolerance``, as a sentence.

    ``report`` is the recomputed one; the files are read as a stream.
    """
    scales = {row_key(row): scale_of(row) for row in report.results}
    checked = {"page_checksum_verification": True}
    with ParquetFile(old, **checked) as old_file, ParquetFile(new, **checked) as new_file:
        for old_row, new_row in zip(_rows(old_file), _rows(new_file), strict=True):
            (image, regularizer, scenario, *scale), values = new_row
            share = tolerance.over(1).of(scenario) * max(scales[scenario, regularizer, *scale], values[:-1].mean())
            allowed = share + tolerance.relative * np.abs(values)
            if old_row[0] != new_row[0] or not (np.abs(old_row[1] - values) <= allowed).all():
                return (f"{old}: {regularizer}, {scenario}: the responses of {image} differ from the recomputed ones",)
    return ()


def _rows(file: ParquetFile) -> Iterator[tuple[tuple, np.ndarray]]:
    """The columns RESPONSE_KEYS of each row, and its response with its leverage at the end (T + 1,)."""
    for batch in file.iter_batches(columns=[*RESPONSE_KEYS, "response", "leverage"]):
        keys = zip(*(batch.column(name).to_pylist() for name in RESPONSE_KEYS), strict=True)
        profiles = batch.column("response").flatten().to_numpy().reshape(len(batch), -1)
        leverage = batch.column("leverage").to_numpy()
        yield from zip(keys, np.column_stack([profiles, leverage]), strict=True)
