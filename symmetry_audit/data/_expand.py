"""Files -> images: DICOM headers are read, volumes become slices, and what is no CT slice is skipped."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from symmetry_audit.data._limits import BYTES_PER_PIXEL, DEFAULT_MAX_PIXELS
from symmetry_audit.data._ref import ImageRef
from symmetry_audit.data._walk import DICOM, NIFTI
from symmetry_audit.errors import ImageError
from symmetry_audit.results import SkippedImage

__all__ = ["DEFAULT_LISTING", "MAX_BYTES", "Listing", "expanded", "name_hash", "pseudonym"]

MAX_BYTES = DEFAULT_MAX_PIXELS * BYTES_PER_PIXEL  # of a file, and of what a volume unpacks to


@dataclass(frozen=True)
class Listing:
    """How files become images.

    ``plane`` is that of slices: axial, coronal or sagittal. With ``file_names`` DICOM files keep their names, which may
    be those of patients; without it their keys are made of a hash of the series and the number of the slice.
    """

    plane: str = "axial"
    file_names: bool = False


DEFAULT_LISTING = Listing()


def expanded(files: Iterable[ImageRef], listing: Listing) -> tuple[list[ImageRef], list[SkippedImage]]:
    """The images in ``files``, one or many of each, and what is skipped. Files may come with their bytes."""
    refs, skipped, named = [], [], []
    for file in files:
        if file.kind == DICOM:
            named.append(_dicom(file))
        elif file.kind == NIFTI:
            try:
                found, flat = _slices(file, listing.plane)
            except ImageError as error:
                skipped.append(SkippedImage(file.key, str(error)))
            else:
                refs += found
                skipped += flat
        else:
            refs.append(file)
    names = [file.key if listing.file_names else name for file, name, _ in named]
    counts = Counter(names)
    for (file, _, refusal), name in zip(named, names, strict=True):
        key = name if counts[name] == 1 or listing.file_names else f"{name}-{name_hash(file.key)[:6]}"
        if refusal is None:
            refs.append(replace(file, key=key))
        else:
            skipped.append(SkippedImage(key, refusal))
    return refs, skipped


def _dicom(file: ImageRef) -> tuple[ImageRef, str, str | None]:
    """The file without its bytes and with its series, its pseudonym, and why it is skipped, if it is."""
    from symmetry_audit.data._dicom import read_header

    try:
        if file.member is None and file.path.is_file():  # as far as the pixels; a pipe could block forever
            with file.path.open("rb") as opened:
                header = read_header(opened)
        else:
            header = read_header(io.BytesIO(file.read(MAX_BYTES)))
    except (OSError, ImageError) as error:
        reason = str(error) if isinstance(error, ImageError) else f"cannot be read ({error.strerror})"
        return file, pseudonym(file.key), reason
    folder = f"series-{header.series}" if header.series else pseudonym(file.key)
    name = f"{folder}/{name_hash(file.key)[:6]}" if header.number is None else f"{folder}/{header.number:04d}"
    return replace(file, payload=None, series=header.series), name, header.refusal


def _slices(file: ImageRef, plane: str) -> tuple[list[ImageRef], list[SkippedImage]]:
    """The slices of a volume that are not flat."""
    from symmetry_audit.data._load import volume

    found = volume(file, MAX_BYTES)
    total, flat = found.count(plane), set(found.flat(plane))
    digits = max(3, len(str(total - 1)))
    refs = [
        replace(file, key=f"{file.key}/{plane}/{index:0{digits}d}", payload=None, part=(plane, index), series=file.key)
        for index in range(total)
        if index not in flat
    ]
    empty = f"{len(flat)} of {total} slices have one value alone"
    return refs, [SkippedImage(f"{file.key}/{plane}", empty)] if flat else []


def pseudonym(key: str) -> str:
    """What results call a DICOM file whose series is not known."""
    return f"dicom-{name_hash(key)}"


def name_hash(name: str) -> str:
    """12 hexadecimal digits that tell names apart without telling them."""
    return hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:12]
