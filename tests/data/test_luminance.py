"""Luminance and hash of samples, against exact rational arithmetic and the definition of the hash."""

from __future__ import annotations

import hashlib
from fractions import Fraction

import numpy as np
import pytest

from symmetry_audit.data._luminance import BLOCK, hashed_luminance

WEIGHTS = (Fraction(299, 1000), Fraction(587, 1000), Fraction(114, 1000))


def exactly(samples: np.ndarray) -> list[Fraction]:
    """The luminance of every pixel in [0, 255] as a fraction."""
    scale = 257 if samples.dtype == np.uint16 else 1
    if samples.ndim == 2:
        return [Fraction(value) / scale for value in samples.ravel().tolist()]
    pixels = samples.reshape(-1, 3).tolist()
    return [sum(w * Fraction(s) for w, s in zip(WEIGHTS, pixel, strict=True)) / scale for pixel in pixels]


def assert_nearest(found: np.ndarray, exact: list[Fraction]) -> None:
    """No other float32 is nearer to the exact value."""
    assert found.dtype == np.float32
    below, above = np.nextafter(found, np.float32(-1)), np.nextafter(found, np.float32(999))
    for value, low, high, truth in zip(*(part.ravel().tolist() for part in (found, below, above)), exact, strict=True):
        error = abs(Fraction(value) - truth)
        assert error <= abs(Fraction(low) - truth)
        assert error <= abs(Fraction(high) - truth)


@pytest.mark.parametrize("shape", [(1, 1), (1, 61), (61, 1), (37, 41), (1, 1, 3), (1, 61, 3), (61, 1, 3), (37, 41, 3)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_integers_give_the_nearest_float32(rng: np.random.Generator, shape: tuple[int, ...], kind: type) -> None:
    samples = rng.integers(0, np.iinfo(kind).max, shape, kind, endpoint=True)
    found, _ = hashed_luminance(samples)
    assert found.shape == shape[:2]
    assert_nearest(found, exactly(samples))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_grey_color_has_the_luminance_of_the_grey_sample(kind: type) -> None:
    """For every value, so that white is 255 and none is above it."""
    grey = np.arange(np.iinfo(kind).max + 1, dtype=kind).reshape(-1, 256)
    found, _ = hashed_luminance(grey)
    assert np.array_equal(hashed_luminance(np.repeat(grey[..., None], 3, axis=2))[0], found)
    assert (found.min(), found.max()) == (0, 255)
    assert_nearest(found[:8], exactly(grey[:8]))


@pytest.mark.parametrize(("kind", "kept"), [("f2", np.float32), ("f4", np.float32), ("f8", np.float64)])
@pytest.mark.parametrize("shape", [(37, 41), (37, 41, 3)])
def test_floats_keep_their_precision_and_scale(
    rng: np.random.Generator, kind: str, kept: type, shape: tuple[int, ...]
) -> None:
    samples = rng.uniform(-300, 300, shape).astype(kind)
    found, _ = hashed_luminance(samples)
    assert found.dtype == kept
    bound = 300 * 2 * np.finfo(kept).eps if samples.ndim == 3 else 0
    for value, truth in zip(found.ravel().tolist(), exactly(samples), strict=True):
        assert abs(Fraction(value) - truth) <= bound


@pytest.mark.parametrize("kind", ["u1", "u2", "f4", "f8"])
@pytest.mark.parametrize("shape", [(3, BLOCK - 1), (2 * BLOCK + 1, 1, 3), (BLOCK, 1, 3)])
def test_blocks_leave_no_seam(rng: np.random.Generator, kind: str, shape: tuple[int, ...]) -> None:
    """Images of several blocks, whole or with a rest, are their two halves side by side."""
    samples = (rng.random(shape) * 255).astype(kind)
    found, _ = hashed_luminance(samples)
    axis = int(shape[1] > 1)
    halves = np.concatenate([hashed_luminance(part)[0] for part in np.array_split(samples, 2, axis)], axis)
    # sums of floats may depend in the last bit on where a block starts
    np.testing.assert_allclose(found, halves, rtol=0 if kind[0] == "u" else 2 * np.finfo(found.dtype).eps)


@pytest.mark.parametrize("kind", ["|u1", "<u2", "<f4", "<f8"])
@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 3), (200, 150, 3)])
def test_the_hash_is_of_shape_dtype_and_bytes(rng: np.random.Generator, kind: str, shape: tuple[int, ...]) -> None:
    samples = (rng.random(shape) * 255).astype(kind)
    expected = hashlib.sha256(f"({shape}, '{kind}')".encode() + samples.tobytes()).hexdigest()
    assert hashed_luminance(samples)[1] == expected


def test_the_hash_stays_as_published() -> None:
    samples = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert hashed_luminance(samples)[1] == "d2f521eeba3ea6e7a0526a5fe2fbed703f289321273e08a37d6e32c4f895dd8c"


def test_views_count_as_their_copies(rng: np.random.Generator) -> None:
    samples = rng.integers(0, 256, (40, 30, 4), np.uint8)
    for view in (samples[..., :3], samples[::-1, :, :3], samples[..., :3].swapaxes(0, 1), samples[::2, ::3, 1]):
        luminance, sha256 = hashed_luminance(view)
        copied = hashed_luminance(np.ascontiguousarray(view))
        assert np.array_equal(luminance, copied[0])
        assert sha256 == copied[1]
