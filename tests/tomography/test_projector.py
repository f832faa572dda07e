"""Joseph's projector: against one ray at a time, closed forms, its adjoint, and the symmetries it rests on."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from symmetry_audit.errors import SettingError
from symmetry_audit.tomography import FanBeam, backproject, fbp, project
from tests.oracles import fan_beam as oracle

SMALL = FanBeam(side=64, views=96, detectors=99)
TINY = FanBeam(side=7, views=16, detectors=10, field=3.0)  # odd and even on purpose: neither axis has a middle pixel


def oracle_of(image: np.ndarray, geometry: FanBeam, view: int, element: int) -> float:
    return oracle.ray_sum(image, geometry.views, geometry.detectors, geometry.field, view, element)


@pytest.mark.parametrize("geometry", [TINY, FanBeam(side=8, views=8, detectors=13)])
def test_every_ray_of_a_tiny_beam(rng, geometry):
    image = rng.normal(size=(geometry.side, geometry.side))
    expected = [
        [oracle_of(image, geometry, view, element) for element in range(geometry.detectors)]
        for view in range(geometry.views)
    ]
    np.testing.assert_allclose(project(torch.from_numpy(image), geometry).numpy(), expected, atol=1e-12)


def test_rays_of_a_larger_beam(rng):
    image = rng.uniform(size=(64, 64))
    found = project(torch.from_numpy(image), SMALL).numpy()
    single = project(torch.from_numpy(image.astype(np.float32)), SMALL)
    assert single.dtype == torch.float32
    for view, element in zip(rng.integers(0, 96, 150), rng.integers(0, 99, 150), strict=True):
        expected = oracle_of(image, SMALL, view, element)
        assert found[view, element] == pytest.approx(expected, abs=1e-11)
        assert single[view, element] == pytest.approx(expected, abs=1e-6 * found.max())


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-13), (torch.float32, 1e-6)])
def test_adjoint(rng, dtype, tolerance):
    image = torch.from_numpy(rng.normal(size=(64, 64))).to(dtype)
    sinogram = torch.from_numpy(rng.normal(size=SMALL.shape)).to(dtype)
    projected, spread = project(image, SMALL), backproject(sinogram, SMALL)
    difference = (projected * sinogram).double().sum() - (image * spread).double().sum()
    assert abs(difference) < tolerance * projected.double().norm() * sinogram.double().norm()


@pytest.mark.parametrize("work", [project, backproject, fbp])
def test_gradients(rng, work):
    geometry = FanBeam(side=4, views=8, detectors=5)
    shape = (4, 4) if work is project else geometry.shape
    values = torch.from_numpy(rng.normal(size=shape)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: work(x, geometry), values)
    assert torch.autograd.gradgradcheck(lambda x: (work(x, geometry) ** 2).sum(), values)


@pytest.mark.parametrize("work", [project, backproject, fbp])
def test_stacks(rng, work):
    shape = (7, 7) if work is project else TINY.shape
    values = torch.from_numpy(rng.normal(size=(2, 3, *shape)))
    found = work(values, TINY)
    for first in range(2):
        for second in range(3):
            torch.testing.assert_close(found[first, second], work(values[first, second], TINY))


def antialiased(geometry: FanBeam, centre: complex, radius: float, fine: int = 8) -> torch.Tensor:
    """A disc as the share of each pixel that it covers."""
    at = (np.arange(geometry.side * fine) - (geometry.side * fine - 1) / 2) * geometry.pixel / fine
    inside = np.hypot(at[:, None] - centre.real, at - centre.imag) <= radius
    return torch.from_numpy(inside.reshape(geometry.side, fine, geometry.side, fine).mean((1, 3)))


def test_chords_of_a_disc():
    disc = 1.3 - 0.9j, 3.7
    geometry = FanBeam(side=128, views=32, detectors=200)
    error = project(antialiased(geometry, *disc), geometry).numpy()
    chords = oracle.chords(geometry.views, geometry.detectors, geometry.field, *disc)
    error = (error - chords) / 7.4
    assert abs(error.mean()) < 2e-5
    assert math.sqrt((error[chords > 3] ** 2).mean()) < 1.5e-3
    assert abs(error).max() < 0.08  # rays that touch the rim see its pixels


def test_error_of_a_smooth_object_falls_with_the_square_of_the_pixel():
    """A Gaussian's line integral is known: sigma sqrt(2 pi) exp(-distance^2 / 2 sigma^2)."""
    sigma, centre = 1.1, 0.7 - 1.2j
    errors = []
    for side in (32, 64):
        geometry = FanBeam(side=side, views=8, detectors=41)
        x = geometry.centres
        blob = np.exp(-(np.add.outer((x - centre.real) ** 2, (x - centre.imag) ** 2)) / (2 * sigma**2))
        chords = oracle.chords(8, 41, geometry.field, centre, 50.0)  # of a disc beyond everything: its distances
        distance = np.sqrt(50.0**2 - (chords / 2) ** 2)
        expected = sigma * math.sqrt(2 * math.pi) * np.exp(-(distance**2) / (2 * sigma**2))
        errors.append(abs(project(torch.from_numpy(blob), geometry).numpy() - expected).max())
    assert errors[1] < 0.01
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.15)


def test_a_quarter_turn_of_the_image_is_a_shift_of_views(rng):
    image = torch.from_numpy(rng.normal(size=(64, 64)))
    turned = project(torch.rot90(image, -1), SMALL)
    torch.testing.assert_close(turned.roll(SMALL.views // 4, 0), project(image, SMALL))


def test_autocast_does_not_round(rng):
    image = torch.from_numpy(rng.uniform(size=(7, 7)).astype(np.float32))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = project(image, TINY)
    torch.testing.assert_close(found, project(image, TINY))


def test_on_a_gpu(rng, cuda):
    image = torch.from_numpy(rng.normal(size=(2, 64, 64)))
    for work, values in ((project, image), (backproject, project(image, SMALL)), (fbp, project(image, SMALL))):
        torch.testing.assert_close(work(values.to(cuda), SMALL).cpu(), work(values, SMALL))


def test_wrong_shapes_and_types():
    with pytest.raises(SettingError, match=r"images of this geometry have the shape \(\.\.\., 7, 7\), got \(7, 8\)"):
        project(torch.zeros(7, 8), TINY)
    with pytest.raises(SettingError, match=r"sinograms of this geometry have the shape \(\.\.\., 16, 10\)"):
        backproject(torch.zeros(7, 7), TINY)
    with pytest.raises(SettingError, match=r"sinograms are float32 or float64, got torch.float16; convert them"):
        fbp(torch.zeros(TINY.shape, dtype=torch.float16), TINY)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"views": 100}, "must be a multiple of 8, got 100"),
        ({"views": 0}, "must be a multiple of 8, got 0"),
        ({"side": 1}, "at least 2 pixels and 2 detector elements, got 1 and 641"),
        ({"field": 0.0}, "must be a positive number of cm, got 0"),
        ({"field": math.inf}, "must be a positive number of cm, got inf"),
    ],
)
def test_geometries_that_cannot_be(options, message):
    with pytest.raises(SettingError, match=message):
        FanBeam(**options)


def test_the_published_geometry():
    beam = FanBeam()
    assert beam.shape == (640, 641)
    assert beam.pixel == pytest.approx(0.0369231, abs=1e-7)
    assert beam.distance == pytest.approx(39.692, abs=1e-3)
    assert beam.elements[320] == 0
    assert beam.elements[321] == pytest.approx(2 * math.sqrt(2) * 15.36 / 641)
    assert beam.angles[0] == pytest.approx(math.pi / 640)
    assert beam.centres[[0, -1]] == pytest.approx([-207.5 * beam.pixel, 207.5 * beam.pixel])
