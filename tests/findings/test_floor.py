"""The discretisation floor against the oracle: of ideal spectra, and in the rows of a report."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from symmetry_audit import measure
from symmetry_audit.audit._spectrum import CENTRES, radial_spectrum
from symmetry_audit.data import open_source
from symmetry_audit.engine import welch_power
from symmetry_audit.findings import discretization_floor, isotropic_profile, pink_power
from symmetry_audit.findings._floor import floor_profile
from symmetry_audit.fits import DeformedFamily
from symmetry_audit.groups import Affine, Group
from symmetry_audit.kernels import (
    DEFAULT_REGULARIZERS,
    STENCILS,
    GaussianKernel,
    kernel_model,
    sampled_kernels,
    window_radius,
)
from symmetry_audit.results import AuditReport, ResultRow
from tests.conftest import save_photos
from tests.oracles import affine as affine_oracle
from tests.oracles import symmetry as oracle

GRID = 128  # frequencies per axis, as in the project


@pytest.mark.parametrize("name", DEFAULT_REGULARIZERS)
@pytest.mark.parametrize("kernel", ["gaussian", "bicubic", "fourier"])
def test_floor_equals_the_oracle(name: str, kernel: str) -> None:
    model = kernel_model(kernel)
    ours = discretization_floor(STENCILS[name], Group(32), model)
    theirs, finer = (
        oracle.closed_form_floor(name, "p32", model.sigma, pink_power, kernel=kernel, size=size) for size in (GRID, 256)
    )
    assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-12)
    assert abs(ours - finer) <= 3e-6 + 3e-3 * finer  # what a finer mesh of frequencies would change


@pytest.mark.parametrize("name", DEFAULT_REGULARIZERS)
def test_floor_of_the_default_kernel_is_below_a_thousandth(name: str) -> None:
    assert discretization_floor(STENCILS[name], Group(32), GaussianKernel()) < 1e-3


def deformed_power(a: float, b: float, power) -> np.ndarray:
    """P(|D^T k|) on the grid of fftfreq, indexed [k_y, k_x], over 0 < |k| <= 1/2."""
    axis = np.fft.fftfreq(GRID)
    transposed = affine_oracle.deformation(*affine_oracle.from_ab(a, b)).T
    waves = np.stack([np.broadcast_to(axis, (GRID, GRID)), np.broadcast_to(axis[:, None], (GRID, GRID))])
    inside = (np.hypot(*waves) > 0) & (np.hypot(*waves) <= 0.5)
    found = np.zeros((GRID, GRID))
    found[inside] = power(np.hypot(*np.tensordot(transposed, waves, 1))[inside])
    return found


@pytest.mark.parametrize("name", ["tv", "sobel", "laplacian"])
@pytest.mark.parametrize(("alpha", "ratio"), [(0.0, 1.0), (0.4, 1.3), (2.5, 1.9)])
def test_an_ideal_deformed_field_equals_the_oracle(name: str, alpha: float, ratio: float) -> None:
    family = DeformedFamily((STENCILS[name],), Group(8), GaussianKernel())
    affine = Affine.from_axes(alpha, ratio)
    ours = isotropic_profile(family.kernels(affine)[0], pink_power, affine)
    matrices = affine_oracle.adaptive_matrices(affine.a, affine.b, 8)[:4]
    theirs = affine_oracle.expected_responses(name, matrices, deformed_power(affine.a, affine.b, pink_power))
    assert ours == pytest.approx(theirs, rel=1e-9)
    # the field has the group G_w in law, so that all but the mesh is constant
    assert np.ptp(ours) < (1e-3 if ratio < 1.5 else 0.02) * ours[0]


# --- in a report


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> AuditReport:
    folder = save_photos(tmp_path_factory.mktemp("floor") / "photos", np.random.default_rng(3), count=3)
    return measure(folder, reg="tv,laplacian", group="p8", controls=False)


def mean_power(report: AuditReport):
    """The radial spectrum of the images, averaged, as a function of |k|."""
    refs = open_source(report.dataset.source).refs
    spectrum = np.mean([radial_spectrum(welch_power(oracle.luminance(ref.path))) for ref in refs], axis=0)
    return lambda frequency: np.interp(frequency, CENTRES, spectrum)


def check_floor(row: ResultRow, profile: np.ndarray) -> None:
    """Absolute: Eq. (8) of the ideal field that responds at the identity as the images do. Relative: its own."""
    absolute = oracle.epsilon([profile])[0] / profile[0] * row.identity_response
    assert row.floor == pytest.approx(absolute, rel=1e-6, abs=1e-12)
    assert row.relative_floor == pytest.approx(oracle.relative_epsilon([profile]), rel=1e-6, abs=1e-12)


def test_the_floor_of_strict_rows_is_that_of_the_images_spectrum(report: AuditReport) -> None:
    power = mean_power(report)
    for row in report.results[:4]:
        profile = oracle.closed_form_profile(row.regularizer, oracle.group_matrices("p8"), 1.5, power, size=GRID)
        check_floor(row, profile)


def test_the_floor_of_adaptive_rows_is_averaged_over_bins_of_w(report: AuditReport) -> None:
    power = mean_power(report)
    fits = report.affine
    for row in report.results[4:]:
        own = fits[fits.regularizer == row.fit]
        bins = Counter((0.15 * round(a / 0.15), 0.15 * round(b / 0.15)) for a, b in zip(own.a, own.b, strict=True))
        assert bins.total() == 3
        mean = 0
        for (a, b), count in bins.items():
            matrices = affine_oracle.adaptive_matrices(a, b, 8)
            # one window for all stencils of the run
            profile = affine_oracle.expected_responses(
                row.regularizer, matrices, deformed_power(a, b, power), c=affine_oracle.fit_window("laplacian")
            )
            mean += count * profile / 3
        check_floor(row, mean)
        assert row.relative_floor < 0.01


@pytest.mark.parametrize("response", ["energy", "rectified"])
def test_the_floor_of_squares_is_that_of_variances(response: str) -> None:
    """Those of a Gaussian field are proportional to sum_k |phi_t^(k)|^2 P(|k|), written out over the whole plane."""
    group, model = Group(8), kernel_model("bicubic")
    kernels = sampled_kernels(STENCILS["tv"], group.matrices(), model, window_radius(STENCILS["tv"], model))
    y, x = np.meshgrid(np.fft.fftfreq(128), np.fft.fftfreq(128), indexing="ij")
    radius = np.hypot(x, y)
    power = np.where((radius > 0) & (radius <= 0.5), 1 / np.maximum(radius, 1e-9) ** 2, 0)
    variances = np.array([(np.abs(np.fft.fft2(kernel, (128, 128))) ** 2 * power).sum() for kernel in kernels])
    found = floor_profile(STENCILS["tv"], group, model, response=response)
    assert found / found[0] == pytest.approx(variances / variances[0], rel=1e-9)
    absolute = floor_profile(STENCILS["tv"], group, model)
    assert absolute / absolute[0] == pytest.approx(np.sqrt(variances / variances[0]), rel=1e-9)


def test_an_audit_has_the_floor_of_its_response(photos: Path) -> None:
    asked = {"reg": "tv", "group": "p8", "kernel": "bicubic", "scenario": "dataset_strict"}
    (absolute,), (squared,) = (measure(photos, **asked, response=kind).results for kind in ("abs", "energy"))
    assert absolute.relative_floor > 0.1
    assert 1.7 < squared.relative_floor / absolute.relative_floor < 2.3  # (1 + f)^2 - (1 - f)^2 = 4 f
