"""Is padding found that nobody has marked, and nothing else? Turned tiles, and photographs in nine exposures.

    python benchmarks/padding.py DATA [--tiles 100]

DATA holds RSSCN7, RSSCN7-80, BSD100, Urban20, Set14, Set5 and Rain100L. Tiles of RSSCN7 are turned by 10, 20, 30 and 45
degrees (bicubic, black or white corners) and saved as PNG or as JPEG of quality 95, 75 and 50: printed is how many are
found, the largest share of a tile that is lost, and the share of the corners that is kept. Photographs (a tenth of
RSSCN7-80) have no padding: printed are those that lose a pixel, as they are and over- and underexposed.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

from symmetry_audit.audit._padding import without_padding
from symmetry_audit.data import decode

ANGLES, QUALITIES = (10, 20, 30, 45), (None, 95, 75, 50)
PHOTOS = ("BSD100/HR/*", "Urban20/HR/*", "Set14/HR/*", "Set5/HR/*", "RSSCN7/*/*", "Rain100L/*/norain/*")
EXPOSURES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as it is": lambda pixels: pixels,
    "x 2": lambda pixels: 2 * pixels,
    "x 4": lambda pixels: 4 * pixels,
    "x 1/4": lambda pixels: pixels / 4,
    "- 60": lambda pixels: pixels - 60,
    "- 120": lambda pixels: pixels - 120,
    "+ 60": lambda pixels: pixels + 60,
    "+ 120": lambda pixels: pixels + 120,
    "contrast x 4": lambda pixels: 4 * (pixels - 128) + 128,
}


def found(image: Image.Image, quality: int | None) -> np.ndarray | None:
    """What is found in a file of the image."""
    file = io.BytesIO()
    if quality is None:
        image.save(file, "PNG")
    else:
        image.save(file, "JPEG", quality=quality)
    return without_padding(decode(file.getvalue(), image.width * image.height).luminance)


def turned(path: Path, angle: int, value: int) -> tuple[Image.Image, np.ndarray]:
    """A tile turned by ``angle`` degrees, its corners filled with ``value``; and which pixels are of the tile."""
    tile = Image.open(path).convert("RGB")
    whole = Image.new("L", tile.size, 255).rotate(angle, Image.Resampling.BICUBIC, expand=True)
    return tile.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=(value,) * 3), np.asarray(whole) > 127


def tiles(data: Path, count: int) -> None:
    """A line for each color, angle and quality."""
    paths = sorted((data / "RSSCN7").glob("*/*"))
    chosen = [paths[at] for at in sorted(np.random.default_rng(0).permutation(len(paths))[:count])]
    for value, angle, quality in product((0, 255), ANGLES, QUALITIES):
        lost, kept = [], []
        for path in chosen:
            image, data_pixels = turned(path, angle, value)
            if (outline := found(image, quality)) is not None:
                lost.append((data_pixels & ~outline).sum() / data_pixels.sum())
                kept.append((outline & ~data_pixels).sum() / (~data_pixels).sum())
        print(
            f"corners {value:3}, {angle} degrees, {f'JPEG {quality}' if quality else 'PNG':7}: {len(lost)} of "
            f"{len(chosen)} found, at most {100 * max(lost, default=0):.2f} % of a tile lost, "
            f"{100 * np.mean(kept or [0]):.1f} % of corners kept",
            flush=True,
        )


def photographs(data: Path) -> None:
    """A line for each exposure and kind of file."""
    paths = [path for pattern in PHOTOS for path in sorted(data.glob(pattern))]
    paths += sorted((data / "RSSCN7-80").glob("*/*"))[::10]
    for (name, exposed), quality in product(EXPOSURES.items(), (None, 75, 50)):
        hit = []
        for path in paths:
            pixels = exposed(np.asarray(Image.open(path).convert("RGB"), float))
            outline = found(Image.fromarray(np.clip(pixels, 0, 255).round().astype(np.uint8)), quality)
            if outline is not None:
                hit.append(f"{path.relative_to(data)} ({100 * np.mean(~outline):.2f} %)")
        kind = f"JPEG {quality}" if quality else "PNG"
        print(f"{name}, {kind}: {len(hit)} of {len(paths)} lose pixels  {', '.join(hit)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--tiles", type=int, default=100)
    chosen = parser.parse_args()
    tiles(chosen.data, chosen.tiles)
    photographs(chosen.data)


if __name__ == "__main__":
    main()
