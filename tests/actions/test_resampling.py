"""Turning during training: against sums over all pixels, and its adjoint against the definition of one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from symmetry_audit.actions import Resampling, _resampling, disc, move, resampling
from symmetry_audit.groups import Group
from symmetry_audit.kernels import keys_cubic
from symmetry_audit.testing import GaussianBlobs
from tests.oracles import symmetry

CPU = torch.device("cpu")
P8M = Group.parse("p8m")
EACH = pytest.mark.parametrize("element", P8M.elements, ids=str)
SIDES = pytest.mark.parametrize("side", [1, 2, 9, 16])


def turn(element, side, dtype=torch.float64):
    return Resampling(element, side, dtype, CPU)


def noise(*shape, seed=0, dtype=torch.float64):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape)).to(dtype)


@EACH
@SIDES
def test_the_adjoint_is_one(element, side):
    one, other = noise(2, 3, side, side), noise(2, 3, side, side, seed=1)
    found = turn(element, side)
    assert (found(one) * other).sum() == pytest.approx(float((one * found.adjoint(other)).sum()), rel=1e-12)


@pytest.mark.parametrize("element", Group.parse("p4m").elements, ids=str)
@SIDES
def test_quarter_turns_and_mirrors_move_pixels(element, side):
    images, found = noise(2, 3, side, side), turn(element, side)
    assert torch.equal(found(images), move(images, element.matrix()))
    assert torch.equal(found.adjoint(found(images)), images)


@EACH
@pytest.mark.parametrize("side", [6, 7])
def test_every_pixel_is_the_sum_of_keys_cubics_at_its_place(element, side):
    image = noise(side, side)
    c = (side - 1) / 2
    expected = np.zeros((side, side))
    for y, x in np.ndindex(side, side):
        at = np.linalg.inv(element.matrix()) @ (x - c, y - c) + c
        for j, i in np.ndindex(side, side):
            expected[y, x] += float(image[j, i]) * symmetry.keys(at[0] - i) * symmetry.keys(at[1] - j)
    assert turn(element, side)(image[None, None])[0, 0].numpy() == pytest.approx(expected, abs=1e-12)


def test_the_cubic_is_that_of_the_kernels():
    distances = np.linspace(-3, 3, 6001)
    assert _resampling._cubic(distances) == pytest.approx(keys_cubic(distances), abs=1e-14)


def test_a_smooth_image_turns_as_it_should():
    blobs = GaussianBlobs(41, sigma=3.0)
    element = Group.parse("p8").elements[1]
    seen = disc(41, 41, 14)
    found = turn(element, 41)(blobs(np.eye(2)))
    expected = blobs(element.matrix())
    assert (found - expected)[..., seen].abs().max() < 2e-3 * expected.abs().max()


def test_nothing_comes_in_from_beyond_the_border():
    found = turn(Group.parse("p8").elements[1], 16)(torch.ones(1, 1, 16, 16, dtype=torch.float64))
    assert found[0, 0, 0, 0] == 0
    assert found[0, 0, 8, 8] == pytest.approx(1)


def test_types_and_tables_are_kept():
    element = P8M.elements[3]
    assert turn(element, 8, torch.float32)(noise(1, 1, 8, 8, dtype=torch.float32)).dtype == torch.float32
    assert resampling(element, 8, torch.float32, CPU) is resampling(element, 8, torch.float32, CPU)
