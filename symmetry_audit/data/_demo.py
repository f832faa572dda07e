"""The photographs that ship inside scikit-image, as a source."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from symmetry_audit.data._ref import ImageRef, ImageSource
from symmetry_audit.errors import DataError

__all__ = ["DEMO_NAME", "DEMO_PHOTOGRAPHS", "DEMO_TEXT", "demo_source"]

DEMO_NAME = "demo"
DEMO_TEXT = "the photographs inside scikit-image"  # in reports, in place of a path

# photographs and micrographs only: no logos, chessboards, phantoms, drawings or pages of text, and one of
# the two pictures of the stereo pair
DEMO_PHOTOGRAPHS = (
    "astronaut.png",
    "brick.png",
    "camera.png",
    "cell.png",
    "chelsea.png",
    "clock_motion.png",
    "coffee.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "microaneurysms.png",
    "moon.png",
    "motorcycle_left.png",
    "retina.jpg",
    "rocket.jpg",
)


def demo_source() -> ImageSource:
    """The demo images. Raises DataError where this scikit-image does not carry them."""
    spec = find_spec("skimage")
    folder = Path(spec.origin).parent / "data" if spec and spec.origin else Path()
    refs = tuple(ImageRef(name, folder / name) for name in DEMO_PHOTOGRAPHS)
    missing = [ref.key for ref in refs if not ref.path.is_file()]
    if missing:
        raise DataError(f"scikit-image here lacks {', '.join(missing)}; reinstall it with `pip install scikit-image`")
    return ImageSource(DEMO_NAME, DEMO_TEXT, refs)
