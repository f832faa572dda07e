"""Single images on object storage, of which a run of names in order makes a shard."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from symmetry_audit.data._expand import Listing
from symmetry_audit.data._places import Status, opened
from symmetry_audit.data._ref import ImageRef, too_many_bytes
from symmetry_audit.data._remarks import Found
from symmetry_audit.data._shards import OBJECTS, Shard
from symmetry_audit.data._walk import PICTURE, image_kind
from symmetry_audit.wording import escaped

__all__ = ["object_files", "object_shards"]

RUN = 512  # objects of a shard


def object_shards(objects: Mapping[str, tuple[str, Status]]) -> tuple[Shard, ...]:
    """The shards of ``objects``, URL -> (name, status), whose keys are their names: 512 of them in order each."""
    order = sorted(objects, key=lambda url: escaped(objects[url][0]))
    shards = []
    for start in range(0, len(order), RUN):
        run = order[start : start + RUN]
        held = [objects[url] for url in run]
        stamp = hashlib.sha256(repr([(name, status.stamp) for name, status in held]).encode()).hexdigest()[:32]
        part = tuple((name, status.size) for name, status in held)
        size = sum(status.size for _, status in held)
        # all names are below one URL
        url = run[0].removesuffix(f"/{held[0][0]}")
        shards.append(Shard(f"objects#{start // RUN:06d}", url, OBJECTS, stamp, size, part))
    return tuple(shards)


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
