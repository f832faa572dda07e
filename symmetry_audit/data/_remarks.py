"""What a source says about its files: those of other kinds beside the images, and images whose units cannot agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from symmetry_audit.data._expand import Listing
from symmetry_audit.data._ref import ImageRef, ImageSource
from symmetry_audit.data._walk import DICOM, NIFTI, PICTURE
from symmetry_audit.errors import DataError
from symmetry_audit.wording import count

__all__ = ["check_one_unit", "other_kinds"]

SHOWN = 5  # names in one remark
TIFF = (".tif", ".tiff")  # which may hold HU


def other_kinds(names: Sequence[str], source: ImageSource, listing: Listing) -> tuple[str, ...]:
    """A sentence that names the files that are neither images nor expected beside them; nothing where there are none.

    Beside DICOM files, whose names may be those of patients, only the ends of their names are told.
    """
    if not names:
        return ()
    told = sorted(names)
    if any(ref.kind == DICOM for ref in source.refs) and not listing.file_names:
        ends = Counter(PurePosixPath(name).suffix.lower() or "no suffix" for name in names)
        told = [f"{end} ({number})" for end, number in sorted(ends.items())]
    more = f" and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
    return (f"{count(len(names), 'file')} of other kinds beside the images: {', '.join(told[:SHOWN])}{more}",)


def check_one_unit(text: str, refs: Sequence[ImageRef]) -> None:
    """Raise DataError where pictures that hold grey levels lie beside CT slices, before anything is measured."""
    slices = [ref.key for ref in refs if ref.kind in (DICOM, NIFTI)]
    pictures = [ref.key for ref in refs if ref.kind == PICTURE and not ref.key.lower().endswith(TIFF)]
    if slices and pictures:
        raise DataError(
            f'"{text}" holds CT slices in HU ({slices[0]}) and pictures in grey levels ({pictures[0]}); give one kind, '
            'for example by a glob such as "folder/*.dcm"'
        )
