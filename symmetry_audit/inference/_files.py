"""Image files through a network, here or on a cluster; a file whose input and result are as before is kept."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from symmetry_audit.data import BYTES_PER_PIXEL, DEFAULT_MAX_PIXELS, FULL_WHITE, ImageRef, ImageSource, decode_rgb
from symmetry_audit.errors import DataError, ImageError, ModelError
from symmetry_audit.files import write_atomically
from symmetry_audit.inference._claim import Results
from symmetry_audit.inference._restore import restore_image
from symmetry_audit.inference._samples import as_samples
from symmetry_audit.inference._spread import each_of
from symmetry_audit.results import SkippedImage

if TYPE_CHECKING:
    from symmetry_audit.workers import Cluster

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


@dataclass(frozen=True)
class _Job:
    """An image to restore, with its place among the others and the suffix of its result."""

    number: int
    ref: ImageRef
    suffix: str


@dataclass(frozen=True)
class _Done:
    """The encoded result of a job, the SHA-256 of its input, seconds, and whether alpha was dropped; or a ``reason``
    why there is none."""

    number: int
    content: bytes = b""
    made_of: str = ""
    seconds: float = 0.0
    alpha_dropped: bool = False
    reason: str | None = None


def restore_files(
    network: nn.Module,
    source: ImageSource,
    targets: Mapping[ImageRef, Path],
    settings: Mapping[str, Any],
    progress: Callable[[int], None],
    results: Results | None = None,
    cluster: Cluster | None = None,
) -> tuple[list[RestoredFile], list[SkippedImage], int]:
    """Restore the images of ``source`` that have a target, with the ``settings`` of :func:`restore_image`.

    Those that ``results`` has of the same input are kept; the number of them is returned last. The others are restored
    here, or by the workers of a ``cluster``; they are always written here.

    Results are upright, have the depth and the white level of the image, and no alpha. A TIFF of another white level
    than that of its depth says so in MaxSampleValue. Grey images stay grey: the mean of the three channels. Each file
    is written whole or not at all. An image that cannot be read or restored does not stop the others. Raises DataError
    if nothing can be written, and for a cluster that is lost.
    """
    run = _Run(source, targets, results, progress)
    for done in each_of(_Restoring(network, settings), run.missing(), lambda job: (job.ref,), _lost, cluster):
        run.take(done)
    in_order = [run.found[number] for number in sorted(run.found)]
    restored = [item for item in in_order if isinstance(item, RestoredFile)]
    return restored, [item for item in in_order if isinstance(item, SkippedImage)], run.kept


class _Run:
    """What became of the images so far, by their place in the source; ``kept`` counts those that were there before."""

    def __init__(
        self,
        source: ImageSource,
        targets: Mapping[ImageRef, Path],
        results: Results | None,
        progress: Callable[[int], None],
    ) -> None:
        self._source, self._targets, self._results, self._progress = source, targets, results, progress
        self.found: dict[int, RestoredFile | SkippedImage] = {}
        self.kept = 0
        self._images: dict[int, ImageRef] = {}  # in work
        progress(0)

    def missing(self) -> Iterator[_Job]:
        """The jobs, of images whose results are not there yet."""
        for number, ref in enumerate(self._source.stream(list(self._targets), MAX_BYTES)):
            image = replace(ref, payload=None)
            target = self._targets[image]
            if self._has(ref, target):
                self.kept += 1
                self._count()
            else:
                self._images[number] = image
                yield _Job(number, ref.anywhere(), target.suffix)

    def take(self, done: _Done) -> None:
        """Write the result of a job. Raises DataError."""
        ref = self._images.pop(done.number)
        target = self._targets[ref]
        if done.reason is not None:
            self.found[done.number] = SkippedImage(ref.key, done.reason)
        else:
            if self._results is None:
                write_atomically(target, done.content, error=DataError)
            else:
                self._results.write(target, done.content, done.made_of)
            self.found[done.number] = RestoredFile(ref.key, target.as_posix(), done.seconds, done.alpha_dropped)
        self._count()

    def _count(self) -> None:
        self._progress(len(self.found) + self.kept)

    def _has(self, ref: ImageRef, target: Path) -> bool:
        if self._results is None or not self._results.knows(target):
            return False  # without reading it
        try:
            return self._results.has(target, ref.read(MAX_BYTES))
        except ImageError:
            return False


@dataclass(frozen=True)
class _Restoring:
    """``network`` with ``settings``, in any process: it can be pickled."""

    network: nn.Module
    settings: Mapping[str, Any]

    def __call__(self, job: _Job) -> _Done:
        try:
            data = job.ref.read(MAX_BYTES)
            content, seconds = self._restored(job, data)
        except (ImageError, ModelError) as error:
            return _Done(job.number, reason=str(error))
        return _Done(job.number, content, hashlib.sha256(data).hexdigest(), seconds, _has_alpha(data))

    def _restored(self, job: _Job, data: bytes) -> tuple[bytes, float]:
        """The encoded result for a file that holds ``data``, and the seconds."""
        picture = decode_rgb(data, bands=job.ref.bands, white=job.ref.white)
        kind, white = picture.pixels.dtype.type, picture.white
        if kind not in ENCODED and job.suffix.lower() == ".png":
            raise ImageError(f"holds {picture.depth} samples, which a PNG file cannot; name the result .tif")
        pixels = (picture.pixels / (white / 255)).astype(np.float32)
        start = perf_counter()
        restored = restore_image(self.network, pixels, **self.settings)
        seconds = perf_counter() - start
        samples = as_samples(restored.mean(axis=2) if picture.grey else restored, kind, white)
        return encoded(samples, job.suffix, white), seconds


def _lost(job: _Job, how: str) -> _Done:
    """The outcome of a job that ends processes."""
    return _Done(job.number, reason=f"twice ended the process that restored it ({how}): out of memory, or damaged")


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
