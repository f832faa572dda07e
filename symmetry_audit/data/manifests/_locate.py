"""A split -> its files on this machine, or one line that says where they should be and what to do next."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from symmetry_audit.data._walk import walk_files
from symmetry_audit.data.manifests._model import LocatedFile, Manifest, Sample, Split
from symmetry_audit.errors import DataError

__all__ = ["find", "folders", "locate", "matching_images", "present", "resolve_data_root"]


def resolve_data_root(data_root: Path | str | None = None) -> Path:
    """Return ``data_root``, or else SYMAUDIT_DATA, as a folder that exists. Raises DataError."""
    chosen = data_root or os.environ.get("SYMAUDIT_DATA")
    if not chosen:
        raise DataError("no data folder is set; give --data-root, or set SYMAUDIT_DATA to the folder of your datasets")
    root = Path(os.path.abspath(Path(chosen).expanduser()))
    if not os.path.isdir(root):
        raise DataError(f"{root} is not a folder; create it, or correct --data-root or SYMAUDIT_DATA")
    return root


def _matches(key: str, pattern: str) -> bool:
    """Match path by path part, in any case; "**/" at the start matches any folders, or none."""
    if pattern.startswith("**/"):
        key, pattern = key.rpartition("/")[2], pattern[3:]
    return key.count("/") == pattern.count("/") and fnmatch.fnmatchcase(key.lower(), pattern.lower())


def matching_images(folder: Path, patterns: Sequence[str], *, raw: bool = False) -> list[LocatedFile]:
    """Return the images below ``folder`` that match a pattern, sorted by key. Raises DataError.

    With ``raw`` they are files without a header, of any name.
    """
    return sorted(_matching(folder, patterns, raw))


def _matching(folder: Path, patterns: Sequence[str], raw: bool) -> Iterator[LocatedFile]:
    anywhere = any(pattern.startswith("**/") for pattern in patterns)
    depth = None if anywhere else max(pattern.count("/") for pattern in patterns)
    walked = walk_files(folder, depth)
    found = (LocatedFile(key, path) for key, path, kind in walked if (raw or kind) and os.path.isfile(path))
    return (file for file in found if any(_matches(file.key, pattern) for pattern in patterns))


def find(manifest: Manifest, split: Split, data_root: Path | str | None) -> tuple[Path, list[LocatedFile]]:
    """Return the first folder of the layouts that holds images of the split, and these. Raises DataError."""
    empty, own = None, Path(split.layouts[0].folder).is_absolute()
    if not (own or data_root or os.environ.get("SYMAUDIT_DATA")):
        get = f"get it from {split.url or manifest.url} into DATA/{split.layouts[0].folder}"
        raise DataError(
            f"{manifest.reference(split)}: no data folder is set; if it is here, give --data-root or set "
            f"SYMAUDIT_DATA to the folder that holds {split.layouts[0].folder}; if not, {get} first"
        )
    for layout in split.layouts:
        folder = Path(layout.folder)
        folder = folder if folder.is_absolute() else resolve_data_root(data_root) / folder
        if os.path.isdir(folder):
            files = matching_images(folder, layout.patterns or split.patterns, raw=split.raw is not None)
            if files:
                return folder, files
            empty = empty or folder
    raise DataError(_missing(manifest, split, data_root, empty))


def _missing(manifest: Manifest, split: Split, data_root: Path | str | None, empty: Path | None) -> str:
    """Return the one line that names the layout expected, the URL and the next command."""
    own = Path(split.layouts[0].folder).is_absolute()
    found = "not found" if own else f"not found in {resolve_data_root(data_root)}"
    found = f"{empty} holds none of its images" if empty else found
    many = f"{split.count} images" if split.count else "images"
    places = " or ".join("/".join((layout.folder, *layout.patterns[:1])) for layout in split.layouts)
    url = split.url or manifest.url
    get = f"get them from {url} and unpack them there" if url else "put them back there"
    command = verify_command(manifest, split, data_root)
    return f"{manifest.reference(split)}: {found}; expected {many} in {places}; {get}, then run {command}"


def verify_command(manifest: Manifest, split: Split, data_root: Path | str | None) -> str:
    option = f" --data-root {shlex.quote(str(data_root))}" if data_root else ""
    return f"`symaudit datasets verify {manifest.reference(split)}{option}`"


def _find_checked(manifest: Manifest, split: Split, data_root: Path | str | None) -> tuple[Path, list]:
    """As :func:`find`; DataError also for a wrong number of images and for a copy known as the wrong one."""
    folder, files = find(manifest, split, data_root)
    reference = manifest.reference(split)
    if split.count not in (None, len(files)):
        numbers = f"expected {split.count} images, found {len(files)} in {folder}"
        hint = "or give the folder itself to audit what is there"
        raise DataError(f"{reference}: {numbers}; run {verify_command(manifest, split, data_root)}, {hint}")
    reasons = {copy.bytes: copy.reject for copy in split.variants if copy.bytes and copy.reject}
    reason = reasons and reasons.get(sum(file.path.stat().st_size for file in files))
    if reason:
        raise DataError(f"{reference}: {folder} holds {reason}, see `symaudit datasets show {manifest.name}`")
    return folder, files


def folders(manifest: Manifest, split_name: str | None = None, data_root: Path | str | None = None) -> tuple[Path, ...]:
    """Return the folders of a split, one for each part of a union. Raises as :func:`locate` does."""
    leaves = manifest.leaves(manifest.split(split_name))
    return tuple(_find_checked(manifest, leaf, data_root)[0] for leaf in leaves)


def present(manifest: Manifest, data_root: Path | None) -> dict[str, Path]:
    """Return the folder of each split of which at least one image is here, the default split first.

    Nothing is counted or checked; :func:`verify` does that. Unions are left out, as their parts are there. Without a
    ``data_root`` the user's own datasets alone are looked for.
    """
    found = {}
    for split in sorted(manifest.splits, key=lambda split: split.name != manifest.default_split):
        for layout in split.layouts:
            folder = Path(layout.folder) if data_root is None else data_root / layout.folder
            patterns = layout.patterns or split.patterns
            here = folder.is_absolute() and os.path.isdir(folder)
            if here and any(_matching(folder, patterns, split.raw is not None)):
                found.setdefault(split.name, folder)
    return found


def locate(
    manifest: Manifest, split_name: str | None = None, data_root: Path | str | None = None
) -> tuple[LocatedFile, ...]:
    """Return the files of a split (None: the default one), sorted by key.

    A key is the posix path below the folder found; a union puts "split/" before it. ``data_root`` of None is
    SYMAUDIT_DATA. Raises SettingError for an unknown split; DataError where the data are missing, of another
    number than the manifest says, or a known wrong copy.
    """
    split = manifest.split(split_name)
    found = {leaf.name: _find_checked(manifest, leaf, data_root)[1] for leaf in manifest.leaves(split)}
    if split.parts:
        union = ((name, file) for name, files in found.items() for file in files)
        return tuple(sorted(LocatedFile(f"{name}/{file.key}", file.path) for name, file in union))
    files = found.popitem()[1]
    return _drawn(files, split.sample) if split.sample else tuple(files)


def _drawn(files: Sequence[LocatedFile], sample: Sample) -> tuple[LocatedFile, ...]:
    """Return the files drawn, sorted by key; which they are depends on file names and the seed alone."""

    def rank(file: LocatedFile) -> bytes:
        return hashlib.sha256(os.fsencode(f"{sample.seed} {file.path.name}")).digest()

    return tuple(sorted(sorted(files, key=rank)[sample.skip : sample.skip + sample.take]))
