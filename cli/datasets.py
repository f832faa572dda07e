"""`symaudit datasets`: which datasets are known, where they are, and whether the files are the right ones."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from symmetry_audit.errors import DataError, SettingError
from symmetry_audit.wording import escaped

from .dataset_text import number, print_json, print_table, print_verification, split_facts
from .options import exit_codes

if TYPE_CHECKING:
    from symmetry_audit.verbs.datasets import Manifest, Split, Track

__all__ = ["datasets"]


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


@click.group(epilog=exit_codes(130, _1="failed, or the data are missing or not as published"))
def datasets() -> None:
    """Find and check datasets, and record your own.

    Nothing is downloaded. `show` says where to get the files and where to put them; `verify` checks them.
    """


@datasets.command("list", short_help="List all datasets, and which of them are here.")
@_data_root
@_json
def list_datasets(data_root: Path | None, as_json: bool) -> None:
    """List all datasets, the default split first, and where they are; a * marks your own.

    A dataset counts as here if its folder holds an image; `verify` checks the files.

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
        click.echo(escaped(f"Skipped: {row['error']}"), err=True)
    root, note = _root(data_root)
    here = {manifest.name: manifests.present(manifest, root) for manifest in found}
    if as_json:
        briefs = [_brief(item, here[item.name]) for item in found]
        print_json("list", data_root=root, datasets=briefs, malformed=malformed)
        return
    print_table([("NAME", "IMAGES", "FOLDER", "SPLITS"), *(_row(item, here[item.name], root) for item in found)])
    click.echo(note, err=True)


def _root(data_root: Path | None) -> tuple[Path | None, str]:
    """The folder of the datasets, None where none is set, and a note on it."""
    from symmetry_audit.verbs import datasets as manifests

    try:
        root = manifests.resolve_data_root(data_root)
    except DataError as error:
        if data_root is not None:
            raise
        return None, f"Only your own datasets are looked for: {error}"
    return root, f"Folders are in {escaped(str(root))}"


def _is_own(manifest: Manifest) -> bool:
    from symmetry_audit.verbs import datasets as manifests

    return manifest not in manifests.shipped()


def _row(manifest: Manifest, here: dict[str, Path], root: Path | None) -> tuple[str, ...]:
    names = sorted((split.name for split in manifest.splits), key=lambda name: name != manifest.default_split)
    mark = "*" if _is_own(manifest) else ""
    return (
        manifest.name + mark,
        number(manifest.count(manifest.split())),
        _place(manifest, here, root),
        ", ".join(names),
    )


def _place(manifest: Manifest, here: dict[str, Path], root: Path | None) -> str:
    """The folder of the default split, or else of the first one that is here."""
    for split, folder in here.items():
        shown = folder.relative_to(root) if root is not None and folder.is_relative_to(root) else folder
        text = escaped(str(shown))
        return text if split == manifest.default_split else f"{text} ({split})"
    return "not found"


def _brief(manifest: Manifest, here: dict[str, Path]) -> dict:
    splits = {split.name: manifest.count(split) for split in manifest.splits}
    brief = {"name": manifest.name, "title": manifest.title, "default_split": manifest.default_split}
    return {
        **brief,
        "splits": splits,
        "own": _is_own(manifest),
        "here": here,
    }


def _load(reference: str) -> tuple[Manifest, Split]:
    from symmetry_audit.verbs import datasets as manifests

    name, split_name = manifests.parse_reference(reference)
    manifest = manifests.load_manifest(name)
    return manifest, manifest.split(split_name)


@datasets.command(short_help="Show what is known about a dataset.")
@_reference
@_json
def show(reference: str, as_json: bool) -> None:
    """Show a dataset: source, licence, citation, layout, checksums and known traps.

    Example: symaudit datasets show DIV2K
    """
    manifest, chosen = _load(reference)
    splits = (chosen,) if ":" in reference else manifest.splits
    if as_json:
        print_json("show", **{**asdict(manifest), "splits": [asdict(split) for split in splits]})
        return
    click.echo(escaped(f"{manifest.name}: {manifest.title}"))
    facts = {"source": manifest.url or "not stated", "licence": manifest.licence, "cite": manifest.citation}
    for name, value in facts.items():
        click.echo(escaped(f"  {name:8} {value}"))
    for mirror in manifest.mirrors:
        click.echo(escaped(f"  mirror   {mirror}"))
    for split in splits:
        default = " (the default split)" if split.name == manifest.default_split else ""
        click.echo(f"{manifest.name}:{split.name}{default}: {number(manifest.count(split))} images")
        for name, value in split_facts(split):
            click.echo(escaped(f"  {name:8} {value}"))
    for note in manifest.notes:
        click.echo(escaped(f"Note: {note}"))


@datasets.command(short_help="Print where the files of a dataset are.")
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
        print_json("path", **about, folders=[str(folder) for folder in folders], **listed)
        return
    for item in [file.path for file in located] if files else folders:
        _print_path(item)


@datasets.command(short_help="Check counts and checksums of a dataset.")
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
        print_json("verify", ok=result.ok, **asdict(result))
    else:
        print_verification(result)
    if not result.ok and manifest.url:
        click.echo(f"Next: `symaudit datasets show {manifest.name}` says where to get the files.", err=True)
    elif not result.ok:
        click.echo(f"Next: `symaudit datasets add {manifest.name} FOLDER --force` records what is there.", err=True)
    context.exit(0 if result.ok else 1)


def _print_path(path: Path) -> None:
    """Print ``path`` on stdout: as it is for another program, since a file name need not be text."""
    click.echo(escaped(str(path)) if sys.stdout.isatty() else bytes(path))


def _track(label: str) -> Track:
    """Return tqdm as the wrapper of the files to be read, on stderr and only on a terminal."""
    from tqdm import tqdm

    return lambda files: tqdm(files, desc=label, unit="file", disable=None)


@datasets.command(short_help="Record a folder of yours as a dataset.")
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
        print_json("add", name=name, manifest=str(written), count=count)
        return
    _print_path(written)
    click.echo(f"{name}: {count} images recorded; check them with `symaudit datasets verify {name}`.", err=True)


def _complete_own(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from symmetry_audit.verbs import datasets as manifests

    shipped = {manifest.name for manifest in manifests.shipped()}
    own = (name for name in manifests.available() if name not in shipped)
    return [name for name in own if name.casefold().startswith(incomplete.casefold())]


@datasets.command(short_help="Forget a dataset of yours; its images stay.")
@click.argument("name", shell_complete=_complete_own)
@_json
def remove(name: str, as_json: bool) -> None:
    """Forget the dataset NAME, one that you added. Its images are not touched.

    Example: symaudit datasets remove mine
    """
    from symmetry_audit.verbs import datasets as manifests

    deleted = manifests.remove(name)
    if as_json:
        print_json("remove", name=name, manifest=str(deleted))
        return
    _print_path(deleted)
    click.echo(f"{name}: no longer a dataset; its images were not touched.", err=True)
