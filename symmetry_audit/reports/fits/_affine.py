"""``affine.parquet`` and ``affine.csv``: one row per image, regularizer and scale, written as a stream."""

from __future__ import annotations

import csv
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from symmetry_audit.errors import ReportError
from symmetry_audit.files import replacing
from symmetry_audit.results import AFFINE_COLUMNS, AFFINE_FILE, AffineFit, FailedFit
from symmetry_audit.wording import csv_row

__all__ = ["AFFINE_CSV", "AffineWriter"]

AFFINE_CSV = "affine.csv"
ROWS_PER_GROUP = 4096
KINDS = {
    "image": pa.string(),
    "regularizer": pa.string(),
    "reason": pa.string(),
    "pixel_sha256": pa.string(),
    "downscale": pa.int64(),
    "iterations": pa.int64(),
    "converged": pa.bool_(),
    "at_limit": pa.bool_(),
}
SCHEMA = pa.schema([(name, KINDS.get(name, pa.float64())) for name in AFFINE_COLUMNS])


class AffineWriter:
    """Writes both files of ``folder`` fit by fit; use it as a context manager.

    They take their names when the block ends without an exception, and nothing is left behind otherwise.
    """

    def __init__(self, folder: str | Path) -> None:
        self._finals = [Path(folder) / name for name in (AFFINE_FILE, AFFINE_CSV)]
        self._rows: list[dict[str, Any]] = []
        self._stack = ExitStack()

    def __enter__(self) -> AffineWriter:
        try:
            with ExitStack() as stack:
                parquet, table = (stack.enter_context(replacing(path)) for path in self._finals)
                writer = pq.ParquetWriter(parquet, SCHEMA, compression="zstd", write_page_checksum=True)
                self._parquet = stack.enter_context(writer)
                text = stack.enter_context(open(table, "w", newline="", encoding="utf-8"))
                stack.push(self._finish)
                self._stack = stack.pop_all()
        except OSError as error:
            raise ReportError(f"cannot write {self._finals[0]}: {error}; give a folder you can write") from None
        self._csv = csv.DictWriter(text, AFFINE_COLUMNS, lineterminator="\n")
        self._csv.writeheader()
        return self

    def append(self, fit: AffineFit | FailedFit) -> None:
        """Add one fit."""
        self._rows.append(fit.to_dict())
        if len(self._rows) == ROWS_PER_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._parquet.write_batch(pa.RecordBatch.from_pylist(self._rows, schema=SCHEMA))
            self._csv.writerows(map(_written, self._rows))
            self._rows.clear()

    def _finish(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def _written(row: dict[str, Any]) -> dict[str, Any]:
    """Truth values as ``true`` and ``false``; null fields stay empty."""
    cells = (str(value).lower() if isinstance(value, bool) else value for value in row.values())
    return dict(zip(row, csv_row(cells), strict=True))
