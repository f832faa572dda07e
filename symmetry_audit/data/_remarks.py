"""What a source says about its files: those of other kinds beside the images, and images whose units cannot agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from symmetry_audit.data._ref import ImageRef
from symmetry_audit.data._walk import DICOM, NIFTI, PICTURE, is_left_behind, left_behind_as
from symmetry_audit.errors import DataError
from symmetry_audit.results import SkippedImage
from symmetry_audit.wording import count

__all__ = ["Beside", "Found", "check_one_unit"]

SHOWN = 8  # kinds in one remark
LONGEST = 10  # characters of the end of a name that are told as its kind
TIFF = (".tif", ".tiff")  # which may hold HU


class Beside:
    """What lies beside the images of a source: files of other kinds, and folders that are passed over."""

    def __init__(self) -> None:
        self._ends: Counter[str] = Counter()
        self._folders: set[tuple[str, ...]] = set()

    def other(self, name: str) -> None:
        """Note a file that is neither an image nor expected beside images."""
        end = PurePosixPath(name).suffix
        self._ends[end if end[1:].isalnum() and len(end) <= LONGEST else "no suffix"] += 1

    def passed(self, folder: Sequence[str]) -> None:
        """Note a folder that was passed over, by the parts of its path."""
        self._folders.add(tuple(folder))

    def is_passed(self, folders: Sequence[str]) -> bool:
        """Whether a file below ``folders`` is passed over; the outermost folder of such a kind is noted."""
        at = next((at for at, folder in enumerate(folders) if is_left_behind(folder)), None)
        if at is not None:
            self.passed(folders[: at + 1])
        return at is not None

    def merge(self, other: Beside) -> None:
        """Add what ``other`` has noted."""
        self._ends += other._ends
        self._folders |= other._folders

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"ends": dict(sorted(self._ends.items())), "folders": sorted(map(list, self._folders))}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Beside:
        """What :meth:`to_dict` wrote."""
        beside = cls()
        beside._ends.update(data["ends"])
        beside._folders.update(map(tuple, data["folders"]))
        return beside

    def remarks(self) -> tuple[str, ...]:
        """A sentence for each of the two, by kind: no names, which beside DICOM files may be those of patients."""
        found = []
        if self._ends:
            number = count(self._ends.total(), "file")
            found.append(f"{number} of other kinds beside the images: {_kinds(self._ends)}")
        if folders := Counter(filter(None, (left_behind_as(parts[-1]) for parts in self._folders))):
            found.append(f"folders of thumbnails, deleted files and the like passed over: {_kinds(folders)}")
        return tuple(found)


@dataclass
class Found:
    """What reading one shard finds beside its images: files of other kinds, and images that are skipped."""

    beside: Beside = field(default_factory=Beside)
    skipped: list[SkippedImage] = field(default_factory=list)

    def skip(self, image: str, reason: str) -> None:
        """Note an image that is skipped."""
        self.skipped.append(SkippedImage(image, reason))

    def merge(self, other: Found) -> None:
        """Add what was found in another shard."""
        self.beside.merge(other.beside)
        self.skipped += other.skipped

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, so that it can lie beside the results of a shard."""
        skipped = [[item.image, item.reason] for item in self.skipped]
        return {"beside": self.beside.to_dict(), "skipped": skipped}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Found:
        """What :meth:`to_dict` wrote."""
        return cls(Beside.from_dict(data["beside"]), [SkippedImage(*item) for item in data["skipped"]])


def _kinds(found: Counter[str]) -> str:
    """The kinds with the number of each, most frequent first."""
    most = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    more = f" and {len(most) - SHOWN} more kinds" if len(most) > SHOWN else ""
    return ", ".join(f"{kind} {number}" for kind, number in most[:SHOWN]) + more


def check_one_unit(text: str, refs: Sequence[ImageRef]) -> None:
    """Raise DataError where pictures that hold grey levels lie beside CT slices, before anything is measured."""
    slices = [ref.key for ref in refs if ref.kind in (DICOM, NIFTI)]
    pictures = [ref.key for ref in refs if ref.kind == PICTURE and not ref.key.lower().endswith(TIFF)]
    if slices and pictures:
        raise DataError(
            f'"{text}" holds CT slices in HU ({slices[0]}) and pictures in grey levels ({pictures[0]}); give one kind, '
            'for example by a glob such as "folder/*.dcm"'
        )
