"""One slice of SynDeepLesion at full size: what is stored with it comes out of the model to the photon noise."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from symmetry_audit.metrics import MAR_PROTOCOLS
from symmetry_audit.tomography import (
    Beam,
    CleanSlice,
    FanBeam,
    attenuation,
    clean_slice,
    fit_mask,
    interpolate_trace,
    project,
    read_masks,
    to_hu,
)
from tests.oracles import fan_beam as oracle

pytestmark = pytest.mark.data
BEAM = FanBeam()
SIZES = [254, 890, 451, 53, 112, 35, 881, 2061, 118, 124]  # px, as the data set's authors list them
MASKS = (1, 3)
SCORES = {  # PSNR and SSIM by mar, mar-statistic and mar-window
    (1, "ma_CT"): ((25.516, 0.5825), (24.963, 0.7436), (17.947, 0.6801)),
    (1, "LI_CT"): ((33.653, 0.8624), (28.652, 0.8549), (21.096, 0.8535)),
    (3, "ma_CT"): ((32.208, 0.6417), (28.108, 0.8080), (20.761, 0.6803)),
    (3, "LI_CT"): ((39.505, 0.8817), (31.548, 0.9202), (28.782, 0.9160)),
}


@pytest.fixture(scope="module")
def stored(shared_data) -> Mapping[str, Mapping[str, np.ndarray]]:
    folder = shared_data / "CT" / "deeplesion"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent")
    return {name: contents(folder / f"{name}.h5") for name in ("gt", "1", "3")}


def contents(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path) as file:
        return {name: file[name][()] for name in file}


@pytest.fixture(scope="module")
def masks(shared_data, stored) -> np.ndarray:
    return np.stack([fit_mask(mask, BEAM) for mask in read_masks(shared_data / "CT" / "deeplesion" / "testmask.npy")])


@pytest.fixture(scope="module")
def clean(stored) -> CleanSlice:
    return clean_slice(to_hu(stored["gt"]["image"]), BEAM)


def test_sizes_of_the_masks(masks):
    assert masks.sum((1, 2)).tolist() == SIZES


def test_rays_of_the_published_geometry(stored, clean, rng):
    """Line integrals of the stored image, single precision, against one ray at a time in double."""
    image = stored["gt"]["image"].astype(np.float64)
    found = sum(clean.integrals.values())
    for view, element in zip(rng.integers(0, 640, 60), rng.integers(0, 641, 60), strict=True):
        expected = oracle.ray_sum(image, 640, 641, 15.36, view, element)
        assert found[view, element] == pytest.approx(expected, abs=1e-6 * float(found.max()))


def test_chords_of_a_disc():
    """To 1e-3 of the diameter (root mean square), rays that touch the rim's pixels left out."""
    centre, radius, fine = 1.3 - 0.9j, 3.7, 8
    at = (np.arange(416 * fine) - (416 * fine - 1) / 2) * BEAM.pixel / fine
    inside = np.hypot(at[:, None] - centre.real, at - centre.imag) <= radius
    disc = inside.reshape(416, fine, 416, fine).mean((1, 3)).astype(np.float32)
    found = project(torch.from_numpy(disc), BEAM).numpy()[::40]
    expected = oracle.chords(640, 641, 15.36, centre, radius, step=40)
    clear = expected > 2 * math.sqrt(radius**2 - (radius - 2 * BEAM.pixel) ** 2)
    assert np.sqrt(np.mean((found - expected)[clear] ** 2)) < 1e-3 * 2 * radius
    assert abs((found - expected).mean()) < 1e-5 * 2 * radius


def residuals(sinogram: np.ndarray, attenuated: np.ndarray, beam: Beam) -> np.ndarray:
    """(stored - expected) in standard deviations of the photon noise."""
    counts = np.rint(beam.photons * np.exp(-attenuated)) + beam.scatter
    p = -np.log(counts / beam.photons)
    slope = np.polynomial.Polynomial([0, *beam.correction]).deriv()(p)
    return (sinogram - beam.corrected(p)) / (slope / np.sqrt(counts))


def test_the_metal_free_sinogram_is_left_with_photon_noise(stored, clean):
    residual = residuals(stored["gt"]["poly_sinogram"], clean.attenuated, clean.beam)
    assert residual.std() == pytest.approx(1, abs=0.01)
    assert abs(residual.mean()) < 0.02


@pytest.mark.parametrize("index", MASKS)
def test_sinograms_with_metal_are_left_with_photon_noise(stored, masks, clean, index):
    """In the trace the median counts: some tens of grazing rays got no metal from the card that made the data."""
    lengths = project(torch.from_numpy(masks[index].astype(np.float32)), BEAM).numpy()
    trace = lengths > 0
    theirs = stored[str(index)]["metal_trace"] > 0
    assert not (theirs & ~trace).any()
    assert (trace & ~theirs).sum() < 10
    metal = 4.5 * attenuation("titanium")[50] * np.array([oracle.thinned(line) for line in lengths.tolist()])
    attenuated = clean.beam.polychromatic({**clean.integrals, "titanium": metal})
    residual = residuals(stored[str(index)]["ma_sinogram"], attenuated, clean.beam)
    assert residual[~trace].std() == pytest.approx(1, abs=0.01)
    assert np.median(abs(residual[trace])) / 0.6745 == pytest.approx(1, abs=0.04)
    assert (abs(residual[trace]) > 6).mean() < 0.005


@pytest.mark.parametrize("index", MASKS)
def test_linear_interpolation(stored, index):
    data = stored[str(index)]
    found = interpolate_trace(data["ma_sinogram"], data["metal_trace"])
    np.testing.assert_allclose(found, data["LI_sinogram"], atol=5e-7)


def test_stored_images_come_from_other_weights(stored, rng):
    """No cosine and 1/U in place of 1/U^2, plus a constant: then 0.3 HU are left. Standard ones: 0.8 % and 2 HU."""
    data = stored["gt"]
    pixels = rng.choice(np.argwhere(data["image"] > 0.15), 150)
    theirs = np.array([data["poly_CT"][row, column] for row, column in pixels])
    for cosine, power, left in ((0, 1, 6e-5), (1, 2, 5e-4)):
        views = oracle.filtered(data["poly_sinogram"].astype(np.float64), 15.36, cosine)
        ours = np.array([oracle.pixel(views, 416, 15.36, row, column, power) for row, column in pixels])
        slope, constant = np.polyfit(ours, theirs, 1)
        assert np.std(theirs - slope * ours - constant) < left
        if power == 1:
            assert (slope, constant) == (pytest.approx(1, abs=2e-3), pytest.approx(0.00324, abs=3e-4))
        else:
            assert (ours @ theirs) / (ours @ ours) == pytest.approx(1.008, abs=1e-3)


@pytest.mark.parametrize(("index", "name"), SCORES)
def test_protocols(stored, masks, index, name):
    image, truth = stored[str(index)][name], stored["gt"]["image"]
    for protocol, (psnr, ssim) in zip(MAR_PROTOCOLS.values(), SCORES[index, name], strict=True):
        found = protocol.score(image, truth, masks[index])
        assert found.psnr == pytest.approx(psnr, abs=6e-4)
        assert found.ssim == pytest.approx(ssim, abs=6e-5)
