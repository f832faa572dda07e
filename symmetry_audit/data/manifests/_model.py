"""The content of a manifest, as frozen values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from symmetry_audit.data._raw_format import RawFormat
from symmetry_audit.errors import SettingError, suggest

__all__ = ["Layout", "LocatedFile", "Manifest", "Sample", "Split", "Track", "Variant"]

Track = Callable[[Sequence["LocatedFile"]], Iterable["LocatedFile"]]


class LocatedFile(NamedTuple):
    """One image: ``key`` is its posix path below the folder found, ``path`` its path on this machine."""

    key: str
    path: Path


@dataclass(frozen=True, slots=True)
class Layout:
    """A folder, relative to the data root or absolute; ``patterns`` override those of the split."""

    folder: str
    patterns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Variant:
    """Checksums of one known copy of a split: total size in bytes, folder md5, list sha256.

    The list holds for file names that match ``names``; ``reject`` says why this known copy is the wrong one.
    """

    source: str
    names: str = "*"
    bytes: int | None = None
    folder_md5: str | None = None
    list_sha256: str | None = None
    reject: str | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """A fixed draw from split ``of``: rank by sha256 of "seed, space, file name", ``take`` after ``skip``."""

    of: str
    seed: str
    skip: int
    take: int


@dataclass(frozen=True, slots=True)
class Split:
    """A named part of a dataset: exactly one of ``layouts`` (a folder), ``parts`` (a union) or ``sample``.

    ``count`` is the number of images, ``files`` the ``(key, sha256)`` of each; unknown is None or empty. ``raw`` says
    what files without a header hold.
    """

    name: str
    about: str = ""
    layouts: tuple[Layout, ...] = ()
    patterns: tuple[str, ...] = ("*",)
    parts: tuple[str, ...] = ()
    sample: Sample | None = None
    count: int | None = None
    url: str | None = None
    archive: str | None = None
    archive_bytes: int | None = None
    archive_md5: str | None = None
    archive_sha256: str | None = None
    variants: tuple[Variant, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    raw: RawFormat | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A dataset as its manifest describes it; ``origin`` names the manifest's file."""

    name: str
    title: str
    licence: str
    citation: str
    default_split: str
    splits: tuple[Split, ...]
    url: str | None = None
    mirrors: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    origin: str = ""

    def split(self, name: str | None = None) -> Split:
        """Return the split of that name in any case, the default split for None. Raises SettingError."""
        wanted = (name or self.default_split).casefold()
        for split in self.splits:
            if split.name.casefold() == wanted:
                return split
        names = [split.name for split in self.splits]
        see = f"See `symaudit datasets show {self.name}`."
        raise SettingError(f'{self.name} has no split "{name}".{suggest(wanted, names)} {see}')

    def leaves(self, split: Split) -> tuple[Split, ...]:
        """Return the splits with folders behind ``split``: itself, its parts, or what it is drawn from."""
        if split.sample:
            return (self.split(split.sample.of),)
        return tuple(self.split(part) for part in split.parts) or (split,)

    def count(self, split: Split) -> int | None:
        """Return the number of images ``split`` should hold, None where that is not known."""
        if split.sample:
            return split.sample.take
        return total(leaf.count for leaf in self.leaves(split))

    def raw(self, split_name: str | None) -> RawFormat | None:
        """Return the format of the split's files, None for image files. Raises SettingError for an unknown split."""
        return self.leaves(self.split(split_name))[0].raw

    def reference(self, split: Split) -> str:
        """Return what to type for ``split``: "NAME", or "NAME:split" where it is not the default."""
        return self.name if split.name == self.default_split else f"{self.name}:{split.name}"


def total(counts: Iterable[int | None]) -> int | None:
    """The sum of ``counts``, None where one of them is not known."""
    result = 0
    for count in counts:
        if count is None:
            return None
        result += count
    return result
