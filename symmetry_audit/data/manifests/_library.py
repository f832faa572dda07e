"""The manifests there are: those shipped with symaudit, and the user's own."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from symmetry_audit.data.manifests._model import Manifest
from symmetry_audit.data.manifests._parse import parse_manifest
from symmetry_audit.errors import SettingError, suggest

__all__ = ["available", "load_manifest", "shipped", "user_files", "user_folder"]


@functools.cache
def shipped() -> tuple[Manifest, ...]:
    """Return the manifests that come with symaudit, in name order."""
    from importlib.resources import files

    folder = files("symmetry_audit.data_manifests")
    entries = [entry for entry in folder.iterdir() if entry.name.endswith(".toml")]
    parsed = (parse_manifest(entry.read_text("utf-8"), origin=entry.name) for entry in entries)
    return tuple(sorted(parsed, key=lambda manifest: manifest.name.casefold()))


def user_folder() -> Path:
    """Return the folder of the user's own manifests: SYMAUDIT_MANIFESTS, or the configuration's."""
    from platformdirs import user_config_path

    chosen = os.environ.get("SYMAUDIT_MANIFESTS")
    return Path(chosen).expanduser() if chosen else user_config_path("symaudit") / "datasets"


def user_files() -> dict[str, Path]:
    """Map the folded names of the user's own manifests to their files; shipped names cannot be replaced."""
    taken = {manifest.name.casefold() for manifest in shipped()}
    found = {path.stem.casefold(): path for path in sorted(user_folder().glob("[!.]*.toml"))}
    return {name: path for name, path in found.items() if name not in taken}


def available() -> tuple[str, ...]:
    """Return the names of all datasets, shipped ones first, then the user's own (malformed ones included)."""
    return (*(manifest.name for manifest in shipped()), *(path.stem for path in user_files().values()))


def load_manifest(name: str) -> Manifest:
    """Return the manifest of that name, in any case. Raises SettingError for an unknown or malformed one."""
    for manifest in shipped():
        if manifest.name.casefold() == name.casefold():
            return manifest
    path = user_files().get(name.casefold())
    if path is None:
        hint = "`symaudit datasets add NAME FOLDER` records your own."
        raise SettingError(f'unknown dataset "{name}".{suggest(name, available())} {hint}')
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        hint = "write it anew with `symaudit datasets add --force`"
        raise SettingError(f"{path}: cannot be read as UTF-8 text ({error}); {hint}") from None
    manifest = parse_manifest(text, origin=str(path))
    if manifest.name.casefold() != name.casefold():
        raise SettingError(f'{path}: names itself "{manifest.name}"; rename the file to {manifest.name}.toml')
    return manifest
