"""One file of records: the images of a partition in the order of their names, as Parquet (SPEC 16)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from symmetry_audit.audit._image import ImageRecord
from symmetry_audit.errors import ReportError
from symmetry_audit.results import SkippedImage

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["part_bytes", "read_records", "read_skipped"]

PART_SCHEMA = "symaudit.part/1"  # raise the number also where the engine's responses change
GROUP = 512  # records that are decoded at a time
HASHES = ("sha256", "pixel_sha256")  # 32 bytes each
NAMED = ("depth", "unit", "series", "stamp")  # columns in which few values occur often
NUMBERS, SHAPE = "array:", "shape:"  # of each of a record's arrays, null where a record lacks it
SKIPPED = b"skipped"


@cache
def _types() -> dict[str, pa.DataType]:
    """The columns of all fields of a record but its arrays."""
    import pyarrow as pa

    return {
        "image": pa.string(),
        "stamp": pa.string(),
        **dict.fromkeys(HASHES, pa.binary(32)),
        "width": pa.int32(),
        "height": pa.int32(),
        "depth": pa.string(),
        "turned": pa.bool_(),
        "left_out": pa.float64(),
        "unit": pa.string(),
        "series": pa.string(),
        "spacing": pa.list_(pa.float64()),
        "remarks": pa.list_(pa.string()),
    }


def part_bytes(records: Sequence[ImageRecord], skipped: Sequence[SkippedImage]) -> bytes:
    """The file of ``records``, which are sorted by name, and of the images that were ``skipped``.

    The same records give the same bytes.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, pa.Array] = {}
    for name, kind in _types().items():
        values = (getattr(record, name) for record in records)
        columns[name] = pa.array(map(bytes.fromhex, values) if name in HASHES else values, kind)
    for name in sorted({name for record in records for name in record.arrays}):
        found = [record.arrays.get(name) for record in records]
        columns[NUMBERS + name] = pa.array(
            (None if array is None else array.ravel() for array in found), pa.list_(pa.float64())
        )
        columns[SHAPE + name] = pa.array(
            (None if array is None else array.shape for array in found), pa.list_(pa.int32())
        )
    told = json.dumps([[item.image, item.reason] for item in skipped])
    table = pa.table(columns).replace_schema_metadata({b"schema": PART_SCHEMA.encode(), SKIPPED: told.encode()})
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        row_group_size=GROUP,
        compression="zstd",
        use_dictionary=[*NAMED],
        write_statistics=False,
        write_page_checksum=True,
    )
    return sink.getvalue().to_pybytes()


def read_records(data: bytes) -> Iterator[ImageRecord]:
    """The records of a file, one by one. Raises ReportError for a file of another version."""
    file = _opened(data)
    for group in range(file.num_row_groups):
        yield from _records(file.read_row_group(group))


def read_skipped(data: bytes) -> list[SkippedImage]:
    """The images that were skipped. Raises ReportError for a file of another version."""
    return [SkippedImage(*pair) for pair in json.loads(_opened(data).schema_arrow.metadata[SKIPPED])]


def _opened(data: bytes) -> pq.ParquetFile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
    if (file.schema_arrow.metadata or {}).get(b"schema") != PART_SCHEMA.encode():
        raise ReportError("the records are of another version; choose another --out, or --force to start over")
    return file


def _records(table: pa.Table) -> Iterator[ImageRecord]:
    plain: dict[str, list[Any]] = {name: table[name].to_pylist() for name in _types()}
    names = [name.removeprefix(NUMBERS) for name in table.column_names if name.startswith(NUMBERS)]
    arrays = {name: _arrays(table[NUMBERS + name], table[SHAPE + name]) for name in names}
    for row in range(table.num_rows):
        entry = {name: values[row] for name, values in plain.items()}
        entry |= {name: entry[name].hex() for name in HASHES}
        entry["spacing"] = None if entry["spacing"] is None else tuple(entry["spacing"])
        entry["remarks"] = tuple(entry["remarks"])
        own = {name: array for name, found in arrays.items() if (array := found[row]) is not None}
        yield ImageRecord(**entry, arrays=own)


def _arrays(numbers: pa.ChunkedArray, shapes: pa.ChunkedArray) -> list[np.ndarray | None]:
    whole = numbers.combine_chunks()
    ends, values = whole.offsets.to_numpy(), whole.values.to_numpy()
    return [
        None if shape is None else values[ends[row] : ends[row + 1]].reshape(shape)
        for row, shape in enumerate(shapes.to_pylist())
    ]
