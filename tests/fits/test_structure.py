"""The structure tensor: closed forms of plane waves, fields of known w, and scikit-image."""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.feature import structure_tensor as skimage_tensor

from symmetry_audit.fits import StructureTensor, structure_tensor
from symmetry_audit.groups import Affine
from tests.conftest import smooth_noise
from tests.oracles import affine as oracle

SIGMA, MARGIN = 1.5, 15


def wave(k_x: float, k_y: float, amplitude: float = 1.0, size: tuple[int, int] = (158, 158)) -> np.ndarray:
    x, y = np.meshgrid(np.arange(size[1]), np.arange(size[0]))
    return amplitude * np.sin(2 * pi * (k_x * x + k_y * y))


def of_wave(k_x: float, k_y: float, amplitude: float = 1.0) -> np.ndarray:
    """xx, xy, yy of a wave over whole periods: (2 pi amplitude gain)^2 / 2 times k k^T, gain = exp(-2 pi^2 s^2 k^2)."""
    gain = np.exp(-2 * pi**2 * SIGMA**2 * (k_x**2 + k_y**2))
    return (2 * pi * amplitude * gain) ** 2 / 2 * np.array([k_x**2, k_x * k_y, k_y**2])


def found(image: np.ndarray) -> np.ndarray:
    tensor = structure_tensor(image, SIGMA, MARGIN)
    return np.array([tensor.xx, tensor.xy, tensor.yy])


# V of 158 px is 128 px wide: multiples of 1/128 have whole periods
@pytest.mark.parametrize("k", [(8, 0), (0, 8), (6, 6), (6, -6), (3, 9), (-12, 2)])
def test_plane_waves(k: tuple[int, int]) -> None:
    """The filter's tail beyond 4 sigma holds some 1e-3 of its first moment."""
    k_x, k_y = k[0] / 128, k[1] / 128
    expected = of_wave(k_x, k_y, 30.0)
    assert np.abs(found(100 + wave(k_x, k_y, 30.0)) - expected).max() < 5e-3 * np.abs(expected).max()


def test_waves_add_up() -> None:
    """Different waves are orthogonal over whole periods."""
    parts = [((8, 0), 10.0), ((2, 9), 20.0), ((-5, 5), 15.0)]
    image = sum(wave(k[0] / 128, k[1] / 128, amplitude) for k, amplitude in parts)
    expected = sum(of_wave(k[0] / 128, k[1] / 128, amplitude) for k, amplitude in parts)
    assert np.abs(found(image) - expected).max() < 5e-3 * np.abs(expected).max()


@pytest.mark.parametrize("alpha", [0.0, 0.3, pi / 4, 1.2, pi / 2, 2.0, 2.9])
def test_a_wave_varies_least_along_its_crests(alpha: float) -> None:
    """Along (cos alpha, -sin alpha), y down: the angle is counter-clockwise on the screen."""
    tensor = structure_tensor(wave(0.06 * sin(alpha), 0.06 * cos(alpha)), SIGMA, MARGIN)
    assert 0 <= tensor.orientation < pi
    assert oracle.at_distance(tensor.orientation, 1, alpha, 1)[0] < 0.01
    assert tensor.coherence > 0.99


def test_by_hand() -> None:
    tensor = StructureTensor(4.0, 0.0, 1.0)  # twice as steep along x: crests along y
    assert tensor.eigenvalues() == (4.0, 1.0)
    assert tensor.coherence == 3 / 5
    assert tensor.orientation == pytest.approx(pi / 2)
    assert (tensor.affine(3.0).alpha, tensor.affine(3.0).ratio) == pytest.approx((pi / 2, 2.0))
    assert tensor.affine(1.5).ratio == pytest.approx(1.5)
    oblique = StructureTensor(2.5, 1.5, 2.5)  # eigenvalue 4 along (1, 1), down right; 1 along (1, -1), up right
    assert oblique.eigenvalues() == pytest.approx((4.0, 1.0))
    assert oblique.orientation == pytest.approx(pi / 4)


@pytest.mark.parametrize("alpha", [0.1, 1.0, 2.5])
@pytest.mark.parametrize("ratio", [1.2, 1.9])
def test_the_start_inverts_the_tensor(alpha: float, ratio: float) -> None:
    """D D^T is S^-1 up to a factor."""
    inverse = np.linalg.inv(oracle.deformation(alpha, ratio) @ oracle.deformation(alpha, ratio).T)
    found = StructureTensor(inverse[0, 0], inverse[0, 1], inverse[1, 1]).affine(2.0)
    assert (found.alpha, found.ratio) == pytest.approx((alpha, ratio))


def test_isotropic_and_empty_tensors() -> None:
    assert StructureTensor(2.0, 0.0, 2.0).coherence == 0.0
    assert StructureTensor(2.0, 0.0, 2.0).affine(2.0) == Affine(0.0, 0.0)
    assert StructureTensor(0.0, 0.0, 0.0).coherence == 0.0
    assert StructureTensor(1.0, 1.0, 1.0).coherence == 1.0
    assert StructureTensor(1.0, 1.0, 1.0).affine(2.0).ratio == pytest.approx(2.0)
    flat = structure_tensor(np.full((60, 60), 77.0), SIGMA, MARGIN)
    assert (flat.xx, flat.xy, flat.yy, flat.coherence) == (0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("seed", range(4))
def test_scikit_image_agrees(seed: int) -> None:
    """Its derivatives are Sobel filters without their factor 1/8, close to true ones on what is smoothed first."""
    rng = np.random.default_rng(seed)
    w = Affine.from_axes(rng.uniform(0, pi), rng.uniform(1.2, 2.0))
    image = oracle.field(rng, 200, w.alpha, w.ratio, 1.0)
    ours = structure_tensor(image, 3.0, MARGIN)
    tables = skimage_tensor(gaussian_filter(image, 3.0), sigma=0.1, order="xy")
    xx, xy, yy = (table[MARGIN:-MARGIN, MARGIN:-MARGIN].mean() / 64 for table in tables)
    theirs = StructureTensor(float(xx), float(xy), float(yy))
    assert (ours.xx, ours.yy) == pytest.approx((theirs.xx, theirs.yy), rel=0.1)
    assert ours.coherence == pytest.approx(theirs.coherence, abs=0.01)
    assert oracle.at_distance(ours.orientation, 1, theirs.orientation, 1)[0] < 0.01


@pytest.mark.parametrize("seed", range(4))
def test_fields_of_known_w(seed: int) -> None:
    """The angle is right; the ratio is low, as the spectrum tells, because the filter is a circle: a start."""
    rng = np.random.default_rng(seed)
    alpha, ratio = rng.uniform(0, pi), 1.6
    start = structure_tensor(oracle.field(rng, 256, alpha, ratio, 1.0), SIGMA, MARGIN).affine(2.0)
    k = np.fft.fftfreq(256)
    weights = oracle.field_power(256, alpha, ratio, 1.0) * np.exp(-4 * pi**2 * SIGMA**2 * (k[:, None] ** 2 + k**2))
    xx, xy, yy = ((weights * part).sum() for part in (k**2, k * k[:, None], k[:, None] ** 2))
    expected = StructureTensor(float(xx), float(xy), float(yy)).affine(2.0)
    assert oracle.at_distance(expected.alpha, 1, alpha, 1)[0] < 0.01
    assert 0.75 * ratio < expected.ratio < 0.9 * ratio
    angle, change = oracle.at_distance(start.alpha, start.ratio, expected.alpha, expected.ratio)
    assert angle < 0.1 and change < 0.05


def test_a_mirror_and_a_quarter_turn_move_the_tensor(rng: np.random.Generator) -> None:
    image = smooth_noise(rng, 80, 90)
    tensor, mirrored, turned = (structure_tensor(i, SIGMA, MARGIN) for i in (image, image[:, ::-1], np.rot90(image)))
    assert (mirrored.xx, mirrored.xy, mirrored.yy) == pytest.approx((tensor.xx, -tensor.xy, tensor.yy))
    assert (turned.xx, turned.xy, turned.yy) == pytest.approx((tensor.yy, -tensor.xy, tensor.xx))
    assert turned.orientation == pytest.approx((tensor.orientation + pi / 2) % pi)


@pytest.mark.parametrize("size", [(31, 31), (62, 94), (63, 95), (150, 301)], ids=str)
@pytest.mark.parametrize("sigma", [0.4, 1.0, 1.5, 2.0])
def test_scipy_s_filters_in_double_precision_agree(
    rng: np.random.Generator, size: tuple[int, int], sigma: float
) -> None:
    """Also where the last block is cut off, and for images that come in float32."""
    image = 300 + smooth_noise(rng, *size)
    inside = (slice(MARGIN, size[0] - MARGIN), slice(MARGIN, size[1] - MARGIN))
    along_y, along_x = (gaussian_filter(image, sigma, order=order)[inside] for order in ((1, 0), (0, 1)))
    theirs = np.array([(a * b).mean() for a, b in ((along_x, along_x), (along_x, along_y), (along_y, along_y))])
    for picture in (image, image.astype(np.float32)):
        tensor = structure_tensor(picture, sigma, MARGIN)
        assert np.abs(np.array([tensor.xx, tensor.xy, tensor.yy]) - theirs).max() < 1e-5 * theirs.max()


def test_pixels_outside_the_margin_matter_only_to_the_filter(rng: np.random.Generator) -> None:
    image = smooth_noise(rng, 90, 80)
    other = image.copy()
    reach = MARGIN - 4 * 1.5 - 1
    frame = np.ones(image.shape, dtype=bool)
    frame[int(reach) : -int(reach), int(reach) : -int(reach)] = False
    other[frame] = rng.uniform(0, 255, frame.sum())
    assert np.allclose(found(other), found(image), rtol=1e-6)  # float32


def test_intensities_scale_the_tensor_and_shift_nothing(rng: np.random.Generator) -> None:
    image = smooth_noise(rng, 80, 80)
    assert np.allclose(found(3 * image + 1e4), 9 * found(image), rtol=1e-6)
    assert structure_tensor(3 * image, SIGMA, MARGIN).coherence == pytest.approx(
        structure_tensor(image, SIGMA, MARGIN).coherence
    )


def test_over_a_mask_it_is_the_mean_over_its_pixels(rng: np.random.Generator) -> None:
    """Against gradients by SciPy in float64; sides that are no multiples of a block."""
    image = smooth_noise(rng, 131, 147)
    y, x = np.indices((101, 117))
    inside = (np.hypot(y - 50, x - 55) < 45) & (np.hypot(y - 20, x - 30) > 8)
    tensor = structure_tensor(image, SIGMA, MARGIN, inside)
    cut = (slice(MARGIN, -MARGIN),) * 2
    g_y, g_x = (gaussian_filter(image, SIGMA, order)[cut][inside] for order in ((1, 0), (0, 1)))
    theirs = np.mean(g_x * g_x), np.mean(g_x * g_y), np.mean(g_y * g_y)
    assert np.allclose((tensor.xx, tensor.xy, tensor.yy), theirs, rtol=1e-4, atol=1e-4 * theirs[0])
    assert structure_tensor(image, SIGMA, MARGIN, np.ones_like(inside)) == structure_tensor(image, SIGMA, MARGIN)
