"""Images in Parquet files: their column, the row groups that make a shard, and the bytes of every row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from symmetry_audit.data._expand import Listing
from symmetry_audit.data._places import Status, opened, reason_of, shown, unchanged
from symmetry_audit.data._ref import ImageRef, too_many_bytes
from symmetry_audit.data._remarks import Found
from symmetry_audit.data._shards import PARQUET, Shard
from symmetry_audit.data._walk import PICTURE, image_kind
from symmetry_audit.errors import DataError
from symmetry_audit.wording import escaped

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["parquet_files", "parquet_shards"]

ROWS = 512  # of a shard, at least: row groups of fewer are taken together
BATCH = 4  # rows in memory at a time
FOOTER = 1 << 18  # bytes of a request while only the footer is read
SHOWN = 8  # columns in a message
BUFFER = 1 << 20  # bytes that pyarrow reads of a column at a time, instead of the whole row group
NOT_INSIDE = "the images are not in the file, which holds only their paths; write it again with the bytes embedded"


def parquet_shards(name: str, place: str, status: Status, column: str | None) -> list[Shard]:
    """The shards of the Parquet file at ``place``, by its footer alone: row groups of at least 512 rows together.

    Raises DataError where it is damaged, where its images are not inside, and where ``column`` is not its column of
    images or, without one, several or none could be.
    """
    with _damage_told(place), opened(place, status.size, FOOTER) as file, _reader(file) as parquet:
        column = _image_column(parquet.schema_arrow, column, shown(place))
        _check_inside(parquet, column, place)
        shards, first, row = [], 0, 0
        rows = size = 0
        for group in range(parquet.num_row_groups):
            held = parquet.metadata.row_group(group)
            rows, size = rows + held.num_rows, size + _bytes_of(held, column)
            if rows >= ROWS or group == parquet.num_row_groups - 1:
                part = (first, group + 1 - first, row, status.size)
                shards.append(Shard(f"{name}#{first:05d}", place, PARQUET, status.stamp, size, part, column))
                first, row, rows, size = group + 1, row + rows, 0, 0
    if not shards:
        raise DataError(f"{shown(place)} holds no rows")
    return shards


def parquet_files(shard: Shard, max_bytes: int, listing: Listing, found: Found) -> Iterator[ImageRef]:
    """The image files in the rows of ``shard``, keys ``<file>/<row>`` with nine digits, with their bytes.

    A row without an image, or with one of more than ``max_bytes``, is skipped. Raises DataError.
    """
    first, groups, row, file_size = shard.part
    name = shard.name.rpartition("#")[0]
    with _damage_told(shard.url), opened(shard.url, file_size) as file, _reader(file) as parquet:
        batches = parquet.iter_batches(BATCH, row_groups=range(first, first + groups), columns=[shard.column])
        for value in (value for batch in batches for value in batch.column(0).to_pylist()):
            key = f"{name}/{row:09d}"
            row += 1
            data, stored = (value["bytes"], value.get("path")) if isinstance(value, dict) else (value, None)
            if data is None and stored:
                raise DataError(f"{shard.place}: {NOT_INSIDE}")
            if data is None:
                found.skip(key, "has no image in this row")
            elif len(data) > max_bytes:
                found.skip(key, str(too_many_bytes(max_bytes)))
            else:
                yield ImageRef(key, Path(shard.place), key, data, kind=_kind(stored, data))
    unchanged(shard)


@contextmanager
def _damage_told(place: str) -> Iterator[None]:
    """Anything that pyarrow raises on a damaged file becomes a DataError that names ``place``."""
    try:
        yield
    except (DataError, MemoryError):
        raise
    except Exception as error:
        reason = reason_of(error)
        raise DataError(f"cannot read the Parquet file {shown(place)}: {reason}") from None


def _reader(file: IO[bytes]) -> pq.ParquetFile:
    import pyarrow.parquet as pq

    return pq.ParquetFile(file, buffer_size=BUFFER, pre_buffer=False, page_checksum_verification=True)


def _bytes_of(group: pq.RowGroupMetaData, column: str) -> int:
    """The compressed size of ``column`` in a row group."""
    leaves = map(group.column, range(group.num_columns))
    return sum(leaf.total_compressed_size for leaf in leaves if leaf.path_in_schema.split(".")[0] == column)


def _image_column(schema: pa.Schema, column: str | None, place: str) -> str:
    """The column that holds images: the one named, or marked by ``datasets``, or the only one that holds bytes."""
    fitting = [field.name for field in schema if _holds_bytes(field.type)]
    if column is not None:
        if column not in schema.names:
            raise DataError(f'{place} has no column "{column}"; it has {_listed(schema.names)}')
        if column not in fitting:
            raise DataError(f'column "{column}" of {place} holds no bytes of images, but {schema.field(column).type}')
        return column
    marked = [name for name in _marked(schema) if name in fitting]
    found = marked or fitting
    if not found:
        raise DataError(
            f"{place} has no column of images, bytes or struct<bytes, path>; it has {_listed(schema.names)}"
        )
    if len(found) > 1:
        raise DataError(f"{place} has several columns that may hold images; choose by --column: {_listed(found)}")
    return found[0]


def _marked(schema: pa.Schema) -> list[str]:
    """The columns that the library ``datasets`` has marked as images."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return [name for name, feature in features.items() if feature.get("_type") == "Image"]
    except (KeyError, ValueError, TypeError, AttributeError):
        return []


def _holds_bytes(kind: pa.DataType) -> bool:
    import pyarrow as pa

    if pa.types.is_struct(kind):
        at = kind.get_field_index("bytes")
        return at >= 0 and _holds_bytes(kind.field(at).type)
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return escaped(", ".join(names[:SHOWN]) + more)


def _check_inside(parquet: pq.ParquetFile, column: str, place: str) -> None:
    """Raise DataError where the first row group is said to hold paths alone."""
    if parquet.num_row_groups == 0:
        return
    group = parquet.metadata.row_group(0)
    leaves = {leaf.path_in_schema: leaf for leaf in map(group.column, range(group.num_columns))}
    nulls = {}
    for name in ("bytes", "path"):
        leaf = leaves.get(f"{column}.{name}")
        if leaf is None or leaf.statistics is None or not leaf.statistics.has_null_count:
            return
        nulls[name] = leaf.statistics.null_count
    if nulls["bytes"] == group.num_rows > nulls["path"]:
        raise DataError(f"{shown(place)}: {NOT_INSIDE}")


def _kind(stored: str | None, data: bytes) -> str:
    """The kind of a file by the name that it had, if that is known, or by its first bytes."""
    name = PurePosixPath(stored or "").name
    return image_kind(name, lambda length: data[:length]) or PICTURE
