"""``symaudit restore``: a trained network on image files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from symmetry_audit.cli.evaluating import device_option
from symmetry_audit.cli.measuring import print_skipped
from symmetry_audit.cli.options import EXIT_CODES, config_option, progress_on_stderr, quiet_option

if TYPE_CHECKING:
    from symmetry_audit.checkpoints import Checkpoint
    from symmetry_audit.data import ImageRef
    from symmetry_audit.inference import RestoredFile
    from symmetry_audit.results import SkippedImage

__all__ = ["restore"]

SCHEMA = "symaudit.restoration/1"
TILE = 512  # px; what is larger is cut, unless the network forbids it


@click.command(short_help="Restore images with a trained network.", epilog=EXIT_CODES)
@click.argument("model", metavar="MODEL")
@click.argument("source", metavar="IN")
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="Folder for the results, or a file.")
@click.option(
    "--tile",
    type=click.IntRange(0),
    help="Cut images into tiles of at most this side, in px; 0: never.  [default: 512, where the network allows it]",
)
@click.option(
    "--overlap", type=click.IntRange(0), default=32, show_default=True, help="What a tile sees around, in px."
)
@click.option("--self-ensemble", is_flag=True, help="Average over the eight flips and quarter turns.")
@device_option
@click.option("--limit", type=click.IntRange(1), help="Only the first N images.")
@click.option(
    "--data-root",
    envvar="SYMAUDIT_DATA",
    type=click.Path(path_type=Path),
    help="Where datasets lie (or SYMAUDIT_DATA).",
)
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@click.option("--allow-skipped", is_flag=True, help="Exit with 0 even if images were left out.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")
@quiet_option
def restore(
    model: str,
    source: str,
    out: Path,
    tile: int | None,
    overlap: int,
    self_ensemble: bool,
    device: str,
    limit: int | None,
    data_root: Path | None,
    force: bool,
    allow_skipped: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Restore the images of IN, degraded ones such as MODEL was trained for, into --out.

    MODEL is the folder of a training run or a .safetensors file. IN is a folder (searched recursively), an image, a
    quoted glob, a list, an archive or a dataset. PNG and TIFF keep their format and 16 bits, grey stays grey, other
    formats become PNG; images come out upright and without alpha. Images that are there already are kept, so the same
    command continues where it was interrupted.

    \b
    Example:
      symaudit restore runs/resnet-p8 photos/ -o restored
      symaudit restore runs/edsr-p8 small.jpg -o large.png --self-ensemble
    """
    from symmetry_audit.audit import resolve_device
    from symmetry_audit.checkpoints import load_checkpoint
    from symmetry_audit.data import open_source
    from symmetry_audit.inference import can_tile, planned, prepared, restore_files

    checkpoint = load_checkpoint(model)
    network = prepared(checkpoint.network())
    if tile is None:
        tile = TILE if can_tile(network) else 0
    settings = {"tile": tile or None, "overlap": overlap, "self_ensemble": self_ensemble}
    opened = open_source(source, data_root).limited(limit)
    targets = planned(opened, out)
    waiting = _waiting(targets, out, {"schema": SCHEMA, "network": _digest(checkpoint), **settings}, force)
    run = {**settings, "device": resolve_device(device)}
    kept = len(targets) - len(waiting)
    if kept and not quiet:
        click.echo(f"{kept} of {len(targets)} images were restored before; --force restores them again", err=True)
    with progress_on_stderr(quiet) as progress:
        done, skipped = restore_files(network, opened, waiting, run, lambda count: progress(kept + count, len(targets)))
    skipped = [*opened.skipped, *skipped]
    if as_json:
        _print_json({"model": model, "settings": run, "kept": kept}, done, skipped)
    else:
        click.echo(f"Restored {len(done)} image{'s' * (len(done) != 1)} into {click.format_filename(out)}")
    without = [item.image for item in done if item.alpha_dropped]
    if without and not quiet:
        click.echo(f"Alpha was dropped from {', '.join(without)}", err=True)
    print_skipped(skipped, verbose=True)
    return 4 if skipped and not allow_skipped else 0


def _digest(checkpoint: Checkpoint) -> str:
    return hashlib.sha256(checkpoint.path.read_bytes()).hexdigest()


def _waiting(targets: Mapping[ImageRef, Path], out: Path, record: dict[str, Any], force: bool) -> dict[ImageRef, Path]:
    """What is still to be restored. Raises DataError where images of another network would be overwritten."""
    from symmetry_audit.errors import DataError
    from symmetry_audit.inference import claim

    if out not in targets.values():
        claim(out, targets, record, force=force)
    elif out.exists() and not force:
        raise DataError(f"{out} is there already; choose another -o, or --force to overwrite")
    return {ref: target for ref, target in targets.items() if force or not target.exists()}


def _print_json(head: dict[str, Any], done: Sequence[RestoredFile], skipped: Sequence[SkippedImage]) -> None:
    from symmetry_audit.results import dump_json

    images = {"images": [asdict(item) for item in done], "skipped": [asdict(item) for item in skipped]}
    click.echo(dump_json({"schema": SCHEMA, **head, **images}), nl=False)
