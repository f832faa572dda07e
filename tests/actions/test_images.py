"""How images are moved: pixels against numpy, other angles against a field that is known at every point."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from symmetry_audit.actions import disc, disc_window, is_exact, move
from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Affine, Group
from symmetry_audit.testing import GaussianBlobs

SIZES = [(8, 8), (9, 9), (6, 9), (7, 4), (1, 5)]
P4M = Group.parse("p4m")


def rotation(degrees: float) -> np.ndarray:
    """Counter-clockwise on the screen: y points down."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[c, s], [-s, c]])


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("element", P4M.elements, ids=str)
def test_quarter_turns_and_mirrors_are_numpys(size: tuple[int, int], element) -> None:
    images = noise(2, 3, *size)
    mirrored = np.flip(images.numpy(), -1) if element.mirrored else images.numpy()
    expected = np.rot90(mirrored, element.turn, axes=(-2, -1))
    moved = move(images, element.matrix())
    assert moved.shape == expected.shape
    assert np.array_equal(moved.numpy(), expected)


@pytest.mark.parametrize("size", SIZES)
def test_pixels_compose_exactly(size: tuple[int, int]) -> None:
    images = noise(1, 2, *size)
    for a in P4M.elements:
        for b in P4M.elements:
            assert torch.equal(move(move(images, b.matrix()), a.matrix()), move(images, (a @ b).matrix()))


@pytest.mark.parametrize(
    ("matrix", "exact"),
    [
        *[(element.matrix(), True) for element in P4M.elements],
        (rotation(45), False),
        (rotation(90), True),  # 6e-17 away from zeros
        (2 * np.eye(2), False),
        (np.array([[1.0, 1.0], [0.0, 1.0]]), False),
        (np.array([[2.0, 1.0], [1.0, 1.0]]), False),
        (np.array([[1.0, 0.0], [1.0, 1.0]]), False),
    ],
)
def test_only_signed_permutations_move_pixels(matrix: np.ndarray, exact: bool) -> None:
    assert is_exact(matrix) is exact


@pytest.mark.parametrize("size", [(61, 61), (60, 60), (58, 71)])
@pytest.mark.parametrize("degrees", [45.0, -30.0, 100.0])
@pytest.mark.parametrize(("sigma", "limit"), [(2.0, 5e-5), (3.0, 4e-6), (4.0, 1e-6)])
def test_other_angles_against_a_known_field(size, degrees: float, sigma: float, limit: float) -> None:
    """The error of splines alone: 3.3e-5, 2.6e-6 and 5e-7 measured."""
    images, turned = (known_field(*size, sigma, matrix) for matrix in (np.eye(2), rotation(degrees)))
    assert relative(move(images, rotation(degrees)), turned) < limit
    assert relative(move(images, rotation(-degrees)), turned) > 0.3


def test_shears_and_deformed_turns_against_a_known_field() -> None:
    for matrix in (np.array([[1.0, 1.0], [0.0, 1.0]]), Affine(0.3, -0.2).conjugate(rotation(45))):
        images, sheared = (known_field(61, 61, 3.0, a) for a in (np.eye(2), matrix))
        assert relative(move(images, matrix), sheared, 12.0) < 1e-4


def test_blobs_are_the_known_field() -> None:
    """Turned blobs agree with turned pixels: exactly at quarter turns, else as well as splines do."""
    blobs = GaussianBlobs(40, sigma=4, channels=2, number=2, spread=0.1)
    for element in P4M.elements:
        assert torch.allclose(blobs(element.matrix()), move(blobs(np.eye(2)), element.matrix()), rtol=0, atol=1e-13)
    assert relative(move(blobs(np.eye(2)), rotation(45)), blobs(rotation(45))) < 1e-5
    assert blobs(np.eye(2)).shape == (2, 2, 40, 40)
    assert not torch.equal(blobs(np.eye(2))[0], blobs(np.eye(2))[1])


def test_two_eighths_are_a_quarter() -> None:
    images = known_field(61, 61, 3.0, np.eye(2))
    twice = move(move(images, rotation(45)), rotation(45))
    assert relative(twice, torch.rot90(images, 1, (-2, -1)), 15.0) < 1e-5


def test_type_and_leading_axes_are_kept() -> None:
    images = noise(2, 3, 4, 9, 9).float()
    moved = move(images, rotation(45))
    assert (moved.shape, moved.dtype) == (images.shape, torch.float32)
    assert torch.allclose(moved[1, 2, 3], move(images[1, 2, 3], rotation(45)))


def test_pixels_are_moved_with_gradients() -> None:
    images = noise(1, 1, 4, 5).requires_grad_()
    (move(images, P4M.elements[1].matrix())[0, 0, 0, 0] * 3).backward()
    assert images.grad[0, 0, 0, -1] == 3 and images.grad.abs().sum() == 3


@pytest.mark.parametrize(
    "matrix", [np.eye(3), np.zeros((2, 2)), np.array([[1.0, 2.0], [2.0, 4.0]]), np.array([[np.nan, 0.0], [0.0, 1.0]])]
)
def test_other_matrices_are_refused(matrix: np.ndarray) -> None:
    with pytest.raises(SettingError, match=r"expected an invertible \(2, 2\) matrix, got \["):
        move(noise(1, 1, 5, 5), matrix)


def test_disc_by_hand() -> None:
    assert disc(3, 4, 1.2).int().tolist() == [[0, 1, 1, 0], [0, 1, 1, 0], [0, 1, 1, 0]]
    assert disc(3, 3, 1.0).int().tolist() == [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    assert not disc(4, 4, 0.5).any()


@pytest.mark.parametrize("size", [(21, 21), (20, 20), (20, 31), (1, 1)])
def test_the_window_falls_smoothly_from_one_to_zero(size: tuple[int, int]) -> None:
    window, radius = disc_window(*size), (min(size) - 1) / 2
    assert torch.equal(window == 1, disc(*size, 0.7 * radius))
    assert window[~disc(*size, 0.95 * radius + 1e-9)].abs().max() < 1e-30 if min(size) > 1 else window.item() == 1
    for element in P4M.elements:
        matrix = element.matrix()
        assert torch.equal(move(window, matrix), disc_window(*(size[::-1] if matrix[0, 0] == 0 else size)))
    if min(size) > 1:
        assert window.diff(dim=1).abs().max() < 0.6 * 10 / radius  # the slope of cos^2 is pi / 2 over 0.25 radii


def known_field(height: int, width: int, sigma: float, matrix: np.ndarray) -> Tensor:
    """Twelve blobs within 10 px of the centre, at A^-1 x, (1, 2, H, W); written apart from ``GaussianBlobs``."""
    drawn = np.random.default_rng(3)
    y, x = np.mgrid[:height, :width].astype(float)
    x, y = np.einsum("ij,jhw->ihw", np.linalg.inv(matrix), [x - (width - 1) / 2, y - (height - 1) / 2])
    images = np.zeros((1, 2, height, width))
    for channel in images[0]:
        for _ in range(12):
            (cx, cy), gain = drawn.uniform(-7, 7, 2), drawn.normal()
            channel += gain * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * sigma**2))
    return torch.from_numpy(images)


def relative(found: Tensor, expected: Tensor, radius: float | None = None) -> float:
    """The relative difference within ``radius`` of the centre, by default 0.8 of the largest."""
    height, width = expected.shape[-2:]
    inside = disc(height, width, 0.4 * (min(height, width) - 1) if radius is None else radius)
    return ((found - expected)[..., inside].norm() / expected[..., inside].norm()).item()
