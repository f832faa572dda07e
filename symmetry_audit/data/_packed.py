"""The images in an archive: which members they are, what is left out, and where links lead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePath, PureWindowsPath
from typing import IO

from symmetry_audit.data._archive import Member, followed, members
from symmetry_audit.data._expand import MAX_BYTES, Listing, pseudonym
from symmetry_audit.data._ref import ImageRef, too_many_bytes, with_payload
from symmetry_audit.data._remarks import Beside
from symmetry_audit.data._walk import DICOM, PICTURE, image_kind, is_side_file
from symmetry_audit.errors import DataError, ImageError
from symmetry_audit.results import SkippedImage
from symmetry_audit.wording import escaped

__all__ = ["packed_images"]

LINK = "a device, or a link to no file inside the archive"
ONE_PASS = "a link, which cannot be followed where an archive is read once; store the file itself"


def packed_images(
    folder: str,
    path: Path,
    listing: Listing,
    beside: Beside,
    skipped: list[SkippedImage],
    file: IO[bytes] | None = None,
    most: int = MAX_BYTES,
) -> Iterator[ImageRef]:
    """The images in the archive at ``path``, keys below ``folder``; the rest goes ``beside`` or is ``skipped``.

    With ``file``, the tar archive opened, it is read once: all images come with their bytes, ``most`` of each, and
    links are skipped.
    """
    files: set[str] = set()
    links: dict[str, str] = {}
    waiting: list[ImageRef] = []
    for member in members(path, file):
        name = PureWindowsPath(member.name)  # knows both slashes, drive letters and absolute names
        key = escaped(folder + name.as_posix())
        if name.name.startswith(".") or beside.is_passed(tuple(part for part in name.parts[:-1] if part != "..")):
            continue
        kind = image_kind(name.name, partial(_start, member))
        reason = _outside(name) or (None if member.open or member.target else LINK)
        if member.open is not None:
            files.add(member.name)
        if kind is None:
            if not is_side_file(name.name):
                beside.other(name.name)
        elif reason:
            skipped.append(SkippedImage(_shown(key, kind, listing), reason))
        elif member.target is not None and file is not None:
            skipped.append(SkippedImage(_shown(key, kind, listing), ONE_PASS))
        elif member.target is not None:
            links[member.name] = member.target
            waiting.append(ImageRef(key, path, member.name, kind=kind))
        else:
            ref = ImageRef(key, path, member.name, kind=kind)
            if file is None:
                yield ref if kind == PICTURE else with_payload(ref, member, MAX_BYTES)
                continue
            try:
                yield _with_bytes(ref, member, most)
            except ImageError as error:
                skipped.append(SkippedImage(_shown(key, kind, listing), str(error)))
    for ref in waiting:
        assert ref.member is not None
        target = followed(ref.member, links)
        if target in files:
            yield replace(ref, member=target)
        else:
            skipped.append(SkippedImage(_shown(ref.key, ref.kind, listing), LINK))


def _with_bytes(ref: ImageRef, member: Member, most: int) -> ImageRef:
    """``ref`` with its bytes. Raises ImageError where they are more than ``most`` or can be no picture, and what the
    archive raises where it is damaged."""
    if member.size > most:
        raise too_many_bytes(most)
    return replace(ref, payload=member.read())


def _shown(key: str, kind: str, listing: Listing) -> str:
    return pseudonym(key) if kind == DICOM and not listing.file_names else key


def _outside(name: PurePath) -> str | None:
    escapes = name.anchor or ".." in name.parts
    return "the archive member's name leads outside the archive" if escapes else None


def _start(member: Member, length: int) -> bytes:
    """The first bytes of a member, none where they cannot be read."""
    if member.open is None:
        return b""
    try:
        with member.open() as file:
            return file.read(length)
    except DataError:  # of an archive behind a URL, which cannot be read on
        raise
    except Exception:  # zlib, lzma and bz2 raise classes of their own
        return b""
