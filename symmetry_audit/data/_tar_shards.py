"""The files in a tar archive that is a shard, local or behind a URL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from symmetry_audit.data._expand import Listing
from symmetry_audit.data._packed import packed_images
from symmetry_audit.data._places import opened, reason_of, unchanged
from symmetry_audit.data._ref import ImageRef
from symmetry_audit.data._remarks import Found
from symmetry_audit.data._shards import Shard
from symmetry_audit.errors import DataError

__all__ = ["tar_files"]


def tar_files(shard: Shard, max_bytes: int, listing: Listing, found: Found) -> Iterator[ImageRef]:
    """The image files of the archive with their bytes, keys below the shard's name. Raises DataError."""
    try:
        with opened(shard.url, shard.size) as file:
            yield from packed_images(
                f"{shard.name}/", Path(shard.place), listing, found.beside, found.skipped, file, max_bytes
            )
    except (DataError, MemoryError):
        raise
    except Exception as error:  # tarfile and the decompressors raise many classes
        reason = reason_of(error)
        raise DataError(f"cannot read the archive {shard.place}: {reason}; the shard is damaged or cut off") from None
    unchanged(shard)
