"""Images for benchmarks of speed: mosaics of the photographs inside scikit-image at their own resolution."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from symmetry_audit.data import demo_source

__all__ = ["SIZE", "as_jpeg", "crops", "links", "make_mosaics"]

SIZE = (2040, 1356)  # width and height of DIV2K's images
PIECE = (340, 339)


def make_mosaics(folder: Path, count: int, size: tuple[int, int] = SIZE) -> list[Path]:
    """``count`` RGB PNG files of ``size`` px in ``folder``, pieces of photographs, each in another arrangement."""
    rng = np.random.default_rng(0)
    photos = [_pixels(ref.path) for ref in demo_source().refs]
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index in range(count):
        mosaic = np.zeros((size[1], size[0], 3), np.uint8)
        for top in range(0, size[1], PIECE[1]):
            for left in range(0, size[0], PIECE[0]):
                photo = np.rot90(photos[rng.integers(len(photos))], rng.integers(4))
                y, x = (rng.integers(max(1, extent - PIECE[0])) for extent in photo.shape[:2])
                place = mosaic[top : top + PIECE[1], left : left + PIECE[0]]
                piece = photo[y : y + place.shape[0], x : x + place.shape[1]]
                place[: piece.shape[0], : piece.shape[1]] = piece
        paths.append(folder / f"mosaic_{index}.png")
        Image.fromarray(mosaic).save(paths[-1])
    return paths


def as_jpeg(folder: Path, paths: Sequence[Path], quality: int = 90) -> list[Path]:
    """The pixels of ``paths`` as JPEG files in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    saved = []
    for path in paths:
        saved.append(folder / f"{path.stem}.jpg")
        with Image.open(path) as image:
            image.save(saved[-1], quality=quality)
    return saved


def crops(folder: Path, paths: Sequence[Path], count: int, size: tuple[int, int]) -> list[Path]:
    """``count`` crops of ``size`` px of the images of ``paths``, in turn, as PNG files in ``folder``."""
    rng = np.random.default_rng(1)
    folder.mkdir(parents=True, exist_ok=True)
    images = [_pixels(path) for path in paths]
    saved = []
    for index in range(count):
        image = images[index % len(images)]
        y, x = rng.integers(image.shape[0] - size[1] + 1), rng.integers(image.shape[1] - size[0] + 1)
        saved.append(folder / f"crop_{index:04}.png")
        Image.fromarray(image[y : y + size[1], x : x + size[0]]).save(saved[-1])
    return saved


def links(folder: Path, paths: Sequence[Path], count: int) -> list[Path]:
    """``count`` hard links to ``paths``, in turn, in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    found = [folder / f"{index:04}{paths[0].suffix}" for index in range(count)]
    for index, link in enumerate(found):
        os.link(paths[index % len(paths)], link)
    return found


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
