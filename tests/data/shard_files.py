"""Shards for tests: the same files as tar archives and as Parquet, and what reading a source gives."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from symmetry_audit.data import Found, ImageRef, Listing, ShardedSource
from symmetry_audit.data._expand import DEFAULT_LISTING

CAP = 10**6
MARK = {b"huggingface": json.dumps({"info": {"features": {"photo": {"_type": "Image"}}}}).encode()}


def tar_of(path: Path, files: Iterable[tuple[str, bytes]], mode: str = "w") -> Path:
    """A tar archive of ``(name, content)``."""
    with tarfile.open(path, mode) as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def parquet_of(
    path: Path, columns: Mapping[str, Any], metadata: Mapping[bytes, bytes] | None = None, **options
) -> Path:
    """A Parquet file of ``columns``, marked by ``metadata`` as the library ``datasets`` does."""
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), path, **options)
    return path


def embedded(contents: Iterable[bytes | None]) -> list[dict[str, Any]]:
    """Rows of a column as ``datasets`` writes them."""
    return [{"bytes": content, "path": None} for content in contents]


def read_all(source: ShardedSource, listing: Listing = DEFAULT_LISTING, cap: int = CAP) -> tuple[list[ImageRef], Found]:
    """The images of all shards, in their order, sorted inside each; and what else was found."""
    refs, found = [], Found()
    for shard in source.shards:
        own = Found()
        refs += sorted(shard.images(cap, listing, own), key=lambda ref: ref.key)
        found.merge(Found.from_dict(json.loads(json.dumps(own.to_dict()))))
    return refs, found


def contents(source: ShardedSource) -> dict[str, bytes]:
    """Key -> bytes, in the order of reading."""
    return {ref.key: ref.read(CAP) for ref in read_all(source)[0]}
