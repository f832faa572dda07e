"""``restore``: a trained network on image files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge
from pydantic import Field

from symmetry_audit.errors import DataError
from symmetry_audit.options import (
    BandOptions,
    FilePath,
    Images,
    Option,
    SourceOptions,
    SpreadOptions,
    TilingOptions,
    names,
)
from symmetry_audit.verbs._machine import workplace
from symmetry_audit.verbs._networks import refuse_logits, refuse_others
from symmetry_audit.verbs._sources import opened
from symmetry_audit.verbs._verb import verb
from symmetry_audit.verbs._white import certain_white
from symmetry_audit.wording import count, printable

if TYPE_CHECKING:
    from symmetry_audit.checkpoints import Checkpoint
    from symmetry_audit.data import ImageRef
    from symmetry_audit.inference import RestoredFile, Results
    from symmetry_audit.results import SkippedImage

__all__ = ["Restoration", "RestoreRequest", "claim_results", "restore"]

SCHEMA = "symaudit.restoration/1"
TILE = 512  # px; larger images are cut, if the network allows it


class RestoreRequest(TilingOptions, BandOptions, SpreadOptions, SourceOptions):
    """The options of ``restore``."""

    model: Annotated[FilePath, Option("Network.")] = Field(kw_only=False)
    source: Annotated[Images, Option("Degraded images.", metavar="IN", complete=names.datasets)] = Field(kw_only=False)
    out: Annotated[FilePath, Option("Folder for the results, or a file for a single image.", names=("-o",))]
    tile: Annotated[
        int | None,
        Ge(0),
        Option(
            "Cut images into tiles of at most this side, in px; 0: never.",
            default=f"{TILE}, where the network allows it",
        ),
    ] = None
    limit: Annotated[int | None, Ge(1), Option("Use only the first N images.")] = None
    force: Annotated[bool, Option("Overwrite existing results.")] = False


@dataclass(frozen=True)
class Restoration:
    """What ``restore`` did: the images restored now, the number restored before, and the skipped images."""

    model: str
    out: Path
    settings: Mapping[str, Any]
    kept: int
    images: tuple[RestoredFile, ...]
    skipped: tuple[SkippedImage, ...]

    @property
    def text(self) -> str:
        """A summary in one line, for people."""
        return f"Restored {count(len(self.images), 'image')} into {self.out}"

    def to_dict(self) -> dict[str, Any]:
        """The JSON document, ``schema`` first."""
        return {
            "schema": SCHEMA,
            "model": self.model,
            "settings": dict(self.settings),
            "kept": self.kept,
            "images": [asdict(item) for item in self.images],
            "skipped": [asdict(item) for item in self.skipped],
        }


@verb(RestoreRequest)
def restore(request: RestoreRequest) -> Restoration:
    """Restore degraded images with a trained network and write the results.

    Parameters
    ----------
    model
        Folder of a training run, or a .safetensors file.
    source
        As for ``measure``. PNG and TIFF keep their format, 16 bits and white level, grey stays grey, other formats
        become PNG.
    out
        Folder for the results, or a file for a single image. A result is kept where its input and the result itself
        are, byte for byte, what they were when it was written.
    tile, overlap, self_ensemble
        Largest side of a tile (0: never cut) and the context around it, in px; average over flips and quarter turns.
    limit, bands, white, force, device, cluster, data_root, progress, say
        Number of images; whether to overwrite; the others as for ``measure``.

    Raises
    ------
    DataError
        If there are no images, if results of another network would be overwritten, or if another process writes to
        ``out``.
    ModelError
        If the network cannot be read or run.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from symmetry_audit import restore, train
    >>> from symmetry_audit.verbs import synth
    >>> with TemporaryDirectory() as name:
    ...     folder = Path(name)
    ...     photos = synth(folder / "photos", n=2, size=64).folder
    ...     others = synth(folder / "others", n=1, size=64, seed=1).folder
    ...     network = {"task": "denoise", "sigma": 25, "preset": "tiny", "out": folder / "run"}
    ...     length = {"steps": 1, "batch": 1, "cache_folder": folder / "cache"}
    ...     result = train(data=photos, valid=others, **network, **length)
    ...     restore(result.folder, photos, out=folder / "restored").text.split(" into")[0]
    'Restored 2 images'
    """
    from symmetry_audit.checkpoints import load_checkpoint
    from symmetry_audit.inference import can_tile, planned, prepared, restore_files

    model, out = str(request.model), Path(request.out)
    checkpoint = load_checkpoint(model)
    refuse_logits(model, checkpoint.task)
    refuse_others(checkpoint.task, "restoring files")
    network = prepared(checkpoint.network())
    tile = request.tile
    if tile is None:
        tile = TILE if can_tile(network) else 0
    settings = {"tile": tile or None, "overlap": request.overlap, "self_ensemble": request.self_ensemble}
    source = opened(request.source, request.data_root, bands=request.bands).limited(request.limit)
    source = certain_white(source, request.white)
    targets = planned(source, out)
    record = {"schema": SCHEMA, "network": _digest(checkpoint), **settings, **request.given(BandOptions)}
    with (
        claim_results(out, targets, record, force=request.force) as results,
        workplace(request) as (device, cluster),
    ):
        run = settings | {"device": device}
        done, skipped, kept = restore_files(
            *(network, source, targets, run),
            *(lambda count: request.progress(count, len(targets)), results, cluster),
        )
    if kept:
        request.say(f"{kept} of {len(targets)} images were restored before and are kept; --force restores them again")
    if results is not None and results.replaced:
        changed, first = count(len(results.replaced), "result"), printable(results.replaced[0].name)
        request.say(f"Note: {changed} changed since the last run and restored again: {first}")
    return Restoration(model, out, run, kept, tuple(done), (*source.skipped, *skipped))


def _digest(checkpoint: Checkpoint) -> str:
    assert checkpoint.path is not None  # it was loaded
    return hashlib.sha256(checkpoint.path.read_bytes()).hexdigest()


def claim_results(
    out: Path, targets: Mapping[ImageRef, Path], record: dict[str, Any], *, force: bool, maker: str = "network"
) -> AbstractContextManager[Results | None]:
    """Claim ``out`` for what the ``maker`` in ``record`` makes: the results there, None where ``out`` is one file.

    Raises DataError where others would be overwritten.
    """
    from symmetry_audit.inference import claimed

    if out not in targets.values():
        return claimed(out, targets, record, force=force, maker=maker)
    if out.exists() and not force:
        raise DataError(f"{out} already exists; choose another -o, or --force to overwrite it")
    return nullcontext()
