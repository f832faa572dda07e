"""The text of a manifest -> a checked :class:`Manifest`; errors name the place in the manifest."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import Any

from symmetry_audit.data._raw_format import BYTE_ORDERS, RAW_DTYPES, RAW_UNITS, RawFormat
from symmetry_audit.data.manifests._model import Layout, Manifest, Sample, Split, Variant
from symmetry_audit.errors import SettingError, suggest

__all__ = ["MANIFEST_SCHEMA", "check_name", "parse_manifest", "parse_reference"]

MANIFEST_SCHEMA = "symaudit.manifest/1"


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) and item for item in value)


def _is_hex(digits: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(f"[0-9a-f]{{{digits}}}", value) is not None


def _one_of(choices: Iterable[str]) -> tuple[Callable[[object], bool], str]:
    return lambda value: value in tuple(choices), f"one of {', '.join(choices)}"


_TEXT = (lambda value: isinstance(value, str) and value.strip() != "", "a text that is not empty")
_TEXTS = (_is_texts, "a list of texts")
_PATTERN = (lambda value: _TEXT[0](value) or _is_texts(value), "a file pattern or a list of them")
_COUNT = (lambda value: type(value) is int and value > 0, "a whole number above 0")
_SKIP = (lambda value: type(value) is int and value >= 0, "a whole number, 0 or more")
_MD5, _SHA256 = (_is_hex(32), "32 lower-case hex digits"), (_is_hex(64), "64 lower-case hex digits")
_TABLE = (lambda value: isinstance(value, dict) and bool(value), "a table")
_LIST = (lambda value: isinstance(value, list) and bool(value), "a list")
_SPACING = (
    lambda value: isinstance(value, list) and len(value) == 2 and all(type(x) in (int, float) and x > 0 for x in value),
    "the distances of rows and of columns in mm",
)

_MANIFEST_KEYS = {
    **dict.fromkeys(["schema", "name", "title", "url", "licence", "citation", "default_split"], _TEXT),
    **dict.fromkeys(["mirrors", "notes"], _TEXTS),
    "splits": _TABLE,
}
_SPLIT_KEYS = {
    **dict.fromkeys(["about", "url", "archive", "files"], _TEXT),
    **dict.fromkeys(["count", "archive_bytes"], _COUNT),
    **dict.fromkeys(["layouts", "variants"], _LIST),
    "pattern": _PATTERN,
    "parts": _TEXTS,
    **dict.fromkeys(["raw", "sample"], _TABLE),
    "archive_md5": _MD5,
    "archive_sha256": _SHA256,
}
_LAYOUT_KEYS = {"folder": _TEXT, "pattern": _PATTERN}
_SAMPLE_KEYS = {"of": _TEXT, "seed": _TEXT, "skip": _SKIP, "take": _COUNT}
_RAW_KEYS = {
    **dict.fromkeys(["width", "height"], _COUNT),
    "dtype": _one_of(RAW_DTYPES),
    "byte_order": _one_of(BYTE_ORDERS),
    "unit": _one_of(RAW_UNITS),
    "spacing": _SPACING,
}
_VARIANT_KEYS = {
    **dict.fromkeys(["source", "names", "reject"], _TEXT),
    "bytes": _COUNT,
    "folder_md5": _MD5,
    "list_sha256": _SHA256,
}


def _checked(table: object, kinds: dict, where: str, required: Iterable[str] = ()) -> dict:
    """Return a copy of ``table``, its keys and types checked. Raises SettingError."""
    if not isinstance(table, dict):
        raise SettingError(f"{where}: expected a table, not {reprlib.repr(table)}; correct the manifest")
    for key, value in table.items():
        if key not in kinds:
            raise SettingError(f"{where}: unknown key {reprlib.repr(key)}.{suggest(key, kinds)}")
        accepts, expected = kinds[key]
        if not accepts(value):
            found = reprlib.repr(value)
            raise SettingError(f"{where}: {key} should be {expected}, not {found}; correct the manifest")
    for key in required:
        if key not in table:
            raise SettingError(f'{where}: "{key}" is missing; add it to the manifest')
    return dict(table)


def _patterns(table: dict) -> dict[str, tuple[str, ...]]:
    value = table.pop("pattern", ())
    return {"patterns": (value,) if isinstance(value, str) else tuple(value)} if value else {}


def _parse_layout(value: object, where: str) -> Layout:
    table = {"folder": value} if isinstance(value, str) else value
    table = _checked(table, _LAYOUT_KEYS, f"{where}, layouts", ["folder"])
    folder = table["folder"]
    if ".." in PurePosixPath(folder).parts:
        raise SettingError(f'{where}: layout "{folder}" leaves the data root; give a folder without ".."')
    return Layout(folder, **_patterns(table))


def _parse_files(block: str, where: str) -> tuple[tuple[str, str], ...]:
    """Read lines as sha256sum writes them, "sha256, two spaces, name". Raises SettingError."""
    rows = []
    for line in filter(None, block.split("\n")):
        found = re.fullmatch(r"([0-9a-f]{64}) [ *](.+)", line)
        if not found:
            row = reprlib.repr(line)
            raise SettingError(f'{where}: files should hold lines of "sha256, two spaces, name", not {row}')
        rows.append((found[2], found[1]))
    return tuple(sorted(rows))


def _parse_raw(value: object, where: str) -> RawFormat:
    table = _checked(value, _RAW_KEYS, f"{where}, raw", ["width", "height", "dtype", "byte_order", "unit"])
    if "spacing" in table:
        table["spacing"] = tuple(map(float, table["spacing"]))
    return RawFormat(**table)


def _parse_split(name: str, value: object, where: str) -> Split:
    check_name(name, f"{where}: a split: ")
    where = f'{where}, split "{name}"'
    table = _checked(value, _SPLIT_KEYS, where)
    if len({"layouts", "parts", "sample"} & set(table)) != 1:
        raise SettingError(f'{where}: give exactly one of "layouts", "parts" and "sample"')
    stray = set(table) - {"about", "url", "parts", "sample"}
    if "layouts" not in table and stray:
        raise SettingError(f'{where}: "{min(stray)}" belongs to a split with layouts; move it there')
    made: dict[str, Any] = {**_patterns(table)}
    if "sample" in table:
        sample = _checked(table.pop("sample"), _SAMPLE_KEYS, f"{where}, sample", _SAMPLE_KEYS)
        made["sample"] = Sample(**sample)
    made["layouts"] = tuple(_parse_layout(layout, where) for layout in table.pop("layouts", ()))
    made["files"] = _parse_files(table.pop("files", ""), where)
    made["parts"] = tuple(table.pop("parts", ()))
    if "raw" in table:
        made["raw"] = _parse_raw(table.pop("raw"), where)
    variants = table.pop("variants", ())
    checked = [_checked(variant, _VARIANT_KEYS, f"{where}, variants", ["source"]) for variant in variants]
    return Split(name, **made, **table, variants=tuple(Variant(**variant) for variant in checked))


def parse_manifest(text: str, origin: str) -> Manifest:
    """Parse and check the text of a manifest; ``origin`` names it in errors. Raises SettingError."""
    import tomllib

    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingError(f"{origin}: not valid TOML ({error}); correct that line") from None
    if table.get("schema") != MANIFEST_SCHEMA:
        found = reprlib.repr(table.get("schema"))
        raise SettingError(f'{origin}: schema should be "{MANIFEST_SCHEMA}", not {found}; correct the manifest')
    required = [key for key in _MANIFEST_KEYS if key not in ("url", "mirrors", "notes")]
    table = _checked(table, _MANIFEST_KEYS, origin, required)
    del table["schema"]
    table["splits"] = tuple(_parse_split(name, value, origin) for name, value in table["splits"].items())
    for key in ("mirrors", "notes"):
        table[key] = tuple(table.get(key, ()))
    check_name(table["name"], f"{origin}: ")
    return _check_references(Manifest(**table, origin=origin))


def _check_references(manifest: Manifest) -> Manifest:
    leaves = [split.name for split in manifest.splits if split.layouts]
    names = [split.name for split in manifest.splits]
    default, where = manifest.default_split, manifest.origin
    if default not in names:
        raise SettingError(f'{where}: default_split "{default}" is not a split.{suggest(default, names)}')
    for split in manifest.splits:
        at = f'{where}, split "{split.name}"'
        for other in (split.sample.of,) if split.sample else split.parts:
            if other not in leaves:
                raise SettingError(f'{at}: no split "{other}" with layouts.{suggest(other, leaves)}')
        if len({manifest.split(part).raw for part in split.parts}) > 1:
            raise SettingError(f"{at}: its parts hold files of different formats; give them the same raw table")
        if not split.sample:
            continue
        needed = split.sample.skip + split.sample.take
        if needed > (manifest.leaves(split)[0].count or 0):
            raise SettingError(f'{at}: needs {needed} images; give "{split.sample.of}" a count of that many')
    return manifest


def parse_reference(text: str) -> tuple[str, str | None]:
    """Split "NAME" or "NAME:split" into ``(name, split or None)``. Raises SettingError."""
    name, colon, split = text.partition(":")
    if not name or (colon and not split):
        raise SettingError(f'"{text}" is not a dataset; write NAME or NAME:split, see `symaudit datasets list`')
    return name, split or None


def check_name(name: str, where: str = "") -> None:
    """Raise SettingError unless ``name`` is fit for a dataset, a split and a file name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}", name):
        rule = "use up to 64 of A-Z a-z 0-9 . _ + -, a letter or digit first"
        raise SettingError(f"{where}{reprlib.repr(name)} cannot be a name; {rule}")
