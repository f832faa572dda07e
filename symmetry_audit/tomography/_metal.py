"""Metal for a slice: masks from files, and shapes put at a random place inside the body."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.io import loadmat
from scipy.ndimage import binary_fill_holes, label
from scipy.signal import fftconvolve

from symmetry_audit.data import load_rgb, open_source
from symmetry_audit.errors import DataError, ImageError, one_line

__all__ = ["body_mask", "random_metal", "read_masks"]

BODY = -500.0  # HU
PIECES = 3  # of metal in a slice, at most
LEAST, MOST = 2e-4, 1.2e-2  # of the image, in metal: the smallest and the largest of SynDeepLesion's test masks
TRIES = 20


def read_masks(path: str | Path) -> np.ndarray:
    """Masks of metal or of its shapes, (n, H, W) bool; a value above half of the largest is metal.

    ``path`` is a .npy file or a .mat file (up to version 7.2) with one array of square masks, (H, H, n) or (n, H, H),
    or a folder of pictures of one size. Raises DataError for anything else.
    """
    path = Path(path)
    if path.is_dir():
        stack = _pictures(path)
    elif path.suffix == ".npy":
        stack = _number_first(_opened(np.load, path), path)
    elif path.suffix == ".mat":
        arrays = [value for value in _opened(loadmat, path).values() if isinstance(value, np.ndarray)]
        stack = _number_first(next((array for array in arrays if array.ndim == 3), np.empty(0)), path)
    else:
        raise DataError(f"{path} holds no masks; give a .npy or .mat file, or a folder of pictures")
    return stack > stack.max() / 2


def body_mask(hu: np.ndarray) -> np.ndarray:
    """The body in a slice (H, W) in HU: the largest piece above -500 HU, its holes filled; bool."""
    pieces, _ = label(np.asarray(hu) > BODY)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return binary_fill_holes((pieces == sizes.argmax()) & (pieces > 0))


def random_metal(shapes: np.ndarray, body: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Up to three pieces of metal inside the ``body``, a mask of its shape (side, side), bool.

    Every piece is one of ``shapes`` (n, H, W), turned by any angle, and put where it lies in the body. Together they
    cover 0.02 to 1.2 % of the image, any order of magnitude being as likely. Raises DataError where the body has no
    room for it.
    """
    metal = np.zeros(body.shape, bool)
    pieces = int(rng.integers(1, PIECES + 1))
    area = body.size * float(np.exp(rng.uniform(np.log(LEAST), np.log(MOST)))) / pieces
    for _ in range(pieces):
        metal |= _placed(shapes, body, area, rng)
    return metal


def _placed(shapes: np.ndarray, body: np.ndarray, area: float, rng: np.random.Generator) -> np.ndarray:
    """One piece of ``area`` pixels at a random place."""
    for _ in range(TRIES):
        piece = _scaled(shapes[rng.integers(len(shapes))], area, rng.uniform(0, 360))
        if piece.shape[0] > body.shape[0] or piece.shape[1] > body.shape[1]:
            continue
        inside = fftconvolve(body.astype(np.float64), piece[::-1, ::-1].astype(np.float64), "valid")
        places = np.argwhere(inside > piece.sum() - 0.5)
        if len(places):
            row, column = rng.choice(places)
            metal = np.zeros(body.shape, bool)
            metal[row : row + piece.shape[0], column : column + piece.shape[1]] = piece
            return metal
    raise DataError(f"the body of {int(body.sum())} px has no room for {area:.0f} px of metal; leave the slice out")


def _scaled(shape: np.ndarray, area: float, degrees: float) -> np.ndarray:
    """``shape`` turned, scaled to ``area`` pixels, and cut to its bounding box: the pixels that it covers most."""
    scale = np.sqrt(area / shape.sum())
    grey = Image.fromarray(np.where(shape, np.uint8(255), np.uint8(0)))
    grey = grey.rotate(degrees, Image.Resampling.BILINEAR, expand=True)
    width, height = (max(1, round(scale * length)) for length in grey.size)
    covered = np.asarray(grey.resize((width, height), Image.Resampling.BILINEAR))
    most = np.argsort(covered, axis=None, kind="stable")[-max(1, round(area)) :]
    piece = np.zeros(covered.shape, bool)
    piece.flat[most] = covered.flat[most] > 0
    rows, columns = np.flatnonzero(piece.any(1)), np.flatnonzero(piece.any(0))
    return piece[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _opened(reader: Callable[[Path], Any], path: Path) -> Any:
    try:
        return reader(path)
    except Exception as error:  # readers raise anything on damaged files
        raise DataError(f"cannot read the masks in {path}: {one_line(error)}") from None


def _number_first(stack: np.ndarray, path: Path) -> np.ndarray:
    """(H, H, n) or (n, H, H) as (n, H, H)."""
    if stack.ndim == 3 and stack.size and stack.shape[0] == stack.shape[1]:
        return np.moveaxis(stack, -1, 0)
    if stack.ndim == 3 and stack.size and stack.shape[1] == stack.shape[2]:
        return stack
    raise DataError(f"{path} holds no square masks (H, H, n) or (n, H, H), but shape {stack.shape}; crop or pad them")


def _pictures(folder: Path) -> np.ndarray:
    """The pictures of a folder, in the order of their names, (n, H, W)."""
    stack = []
    for ref in open_source(str(folder)).refs:
        try:
            stack.append(load_rgb(ref).pixels.max(axis=2))
        except ImageError as error:
            raise DataError(f"cannot read the masks in {folder}: {ref.key}: {error}") from None
    if len({picture.shape for picture in stack}) > 1:
        raise DataError(f"the masks in {folder} have different sizes; bring them to one")
    return np.stack(stack)
