"""Sources that are read shard by shard: tar archives, row groups of Parquet files, runs of objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from symmetry_audit.data._expand import Listing, expanded, name_hash
from symmetry_audit.data._places import shown
from symmetry_audit.data._ref import ImageRef
from symmetry_audit.data._remarks import Found
from symmetry_audit.data._sampling import sampled
from symmetry_audit.data._walk import DICOM, PICTURE
from symmetry_audit.errors import SettingError
from symmetry_audit.results import SkippedImage

__all__ = ["OBJECTS", "PARQUET", "TAR", "Shard", "ShardedSource"]

TAR, PARQUET, OBJECTS = "tar", "parquet", "objects"


@dataclass(frozen=True, slots=True)  # there may be a million
class Shard:
    """A part of a source that one worker reads once, from its beginning to its end. It pickles to a few hundred bytes.

    ``url`` may hold a password or a signature, which the worker needs: it is never printed, ``place`` is. ``part`` is
    of Parquet (first row group, number of groups, first row, bytes of the file), of objects their names below the URL.
    """

    name: str  # below the folder that all shards share; keys of images begin with it
    url: str = field(repr=False)  # an absolute path, or a URL
    kind: str  # TAR, PARQUET or OBJECTS
    stamp: str  # changes when the file does
    size: int  # bytes, of Parquet those of the row groups
    part: tuple[Any, ...] = field(default=(), repr=False)
    column: str | None = None  # of Parquet
    bands: tuple[int, ...] | None = None
    white: float | None = None

    @property
    def place(self) -> str:
        """The path or URL without secrets, to be shown."""
        return shown(self.url)

    def images(self, max_bytes: int, listing: Listing, found: Found) -> Generator[ImageRef]:
        """Its images with their bytes, at most ``max_bytes`` of each, read once in the file's order; the rest is noted
        in ``found``.

        Volumes give their slices. Raises DataError where the shard is damaged, has changed since the source was opened,
        or cannot be reached.
        """
        if self.kind == PARQUET:
            listing = replace(listing, file_names=True)  # keys are numbers of rows, and tell no name
        seen, repeated = set[str](), Counter[str]()
        for file in _readers()[self.kind](self, max_bytes, listing, found):
            for ref in self._expanded(file, listing, found):
                if ref.key in seen:
                    repeated[ref.key] += 1
                    continue
                seen.add(ref.key)
                yield replace(ref, shard=self.stamp).with_bands(self.bands).with_white(self.white)
        for key, count in sorted(repeated.items()):
            found.skip(key, f"the name occurs {count + 1} times; the first is measured")

    def _expanded(self, file: ImageRef, listing: Listing, found: Found) -> Iterator[ImageRef]:
        """The images in ``file``, which has its bytes; they share these."""
        if file.kind == PICTURE:
            yield file
            return
        refs, skipped = expanded([file], listing)
        found.skipped += skipped
        for ref in refs:
            # whether another slice has this number is known only to those who have read all shards
            hidden = file.kind == DICOM and not listing.file_names
            key = f"{self.name}/{ref.key}-{name_hash(file.key)[:6]}" if hidden else ref.key
            yield replace(ref, key=key, payload=file.payload)


@dataclass(frozen=True)
class ShardedSource:
    """The shards of one SOURCE, in the order in which their images are measured: that of the sorted keys."""

    name: str
    text: str  # SOURCE as the user wrote it, without passwords and signatures
    shards: tuple[Shard, ...]
    skipped: tuple[SkippedImage, ...] = ()
    note: str | None = None
    remarks: tuple[str, ...] = ()
    short_name: str | None = None  # after which folders of results are named, where that is not ``name``

    def limited(self, limit: int | None, sample: int | None = None, seed: int = 0) -> ShardedSource:
        """A random ``sample`` of whole shards by their names, which a remark tells; None: all.

        Raises SettingError for a ``limit``: images are not counted before they are read.
        """
        if limit is not None:
            raise SettingError(
                "--limit counts images, and those of shards are not known before they are read; give fewer shards, "
                "or --sample N for N shards drawn at random"
            )
        if sample is None or sample >= len(self.shards):
            return self
        drawn = sampled((shard.name for shard in self.shards), sample, seed)
        among = f"{sample} of {len(self.shards)} shards"
        remark = f"a random sample of {among} was measured, drawn by their names with seed {seed}"
        shards = tuple(shard for shard in self.shards if shard.name in drawn)
        return replace(self, shards=shards, remarks=(*self.remarks, remark))

    def with_bands(self, bands: tuple[int, ...] | None) -> ShardedSource:
        """The same images, of which these ``bands`` are taken; None: as they are."""
        return self if bands is None else self._with(bands=bands)

    def with_white(self, white: float | None) -> ShardedSource:
        """The same images with this white level; None: as they are."""
        return self if white is None else self._with(white=white)

    def _with(self, **fields: Any) -> ShardedSource:
        return replace(self, shards=tuple(replace(shard, **fields) for shard in self.shards))


def _readers() -> dict[str, Callable[[Shard, int, Listing, Found], Iterator[ImageRef]]]:
    """Kind -> what reads the files of a shard, with their bytes. pyarrow is imported by those who read Parquet."""
    from symmetry_audit.data._object_shards import object_files
    from symmetry_audit.data._parquet_shards import parquet_files
    from symmetry_audit.data._tar_shards import tar_files

    return {TAR: tar_files, PARQUET: parquet_files, OBJECTS: object_files}
