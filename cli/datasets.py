"""`symaudit datasets`: which datasets are known, where they are, and whether the files are the right ones."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from symmetry_audit.errors import SettingError

if TYPE_CHECKING:
    from symmetry_audit.verbs.datasets import Manifest, Split, Track, Verification

__all__ = ["datasets"]

SHOWN = 10  # keys printed of each kind before "and N more"; --json has them all


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete "NAME" and, once it is typed, "NAME:split"."""
    from symmetry_audit.verbs import datasets as manifests

    try:
        names = manifests.available()
        if ":" in incomplete:
            manifest = manifests.load_manifest(incomplete.partition(":")[0])
            names = tuple(f"{manifest.name}:{split.name}" for split in manifest.splits)
    except SettingError:
        return []
    return [name for name in names if name.casefold().startswith(incomplete.casefold())]


_reference = click.argument("reference", metavar="NAME[:SPLIT]", shell_complete=_complete)
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")
_data_root = click.option(
    "--data-root",
    type=click.Path(path_type=Path),
    help="Folder of the datasets.  [default: SYMAUDIT_DATA]",
)


@click.group()
def datasets() -> None:
    """Find and check datasets, and record your own.

    Nothing is downloaded. `show` says where to get the files and where to put them; `verify` checks them.
    Exit codes: 0 done; 1 failed, or the data are missing or not as published; 2 wrong usage; 130 interrupted.
    """


@datasets.command("list")
@_json
def list_datasets(as_json: bool) -> None:
    """List all datasets, the default split first; a * marks your own.

    Example: symaudit datasets list
    """
    from symmetry_audit.verbs import datasets as manifests

    found, malformed = [], []
    for name in manifests.available():
        try:
            found.append(manifests.load_manifest(name))
        except SettingError as error:
            malformed.append({"name": name, "error": str(error)})
    for row in malformed:
        click.echo(f"Skipped: {row['error']}", err=True)
    if as_json:
        _print_json("list", datasets=[_brief(manifest) for manifest in found], malformed=malformed)
        return
    _print_table([("NAME", "IMAGES", "SPLITS"), *map(_row, found)])


def _is_own(manifest: Manifest) -> bool:
    from symmetry_audit.verbs import datasets as manifests

    return manifest not in manifests.shipped()


def _row(manifest: Manifest) -> tuple[str, ...]:
    names = sorted((split.name for split in manifest.splits), key=lambda name: name != manifest.default_split)
    mark = "*" if _is_own(manifest) else ""
    return manifest.name + mark, _number(manifest.count(manifest.split())), ", ".join(names)


def _brief(manifest: Manifest) -> dict:
    splits = {split.name: manifest.count(split) for split in manifest.splits}
    brief = {"name": manifest.name, "title": manifest.title, "default_split": manifest.default_split}
    return {**brief, "splits": splits, "own": _is_own(manifest)}


def _number(count: int | None) -> str:
    return "not known" if count is None else str(count)


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _print_json(command: str, **document: object) -> None:
    click.echo(json.dumps({"schema": f"symaudit.datasets.{command}/1", **document}, indent=2, default=str))


def _load(reference: str) -> tuple[Manifest, Split]:
    from symmetry_audit.verbs import datasets as manifests

    name, split_name = manifests.parse_reference(reference)
    manifest = manifests.load_manifest(name)
    return manifest, manifest.split(split_name)


@datasets.command()
@_reference
@_json
def show(reference: str, as_json: bool) -> None:
    """Show a dataset: source, licence, citation, layout, checksums and known traps.

    Example: symaudit datasets show DIV2K
    """
    manifest, chosen = _load(reference)
    splits = (chosen,) if ":" in reference else manifest.splits
    if as_json:
        _print_json("show", **{**asdict(manifest), "splits": [asdict(split) for split in splits]})
        return
    click.echo(f"{manifest.name}: {manifest.title}")
    facts = {"source": manifest.url or "not stated", "licence": manifest.licence, "cite": manifest.citation}
    for name, value in facts.items():
        click.echo(f"  {name:8} {value}")
    for mirror in manifest.mirrors:
        click.echo(f"  mirror   {mirror}")
    for split in splits:
        default = " (the default split)" if split.name == manifest.default_split else ""
        click.echo(f"{manifest.name}:{split.name}{default}: {_number(manifest.count(split))} images")
        for name, value in _split_facts(split):
            click.echo(f"  {name:8} {value}")
    for note in manifest.notes:
        click.echo(f"Note: {note}")


def _split_facts(split: Split) -> list[tuple[str, str]]:
    """Return what is known about a split as labeled lines."""
    sums = {"bytes": split.archive_bytes, "md5": split.archive_md5, "sha256": split.archive_sha256}
    known = [f"{name} {value}" for name, value in sums.items() if value]
    facts = [("holds", split.about), ("archive", split.archive and ", ".join([split.archive, *known]))]
    facts += [("url", split.url), ("parts", " + ".join(split.parts))]
    if draw := split.sample:
        facts.append(("draw", f'{draw.take} of {draw.of} after {draw.skip}, seed "{draw.seed}"'))
    for layout in split.layouts:
        facts.append(("folder", f"{layout.folder} ({' '.join(layout.patterns or split.patterns)})"))
    for copy in split.variants:
        sums = {"bytes": copy.bytes, "folder md5": copy.folder_md5, "list sha256": copy.list_sha256}
        known = ", ".join(f"{name} {value}" for name, value in sums.items() if value)
        facts.append(("wrong" if copy.reject else "copy", f"{copy.source}: {known}"))
    if raw := split.raw:
        form = f"{raw.width} x {raw.height} {raw.dtype}, {raw.byte_order} byte order, {raw.unit}, no header"
        facts.append(("samples", form))
    facts.append(("sha256", f"known for each of {len(split.files)} files" if split.files else ""))
    return [(name, value) for name, value in facts if value]


@datasets.command()
@_reference
@_data_root
@click.option("--files", is_flag=True, help="Print every file instead of the folders.")
@_json
def path(reference: str, data_root: Path | None, files: bool, as_json: bool) -> None:
    """Print the folder of a dataset, one line for each part; with --files, every image.

    Example: symaudit datasets path Set5 --data-root ~/data
    """
    from symmetry_audit.verbs import datasets as manifests

    manifest, split = _load(reference)
    located = manifests.locate(manifest, split.name, data_root)
    folders = manifests.folders(manifest, split.name, data_root)
    if split.sample and not (files or as_json):
        click.echo(f"{reference} is a sample of this folder; --files prints the sampled files.", err=True)
    if as_json:
        listed = {"files": {file.key: str(file.path) for file in located}} if files else {}
        about = {"dataset": manifest.name, "split": split.name, "count": len(located)}
        _print_json("path", **about, folders=[str(folder) for folder in folders], **listed)
        return
    for item in [file.path for file in located] if files else folders:
        click.echo(bytes(item))  # bytes: a file name need not be text


@datasets.command()
@_reference
@_data_root
@_json
@click.pass_context
def verify(context: click.Context, reference: str, data_root: Path | None, as_json: bool) -> None:
    """Check counts and checksums of a dataset.

    Example: symaudit datasets verify DIV2K:valid --data-root ~/data
    """
    from symmetry_audit.verbs import datasets as manifests

    manifest, split = _load(reference)
    result = manifests.verify(manifest, split.name, data_root, track=_track("verify"))
    if as_json:
        _print_json("verify", ok=result.ok, **asdict(result))
    else:
        _print_verification(result)
    if not result.ok and manifest.url:
        click.echo(f"Next: `symaudit datasets show {manifest.name}` says where to get the files.", err=True)
    elif not result.ok:
        click.echo(f"Next: `symaudit datasets add {manifest.name} FOLDER --force` records what is there.", err=True)
    context.exit(0 if result.ok else 1)


def _track(label: str) -> Track:
    """Return tqdm as the wrapper of the files to be read, on stderr and only on a terminal."""
    from tqdm import tqdm

    return lambda files: tqdm(files, desc=label, unit="file", disable=None)


def _print_verification(result: Verification) -> None:
    for folder in result.folders:
        click.echo(f"in {click.format_filename(folder)}")
    _print_table([(check.split, check.name, check.status, _plain(check.detail)) for check in result.checks])
    for kind in ("missing", "extra", "changed"):
        keys = getattr(result, kind)
        for key in keys[:SHOWN]:
            click.echo(f"{kind}: {_plain(key)}")
        if len(keys) > SHOWN:
            click.echo(f"{kind}: and {len(keys) - SHOWN} more (--json lists all)")
    unknown = sum(check.status == "not known" for check in result.checks)
    left = f" ({unknown} of {len(result.checks)} checks not possible)" if unknown else ""
    click.echo(f"{result.dataset}:{result.split}: {'ok' if result.ok else 'FAILED'}{left}")


def _plain(text: str) -> str:
    """Return ``text`` in a printable form: file names may hold bytes that are not text."""
    return text.encode("utf-8", "backslashreplace").decode()


@datasets.command()
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--raw",
    metavar="FORMAT",
    help="Files without a header, as WIDTHxHEIGHT,DTYPE,BYTE ORDER,UNIT, such as 512x512,float32,little,HU.",
)
@click.option("--force", is_flag=True, help="Replace your own dataset of that name.")
@_json
def add(name: str, folder: Path, raw: str | None, force: bool, as_json: bool) -> None:
    """Record the images in FOLDER and below, with their sha256, as the dataset NAME.

    Example: symaudit datasets add mine ~/photos
    """
    from symmetry_audit.verbs import datasets as manifests

    form = None if raw is None else manifests.RawFormat.parse(raw)
    written = manifests.add(name, folder, raw=form, force=force, track=_track("add"))
    count = manifests.load_manifest(name).split().count
    if as_json:
        _print_json("add", name=name, manifest=str(written), count=count)
        return
    click.echo(bytes(written))
    click.echo(f"{name}: {count} images recorded; check them with `symaudit datasets verify {name}`.", err=True)
