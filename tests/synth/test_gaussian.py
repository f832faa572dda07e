"""Gaussian fields have the spectrum, the variance and the direction that were asked for."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Affine
from symmetry_audit.synth import BAND_LIMIT, gaussian_field, power_law

STRETCHED = Affine.from_axes(np.radians(30), 1.8)


def deformed(shape: tuple[int, int], affine: Affine) -> np.ndarray:
    """|D^T k| on the full plane of ``fft2``, written out."""
    k = np.stack(np.meshgrid(np.fft.fftfreq(shape[1]), np.fft.fftfreq(shape[0])))
    return np.linalg.norm(np.einsum("ji,jyx->iyx", affine.matrix, k), axis=0)


def mean_power(count: int, shape: tuple[int, int], affine: Affine, rng: np.random.Generator, **options) -> np.ndarray:
    fields = (gaussian_field(shape, affine, rng=rng, **options) for _ in range(count))
    return sum(np.abs(np.fft.fft2(field)) ** 2 for field in fields) / count


def test_power_falls_with_the_slope_and_is_flat_for_the_largest_waves():
    assert power_law(np.array([0.02, 0.04])) == pytest.approx([2500, 625])
    assert power_law(np.array([0.1]), slope=1.5) == pytest.approx([1000])
    assert power_law(np.array([0, 1 / 500, 1 / 128])) == pytest.approx([128**2] * 3)
    assert power_law(np.array([0.3, 0.1]), slope=0).tolist() == [1, 1]


@pytest.mark.parametrize("slope", [0.5, 1, 1.5])
@pytest.mark.parametrize("affine", [Affine(0, 0), STRETCHED], ids=["isotropic", "stretched"])
def test_the_spectrum_is_that_of_the_deformed_frequency(rng, affine, slope):
    shape, count = (192, 160), 30
    frequency = deformed(shape, affine)
    power = mean_power(count, shape, affine, rng, power=partial(power_law, slope=slope))
    assert power[frequency >= BAND_LIMIT].max() < 1e-20 * power.max()
    relative = power / power_law(frequency, slope)
    rings = np.digitize(frequency, np.arange(0.015, BAND_LIMIT, 0.03))
    scale = relative[(frequency > 0) & (frequency < BAND_LIMIT)].mean()
    for ring in range(1, 10):
        values = relative[rings == ring] if ring < 10 else None
        # a mode's mean power over the images has a relative spread of 1 / sqrt(count); k and -k are one mode
        spread = (2 / values.size / count) ** 0.5
        assert values.mean() / scale == pytest.approx(1, abs=5 * spread)


def test_no_direction_of_the_undeformed_plane_stands_out(rng):
    shape, count = (192, 192), 30
    frequency = deformed(shape, STRETCHED)
    k_y, k_x = np.meshgrid(np.fft.fftfreq(shape[0]), np.fft.fftfreq(shape[1]), indexing="ij")
    d = STRETCHED.matrix
    phase = np.arctan2(d[0, 1] * k_x + d[1, 1] * k_y, d[0, 0] * k_x + d[1, 0] * k_y)
    ring = (frequency > 0.1) & (frequency < 0.28)
    flat = (mean_power(count, shape, STRETCHED, rng) / power_law(frequency))[ring]
    for order in (2, 4):
        wave = np.exp(1j * order * phase[ring])
        wave -= wave.mean()  # of the mesh, not of the field
        assert abs((flat * wave).mean() / flat.mean()) < 5 * (2 / flat.size / count) ** 0.5


@pytest.mark.parametrize("shape", [(96, 64), (65, 97), (64, 33)])
@pytest.mark.parametrize("limit", [0.3, 0.5])
def test_mean_zero_and_variance_one_in_law(rng, shape, limit):
    # white noise: every mode counts alike, so the variance of 200 fields is known to a few permille
    fields = np.stack([gaussian_field(shape, rng=rng, power=np.ones_like, limit=limit) for _ in range(200)])
    assert fields.shape == (200, *shape)
    assert fields.dtype == np.float64
    assert np.abs(fields.mean(axis=(1, 2))).max() < 1e-12
    modes = (deformed(shape, Affine(0, 0)) < limit).sum()
    assert fields.var() == pytest.approx(1, abs=5 * (2 / modes / 200) ** 0.5)


@pytest.mark.parametrize("shape", [(4, 6), (5, 5)])
def test_tiny_fields_in_which_every_wave_counts_have_variance_one_too(rng, shape):
    fields = np.stack([gaussian_field(shape, rng=rng, power=np.ones_like, limit=None) for _ in range(4000)])
    assert fields.var() == pytest.approx(1, abs=5 * (2 / fields.size) ** 0.5)


def test_without_a_limit_the_corners_of_the_plane_are_filled(rng):
    frequency = deformed((64, 64), Affine(0, 0))
    asked = []

    def table(frequency: np.ndarray) -> np.ndarray:
        asked.append(frequency.max())
        return np.interp(frequency, [0, 0.3, 0.8], [5.0, 1.0, 1.0])

    power = mean_power(50, (64, 64), Affine(0, 0), rng, power=table, limit=None)
    assert power[0, 0] < 1e-20
    assert max(asked) == pytest.approx(0.5**0.5)
    corner, middle = frequency > 0.6, (frequency > 0.3) & (frequency < 0.4)
    assert power[corner].mean() / power[middle].mean() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("degrees", [30, 75, 120])
def test_features_are_long_in_the_direction_cos_alpha_minus_sin_alpha(rng, long_axis, degrees):
    affine = Affine.from_axes(np.radians(degrees), 1.5)
    alpha, ratio = long_axis(gaussian_field((256, 256), affine, rng=rng) for _ in range(40))
    # one image of this size is off by 0.04 rad
    assert alpha == pytest.approx(np.radians(degrees), abs=0.03)
    assert 1.15 < ratio < 1.5  # biased low


def test_an_isotropic_field_has_no_long_axis(rng, long_axis):
    assert long_axis(gaussian_field((256, 256), rng=rng) for _ in range(40))[1] == pytest.approx(1, abs=0.015)


def test_the_autocorrelation_reaches_furthest_along_the_long_axis(rng):
    affine = Affine.from_axes(np.radians(45), 2.0)
    correlation = np.fft.ifft2(mean_power(10, (256, 256), affine, rng)).real
    # 45 degrees on the screen, y down: up and to the right is (x, y) = (4, -4)
    assert correlation[-4, 4] > 1.2 * correlation[4, 4]
    # the same point of the undeformed plane: 6 px along the axis and 3 px across it
    assert correlation[-6, 6] == pytest.approx(correlation[3, 3], rel=0.1)


@pytest.mark.parametrize(
    "power",
    [
        lambda frequency: -frequency,
        lambda frequency: np.full_like(frequency, np.nan),
        lambda frequency: np.full_like(frequency, np.inf),
        np.zeros_like,
    ],
)
def test_what_is_no_spectral_density_is_refused(rng, power):
    with pytest.raises(SettingError, match=r"^power must give finite values that are not negative, some of them pos"):
        gaussian_field((32, 32), rng=rng, power=power)


def test_a_limit_that_leaves_nothing_is_refused(rng):
    with pytest.raises(SettingError, match=r"some of them positive below the limit$"):
        gaussian_field((32, 32), rng=rng, limit=0.01)
