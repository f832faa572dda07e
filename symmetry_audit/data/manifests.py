"""Dataset manifests: what a dataset holds, where its files may lie, and how to check them.

A manifest is one TOML file, shipped in ``symmetry_audit.data_manifests`` or written by `datasets add`.
Parsing gives frozen values; :func:`locate` turns a split into files, :func:`verify` into findings; nothing is
downloaded. Two checksums of a whole folder are in use, both over its files in name order: the *folder md5* is
the md5 of their hex md5s joined together, so only the order of the names matters to it; the *list sha256* is
the sha256 of the lines "sha256, two spaces, file name, newline", so it holds for the original names only.
"""

from __future__ import annotations

import fnmatch
import functools
import hashlib
import os
import re
import reprlib
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from symmetry_audit.errors import DataError, SettingError, suggest

__all__ = [
    "IMAGE_SUFFIXES",
    "MANIFEST_SCHEMA",
    "Check",
    "Layout",
    "LocatedFile",
    "Manifest",
    "Sample",
    "Split",
    "Variant",
    "Verification",
    "add",
    "available",
    "folders",
    "load_manifest",
    "locate",
    "parse_manifest",
    "parse_reference",
    "resolve_data_root",
    "shipped",
    "user_folder",
    "verify",
]

MANIFEST_SCHEMA = "symaudit.manifest/1"
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"})
Track = Callable[[Sequence["LocatedFile"]], Iterable["LocatedFile"]]


class LocatedFile(NamedTuple):
    """One image: ``key`` is its posix path below the folder found, ``path`` where it lies on this machine."""

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

    ``count`` is the number of images, ``files`` the ``(key, sha256)`` of each; unknown is None or empty.
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


@dataclass(frozen=True, slots=True)
class Manifest:
    """A dataset as its manifest states it; ``origin`` says which file that was."""

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
        counts = [leaf.count for leaf in self.leaves(split)]
        return None if None in counts else sum(counts)

    def reference(self, split: Split) -> str:
        """Return what to type for ``split``: "NAME", or "NAME:split" where it is not the default."""
        return self.name if split.name == self.default_split else f"{self.name}:{split.name}"


# --- parsing


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) and item for item in value)


def _is_hex(digits: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(f"[0-9a-f]{{{digits}}}", value) is not None


_TEXT = (lambda value: isinstance(value, str) and value.strip() != "", "a text that is not empty")
_TEXTS = (_is_texts, "a list of texts")
_PATTERN = (lambda value: _TEXT[0](value) or _is_texts(value), "a file pattern or a list of them")
_COUNT = (lambda value: type(value) is int and value > 0, "a whole number above 0")
_SKIP = (lambda value: type(value) is int and value >= 0, "a whole number, 0 or more")
_MD5, _SHA256 = (_is_hex(32), "32 lower-case hex digits"), (_is_hex(64), "64 lower-case hex digits")
_TABLE = (lambda value: isinstance(value, dict) and bool(value), "a table")
_LIST = (lambda value: isinstance(value, list) and bool(value), "a list")

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
    "sample": _TABLE,
    "archive_md5": _MD5,
    "archive_sha256": _SHA256,
}
_LAYOUT_KEYS = {"folder": _TEXT, "pattern": _PATTERN}
_SAMPLE_KEYS = {"of": _TEXT, "seed": _TEXT, "skip": _SKIP, "take": _COUNT}
_VARIANT_KEYS = {
    **dict.fromkeys(["source", "names", "reject"], _TEXT),
    "bytes": _COUNT,
    "folder_md5": _MD5,
    "list_sha256": _SHA256,
}


def _checked(table: object, kinds: dict, where: str, required: Iterable[str] = ()) -> dict:
    """Return a copy of ``table``, its keys and types checked. Raises SettingError."""
    if not isinstance(table, dict):
        raise SettingError(f"{where}: expected a table, not {reprlib.repr(table)}; mend the manifest")
    for key, value in table.items():
        if key not in kinds:
            raise SettingError(f"{where}: unknown key {reprlib.repr(key)}.{suggest(key, kinds)}")
        accepts, expected = kinds[key]
        if not accepts(value):
            found = reprlib.repr(value)
            raise SettingError(f"{where}: {key} should be {expected}, not {found}; mend the manifest")
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


def _parse_split(name: str, value: object, where: str) -> Split:
    _check_name(name, f"{where}: a split: ")
    where = f'{where}, split "{name}"'
    table = _checked(value, _SPLIT_KEYS, where)
    if len({"layouts", "parts", "sample"} & set(table)) != 1:
        raise SettingError(f'{where}: give exactly one of "layouts", "parts" and "sample"')
    stray = set(table) - {"about", "url", "parts", "sample"}
    if "layouts" not in table and stray:
        raise SettingError(f'{where}: "{min(stray)}" belongs to a split with layouts; move it there')
    made = _patterns(table)
    if "sample" in table:
        sample = _checked(table.pop("sample"), _SAMPLE_KEYS, f"{where}, sample", _SAMPLE_KEYS)
        made["sample"] = Sample(**sample)
    made["layouts"] = tuple(_parse_layout(layout, where) for layout in table.pop("layouts", ()))
    made["files"] = _parse_files(table.pop("files", ""), where)
    made["parts"] = tuple(table.pop("parts", ()))
    variants = table.pop("variants", ())
    checked = [_checked(variant, _VARIANT_KEYS, f"{where}, variants", ["source"]) for variant in variants]
    return Split(name, **made, **table, variants=tuple(Variant(**variant) for variant in checked))


def parse_manifest(text: str, origin: str) -> Manifest:
    """Parse and check the text of a manifest; ``origin`` names it in errors. Raises SettingError."""
    import tomllib

    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"{origin}: not valid TOML ({error}); mend that line") from None
    if table.get("schema") != MANIFEST_SCHEMA:
        found = reprlib.repr(table.get("schema"))
        raise SettingError(f'{origin}: schema should be "{MANIFEST_SCHEMA}", not {found}; mend the manifest')
    required = [key for key in _MANIFEST_KEYS if key not in ("url", "mirrors", "notes")]
    table = _checked(table, _MANIFEST_KEYS, origin, required)
    del table["schema"]
    table["splits"] = tuple(_parse_split(name, value, origin) for name, value in table["splits"].items())
    for key in ("mirrors", "notes"):
        table[key] = tuple(table.get(key, ()))
    _check_name(table["name"], f"{origin}: ")
    return _check_references(Manifest(**table, origin=origin))


def _check_references(manifest: Manifest) -> Manifest:
    leaves = [split.name for split in manifest.splits if split.layouts]
    names = [split.name for split in manifest.splits]
    default, where = manifest.default_split, manifest.origin
    if default not in names:
        raise SettingError(f'{where}: default_split "{default}" is no split.{suggest(default, names)}')
    for split in manifest.splits:
        at = f'{where}, split "{split.name}"'
        for other in (split.sample.of,) if split.sample else split.parts:
            if other not in leaves:
                raise SettingError(f'{at}: no split "{other}" with layouts.{suggest(other, leaves)}')
        needed = split.sample.skip + split.sample.take if split.sample else 0
        if needed > (manifest.leaves(split)[0].count or 0):
            raise SettingError(f'{at}: needs {needed} images; give "{split.sample.of}" a count of that many')
    return manifest


def parse_reference(text: str) -> tuple[str, str | None]:
    """Split "NAME" or "NAME:split" into ``(name, split or None)``. Raises SettingError."""
    name, colon, split = text.partition(":")
    if not name or (colon and not split):
        raise SettingError(f'"{text}" is no dataset; write NAME or NAME:split, see `symaudit datasets list`')
    return name, split or None


# --- the manifests there are


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


def _user_files() -> dict[str, Path]:
    """Map the folded names of the user's own manifests to their files; shipped names cannot be replaced."""
    taken = {manifest.name.casefold() for manifest in shipped()}
    found = {path.stem.casefold(): path for path in sorted(user_folder().glob("[!.]*.toml"))}
    return {name: path for name, path in found.items() if name not in taken}


def available() -> tuple[str, ...]:
    """Return the names of all datasets, shipped ones first, then the user's own (malformed ones included)."""
    return (*(manifest.name for manifest in shipped()), *(path.stem for path in _user_files().values()))


def load_manifest(name: str) -> Manifest:
    """Return the manifest of that name, in any case. Raises SettingError for an unknown or malformed one."""
    for manifest in shipped():
        if manifest.name.casefold() == name.casefold():
            return manifest
    path = _user_files().get(name.casefold())
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


# --- finding files


def resolve_data_root(data_root: Path | str | None = None) -> Path:
    """Return ``data_root``, or else SYMAUDIT_DATA, as a folder that exists. Raises DataError."""
    chosen = data_root or os.environ.get("SYMAUDIT_DATA")
    if not chosen:
        raise DataError("no data folder is set; give --data-root, or set SYMAUDIT_DATA to where your datasets lie")
    root = Path(os.path.abspath(Path(chosen).expanduser()))
    if not os.path.isdir(root):
        raise DataError(f"{root} is no folder; create it, or correct --data-root or SYMAUDIT_DATA")
    return root


def _matches(key: str, pattern: str) -> bool:
    """Match path by path part, in any case; "**/" at the start stands for any folders, or none."""
    if pattern.startswith("**/"):
        key, pattern = key.rpartition("/")[2], pattern[3:]
    return key.count("/") == pattern.count("/") and fnmatch.fnmatchcase(key.lower(), pattern.lower())


def _images(folder: Path, patterns: Sequence[str]) -> list[LocatedFile]:
    """Return the matching images below ``folder``, sorted by key; no hidden ones, and no folder twice."""
    anywhere = any(pattern.startswith("**/") for pattern in patterns)
    depth = float("inf") if anywhere else max(pattern.count("/") for pattern in patterns)
    found, seen, waiting = [], set(), [(folder, "")]
    while waiting:
        here, prefix = waiting.pop()
        try:
            status = here.stat()
            names = sorted(os.listdir(here))
        except OSError as error:
            raise DataError(f"{here} cannot be read ({error.strerror}); mend its permissions") from None
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        for name in reversed(names):
            key, path = prefix + name, here / name
            if name.startswith("."):
                continue
            if os.path.isdir(path):
                if key.count("/") < depth:
                    waiting.append((path, f"{key}/"))
            elif path.suffix.lower() in IMAGE_SUFFIXES and os.path.isfile(path):
                found.append(LocatedFile(key, path))
    return sorted(file for file in found if any(_matches(file.key, pattern) for pattern in patterns))


def _find(manifest: Manifest, split: Split, data_root: Path | str | None) -> tuple[Path, list[LocatedFile]]:
    """Return the first folder of the layouts that holds images of the split, and these. Raises DataError."""
    empty = None
    for layout in split.layouts:
        folder = Path(layout.folder)
        folder = folder if folder.is_absolute() else resolve_data_root(data_root) / folder
        if os.path.isdir(folder):
            files = _images(folder, layout.patterns or split.patterns)
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
    command = _verify_command(manifest, split, data_root)
    return f"{manifest.reference(split)}: {found}; expected {many} in {places}; {get}, then run {command}"


def _verify_command(manifest: Manifest, split: Split, data_root: Path | str | None) -> str:
    option = f" --data-root {shlex.quote(str(data_root))}" if data_root else ""
    return f"`symaudit datasets verify {manifest.reference(split)}{option}`"


def _find_checked(manifest: Manifest, split: Split, data_root: Path | str | None) -> tuple[Path, list]:
    """As :func:`_find`; DataError also for a wrong number of images and for a copy known as the wrong one."""
    folder, files = _find(manifest, split, data_root)
    reference = manifest.reference(split)
    if split.count not in (None, len(files)):
        numbers = f"expected {split.count} images, found {len(files)} in {folder}"
        hint = "or give the folder itself to audit what is there"
        raise DataError(f"{reference}: {numbers}; run {_verify_command(manifest, split, data_root)}, {hint}")
    reasons = {copy.bytes: copy.reject for copy in split.variants if copy.bytes and copy.reject}
    reason = reasons and reasons.get(sum(file.path.stat().st_size for file in files))
    if reason:
        raise DataError(f"{reference}: {folder} holds {reason}, see `symaudit datasets show {manifest.name}`")
    return folder, files


def folders(manifest: Manifest, split_name: str | None = None, data_root: Path | str | None = None) -> tuple[Path, ...]:
    """Return the folders a split lies in, one for each part of a union. Raises as :func:`locate` does."""
    leaves = manifest.leaves(manifest.split(split_name))
    return tuple(_find_checked(manifest, leaf, data_root)[0] for leaf in leaves)


def locate(
    manifest: Manifest, split_name: str | None = None, data_root: Path | str | None = None
) -> tuple[LocatedFile, ...]:
    """Return the files of a split (None: the default one), sorted by key.

    A key is the posix path below the folder found; a union puts "split/" before it. ``data_root`` of None is
    SYMAUDIT_DATA. Raises SettingError for an unknown split; DataError where the data are missing, not as many
    as the manifest says, or known as the wrong copy.
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


# --- checking files


@dataclass(frozen=True, slots=True)
class Check:
    """One finding of :func:`verify`; ``status`` is "ok", "failed" or "not known" (nothing to compare)."""

    split: str
    name: str
    status: str
    detail: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What :func:`verify` found; ``missing``, ``extra`` and ``changed`` are keys, where sha256 are known.

    ``expected`` and ``found`` count the images checked; for a drawn split, those of what it is drawn from.
    """

    dataset: str
    split: str
    folders: tuple[Path, ...] = ()
    expected: int | None = None
    found: int = 0
    checks: tuple[Check, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no check failed; a check that is not known does not count against the data."""
        return all(check.status != "failed" for check in self.checks)


class _Digest(NamedTuple):
    size: int
    md5: str
    sha256: str


def _digest(path: Path) -> _Digest | None:
    """Return size in bytes, md5 and sha256 of a file in one pass, None where it cannot be read."""
    md5, sha256, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                md5.update(block)
                sha256.update(block)
                size += len(block)
    except OSError:
        return None
    return _Digest(size, md5.hexdigest(), sha256.hexdigest())


def verify(
    manifest: Manifest,
    split_name: str | None = None,
    data_root: Path | str | None = None,
    track: Track | None = None,
) -> Verification:
    """Check the files of a split against counts and checksums; missing data are a finding too, not an error.

    ``track`` wraps the files while they are read, as tqdm does. Raises SettingError for an unknown split.
    """
    split = manifest.split(split_name)
    results = [_verify_leaf(manifest, leaf, data_root, track or iter) for leaf in manifest.leaves(split)]
    counts = [result.expected for result in results]

    def keys(field: str) -> tuple[str, ...]:
        prefix = "{}/{}" if split.parts else "{1}"
        return tuple(prefix.format(result.split, key) for result in results for key in getattr(result, field))

    return Verification(
        manifest.name,
        split.name,
        folders=tuple(folder for result in results for folder in result.folders),
        expected=None if None in counts else sum(counts),
        found=sum(result.found for result in results),
        checks=tuple(check for result in results for check in result.checks),
        **{field: keys(field) for field in ("missing", "extra", "changed")},
    )


def _verify_leaf(manifest: Manifest, leaf: Split, data_root: Path | str | None, track: Track) -> Verification:
    archive = _archive_checks(manifest, leaf, data_root)
    try:
        folder, files = _find(manifest, leaf, data_root)
    except DataError as error:
        checks = (Check(leaf.name, "found", "failed", str(error)), *archive)
        missing = tuple(key for key, _ in leaf.files)
        return Verification(manifest.name, leaf.name, (), leaf.count, 0, checks, missing)
    count = _count_check(leaf, len(files))
    result = Verification(manifest.name, leaf.name, (folder,), leaf.count, len(files), (count, *archive))
    copies = leaf.variants if count.status != "failed" else ()
    if not copies and not leaf.files:
        reason = "not read: the count is wrong" if leaf.variants else "none of the files is public"
        return replace(result, checks=(*result.checks, Check(leaf.name, "checksums", "not known", reason)))
    digests = {file: _digest(file.path) for file in track(files)}
    bad = [file.key for file, digest in digests.items() if digest is None]
    more = _copy_checks(leaf, digests) if copies and not bad else []
    if bad:
        more = [Check(leaf.name, "readable", "failed", f"{len(bad)} files are not, the first is {bad[0]}")]
    result = replace(result, checks=(*result.checks, *more))
    return _compare_files(result, leaf, digests) if leaf.files else result


def _count_check(leaf: Split, found: int) -> Check:
    if leaf.count is None:
        return Check(leaf.name, "count", "not known", f"{found} images, how many to expect is not public")
    status = "ok" if found == leaf.count else "failed"
    return Check(leaf.name, "count", status, f"{found} images, expected {leaf.count}")


def _copy_checks(leaf: Split, digests: dict[LocatedFile, _Digest]) -> list[Check]:
    """Compare the folder with the known copies: which it is by folder md5, then size and list of that one."""
    ordered = sorted((file.path.name, digest) for file, digest in digests.items())
    joined = "".join(digest.md5 for _, digest in ordered).encode()
    folder_md5 = hashlib.md5(joined, usedforsecurity=False).hexdigest()
    same = [variant for variant in leaf.variants if variant.folder_md5 == folder_md5]
    wanted = [variant for variant in leaf.variants if not variant.reject]
    known = "; ".join(variant.source for variant in wanted if variant.folder_md5)
    if same:
        reject = same[0].reject
        first = ("failed", f"these are {reject}") if reject else ("ok", f"the same files as {same[0].source}")
    elif known:
        first = ("failed", f"{folder_md5} is no known copy ({known}); names that sort otherwise fail too")
    else:
        first = ("not known", "no folder md5 is public")
    size, listing = _size_check(ordered, same or wanted), _list_check(ordered, same or wanted)
    checks = {"folder_md5": first, "bytes": size, "list_sha256": listing}
    return [Check(leaf.name, name, *check) for name, check in checks.items()]


def _size_check(ordered: Sequence[tuple[str, _Digest]], copies: Sequence[Variant]) -> tuple[str, str]:
    total, sizes = sum(digest.size for _, digest in ordered), [copy.bytes for copy in copies if copy.bytes]
    if not sizes:
        return "not known", f"{total} bytes, the size to expect is not known"
    status = "ok" if total in sizes else "failed"
    return status, f"{total} bytes, expected {' or '.join(map(str, sizes))}"


def _list_check(ordered: Sequence[tuple[str, _Digest]], copies: Sequence[Variant]) -> tuple[str, str]:
    copies = [copy for copy in copies if copy.list_sha256]
    if not copies:
        return "not known", "no list sha256 is public"
    copies = [copy for copy in copies if all(fnmatch.fnmatchcase(name, copy.names) for name, _ in ordered)]
    if not copies:
        return "not known", "the files do not carry their original names"
    digest = hashlib.sha256()
    for name, file in ordered:
        digest.update(os.fsencode(f"{file.sha256}  {name}\n"))
    if digest.hexdigest() in [copy.list_sha256 for copy in copies]:
        return "ok", "names and contents agree"
    return "failed", f"{digest.hexdigest()}, expected {copies[0].list_sha256}"


def _compare_files(result: Verification, leaf: Split, digests: dict) -> Verification:
    """Add what the known sha256 of each file say: the keys missing, extra, and changed or unreadable."""
    known = dict(leaf.files)
    here = {file.key: digest and digest.sha256 for file, digest in digests.items()}
    missing, extra = sorted(known.keys() - here.keys()), sorted(here.keys() - known.keys())
    changed = sorted(key for key in known.keys() & here.keys() if known[key] != here[key])
    status = "failed" if missing or extra or changed else "ok"
    detail = f"{len(missing)} missing, {len(extra)} extra, {len(changed)} changed"
    checks = (*result.checks, Check(leaf.name, "sha256", status, detail))
    return replace(result, checks=checks, missing=tuple(missing), extra=tuple(extra), changed=tuple(changed))


def _archive_checks(manifest: Manifest, leaf: Split, data_root: Path | str | None) -> list[Check]:
    """Check the archive where it lies in the data root or in the dataset's folder there; else say nothing."""
    chosen = data_root or os.environ.get("SYMAUDIT_DATA")
    if not (chosen and leaf.archive):
        return []
    root = Path(chosen).expanduser()
    path = next(filter(os.path.isfile, (root / leaf.archive, root / manifest.name / leaf.archive)), None)
    if path is None:
        return []
    expected = {"size": leaf.archive_bytes, "md5": leaf.archive_md5, "sha256": leaf.archive_sha256}
    digest = _digest(path)
    wrong = [name for name, value in expected.items() if value and value != getattr(digest, name, None)]
    if wrong:
        detail = f"{path}: {', '.join(wrong)} not as published; get it again from {leaf.url or manifest.url}"
        return [Check(leaf.name, "archive", "failed", detail)]
    agree = ", ".join(name for name, value in expected.items() if value)
    return [Check(leaf.name, "archive", "ok", f"{path}: {agree} as published")]


# --- the user's own data


def _check_name(name: str, where: str = "") -> None:
    """Raise SettingError unless ``name`` is fit for a dataset, a split and a file name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}", name):
        rule = "use up to 64 of A-Z a-z 0-9 . _ + -, a letter or digit first"
        raise SettingError(f"{where}{reprlib.repr(name)} cannot be a name; {rule}")


def _check_addable(name: str, force: bool) -> Path | None:
    """Return the user's manifest that ``name`` would replace, None for a new one. Raises SettingError."""
    _check_name(name)
    if any(manifest.name.casefold() == name.casefold() for manifest in shipped()):
        raise SettingError(f'"{name}" is a dataset symaudit ships; choose another name, such as my-{name}')
    old = _user_files().get(name.casefold())
    if old and not force:
        raise SettingError(f'"{name}" exists already ({old}); choose another name, or add --force')
    return old


def add(name: str, folder: Path | str, *, force: bool = False, track: Track | None = None) -> Path:
    """Write a manifest with the sha256 of every image in ``folder`` and below; return the file written.

    The manifest names the folder by its absolute path and lies in :func:`user_folder`. Raises SettingError
    for a bad, shipped or (without ``force``) taken name; DataError for a folder missing, empty or unreadable.
    """
    import tomli_w

    old = _check_addable(name, force)
    folder = Path(os.path.abspath(Path(folder).expanduser()))
    if not os.path.isdir(folder):
        raise DataError(f"{folder} is not a folder; give the folder that holds your images")
    files = _images(folder, ["**/*"])
    if not files:
        suffixes = " ".join(sorted(IMAGE_SUFFIXES))
        raise DataError(f"{folder} holds no images ({suffixes}); give the folder that holds them")
    for text in (str(folder), *(file.key for file in files)):
        if re.search("[\x00-\x1f\x7f\ud800-\udfff]", text):
            raise DataError(f"{text!a} has a line break or another character no manifest can hold; rename it")
    table = _user_table(name, folder, {file: _digest(file.path) for file in (track or iter)(files)})
    path = user_folder() / f"{name}.toml"
    _write(path, tomli_w.dumps(table, multiline_strings=True))
    if old and old != path and not (path.exists() and old.exists() and old.samefile(path)):
        old.unlink()
    return path


def _user_table(name: str, folder: Path, digests: dict[LocatedFile, _Digest | None]) -> dict:
    for file, digest in digests.items():
        if digest is None:
            raise DataError(f"{file.path} cannot be read; mend its permissions, or move it away")
    lines = "".join(f"{digest.sha256}  {file.key}\n" for file, digest in digests.items())
    split = {"layouts": [str(folder)], "pattern": "**/*", "count": len(digests), "files": lines}
    return {
        "schema": MANIFEST_SCHEMA,
        "name": name,
        "title": f"your own images in {folder}",
        "licence": "not stated",
        "citation": "not stated",
        "default_split": "all",
        "splits": {"all": split},
    }


def _write(path: Path, text: str) -> None:
    """Write through a temporary file, so that a manifest is whole or not there. Raises DataError."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8", newline="\n")
        os.replace(partial, path)
    except OSError as error:
        hint = "set SYMAUDIT_MANIFESTS to a folder you can write"
        raise DataError(f"{path} cannot be written ({error.strerror}); {hint}") from None
