"""Reading files in a process of its own, which may crash, hang or swell without harm to who asked."""

from __future__ import annotations

import json
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

import numpy as np  # noqa: E402

from symmetry_audit.data import DecodedImage, load_image, open_source  # noqa: E402
from symmetry_audit.errors import DataError, ImageError  # noqa: E402

__all__ = ["CRASHED", "HUNG", "READ", "REFUSED", "Outcome", "Probe"]

READ, REFUSED, CRASHED, HUNG = "read", "refused", "crashed", "hung"
MOST_IMAGES = 20  # that are read of one archive or volume


@dataclass(frozen=True)
class Outcome:
    """What became of one file: READ, REFUSED with the ``reason``, CRASHED (a traceback or a signal) or HUNG.

    ``seconds`` of the processor, ``mib`` that the process held at most. ``difference`` is that of the luminance from
    another library's: its mean over all pixels, in grey levels; None where that does not read the file alike.
    """

    status: str
    reason: str = ""
    images: int = 0
    seconds: float = 0.0
    mib: float = 0.0
    difference: float | None = None


class Probe:
    """Reads files as ``measure`` does. Use it as a context manager.

    ``limit`` is in seconds for a file. ``compared`` names the library that luminance is compared with, "pyvips" or
    "cv2"; None for none.
    """

    def __init__(self, limit: float = 30.0, compared: str | None = None) -> None:
        self._limit, self._compared = limit, compared
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> Probe:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def read(self, path: Path) -> Outcome:
        """Read the images of the file at ``path``."""
        process, started = self._running(), time.monotonic()
        assert process.stdin is not None and process.stdout is not None
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps(str(path)) + "\n")
            process.stdin.flush()
        if not select.select([process.stdout], [], [], self._limit)[0]:
            self._end()
            return Outcome(HUNG, f"more than {self._limit:g} s", seconds=time.monotonic() - started)
        line = process.stdout.readline()
        if not line:
            code = process.wait()
            self._end()
            return Outcome(CRASHED, signal.Signals(-code).name if code < 0 else f"exit code {code}")
        outcome = Outcome(**json.loads(line))
        if outcome.mib > 500:  # the largest that a process ever held is known, so the next file gets a new one
            self._end()
        return outcome

    def _running(self) -> subprocess.Popen:
        if self._process is None:
            command = [sys.executable, __file__, *filter(None, [self._compared])]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            self._process = subprocess.Popen(command, text=True, **pipes)
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _outcome(path: Path, compared: str | None) -> dict[str, Any]:
    started, images = time.process_time(), []
    try:
        images = list(_images(path))
        found: dict[str, Any] = {"status": READ, "images": len(images)}
    except (DataError, ImageError) as error:
        found = {"status": REFUSED, "reason": str(error)}
    except Exception as error:
        found = {"status": CRASHED, "reason": f"{type(error).__name__}: {error}"}
    found["seconds"] = time.process_time() - started
    found["mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if compared and len(images) == 1:
        found["difference"] = _difference(path, images[0], compared)
    return found


def _images(path: Path) -> Iterator[DecodedImage]:
    """The images of a file. The first that is refused ends a file of one image, and is passed over in others."""
    source = open_source(str(path))
    for ref in source.stream(list(islice(source.refs, MOST_IMAGES)), 1 << 31):
        try:
            yield load_image(ref)
        except ImageError:
            if len(source.refs) == 1:
                raise


def _difference(path: Path, image: DecodedImage, library: str) -> float | None:
    """Mean difference of the luminance, in grey levels, None where ``library`` reads another size or nothing."""
    try:
        other = _by_vips(path) if library == "pyvips" else _by_opencv(path)
    except Exception:
        return None
    if other is None or other.shape != image.luminance.shape:
        return None
    apart = np.abs(other - image.luminance)
    return float((apart if image.valid is None else apart[image.valid]).mean())


def _by_vips(path: Path) -> np.ndarray | None:
    import pyvips

    picture = pyvips.Image.new_from_file(str(path)).autorot()
    if picture.hasalpha():
        picture = picture.extract_band(0, n=picture.bands - 1)
    return _luminance(picture.numpy())


def _by_opencv(path: Path) -> np.ndarray | None:
    import cv2

    pixels = cv2.imread(str(path), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR)
    if pixels is None:
        return None
    return _luminance(pixels[..., ::-1] if pixels.ndim == 3 else pixels)


def _luminance(pixels: np.ndarray) -> np.ndarray | None:
    pixels = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    if pixels.ndim == 3 and pixels.shape[2] != 3:
        return None
    grey = pixels @ np.array([0.299, 0.587, 0.114]) if pixels.ndim == 3 else pixels.astype(np.float64)
    return grey / 257 if pixels.dtype == np.uint16 else grey


def _serve(arguments: Sequence[str]) -> None:
    for line in sys.stdin:
        found = _outcome(Path(json.loads(line)), arguments[0] if arguments else None)
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    _serve(sys.argv[1:])
