"""The radially averaged Welch periodogram: its unit, its rings, and a naive copy of its definition."""

from __future__ import annotations

import numpy as np
import pytest

from symmetry_audit.audit._spectrum import BINS, radial_power, radial_spectrum
from symmetry_audit.engine import welch_power
from tests.conftest import smooth_noise
from tests.oracles import affine as oracle

CENTRES = (np.arange(BINS) + 0.5) / (2 * BINS)
AREAS = np.pi * np.diff(np.square(np.arange(BINS + 1) / (2 * BINS)))


def spectrum(image: np.ndarray) -> np.ndarray:
    return radial_spectrum(welch_power(image))


def naive(image: np.ndarray, size: int) -> np.ndarray:
    """The definition, one segment after another over the whole plane of frequencies."""
    hann = np.sin(np.pi * np.arange(1, size + 1) / (size + 1)) ** 2
    window = hann[:, None] * hann
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size))
    total, starts = 0, [np.unique((np.linspace(0, n - size, 8)).astype(int)) for n in image.shape]
    for top in starts[0]:
        for left in starts[1]:
            part = image[top : top + size, left : left + size]
            total = total + np.abs(np.fft.fft2((part - part.mean()) * window)) ** 2
    power = total / (len(starts[0]) * len(starts[1]) * (window**2).sum())
    found = np.full(BINS, np.nan)
    for ring in range(BINS):
        last = 0.5 if ring == BINS - 1 else np.nextafter((ring + 1) / (2 * BINS), 0)
        chosen = (frequency > 0) & (frequency >= ring / (2 * BINS)) & (frequency <= last)
        if chosen.any():
            found[ring] = power[chosen].mean()
    filled = np.isfinite(found)
    return np.interp(CENTRES, CENTRES[filled], found[filled])


@pytest.mark.parametrize(
    ("shape", "size"), [((300, 210), 128), ((128, 400), 128), ((127, 130), 64), ((31, 33), 16), ((40, 31), 16)], ids=str
)
def test_equals_its_definition(rng: np.random.Generator, shape: tuple[int, int], size: int) -> None:
    """A power of two no larger than the image, 128 at most; a small segment leaves rings empty."""
    image = 100 + smooth_noise(rng, *shape)
    assert np.allclose(spectrum(image), naive(image, size), rtol=1e-6, atol=0)


SOFT = np.outer(np.hanning(300), np.hanning(210))
WAVE = np.sin(0.3 * np.arange(210)) + np.zeros((300, 1))


@pytest.mark.parametrize(
    "image",
    [
        np.random.default_rng(1).uniform(0, 255, (300, 210)),
        254 + np.random.default_rng(1).random((300, 210)),  # bright, and nearly flat
        100 + 80 * SOFT,
        127 + 90 * WAVE,
        np.add.outer(0.3 * np.arange(300), 0.7 * np.arange(210)),
    ],
    ids=["noise", "bright", "soft", "wave", "ramp"],
)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_float32_loses_no_more_than_a_hundred_millionth_of_the_largest_amplitude(image: np.ndarray, kind: type) -> None:
    image = image.astype(kind)
    found, expected = np.sqrt(spectrum(image)), np.sqrt(naive(image.astype(np.float64), 128))
    assert np.allclose(found, expected, rtol=5e-7, atol=1e-8 * expected.max())


@pytest.mark.parametrize("factor", [2.0**-200, 2.0**-70, 2.0**50, 2.0**64, 2.0**110])
def test_the_scale_of_samples_does_not_matter(rng: np.random.Generator, factor: float) -> None:
    """Not even where their squares overflow float32, or are below its smallest number."""
    image = rng.uniform(0, 255, (140, 150))
    assert np.array_equal(spectrum(factor * image), factor**2 * spectrum(image))


@pytest.mark.parametrize(("kind", "size"), [(np.float64, 1e160), (np.float64, 8e307), (np.float32, 3e38)])
def test_samples_that_are_too_large_give_no_finite_spectrum(rng: np.random.Generator, kind: type, size: float) -> None:
    image = rng.uniform(-size, size, (140, 150)).astype(kind)
    assert not np.isfinite(spectrum(image)).any()


def test_white_noise_of_unit_variance_has_power_one() -> None:
    """Its integral over the unit square of frequencies is the variance."""
    rng = np.random.default_rng(0)
    spectra = np.mean([spectrum(rng.normal(size=(256, 256))) for _ in range(8)], axis=0)
    # the innermost rings hold a dozen frequencies, and the mean that is taken out
    assert np.abs(spectra[2:] - 1).max() < 0.12
    assert abs(spectra[8:].mean() - 1) < 0.01


def test_known_spectrum() -> None:
    """Fields of P ~ |k|^-2 below 0.3 cycles/px: nothing beyond, and the law below."""
    power = oracle.field_power(256, 0.0, 1.0, 1.0)
    spectra = np.mean([spectrum(oracle.field(np.random.default_rng(s), 256, 0.0, 1.0, 1.0)) for s in range(8)], 0)
    k = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256))
    rings = np.minimum((k * 2 * BINS).astype(int), BINS - 1)
    # power adds up to one over 256^2 frequencies of an image of variance one
    expected = np.array([256**2 * power[(rings == ring) & (k <= 0.5)].mean() for ring in range(BINS)])
    inner = slice(4, 36)
    assert np.abs(spectra[inner] / expected[inner] - 1).max() < 0.15
    assert spectra[42:].max() < 1e-4 * spectra[20]


@pytest.mark.parametrize("k", [(0.25, 0.0), (0.1, 0.2), (0.0, 0.4), (0.02, 0.03)])
def test_a_wave_lies_in_its_ring_with_all_its_variance(k: tuple[float, float]) -> None:
    x, y = np.meshgrid(np.arange(200), np.arange(180))
    found = spectrum(30 * np.sin(2 * np.pi * (k[0] * x + k[1] * y)))
    assert abs(np.argmax(found) - int(np.hypot(*k) * 2 * BINS)) <= 1
    assert (found * AREAS).sum() == pytest.approx(30**2 / 2, rel=0.1)


def test_every_direction_counts_the_same(rng: np.random.Generator) -> None:
    """Segments are transformed in pairs, which must not mix a frequency with its opposite."""
    image = smooth_noise(rng, 200, 140)
    found = spectrum(image)
    assert np.allclose(spectrum(image.T), found, rtol=1e-6, atol=0)
    assert np.allclose(spectrum(image[::-1, ::-1]), found, rtol=0.2, atol=0)


def test_brightness_does_not_count_and_contrast_does_squared(rng: np.random.Generator) -> None:
    image = smooth_noise(rng, 150, 140)
    assert np.allclose(spectrum(3 * image + 1e4), 9 * spectrum(image), rtol=1e-7, atol=0)
    assert not spectrum(np.full((90, 80), 7.0)).any()


def test_as_a_function(rng: np.random.Generator) -> None:
    spectrum = rng.uniform(1, 2, BINS)
    power = radial_power(spectrum)
    assert np.array_equal(power(CENTRES), spectrum)
    assert power((CENTRES[3] + CENTRES[4]) / 2) == pytest.approx(spectrum[3:5].mean())
    assert power(np.array([0.0, 0.5, 0.9])).tolist() == [spectrum[0], spectrum[-1], spectrum[-1]]
    assert power(np.full((3, 4), 0.2)).shape == (3, 4)


def test_padding_does_not_enter(rng: np.random.Generator) -> None:
    """White noise in a disc: the spectrum is its variance at all frequencies, whatever is outside."""
    y, x = np.indices((300, 320))
    valid = np.hypot(y - 150, x - 160) < 150
    image = rng.normal(50, 3, (300, 320))
    power = [welch_power(np.where(valid, image, padding), valid) for padding in (50.0, -3024.0, np.nan)]
    assert np.array_equal(power[0], power[1]) and np.array_equal(power[0], power[2])
    assert power[0].shape == (128, 128)
    assert np.abs(radial_spectrum(power[0])[4:] / 9 - 1).max() < 0.35
    assert radial_spectrum(power[0]).mean() == pytest.approx(9, rel=0.05)
    assert radial_spectrum(welch_power(np.where(valid, image, -3024.0))).mean() > 100  # what an edge adds


@pytest.mark.parametrize(("side", "size"), [(160, 64), (80, 32), (24, 16), (9, 4), (2, 2)])
def test_segments_are_as_small_as_the_largest_valid_square_needs(
    side: int, size: int, rng: np.random.Generator
) -> None:
    """Two squares of valid pixels far apart: both are seen, and nothing else."""
    image = np.full((400, 500), np.nan)
    image[:side, :side], image[-side:, -side:] = rng.normal(0, 1, (side, side)), rng.normal(0, 3, (side, side))
    power = welch_power(image, np.isfinite(image))
    assert power.shape == (size, size) and np.isfinite(power).all()
    if side > 20:
        assert power[1:, 1:].mean() == pytest.approx(5, rel=0.35)


def test_valid_everywhere_is_as_good_as_not_said(rng: np.random.Generator) -> None:
    image = rng.normal(50, 3, (300, 320))
    every, plain = (radial_spectrum(welch_power(image, valid)) for valid in (np.ones((300, 320), bool), None))
    assert np.abs(every / plain - 1).max() < 0.3
