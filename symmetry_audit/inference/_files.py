"""Image files through a network, one after another; a file whose input and result are as before is kept."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from torch import nn

from symmetry_audit.data import BYTES_PER_PIXEL, DEFAULT_MAX_PIXELS, FULL_WHITE, ImageRef, ImageSource, decode_rgb
from symmetry_audit.errors import DataError, ImageError, ModelError
from symmetry_audit.files import write_atomically
from symmetry_audit.inference._claim import Results
from symmetry_audit.inference._restore import restore_image
from symmetry_audit.inference._samples import as_samples
from symmetry_audit.results import SkippedImage

__all__ = ["RestoredFile", "encoded", "restore_files"]

ENCODED = (np.uint8, np.uint16)  # by PNG
MAX_SAMPLE_VALUE = 281  # the TIFF tag
MAX_BYTES = DEFAULT_MAX_PIXELS * BYTES_PER_PIXEL  # per file


@dataclass(frozen=True)
class RestoredFile:
    """One restored image: its file, the seconds that restoring took, and whether alpha was dropped."""

    image: str
    file: str
    seconds: float
    alpha_dropped: bool


def restore_files(
    network: nn.Module,
    source: ImageSource,
    targets: Mapping[ImageRef, Path],
    settings: Mapping[str, Any],
    progress: Callable[[int], None],
    results: Results | None = None,
) -> tuple[list[RestoredFile], list[SkippedImage], int]:
    """Restore the images of ``source`` that have a target, with the ``settings`` of :func:`restore_image`.

    Those that ``results`` has of the same input are kept; the number of them is returned last.

    Results are upright, have the depth and the white level of the image, and no alpha. A TIFF of another white level
    than that of its depth says so in MaxSampleValue. Grey images stay grey: the mean of the three channels. Each file
    is written whole or not at all. An image that cannot be read or restored does not stop the others. Raises DataError
    if nothing can be written.
    """
    done: list[RestoredFile] = []
    skipped: list[SkippedImage] = []
    kept = 0
    for ref in source.stream(list(targets), MAX_BYTES):
        progress(len(done) + len(skipped) + kept)
        target = targets[_without_bytes(ref)]
        try:
            data = ref.read(MAX_BYTES)
            if results is not None and results.has(target, data):
                kept += 1
                continue
            content, seconds, alpha = _restored(network, ref, data, target.suffix, settings)
        except (ImageError, ModelError) as error:
            skipped.append(SkippedImage(ref.key, str(error)))
            continue
        if results is None:
            write_atomically(target, content, error=DataError)
        else:
            results.write(target, content, data)
        done.append(RestoredFile(ref.key, target.as_posix(), seconds, alpha))
    progress(len(done) + len(skipped) + kept)
    return done, skipped, kept


def _without_bytes(ref: ImageRef) -> ImageRef:
    return replace(ref, payload=None)


def _restored(
    network: nn.Module, ref: ImageRef, data: bytes, suffix: str, settings: Mapping[str, Any]
) -> tuple[bytes, float, bool]:
    """The encoded result, the seconds, and whether the file, which holds ``data``, had alpha."""
    picture = decode_rgb(data, bands=ref.bands, white=ref.white)
    kind, white = picture.pixels.dtype.type, picture.white
    if kind not in ENCODED and suffix.lower() == ".png":
        raise ImageError(f"holds {picture.depth} samples, which a PNG file cannot; name the result .tif")
    pixels = (picture.pixels / (white / 255)).astype(np.float32)
    start = perf_counter()
    restored = restore_image(network, pixels, **settings)
    seconds = perf_counter() - start
    samples = as_samples(restored.mean(axis=2) if picture.grey else restored, kind, white)
    return encoded(samples, suffix, white), seconds, _has_alpha(data)


def encoded(samples: np.ndarray, suffix: str, white: float | None = None) -> bytes:
    """(H, W) or (H, W, 3), uint8 or uint16, as PNG or TIFF (deflate), both without loss; a TIFF also of other samples.

    A TIFF names their ``white`` level where it is not the largest that they can hold.
    """
    if suffix.lower() == ".png":
        import imagecodecs

        return bytes(imagecodecs.png_encode(np.ascontiguousarray(samples)))
    import tifffile

    file = io.BytesIO()
    kind = "minisblack" if samples.ndim == 2 else "rgb"
    tags = []
    if white is not None and samples.dtype == np.uint16 and white < FULL_WHITE:
        tags = [(MAX_SAMPLE_VALUE, "H", 1, round(white), True)]
    tifffile.imwrite(file, samples, photometric=kind, compression="zlib", metadata=None, extratags=tags)
    return file.getvalue()


def _has_alpha(data: bytes) -> bool:
    """According to the header; False if Pillow cannot open the file."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings about large images, which are already decoded
            with Image.open(io.BytesIO(data)) as image:
                return image.has_transparency_data
    except Exception:  # a TIFF of 16 bits, for which decode_rgb uses another library
        return False
