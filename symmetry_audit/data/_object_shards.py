"""Single images on object storage, of which a run of names in order makes a shard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from symmetry_audit.data._expand import Listing
from symmetry_audit.data._places import opened
from symmetry_audit.data._ref import ImageRef, too_many_bytes
from symmetry_audit.data._remarks import Found
from symmetry_audit.data._shards import Shard
from symmetry_audit.data._walk import PICTURE, image_kind
from symmetry_audit.wording import escaped

__all__ = ["object_files"]


def object_files(shard: Shard, max_bytes: int, listing: Listing, found: Found) -> Iterator[ImageRef]:
    """Each object of ``shard`` with its bytes, by one request; those of more than ``max_bytes`` are skipped.

    Raises DataError where one cannot be reached.
    """
    for name, size in shard.part:
        key = escaped(name)
        if size > max_bytes:
            found.skip(key, str(too_many_bytes(max_bytes)))
            continue
        with opened(f"{shard.url}/{name}", size, max(size, 1)) as file:
            data = file.read()
        kind = image_kind(PurePosixPath(name).name, lambda length, data=data: data[:length])
        yield ImageRef(key, Path(shard.place), name, data, kind=kind or PICTURE)
