"""The files of a split, checked against counts and checksums; the package's docstring defines the latter."""

from __future__ import annotations

import fnmatch
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from symmetry_audit.data.manifests._digest import Digest, digest_file
from symmetry_audit.data.manifests._locate import find
from symmetry_audit.data.manifests._model import LocatedFile, Manifest, Split, Track, Variant, total
from symmetry_audit.errors import DataError

__all__ = ["Check", "Verification", "verify"]


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

    ``expected`` and ``found`` count the images checked; for a drawn split, those of the split it is drawn from.
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


def verify(
    manifest: Manifest,
    split_name: str | None = None,
    data_root: Path | str | None = None,
    track: Track | None = None,
) -> Verification:
    """Check the files of a split against counts and checksums; missing data are a finding, not an error.

    ``track`` wraps the files while they are read, as tqdm does. Raises SettingError for an unknown split.
    """
    split = manifest.split(split_name)
    results = [_verify_leaf(manifest, leaf, data_root, track or iter) for leaf in manifest.leaves(split)]

    def keys(field: str) -> tuple[str, ...]:
        prefix = "{}/{}" if split.parts else "{1}"
        return tuple(prefix.format(result.split, key) for result in results for key in getattr(result, field))

    return Verification(
        manifest.name,
        split.name,
        folders=tuple(folder for result in results for folder in result.folders),
        expected=total(result.expected for result in results),
        found=sum(result.found for result in results),
        checks=tuple(check for result in results for check in result.checks),
        **{field: keys(field) for field in ("missing", "extra", "changed")},
    )


def _verify_leaf(manifest: Manifest, leaf: Split, data_root: Path | str | None, track: Track) -> Verification:
    archive = _archive_checks(manifest, leaf, data_root)
    try:
        folder, files = find(manifest, leaf, data_root)
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
    digests = {file: digest_file(file.path) for file in track(files)}
    read = {file: digest for file, digest in digests.items() if digest is not None}
    bad = [file.key for file in digests if file not in read]
    more = _copy_checks(leaf, read) if copies and not bad else []
    if bad:
        more = [Check(leaf.name, "readable", "failed", f"{len(bad)} files are not readable, the first is {bad[0]}")]
    result = replace(result, checks=(*result.checks, *more))
    return _compare_files(result, leaf, digests) if leaf.files else result


def _count_check(leaf: Split, found: int) -> Check:
    if leaf.count is None:
        return Check(leaf.name, "count", "not known", f"{found} images; the expected number is not public")
    status = "ok" if found == leaf.count else "failed"
    return Check(leaf.name, "count", status, f"{found} images, expected {leaf.count}")


def _copy_checks(leaf: Split, digests: dict[LocatedFile, Digest]) -> list[Check]:
    """Compare the folder with the known copies: identified by folder md5, then by the size and list of that copy."""
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
        first = ("failed", f"{folder_md5} is not a known copy ({known}); renamed files that sort differently fail too")
    else:
        first = ("not known", "no folder md5 is public")
    size, listing = _size_check(ordered, same or wanted), _list_check(ordered, same or wanted)
    checks = {"folder_md5": first, "bytes": size, "list_sha256": listing}
    return [Check(leaf.name, name, *check) for name, check in checks.items()]


def _size_check(ordered: Sequence[tuple[str, Digest]], copies: Sequence[Variant]) -> tuple[str, str]:
    total, sizes = sum(digest.size for _, digest in ordered), [copy.bytes for copy in copies if copy.bytes]
    if not sizes:
        return "not known", f"{total} bytes; the expected size is not known"
    status = "ok" if total in sizes else "failed"
    return status, f"{total} bytes, expected {' or '.join(map(str, sizes))}"


def _list_check(ordered: Sequence[tuple[str, Digest]], copies: Sequence[Variant]) -> tuple[str, str]:
    copies = [copy for copy in copies if copy.list_sha256]
    if not copies:
        return "not known", "no list sha256 is public"
    copies = [copy for copy in copies if all(fnmatch.fnmatchcase(name, copy.names) for name, _ in ordered)]
    if not copies:
        return "not known", "the files do not have their original names"
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
    """Check the archive if it is in the data root or in the dataset's folder there; else return nothing."""
    chosen = data_root or os.environ.get("SYMAUDIT_DATA")
    if not (chosen and leaf.archive):
        return []
    root = Path(chosen).expanduser()
    path = next(filter(os.path.isfile, (root / leaf.archive, root / manifest.name / leaf.archive)), None)
    if path is None:
        return []
    expected = {"size": leaf.archive_bytes, "md5": leaf.archive_md5, "sha256": leaf.archive_sha256}
    digest = digest_file(path)
    wrong = [name for name, value in expected.items() if value and value != getattr(digest, name, None)]
    if wrong:
        detail = f"{path}: {', '.join(wrong)} not as published; get it again from {leaf.url or manifest.url}"
        return [Check(leaf.name, "archive", "failed", detail)]
    agree = ", ".join(name for name, value in expected.items() if value)
    return [Check(leaf.name, "archive", "ok", f"{path}: {agree} as published")]
