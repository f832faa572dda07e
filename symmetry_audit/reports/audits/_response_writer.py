"""``responses.parquet``: one response profile per image, regularizer, scenario and scale, written as a stream in
constant memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from symmetry_audit.errors import ReportError
from symmetry_audit.files import replacing
from symmetry_audit.groups import Group

__all__ = [
    "METADATA_KEY",
    "NULLABLE",
    "PIXELS",
    "RESPONSES_FILE",
    "RESPONSES_SCHEMA",
    "ROWS_PER_GROUP",
    "ResponseWriter",
    "responses_schema",
]

RESPONSES_FILE = "responses.parquet"
RESPONSES_SCHEMA = "symaudit.responses/2"
METADATA_KEY = b"symaudit"
ROWS_PER_GROUP = 4096
PIXELS = "pixel_sha256"  # a column that older files lack
NULLABLE = ("sigma", PIXELS)


def responses_schema(group: Group) -> pa.Schema:
    """Columns and file-level metadata for ``group``; sigma and the hash of the pixels may be null."""
    about = {
        "schema": RESPONSES_SCHEMA,
        "group": str(group),
        "elements": [str(element) for element in group.elements],
        "angles_deg": group.angles_deg().tolist(),
    }
    columns = {
        "image": pa.string(),
        "regularizer": pa.string(),
        "scenario": pa.string(),
        "sigma": pa.float64(),
        "downscale": pa.int64(),
        "leverage": pa.float64(),
        "response": pa.list_(pa.float64(), group.order),
        PIXELS: pa.string(),
    }
    fields = [pa.field(name, kind, nullable=name in NULLABLE) for name, kind in columns.items()]
    return pa.schema(fields, metadata={METADATA_KEY: json.dumps(about).encode()})


def _column(values: Sequence | np.ndarray, kind: pa.DataType) -> pa.Array:
    """``values`` as a column of strings or numbers, None as null; ``pa.array`` would import pandas for its types."""
    valid = np.array([value is not None for value in values])
    mask = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    if kind == pa.string():
        encoded = [b"" if value is None else value.encode() for value in values]
        ends, text = np.cumsum([0, *map(len, encoded)], dtype=np.int32), b"".join(encoded)
        return pa.StringArray.from_buffers(len(values), pa.py_buffer(ends), pa.py_buffer(text), mask)
    numbers = np.array([0 if value is None else value for value in values], kind.to_pandas_dtype())
    return pa.Array.from_buffers(kind, len(values), [mask, pa.py_buffer(numbers)])


class ResponseWriter:
    """Writes ``path`` row by row; use it as a context manager.

    Rows are buffered into row groups of ``rows_per_group``. The file takes its name when the block ends
    without an exception, and nothing is left behind otherwise.
    """

    def __init__(self, path: str | Path, group: Group, *, rows_per_group: int = ROWS_PER_GROUP) -> None:
        self._path = Path(path)
        self._schema = responses_schema(group)
        self._group = group
        self._rows: list[tuple[str, str, str, float | None, int, float, str | None]] = []
        self._responses = np.empty((rows_per_group, group.order))
        self._writer: pq.ParquetWriter | None = None
        self._stack = ExitStack()

    def __enter__(self) -> ResponseWriter:
        try:
            with ExitStack() as stack:
                partial = stack.enter_context(replacing(self._path))
                writer = pq.ParquetWriter(partial, self._schema, compression="zstd", write_page_checksum=True)
                self._writer = stack.enter_context(writer)
                stack.push(self._finish)
                self._stack = stack.pop_all()
        except OSError as error:
            raise ReportError(f"cannot write {self._path}: {error}; give a folder you can write") from None
        return self

    def append(
        self,
        image: str,
        regularizer: str,
        scenario: str,
        sigma: float | None,
        downscale: int,
        response: np.ndarray,
        leverage: float,
        pixel_sha256: str | None = None,
    ) -> None:
        """Add one profile: ``response`` of shape (order,), f_A per element, in the order of the group.

        ``sigma`` is in px; ``leverage``, in the unit of epsilon, is by how much the image raises its row's
        epsilon; ``pixel_sha256`` is the hash of its pixels, by which many images are grouped. Raises ReportError for
        another shape or a value that is not finite.
        """
        responses, key = np.asarray(response, dtype=np.float64)[None], (regularizer, scenario, sigma, downscale)
        self.extend(image, (key,), responses, (leverage,), pixel_sha256)

    def extend(
        self,
        image: str,
        keys: Sequence[tuple[str, str, float | None, int]],
        responses: np.ndarray,
        leverages: Iterable[float],
        pixel_sha256: str | None = None,
    ) -> None:
        """Add the profiles (K, order) of one image; ``keys`` are the regularizer, scenario, sigma and downscale of
        each, the rest is as ``append`` takes it. Raises ReportError as that does."""
        whole = responses.shape == (len(keys), self._group.order)
        if not whole or not np.isfinite(responses).all():
            at = int(np.isfinite(responses).all(1).argmin()) if whole else 0
            found = "one that is not" if whole else f"shape {responses.shape[1:]}"
            expected = f"{self._group.order} finite values for {self._group}"
            raise ReportError(f"the {keys[at][0]} response of {image} must be {expected}, got {found}")
        for key, response, leverage in zip(keys, responses, leverages, strict=True):
            self._responses[len(self._rows)] = response
            self._rows.append((image, *key, leverage, pixel_sha256))
            if len(self._rows) == len(self._responses):
                self._flush()

    def _flush(self) -> None:
        assert self._writer is not None, "use ResponseWriter in a with statement"
        if not self._rows:
            return
        values = _column(self._responses[: len(self._rows)].ravel(), pa.float64())
        responses = pa.FixedSizeListArray.from_arrays(values, self._group.order)
        *columns, pixels = zip(*self._rows, strict=True)
        arrays = [_column(column, field.type) for column, field in zip(columns, self._schema, strict=False)]
        arrays += [responses, _column(pixels, pa.string())]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
        self._rows.clear()

    def _finish(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)
