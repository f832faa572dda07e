"""The user's own data: a folder of images -> a manifest that holds the sha256 of each."""

from __future__ import annotations

import os
import re
from dataclasses import asdict
from pathlib import Path

from symmetry_audit.data._raw_format import RawFormat
from symmetry_audit.data._walk import IMAGE_SUFFIXES
from symmetry_audit.data.manifests._digest import Digest, digest_file
from symmetry_audit.data.manifests._library import shipped, user_files, user_folder
from symmetry_audit.data.manifests._locate import matching_images
from symmetry_audit.data.manifests._model import LocatedFile, Track
from symmetry_audit.data.manifests._parse import MANIFEST_SCHEMA, check_name
from symmetry_audit.errors import DataError, SettingError, suggest
from symmetry_audit.files import write_atomically

__all__ = ["add", "remove"]


def _check_addable(name: str, force: bool) -> Path | None:
    """Return the user's manifest that ``name`` would replace, None for a new one. Raises SettingError."""
    check_name(name)
    if any(manifest.name.casefold() == name.casefold() for manifest in shipped()):
        raise SettingError(f'"{name}" is a dataset symaudit ships; choose another name, such as my-{name}')
    old = user_files().get(name.casefold())
    if old and not force:
        raise SettingError(f'"{name}" exists already ({old}); choose another name, or add --force')
    return old


def add(
    name: str,
    folder: Path | str,
    *,
    raw: RawFormat | None = None,
    force: bool = False,
    track: Track | None = None,
) -> Path:
    """Write a manifest with the sha256 of every image in ``folder`` and below; return the file written.

    The manifest names the folder by its absolute path and is saved in :func:`user_folder`. With ``raw`` the images
    are the files without a header that have the size of that format. Raises SettingError for a bad, shipped or
    (without ``force``) taken name; DataError for a folder missing, empty or unreadable.
    """
    import tomli_w

    old = _check_addable(name, force)
    folder = Path(os.path.abspath(Path(folder).expanduser()))
    if not os.path.isdir(folder):
        raise DataError(f"{folder} is not a folder; give the folder that holds your images")
    pattern = "**/*" if raw is None else _raw_pattern(folder, raw)
    files = matching_images(folder, [pattern], raw=raw is not None)
    if not files:
        suffixes = " ".join(IMAGE_SUFFIXES)
        raise DataError(f"{folder} holds no images ({suffixes}); give the folder that holds them")
    for text in (str(folder), *(file.key for file in files)):
        if re.search("[\x00-\x1f\x7f\ud800-\udfff]", text):
            raise DataError(f"{text!a} has a line break or another character no manifest can hold; rename it")
    table = _user_table(name, folder, pattern, {file: digest_file(file.path) for file in (track or iter)(files)})
    if raw is not None:
        table["splits"]["all"]["raw"] = {key: value for key, value in asdict(raw).items() if value is not None}
    path = user_folder() / f"{name}.toml"
    hint = "set SYMAUDIT_MANIFESTS to a folder you can write to"
    write_atomically(path, tomli_w.dumps(table, multiline_strings=True), error=DataError, hint=hint)
    if old and old != path and not (path.exists() and old.exists() and old.samefile(path)):
        old.unlink()
    return path


def remove(name: str) -> Path:
    """Delete the user's manifest of that name, and none of the images; return the file deleted.

    Raises SettingError for a name that is shipped or unknown, DataError where the file cannot be deleted.
    """
    own = user_files()
    path = own.get(name.casefold())
    if path is None and any(manifest.name.casefold() == name.casefold() for manifest in shipped()):
        raise SettingError(f'"{name}" is a dataset symaudit ships; only those you added can be removed')
    if path is None:
        names = [path.stem for path in own.values()]
        hint = suggest(name, names) if names else " You have added none."
        raise SettingError(f'you have added no dataset "{name}".{hint}')
    try:
        path.unlink()
    except OSError as error:
        raise DataError(f"cannot delete {path}: {error.strerror}") from None
    return path


def _raw_pattern(folder: Path, raw: RawFormat) -> str:
    """The pattern of the files of bare samples. Raises DataError where none has the size, or their ends differ."""
    files = (file for file in matching_images(folder, ["**/*"], raw=True) if file.path.stat().st_size == raw.size)
    ends = sorted({file.path.suffix for file in files})
    if not ends:
        raise DataError(f"{folder} holds no file of {raw.size} bytes, the size of --raw; correct it or the folder")
    if len(ends) > 1:
        raise DataError(f"files of the size of --raw end in {' and in '.join(ends)}; keep one kind in {folder}")
    return f"**/*{ends[0]}"


def _user_table(name: str, folder: Path, pattern: str, digests: dict[LocatedFile, Digest | None]) -> dict:
    lines = ""
    for file, digest in digests.items():
        if digest is None:
            raise DataError(f"{file.path} cannot be read; fix its permissions, or move it away")
        lines += f"{digest.sha256}  {file.key}\n"
    split = {"layouts": [str(folder)], "pattern": pattern, "count": len(digests), "files": lines}
    return {
        "schema": MANIFEST_SCHEMA,
        "name": name,
        "title": f"your own images in {folder}",
        "licence": "not stated",
        "citation": "not stated",
        "default_split": "all",
        "splits": {"all": split},
    }
