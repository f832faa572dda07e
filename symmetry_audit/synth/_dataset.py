"""A folder of images of known symmetry: one PNG file each, and truth.csv with the deformation of each."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from functools import partial
from math import degrees, radians
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from symmetry_audit.errors import ReportError
from symmetry_audit.files import write_atomically
from symmetry_audit.groups import Affine
from symmetry_audit.synth._degrade import degrade
from symmetry_audit.synth._gaussian import gaussian_field, power_law
from symmetry_audit.synth._leaves import dead_leaves
from symmetry_audit.synth._settings import SynthSettings

__all__ = ["SETTINGS_NAME", "SYNTH_SCHEMA", "TRUTH_NAME", "make_image", "synth_document", "write_dataset"]

SYNTH_SCHEMA = "symaudit.synth/1"  # raise the number also where the same settings give other images
SETTINGS_NAME = "synth.json"
TRUTH_NAME = "truth.csv"


def make_image(settings: SynthSettings, index: int) -> tuple[np.ndarray, Affine]:
    """Image ``index`` of the dataset, uint8 (size, size), and its deformation w.

    Its random numbers come from the seed [seed, index] alone, so a shorter dataset is the beginning of a
    longer one; they are the same for all ratios and angles, so datasets that differ in these differ in little else.
    """
    rng, affine = _begin(settings, index)
    shape = (settings.size, settings.size)
    if settings.slope is not None:  # for the kind gaussian only
        field = gaussian_field(shape, affine, rng=rng, power=partial(power_law, slope=settings.slope))
    else:
        field = dead_leaves(shape, affine, rng=rng, flip_bias=settings.flip_bias)
    return degrade(field, clip=settings.clip, noise=settings.noise, rng=rng), affine


def _begin(settings: SynthSettings, index: int) -> tuple[np.random.Generator, Affine]:
    """The random numbers of image ``index``, of which its deformation took the first two."""
    rng = np.random.default_rng([settings.seed, index])
    ratio, angle = rng.uniform(*settings.ratios), rng.uniform(*settings.angles)
    # twice: -1e-20 % 180 is 180
    return rng, Affine.from_axes(radians(angle % 180 % 180), ratio)


def write_dataset(
    out: Path,
    settings: SynthSettings,
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    force: bool = False,
) -> Path:
    """Write image_00000.png and so on, synth.json and, last, truth.csv into ``out``; return the truth's path.

    Images from an interrupted run or a shorter dataset of the same settings are kept; ``force``
    starts over. ``progress(done, total)`` counts images. Raises ReportError where ``out`` holds another
    dataset or other files, or cannot be written.
    """
    out = Path(out)
    _check_content(out, settings, force)
    hint = "choose another folder"
    write_atomically(out / SETTINGS_NAME, json.dumps(synth_document(settings), indent=2) + "\n", hint=hint)
    rows = []
    for index in range(settings.n):
        progress(index, settings.n)
        path = out / f"image_{index:05}.png"
        if not path.exists():
            write_atomically(path, _png(make_image(settings, index)[0]), hint="fix that and run the command again")
        rows.append(_truth(settings, index, path.name))
    progress(settings.n, settings.n)
    return write_atomically(out / TRUTH_NAME, _csv(rows), hint="fix that and run the command again")


def synth_document(settings: SynthSettings) -> dict[str, Any]:
    """The content of synth.json."""
    return {"schema": SYNTH_SCHEMA, "settings": settings.to_dict()}


def _check_content(out: Path, settings: SynthSettings, force: bool) -> None:
    """Raises ReportError where ``out`` holds files that must not be overwritten; clears it for ``force``."""
    try:
        held = [path for path in out.iterdir() if not path.name.startswith(".")] if out.exists() else []
    except OSError as error:
        raise ReportError(f"cannot read the folder {out}: {error.strerror}; choose another folder") from None
    if held and SETTINGS_NAME not in {path.name for path in held}:
        raise ReportError(f"{out} holds other files and no dataset of `symaudit synth`; choose another folder")
    if force:
        _clear(out)
    elif held:
        _check_settings(out, settings)
        (out / TRUTH_NAME).unlink(missing_ok=True)  # until it covers every image again


def _check_settings(out: Path, settings: SynthSettings) -> None:
    """Raises ReportError unless the settings kept in ``out`` are these, or those of a shorter dataset."""
    again = "choose another folder, or --force to start over"
    try:
        document = json.loads((out / SETTINGS_NAME).read_text(encoding="utf-8"))
        if document["schema"] != SYNTH_SCHEMA:
            raise ReportError(f"{out} holds a dataset of another version; {again}")
        old = SynthSettings(**document["settings"]).to_dict()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise ReportError(f"{out / SETTINGS_NAME} is damaged; {again}") from None
    new = settings.to_dict()
    for name in new:
        if old[name] > new[name] if name == "n" else old[name] != new[name]:
            raise ReportError(
                f"{out} holds a dataset with other settings ({name}: {old[name]}, now {new[name]}); {again}"
            )


def _clear(out: Path) -> None:
    """Remove the files of a dataset, and no others; the settings last, since they mark the folder as a dataset."""
    try:
        for path in [*out.glob("image_[0-9]*.png"), out / TRUTH_NAME, out / SETTINGS_NAME]:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise ReportError(f"cannot clear {out}: {error.strerror}; choose another folder") from None


def _png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _truth(settings: SynthSettings, index: int, name: str) -> dict[str, Any]:
    """One line of truth.csv; at ratio 1, where there is no long axis, alpha is 0."""
    affine = _begin(settings, index)[1]
    return {
        "image": name,
        "kind": settings.kind,
        "ratio": affine.ratio,
        "alpha": affine.alpha,
        "alpha_deg": degrees(affine.alpha),
        "s_x": affine.ratio**0.5,
        "s_y": affine.ratio**-0.5,
        "a": affine.a,
        "b": affine.b,
        "clip": settings.clip,
        "noise": settings.noise,
        "flip_bias": settings.flip_bias,
        "seed": settings.seed,
    }


def _csv(rows: list[dict[str, Any]]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()
