"""Measuring one image: coarser copies, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from symmetry_audit import engine, measure
from symmetry_audit.audit import make_settings, strict_bank
from symmetry_audit.audit._domain import coarser
from symmetry_audit.audit._image import measure_image
from symmetry_audit.audit._plan import ImagePlan
from symmetry_audit.data import ImageRef, decode
from symmetry_audit.errors import ImageError
from tests.conftest import save_photos


@pytest.mark.parametrize("factor", [2, 3])
@pytest.mark.parametrize("direction", [0.0, 0.4, np.pi / 4, np.pi / 2])
def test_coarser_waves_keep_the_gain_of_an_isotropic_gaussian(factor: int, direction: float) -> None:
    """exp(-2 pi^2 sigma^2 k^2), sigma = factor / 2, the same for every direction; sampled every factor px."""
    frequency = 0.09
    x, y = np.meshgrid(np.arange(120.0), np.arange(110.0))
    wave = np.cos(2 * np.pi * frequency * (np.cos(direction) * x + np.sin(direction) * y))
    gain = np.exp(-2 * np.pi**2 * (factor / 2) ** 2 * frequency**2)
    inside = slice(2 * factor, -2 * factor, factor)
    # four sigma hold all but 6e-5 of a Gaussian
    assert np.allclose(coarser(wave, factor), gain * wave[inside, inside], atol=2e-4)


def test_factor_one_changes_nothing() -> None:
    image = np.arange(12.0).reshape(3, 4)
    assert coarser(image, 1) is image


def test_nothing_is_left_of_an_image_smaller_than_the_filter() -> None:
    assert coarser(np.zeros((9, 50)), 3).size == 0


def test_downscale_measures_the_coarser_copy(tmp_path: Path, rng: np.random.Generator) -> None:
    folder = save_photos(tmp_path / "photos", rng, count=2, size=(110, 120))
    asked = {"group": "p8", "reg": "tv,sobel", "scenario": "sample_strict,dataset_strict"}
    both = measure(folder, **asked, downscale=2)
    assert [(row.downscale, row.scenario, row.regularizer) for row in both.results] == [
        (factor, scenario, name)
        for factor in (1, 2)
        for scenario in ("sample_strict", "dataset_strict")
        for name in ("tv", "sobel")
    ]
    plain = measure(folder, **asked)
    assert both.results[:4] == plain.results

    settings = make_settings(group="p8", reg="tv,sobel")
    bank = strict_bank(settings, settings.models[0])
    measured = engine.strict_engine(bank.kernels, settings.models[0], settings.margin)
    tables = []
    for path in sorted(folder.iterdir()):
        luminance = decode(path.read_bytes(), 10**6).luminance
        tables.append(measured.row_means(coarser(luminance, 2), settings.margin).mean(0)[bank.index])
    mean = np.mean(tables, axis=0)
    for row, profile in zip(both.results[6:], mean, strict=True):
        assert row.epsilon == pytest.approx(np.abs(profile - profile[0]).max(), rel=1e-9)


@pytest.mark.parametrize("downscale", [None, 2])
def test_too_small(tmp_path: Path, rng: np.random.Generator, downscale: int | None) -> None:
    path = save_photos(tmp_path, rng, count=1, size=(40, 30)) / "photo_0.png"
    coarse = r" \(11 x 16 after downscaling\)" if downscale else ""
    with pytest.raises(ImageError, match=rf"30 x 40 px{coarse} is too small for a margin of 15 px; at least 31 x 31"):
        measure_image(ImageRef("a", path), make_settings(downscale=downscale), ())


def test_running_out_of_memory_is_no_fault_of_the_image(tmp_path: Path, rng: np.random.Generator) -> None:
    class Full:
        def row_means(self, *args: object, **about: object) -> None:
            raise MemoryError

    path = save_photos(tmp_path, rng, count=1) / "photo_0.png"
    plan = ImagePlan(strict=Full(), index=np.zeros((1, 1), int))
    with pytest.raises(MemoryError):
        measure_image(ImageRef("a", path), make_settings(), (plan,))


def test_an_image_without_a_row_in_the_table_of_fits_is_left_out(tmp_path: Path, rng: np.random.Generator) -> None:
    path = save_photos(tmp_path, rng, count=1) / "photo_0.png"
    plan = ImagePlan(strict=None, index=np.zeros((1, 1), int), given={"b": np.zeros((1, 1, 2))})
    with pytest.raises(
        ImageError, match=r"^the table of fits has no row for this image: neither for its pixels nor for its name$"
    ):
        measure_image(ImageRef("a", path), make_settings(), (plan,))
