"""Whether a run that is found in a folder is of the images that are measured now: by content, wherever they lie."""

from __future__ import annotations

import os
from pathlib import Path

from symmetry_audit.audit._journal import Journal
from symmetry_audit.audit._store import Store
from symmetry_audit.data import BYTES_PER_PIXEL, ImageRef, ImageSource, ShardedSource, content_hash, read_alike
from symmetry_audit.errors import ImageError, ReportError

__all__ = ["known_hash", "place_of", "take_over"]


def place_of(source: ImageSource | ShardedSource) -> str:
    """The folder, archive or list that ``source`` is, with links followed; of other sources the folder of its files, or
    the pattern of its shards."""
    if isinstance(source, ShardedSource):
        return source.text if "://" in source.text else os.path.abspath(source.text)
    path = Path(source.text).expanduser()
    if path.exists():
        return os.path.realpath(path)
    return os.path.commonpath([os.path.realpath(ref.path) for ref in source.refs])


def take_over(journal: Journal, parts: Store, source: ImageSource | ShardedSource, max_pixels: int) -> None:
    """Continue the run in ``journal`` and ``parts`` with ``source``; a file with a new stamp and the old bytes is the
    same file. Parts are continued one by one, when their turn comes.

    Raises ReportError where the run read another place, unless each of its images is in ``source`` with the same bytes.
    """
    known = dict(journal.images)
    if journal.elsewhere:
        known |= {name: (stamp, sha256) for name, stamp, sha256 in parts.images()}
    if isinstance(source, ShardedSource):
        if journal.elsewhere and known:
            raise _other_images(journal, source, "images may be others")
        journal.continued({})
        return
    refs = {ref.key: ref for ref in source.refs}
    stamps = {name: refs[name].stamp() for name in known if name in refs}
    # what was read with another white level has other numbers, whatever its bytes
    alike = {name: stamp for name, stamp in stamps.items() if read_alike(stamp, known[name][0])}
    touched = [refs[name] for name, stamp in alike.items() if stamp != known[name][0]]
    same = {
        ref.key
        for ref in source.stream(touched, max_pixels * BYTES_PER_PIXEL)
        if known_hash(ref, max_pixels) == known[ref.key][1]
    }
    if journal.elsewhere:
        changed = {ref.key for ref in touched} - same
        for name in sorted(known.keys() - refs.keys() | changed):
            what = "is another file" if name in changed else "is missing"
            raise _other_images(journal, source, f"{name} {what}")
    journal.continued({name: stamps[name] for name in same})


def _other_images(journal: Journal, source: ImageSource | ShardedSource, what: str) -> ReportError:
    return ReportError(
        f'{journal.folder} holds a run of other images, of "{journal.place}": in "{place_of(source)}" {what}; choose '
        "another --out, or --force to start over"
    )


def known_hash(ref: ImageRef, max_pixels: int) -> str | None:
    """SHA-256 of an image's file; None where it cannot be read: it is not the file that was measured."""
    try:
        return content_hash(ref, max_pixels)
    except ImageError:
        return None
