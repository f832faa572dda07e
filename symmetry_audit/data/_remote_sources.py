"""Sources behind URLs: which may be asked, and what they hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urlsplit

from symmetry_audit.data._braces import expanded_braces
from symmetry_audit.data._object_shards import object_shards
from symmetry_audit.data._object_store import listed
from symmetry_audit.data._open_shards import (
    PARQUET_SUFFIX,
    REQUESTS,
    check_complete,
    is_shard,
    named_below,
    source_of_shards,
)
from symmetry_audit.data._places import Status, shown, status_of
from symmetry_audit.data._remarks import Beside
from symmetry_audit.data._shards import ShardedSource
from symmetry_audit.data._walk import image_kind, is_side_file
from symmetry_audit.errors import DataError, SettingError
from symmetry_audit.wording import count, escaped

__all__ = ["open_url"]

PROTOCOLS = ("file", "s3", "gs", "gcs", "az", "abfs", "http", "https", "hf")
LISTED = 8  # files of one folder from which on the folder is listed instead of asking for each


def open_url(text: str, column: str | None) -> ShardedSource:
    """The shards behind a URL, or a brace range of URLs. Raises DataError where they are missing or cannot be asked."""
    protocol, separator, rest = text.partition("://")
    if "::" in text or not separator or protocol not in PROTOCOLS:
        # the text, which may be a command with a password, is not shown
        raise DataError(f"a URL begins with one of {', '.join(PROTOCOLS)}, followed by ://; no others are opened")
    if protocol in ("http", "https"):
        return source_of_shards(text, _web_files(text), column)
    if "@" in rest.partition("/")[0]:
        raise DataError(f"a {protocol}:// URL holds no account; give credentials in the environment")
    if "?" in rest or "#" in rest:
        raise DataError(f'"{shown(text)}": ? and # have a meaning in URLs; write * or a range such as {{0..9}}')
    patterns = [pattern.rstrip("/") for pattern in expanded_braces(text)]
    if all(is_shard(pattern) and not _is_glob(pattern) for pattern in patterns):
        return source_of_shards(text, _objects(text, patterns), column)
    if len(patterns) > 1 and not all(map(is_shard, patterns)):
        raise DataError(f'"{shown(text)}": braces stand for shards; give one folder at a time')
    found = {place: status for pattern in patterns for place, status in _listed(pattern)}
    if not found:
        raise DataError(f'"{shown(text)}" holds no files, or is not there; check the URL and the credentials')
    return _source_of_objects(text, patterns, found, column)


def _is_glob(url: str) -> bool:
    return "*" in url or "[" in url


def _listed(pattern: str) -> Sequence[tuple[str, Status]]:
    return list(listed(pattern, "glob" if _is_glob(pattern) else "find"))


def _source_of_objects(
    text: str, patterns: Sequence[str], found: Mapping[str, Status], column: str | None
) -> ShardedSource:
    """The images among the objects ``found``, or else the shards; of a data set of Hugging Face its Parquet files."""
    own, names = named_below(found)
    if len(patterns) == 1 and not _is_glob(patterns[0]):  # a folder
        own = patterns[0].rpartition("/")[2]
        names = {place: place.removeprefix(f"{patterns[0]}/") for place in found}
    parquet = {place: found[place] for place in found if place.lower().endswith(PARQUET_SUFFIX)}
    if parquet and text.startswith("hf://"):
        source = source_of_shards(text, parquet, column, own)
        return replace(source, note=f"{own}: {count(len(parquet), 'Parquet file')}, of all splits")
    beside, images = Beside(), {}
    for place, name in names.items():
        *folders, last = name.split("/")
        if last.startswith(".") or beside.is_passed(folders):
            continue
        if image_kind(last, lambda length: b"") is not None:
            images[place] = name
        elif not is_side_file(last) and not is_shard(last):
            beside.other(last)
    if not images and (shards := {place: status for place, status in found.items() if is_shard(place)}):
        return source_of_shards(text, shards, column, own)
    if not images:
        raise DataError(f'no images in "{shown(text)}", nor tar archives or Parquet files')
    if column is not None:
        raise SettingError("--column is for Parquet files; drop it")
    shards = object_shards({place: (name, found[place]) for place, name in images.items()})
    return ShardedSource(escaped(own), shown(text), shards, remarks=beside.remarks())


def _web_files(text: str) -> dict[str, Status]:
    """The files of web servers, which list none: each has to be named."""
    path, mark, query = text.partition("?")
    try:
        host = urlsplit(path).port, urlsplit(path).hostname
    except ValueError:
        host = None, None
    if host[1] is None:
        raise DataError("the URL names no host, or a port that is no number; percent-encode what stands before @")
    if _is_glob(path):
        raise DataError(f'"{shown(text)}": web servers list no files; write a range such as {{0000..0999}}.tar')
    places = [f"{place}{mark}{query}" for place in expanded_braces(path)]
    unfit = next((place for place in places if not is_shard(place.partition("?")[0])), None)
    if unfit is not None:
        raise DataError(f'"{shown(unfit)}" is no shard; give .tar, .tar.gz and the like, or .parquet')
    found = _statuses(places)
    check_complete(text, places, found)
    return found


def _objects(text: str, places: Sequence[str]) -> dict[str, Status]:
    """The objects at ``places``; a folder of many is listed. Raises DataError where one is missing."""
    folders = defaultdict[str, list[str]](list)
    for place in places:
        folders[place.rpartition("/")[0]].append(place)
    single = [place for inside in folders.values() if len(inside) <= LISTED for place in inside]
    found = _statuses(single)
    for folder, inside in folders.items():
        if len(inside) > LISTED:
            held = dict(listed(folder, "ls"))
            found |= {place: held[place] for place in inside if place in held}
    check_complete(text, places, found)
    return found


def _statuses(places: Sequence[str]) -> dict[str, Status]:
    with ThreadPoolExecutor(REQUESTS) as pool:
        return {
            place: status
            for place, status in zip(places, pool.map(status_of, places), strict=True)
            if status is not None
        }
