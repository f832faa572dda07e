"""SOURCE -> its shards: brace ranges, Parquet files, and URLs of archives, Parquet files, data sets and folders."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile

from symmetry_audit.data._archive import ARCHIVE_SUFFIXES
from symmetry_audit.data._braces import expanded_braces, has_braces
from symmetry_audit.data._parquet_shards import parquet_shards
from symmetry_audit.data._places import Status, is_url, shown, status_of
from symmetry_audit.data._shards import PARQUET, TAR, Shard, ShardedSource
from symmetry_audit.errors import DataError, SettingError
from symmetry_audit.wording import count, escaped

__all__ = [
    "PARQUET_SUFFIX",
    "REQUESTS",
    "check_complete",
    "is_shard",
    "is_sharded",
    "named_below",
    "open_shards",
    "source_of_shards",
]

PARQUET_SUFFIX = ".parquet"
TAR_SUFFIXES = tuple(suffix for suffix in ARCHIVE_SUFFIXES if suffix != ".zip")
REQUESTS = 16  # at a time, while a source is opened
EXPECTED = "shards are .tar, .tar.gz and the like, or .parquet"


def is_sharded(text: str) -> bool:
    """Whether SOURCE is read shard by shard: a URL, a brace range, Parquet. A path that exists is what it is."""
    if is_url(text) or "::" in text or text.startswith("pipe:"):
        return not os.path.exists(text)
    return text.lower().endswith(PARQUET_SUFFIX) or (has_braces(text) and not os.path.exists(os.path.expanduser(text)))


def open_shards(text: str, column: str | None = None) -> ShardedSource | None:
    """Resolve SOURCE to shards: a brace range of tar archives or Parquet files, Parquet files by name or glob, a URL.

    None where it is none of these, but what ``open_source`` takes. ``column`` is that of the images in Parquet files.
    Tar archives are not read; of Parquet files the footers are. Raises DataError where a shard is missing, cannot be
    reached or is of no known kind, SettingError for a ``column`` without Parquet.
    """
    if not is_sharded(text):
        return None
    if text.startswith("file://"):
        text = text.removeprefix("file://")
        if not text.startswith("/"):
            raise DataError("a file:// URL has three slashes and the whole path: file:///data/0000.tar")
        if os.path.isdir(text):
            raise DataError(f"{text} is a folder; give its path without file://")
    if is_url(text) or "::" in text or text.startswith("pipe:"):
        from symmetry_audit.data._remote_sources import open_url

        return open_url(text, column)
    return source_of_shards(text, _local_files(text), column)


def source_of_shards(
    text: str, files: Mapping[str, Status], column: str | None, name: str | None = None
) -> ShardedSource:
    """The shards in ``files``, path or URL -> status, in the order of their names; ``name`` is that of the source, by
    default that of the folder. Raises DataError."""
    own, names = named_below(files)
    kinds = {place: _kind(below, text) for place, below in names.items()}
    if column is not None and PARQUET not in kinds.values():
        raise SettingError("--column is for Parquet files; drop it")

    def shards_of(place: str) -> list[Shard]:
        below, status = escaped(names[place]), files[place]
        if kinds[place] == TAR:
            return [Shard(below, place, TAR, status.stamp, status.size)]
        return parquet_shards(below, place, status, column)

    # as keys sort, which go on with a slash
    order = sorted(files, key=lambda place: f"{escaped(names[place])}/")
    if PARQUET in kinds.values():
        with ThreadPoolExecutor(REQUESTS) as pool:
            shards = [shard for found in pool.map(shards_of, order) for shard in found]
    else:
        shards = [shard for place in order for shard in shards_of(place)]
    return ShardedSource(escaped(name or own), shown(text), tuple(shards))


def check_complete(text: str, asked: Sequence[str], found: Mapping[str, Status]) -> None:
    """Raise DataError where files that were ``asked`` for by name are not ``found``."""
    missing = [place for place in asked if place not in found]
    if missing:
        number = f"{len(missing)} of {count(len(asked), 'shard')}" if len(asked) > 1 else "the shard"
        are = "are" if len(missing) > 1 else "is"
        first = f", the first: {shown(missing[0])}" if len(asked) > 1 else ""
        raise DataError(f'"{shown(text)}": {number} {are} missing{first}; check the range and the place')


def _local_files(text: str) -> dict[str, Status]:
    asked, found = [], dict[str, Status]()
    for name in map(os.path.expanduser, expanded_braces(text)):
        if os.path.isdir(name) and name.lower().endswith(PARQUET_SUFFIX):
            name = f"{glob.escape(name)}/**/*{PARQUET_SUFFIX}"
        elif not glob.has_magic(name) or os.path.exists(name):
            asked.append(os.path.abspath(name))
            continue
        matches = sorted(glob.glob(name, recursive=True))
        if not matches:
            raise DataError(f'no files match "{name}"')
        asked += map(os.path.abspath, matches)
    for place in dict.fromkeys(asked):
        if (status := status_of(place)) is not None:
            found[place] = status
    check_complete(text, asked, found)
    return found


def _kind(name: str, text: str) -> str:
    folded = name.lower()
    if folded.endswith(PARQUET_SUFFIX):
        return PARQUET
    if folded.endswith(TAR_SUFFIXES):
        return TAR
    raise DataError(f'"{shown(text)}": {escaped(name)} is no shard; {EXPECTED}')


def is_shard(name: str) -> bool:
    """Whether a file is a tar archive or a Parquet file, by its name."""
    return name.lower().endswith((PARQUET_SUFFIX, *TAR_SUFFIXES))


def named_below(places: Iterable[str]) -> tuple[str, dict[str, str]]:
    """The name of the source, and each place with its name below the folder that all share."""
    parts = {
        place: (place.partition("://")[2].partition("?")[0] if is_url(place) else place).split("/") for place in places
    }
    folders = [path[:-1] for path in parts.values()]
    depth = len(list(takewhile(lambda level: len(set(level)) == 1, zip(*folders, strict=False))))
    names = {place: "/".join(path[depth:]) for place, path in parts.items()}
    own = folders[0][depth - 1] if depth and len(names) > 1 else next(iter(names.values())).split(".")[0]
    return own or "shards", names
