"""Rotations of the body by the pixel spacing: D, the responses under it against float64, and the rows of a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from symmetry_audit import measure
from symmetry_audit.audit import _image as module
from symmetry_audit.audit import body_affine, make_settings
from symmetry_audit.audit._image import measure_scales, scaled_copies
from symmetry_audit.audit._run import image_plans
from symmetry_audit.data import DecodedImage, ImageRef
from symmetry_audit.errors import ImageError, SettingError
from symmetry_audit.groups import IDENTITY, Affine, Group
from symmetry_audit.kernels import STENCILS, GaussianKernel
from symmetry_audit.results import AuditReport
from symmetry_audit.synth import gaussian_field
from symmetry_audit.wording import HU
from tests.conftest import save_photos, smooth_noise
from tests.oracles import symmetry as oracle

SIX = ("tv", "tv2", "sobel", "laplacian", "prewitt", "chiral")
ASKED = make_settings(reg="tv", spacing=True)
Load = Callable[[Sequence[tuple[float, float]]], None]


@pytest.fixture
def slices(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Has image n show an isotropic body, with rows and columns ``spacings[n]`` mm apart; a mm has 20 points."""

    def use(spacings: Sequence[tuple[float, float]]) -> None:
        def load(ref: ImageRef, max_pixels: int, reading: object) -> DecodedImage:
            number = int(ref.path.stem.split("_")[1])
            rows, columns = spacings[number % len(spacings)]
            shape, steps = (640, 480), (round(20 * rows), round(20 * columns))
            draw = np.random.default_rng(number)
            soft = gaussian_field(shape, IDENTITY, rng=draw, power=lambda k: np.exp(-((k / 0.02) ** 2)), limit=None)
            image = (60 * soft[:: steps[0], :: steps[1]]).astype(np.float32)
            return DecodedImage(
                image, "16-bit", False, sha256(ref.key.encode()).hexdigest(), HU, spacing=(rows, columns)
            )

        monkeypatch.setattr(module, "load_image", load)

    return use


def test_the_long_axis_is_along_the_finer_side() -> None:
    found = body_affine((0.6, 0.5), ASKED)
    assert (found.a, found.b) == (pytest.approx(np.log(1.2)), 0)
    assert body_affine((0.5, 0.6), ASKED).a == pytest.approx(-np.log(1.2))
    # lengths of the body: a step along x is 0.5, one along y 0.6 mm, so D^-1 takes pixels to mm up to a factor
    assert np.linalg.inv(found.matrix) * np.sqrt(0.6 * 0.5) == pytest.approx(np.diag([0.5, 0.6]))
    assert body_affine((0.7, 0.7 * (1 + 1e-8)), ASKED) == IDENTITY
    assert body_affine((0.5, 0.6), make_settings(reg="tv")) == IDENTITY


def test_spacings_that_cannot_be_used() -> None:
    with pytest.raises(ImageError, match="does not state the pixel spacing; drop --spacing"):
        body_affine(None, ASKED)
    with pytest.raises(ImageError, match=r"rows are 5 mm apart and its columns 2 mm; --spacing takes ratios up to 2"):
        body_affine((5.0, 2.0), ASKED)


def test_scenarios_under_it(tmp_path: Path) -> None:
    assert ASKED.scenarios == ("sample_strict", "dataset_strict")
    with pytest.raises(SettingError, match="leaves no w to fit; drop --spacing, or ask for --scenario sample_st"):
        make_settings(reg="tv", scenario="all", spacing=True)
    with pytest.raises(SettingError, match="--affine gives w for dataset_adaptive, which is not measured"):
        make_settings(reg="tv", affine=tmp_path / "a.csv", spacing=True)
    assert ASKED.margin == make_settings(reg="tv").margin == 13
    with pytest.raises(SettingError, match=r"--margin 7 is narrower than the kernel window; use at least 13 px$"):
        make_settings(reg="tv", spacing=True, margin=7)


@pytest.mark.parametrize("group", ["p8", "p4m"])
@pytest.mark.parametrize("a", [0.0, np.log(1 / 0.7), -0.4])
@pytest.mark.parametrize("response", ["abs", "rectified"])
def test_responses_are_those_of_the_reference(rng: np.random.Generator, group: str, a: float, response: str) -> None:
    settings = make_settings(reg=SIX, group=group, spacing=True, response=response)
    _, (plan,) = image_plans(settings, "cpu")
    image = smooth_noise(rng, 64, 56)
    arrays = measure_scales(scaled_copies(image, settings), settings, [plan], "a", (0, 0), body=Affine(a, 0.0))
    stretch = np.exp(a / 2)
    matrices = oracle.deformed(oracle.group_matrices(group), np.diag([stretch, 1 / stretch]))
    for profile, name in zip(arrays["strict"][0][plan.index], SIX, strict=True):
        wanted = oracle.responses(image, name, matrices, lam=2.0 if a else 1.0, margin=settings.margin, kind=response)
        assert profile == pytest.approx(wanted, rel=2e-5)


def strict(report: AuditReport, name: str = "tv") -> tuple[float, float]:
    """Relative epsilon and p of the dataset row of a regularizer."""
    row = next(row for row in report.results if (row.regularizer, row.scenario) == (name, "dataset_strict"))
    assert row.relative_epsilon is not None and row.p_value is not None
    return row.relative_epsilon, row.p_value


@pytest.mark.parametrize("spacings", [[(0.2, 0.15)], [(0.2, 0.15), (0.15, 0.2), (0.2, 0.2)]])
def test_an_isotropic_body_is_symmetric_in_mm(
    slices: Load, tmp_path: Path, rng: np.random.Generator, spacings: list[tuple[float, float]]
) -> None:
    slices(spacings)
    source = save_photos(tmp_path, rng, count=12)
    body = measure(source, reg="tv,laplacian", group="p8", spacing=True, workers=1)
    assert [row.scenario for row in body.results] == ["sample_strict"] * 2 + ["dataset_strict"] * 2
    for name in ("tv", "laplacian"):
        epsilon, p = strict(body, name)
        assert epsilon < 0.04 and p > 0.05
    assert all(row.relative_floor is not None and row.relative_floor < 1e-3 for row in body.results)
    assert not body.fits
    assert any("resample to square pixels before training" in line for line in body.warnings)
    if len(spacings) == 1:
        grid = measure(source, reg="tv,laplacian", group="p8", scenario="dataset_strict", workers=1)
        epsilon, p = strict(grid)
        assert epsilon > 0.15 and p == 0.001


def test_square_pixels_change_nothing(slices: Load, tmp_path: Path, rng: np.random.Generator) -> None:
    slices([(0.2, 0.2)])
    source = save_photos(tmp_path, rng, count=10)
    asked = {"reg": "tv,laplacian", "group": "p4m", "downscale": 2, "pixels": 3000, "workers": 1}
    body = measure(source, **asked, spacing=True)
    grid = measure(source, **asked, scenario="sample_strict,dataset_strict")
    assert body.results == grid.results
    assert body.recommendation == grid.recommendation
    assert {row.visible_elements for row in body.results if row.regularizer == "laplacian"} == {0}


def test_a_laplacian_sees_quarter_turns_of_the_body(slices: Load, tmp_path: Path, rng: np.random.Generator) -> None:
    """The stencil has the quarter turns of the grid, not those of the body."""
    slices([(0.2, 0.15), (0.2, 0.2)])
    report = measure(save_photos(tmp_path, rng, count=10), reg="laplacian", group="p4", spacing=True, workers=1)
    assert {row.visible_elements for row in report.results} == {2}
    assert all(row.tested for row in report.results)
    assert report.recommendation is not None
    assert {item.group: item.tested_order for item in report.recommendation.candidates} == {"p1": 1, "p2": 1, "p4": 2}


def test_a_quick_look_at_the_body(slices: Load, tmp_path: Path, rng: np.random.Generator) -> None:
    slices([(0.2, 0.15)])
    source = save_photos(tmp_path, rng, count=10)
    whole, quick = (
        measure(source, reg="tv", group="p8", spacing=True, workers=1, pixels=pixels).results[-1]
        for pixels in (None, 3000)
    )
    assert quick.mean_response_pixel_se is not None and quick.mean_response_pixel_se > 0
    assert abs(quick.mean_response - whole.mean_response) < 4 * quick.mean_response_pixel_se


@pytest.mark.parametrize("name", SIX)
def test_the_floor_is_that_of_a_field_isotropic_in_mm(name: str) -> None:
    """f_t of the field P(|D^T k|) under D A_t D^-1: constant in the continuum, and as the float64 reference sums it."""
    from symmetry_audit.findings._floor import floor_profile, pink_power

    affine = Affine(np.log(1.4), 0.0)
    found = floor_profile(STENCILS[name], Group(8), GaussianKernel(), pink_power, affine)
    matrices = oracle.deformed(oracle.group_matrices("p8"), np.diag([1.4**0.5, 1.4**-0.5]))
    k = np.fft.fftfreq(128)
    x, y = np.meshgrid(k, k)
    inside = (np.hypot(x, y) > 0) & (np.hypot(x, y) <= 0.5)
    power = 1 / (1.4 * x[inside] ** 2 + y[inside] ** 2 / 1.4)
    radius = oracle.window_radius(name, "gaussian", 1.5, 1.4)
    gains = [
        np.abs(np.fft.fft2(oracle.sampled_kernel(oracle.stencil(name), A, "gaussian", 1.5, radius), (128, 128)))[inside]
        for A in matrices
    ]
    wanted = np.array([np.sqrt(gain**2 @ power) for gain in gains])
    assert found / found.mean() == pytest.approx(wanted / wanted.mean(), rel=2e-5)
    assert np.ptp(found) < 2e-3 * found.mean()
