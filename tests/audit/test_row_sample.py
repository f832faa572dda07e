"""The rows that a quick look measures: which they are, and the error that the others would change a mean by."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from symmetry_audit import engine
from symmetry_audit.audit import make_settings, strict_bank
from symmetry_audit.audit._row_sample import RowSample, row_sample, stacked_errors
from symmetry_audit.kernels import BicubicKernel, GaussianKernel
from tests.conftest import smooth_noise

MARGIN = make_settings(reg="tv").margin


def drawn(height: int, width: int, pixels: int | None, name: str = "a.png", seed: int = 0) -> RowSample:
    """The sample of an image whose V is ``height`` x ``width``."""
    settings = make_settings(reg="tv", pixels=pixels, seed=seed)
    return row_sample((height + 2 * MARGIN, width + 2 * MARGIN), settings, name)


@pytest.mark.parametrize("pixels", [None, 100 * 60, 10**9, 4001])
def test_all_rows_of_an_image_with_no_more_pixels_or_hardly_more(pixels):
    sample = drawn(100, 60, pixels)
    assert sample.indices.tolist() == list(range(100)) and len(sample) == 100
    assert sample.errors(np.random.default_rng(0).normal(size=(100, 3))).shape == (0, 3)


@pytest.mark.parametrize("height", [50, 97, 480, 1326, 4000])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.6])
def test_about_as_many_pixels_in_four_bands_or_more_one_of_every_strip(height, share):
    width = 700
    sample = drawn(height, width, round(share * height * width))
    first, stop = np.array(sample.bands).T
    heights = stop - first
    assert len(heights) >= 4 and heights.min() >= 1 and heights.max() <= 40
    assert np.ptp(heights) <= 1
    assert first[0] >= 0 and stop[-1] <= height
    assert (first[1:] >= stop[:-1]).all()
    strips = np.arange(len(first) + 1) * height // len(first)
    assert (strips[:-1] <= first).all() and (stop <= strips[1:]).all()
    if share * height >= 16:
        assert len(sample) / height == pytest.approx(share, rel=0.25)


def test_a_band_a_row_where_an_image_is_too_wide_for_more():
    sample = drawn(300, 10_000, 20_000)
    assert len(sample.bands) == len(sample) == 4


def test_every_row_is_measured_equally_often():
    counts, rounds = np.zeros(100), 3000
    for number in range(rounds):
        counts[drawn(100, 60, 1500, name=f"{number}.png").indices] += 1
    share = counts.sum() / 100 / rounds
    assert 0.2 < share < 0.3
    # heights differ by a row, so which rows go together does too; a row's own count is binomial
    assert np.abs(counts / rounds - share).max() < 4.5 * np.sqrt(share * (1 - share) / rounds)


def test_the_seed_and_the_name_decide():
    draws = {(seed, name): drawn(1000, 60, 6000, name, seed).bands for seed in range(4) for name in ("a", "b", "c")}
    assert draws == {key: drawn(1000, 60, 6000, key[1], key[0]).bands for key in draws}
    assert len(set(draws.values())) > 6


@pytest.mark.parametrize("kind", ["abs", "energy", "rectified"])
@pytest.mark.parametrize("model", [GaussianKernel(1.5), BicubicKernel()], ids=["harmonics", "bank"])
def test_engines_give_the_rows_of_the_whole_image(rng, kind, model):
    settings = make_settings(reg="tv,sobel", group="p8", kernel=model.name, sigma=model.sigma, pixels=5000)
    strict = engine.strict_engine(strict_bank(settings, model).kernels, model, settings.margin)
    image = smooth_noise(rng, 400, 90).astype(np.float32)
    measure = partial(strict.row_means, margin=settings.margin, kind=kind, power=engine.welch_power(image))
    sample = row_sample(image.shape, settings, "a.png")
    assert 1 < len(sample.bands) < sample.candidates
    found = sample.measured(image, settings.margin, measure)
    # the bank subtracts the mean of what it is given, in float32
    assert np.allclose(found, measure(image)[sample.indices], rtol=1e-5)


def test_errors_by_hand():
    """Four bands of eight, means 1, 3, 2, 6 of two rows each, about 3: (1 - 1/2) / 4 times (4 + 1 + 16) / 2 / 3."""
    sample = RowSample(((0, 2), (4, 6), (8, 10), (12, 14)), 8)
    values = np.repeat([1.0, 3.0, 2.0, 6.0], 2) + np.tile([-0.5, 0.5], 4)
    assert np.square(sample.errors(values)).sum() == pytest.approx(0.5 / 4 * (4 + 1 + 16) / 2 / 3)


def test_errors_of_bands_of_unequal_heights_are_those_of_their_sums(rng):
    """Successive differences of the residuals of a ratio estimator, written as sums over rows."""
    sample = RowSample(((0, 3), (5, 7), (9, 12), (20, 22), (30, 33)), 12)
    values = rng.normal(5, 1, (len(sample), 2))
    means, at, residuals = values.sum(0) / len(values), 0, []
    for first, stop in sample.bands:
        band = values[at : at + stop - first]
        residuals.append([sum(row[column] - means[column] for row in band) / (13 / 5) for column in range(2)])
        at += stop - first
    squares = [sum((b[c] - a[c]) ** 2 for a, b in pairwise(residuals)) for c in range(2)]
    expected = [(1 - 5 / 12) / 5 * square / 2 / 4 for square in squares]
    errors = sample.errors(values)
    assert errors.shape == (4, 2)
    assert np.allclose(np.square(errors).sum(0), expected)
    assert np.allclose(errors[:, 0] - 2 * errors[:, 1], sample.errors(values[:, 0] - 2 * values[:, 1]))  # linear


def test_scales_with_fewer_bands_are_filled_with_zeros():
    errors = stacked_errors([np.ones((3, 2)), np.ones((0, 2)), np.full((1, 2), 2.0)])
    assert errors.shape == (3, 3, 2)
    assert np.square(errors).sum(1).tolist() == [[3, 3], [0, 0], [4, 4]]


@pytest.mark.parametrize("kind", ["noise", "walk", "trend", "waves"])
def test_stated_variances_are_those_of_the_means_or_larger(rng, kind):
    """The mean of 500 draws from one image, for each of 12 images.

    Where strips differ less than noise would make them, as do waves as long as a strip is wide, a sixth may be missing:
    the share of V that is measured.
    """
    height, rounds = 600, 500
    ratios = []
    for image in range(12):
        steps = rng.normal(size=height)
        values = {
            "noise": steps,
            "walk": np.cumsum(steps),
            "trend": 10 * np.linspace(0, 1, height) + 0.1 * steps,
            "waves": np.sin(2 * np.pi * np.arange(height) / 150) + 0.1 * steps,
        }[kind]
        samples = [drawn(height, 60, 6000, f"{image} {number}") for number in range(rounds)]
        means = [values[sample.indices].mean() for sample in samples]
        stated = [np.square(sample.errors(values[sample.indices])).sum() for sample in samples]
        assert np.mean(means) == pytest.approx(values.mean(), abs=4.5 * np.std(means) / np.sqrt(rounds))
        ratios.append(np.mean(stated) / np.mean(np.square(means - values.mean())))
    assert np.mean(ratios) > {"noise": 0.8, "waves": 0.8, "walk": 1, "trend": 1}[kind]
    assert kind != "noise" or np.mean(ratios) < 1.3


def rounded(height: int, width: int) -> np.ndarray:
    """A disc, with two empty rows in it."""
    y, x = np.indices((height, width))
    inside = np.hypot((y - height / 2) * width / height, x - width / 2) < width / 2
    inside[height // 3 : height // 3 + 2] = False
    return inside


def test_bands_of_a_disc_have_equally_many_pixels():
    inside = rounded(600, 500)
    settings = make_settings(reg="tv", pixels=60_000)
    sample = row_sample((600 + 2 * MARGIN, 500 + 2 * MARGIN), settings, "a.png", inside)
    counts = np.array([inside[first:stop].sum() for first, stop in sample.bands])
    assert len(counts) >= 4 and np.ptp(counts) <= 2 * 500
    assert 40_000 < counts.sum() < 90_000
    assert np.array_equal(sample.pixels, inside[sample.indices].sum(1))
    whole = row_sample((600 + 2 * MARGIN, 500 + 2 * MARGIN), make_settings(reg="tv"), "a.png", inside)
    assert whole.bands == ((0, 600),)


def test_every_pixel_of_a_disc_is_measured_equally_often():
    inside, counts, rounds = rounded(120, 90), np.zeros(120), 2000
    settings = make_settings(reg="tv", pixels=1500)
    for number in range(rounds):
        sample = row_sample((120 + 2 * MARGIN, 90 + 2 * MARGIN), settings, f"{number}", inside)
        counts[sample.indices] += 1
    share = counts[inside.any(1)] / rounds
    assert share.mean() == pytest.approx(1500 / inside.sum(), rel=0.25)
    assert np.abs(share - share.mean()).max() < 4.5 * np.sqrt(share.mean() / rounds)


def test_means_are_over_pixels_not_over_rows(rng):
    inside = rng.random((40, 30)) < np.linspace(0.1, 0.9, 40)[:, None]
    inside[7] = False
    values = rng.normal(5, 1, (40, 30))
    sums, counts = (values * inside).sum(1), inside.sum(1)
    rows = np.divide(sums, counts, out=np.zeros(40), where=counts > 0)[:, None]
    sample, chosen = RowSample(((0, 40),), 1, inside), np.arange(40) % 3 == 0
    assert np.allclose(sample.mean(rows), values[inside].mean())
    assert np.allclose(sample.mean(rows, chosen), values[chosen][inside[chosen]].mean())
    assert sample.share(chosen) == pytest.approx(inside[chosen].sum() / inside.sum())
    assert sample.mean(rows, np.arange(40) == 7).tolist() == [0.0]
    plain = RowSample(((0, 40),), 1)
    assert np.array_equal(plain.mean(rows), rows.mean(0)) and plain.share(chosen) == chosen.mean()


def test_errors_of_bands_of_rows_of_unequal_numbers_of_pixels(rng):
    """As by hand for sums over pixels: a row counts as often as it has pixels."""
    inside = rng.random((16, 9)) < 0.6
    inside[:, 0] = True
    sample = RowSample(((0, 3), (5, 7), (9, 12), (13, 16)), 9, inside)
    rows = rng.normal(5, 1, (len(sample), 2))
    counts = inside[sample.indices].sum(1)
    mean = (rows * counts[:, None]).sum(0) / counts.sum()
    at = np.cumsum([0, 3, 2, 3, 3])
    sums = [((rows - mean) * counts[:, None])[a:b].sum(0) * 4 / counts.sum() for a, b in pairwise(at)]
    expected = (1 - 4 / 9) / 4 * sum(np.square(b - a) for a, b in pairwise(sums)) / 2 / 3
    assert np.allclose(np.square(sample.errors(rows)).sum(0), expected)
