"""One image of a source: where it is, how it is stored, and how its bytes are read up to a cap."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from symmetry_audit.data._archive import Member, members
from symmetry_audit.data._raw_format import RawFormat
from symmetry_audit.data._sampling import sampled
from symmetry_audit.data._walk import PICTURE
from symmetry_audit.data._window import Window
from symmetry_audit.errors import ImageError, one_line
from symmetry_audit.results import SkippedImage

__all__ = ["ImageRef", "ImageSource", "read_alike", "streamed_refs", "too_many_bytes", "with_payload"]

WHITE_MARK = "-white-"  # in a stamp


@dataclass(frozen=True)
class ImageRef:
    """The place of one image: a file, a member of an archive (with its bytes, if it comes from ``stream``), a slice of
    such a volume, or a tile of such a picture."""

    key: str  # the name in reports: a posix path relative to the source; of DICOM files a pseudonym
    path: Path
    member: str | None = None
    payload: bytes | None = None
    kind: str = PICTURE  # PICTURE, DICOM, NIFTI or RAW
    part: tuple[str, int] | None = None  # the plane and the number of a slice, of NIFTI
    raw: RawFormat | None = None  # of RAW
    bands: tuple[int, ...] | None = None  # of PICTURE: the channels to take as grey, or as red, green and blue, from 1
    series: str | None = None  # images of one series or volume are not independent
    white: float | None = None  # of PICTURE: the white level of samples of more than 8 bits; None: as the file says
    shard: str | None = None  # the stamp of the shard that the image, which has its bytes, was read from
    window: Window | None = None  # of PICTURE: the tile that is measured, of the scene that ``series`` names

    def with_bands(self, bands: tuple[int, ...] | None) -> ImageRef:
        """The same image, of which these ``bands`` are taken; None: as it is."""
        return self if bands is None else replace(self, bands=bands)

    def with_white(self, white: float | None) -> ImageRef:
        """The same image, with this white level; None: as it is."""
        return self if white is None else replace(self, white=white)

    def anywhere(self) -> ImageRef:
        """The same image for a process with another working folder."""
        return replace(self, path=self.path.absolute())

    def stamp(self) -> str:
        """Changes when the file does: size and modification time (of the archive, for members); and with ``white``."""
        if (stamp := self.shard) is None:
            try:
                status = self.path.stat()
            except (OSError, ValueError):  # ValueError: not a possible file name
                return "missing"
            stamp = f"{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}"
        return stamp if self.white is None else f"{stamp}{WHITE_MARK}{self.white:g}"

    def read(self, max_bytes: int) -> bytes:
        """The encoded bytes. Raises ImageError where they cannot be read or exceed ``max_bytes``, and MemoryError."""
        try:
            data = self.payload if self.payload is not None else _read(self, max_bytes)
        except (ImageError, MemoryError):
            raise
        except PermissionError:
            raise ImageError("permission denied; make the file readable") from None
        except Exception as error:  # zipfile, tarfile and their decompressors raise many classes
            raise ImageError(f"cannot be read ({one_line(error)})") from None
        if len(data) > max_bytes:
            raise too_many_bytes(max_bytes)
        return data


@dataclass(frozen=True)
class ImageSource:
    """The images of one SOURCE in the order in which they are measured, and the files skipped without reading."""

    name: str
    text: str  # SOURCE as the user wrote it
    refs: tuple[ImageRef, ...]
    skipped: tuple[SkippedImage, ...] = ()
    note: str | None = None  # a choice made for the user, such as a manifest's default split
    remarks: tuple[str, ...] = ()  # what a report should say about the files
    short_name: str | None = None  # after which folders of results are named, where that is not ``name``

    def limited(self, limit: int | None, sample: int | None = None, seed: int = 0) -> ImageSource:
        """The first ``limit`` images; of these a random ``sample`` by their names, see ``sampled``, which a remark
        tells. None: all."""
        if sample is None:
            return self if limit is None else replace(self, refs=self.refs[:limit])
        refs = self.refs[:limit]
        if sample >= len(refs):
            return replace(self, refs=refs)
        drawn = sampled((ref.key for ref in refs), sample, seed)
        remark = f"the images are a random sample, {sample} of {len(refs)}, drawn by their names with seed {seed}"
        refs = tuple(ref for ref in refs if ref.key in drawn)
        return replace(self, refs=refs, remarks=(*self.remarks, remark))

    def with_bands(self, bands: tuple[int, ...] | None) -> ImageSource:
        """The same images, of which these ``bands`` are taken; None: as they are."""
        return self if bands is None else replace(self, refs=tuple(ref.with_bands(bands) for ref in self.refs))

    def with_white(self, white: float | None, images: Collection[ImageRef] | None = None) -> ImageSource:
        """The same images, those in ``images`` or all of them with this white level; None: as they are."""
        if white is None:
            return self
        refs = (ref.with_white(white) if images is None or ref in images else ref for ref in self.refs)
        return replace(self, refs=tuple(refs))

    def stream(self, refs: list[ImageRef], max_bytes: int) -> Iterator[ImageRef]:
        """:func:`streamed_refs` of some of the images."""
        return streamed_refs(refs, max_bytes)


def streamed_refs(refs: Iterable[ImageRef], max_bytes: int) -> Iterator[ImageRef]:
    """``refs`` in order; then the members of each archive in its order, with their bytes, read in one pass.

    An unreadable member comes without bytes, and gives the reason when it is read. Raises DataError where the
    archive itself is damaged.
    """
    packed: dict[Path, dict[str, list[ImageRef]]] = {}
    for ref in refs:
        if ref.member is None:
            yield ref
        else:
            packed.setdefault(ref.path, {}).setdefault(ref.member, []).append(ref)
    for path, wanted in packed.items():
        for member in members(path):
            if member.open is not None and member.name in wanted:
                first, *others = wanted.pop(member.name)
                first = with_payload(first, member, max_bytes)
                yield first
                yield from (replace(ref, payload=first.payload) for ref in others)
        for lost in wanted.values():
            yield from lost


def read_alike(stamp: str, other: str) -> bool:
    """Whether two stamps are of samples with one white level."""
    return stamp.partition(WHITE_MARK)[2] == other.partition(WHITE_MARK)[2]


def with_payload(ref: ImageRef, member: Member, most: int) -> ImageRef:
    """``ref`` with the bytes of its ``member``, without them where these cannot be read or are more than ``most``."""
    try:
        return ref if member.size > most else replace(ref, payload=member.read())
    except MemoryError:
        raise
    except Exception:
        return ref


def _read(ref: ImageRef, most: int) -> bytes:
    if ref.member is not None:
        for member in members(ref.path):
            if member.open is not None and member.name == ref.member:
                if member.size > most:
                    raise too_many_bytes(most)
                return member.read()
        raise OSError("no longer in the archive")
    if not stat.S_ISREG(ref.path.stat().st_mode):  # reading a pipe could block forever
        raise OSError("not a regular file")
    with open(ref.path, "rb") as file:
        # memory for all of a large limit, asked for and given back, would cost more than reading
        return file.read(min(most, os.fstat(file.fileno()).st_size) + 1)


def too_many_bytes(most: int) -> ImageError:
    """What to raise for a file of more than ``most`` bytes."""
    return ImageError(f"larger than {most} bytes; raise --max-pixels if you trust the file")
