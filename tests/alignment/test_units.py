"""The range of values in which a network restores: found, refuted, or without a difference."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest
import torch
from torch import nn

from symmetry_audit.alignment import UnitTrial, try_units
from symmetry_audit.tasks import make_task
from tests.alignment.networks import item, photo

NOISY = make_task("denoise", sigma=25)


class Clipped(nn.Module):
    """A mean over 3 x 3 pixels, cut to 0..``white``: without use where white is another value."""

    def __init__(self, white: float) -> None:
        super().__init__()
        self.white = white

    def forward(self, x):
        return nn.functional.avg_pool2d(x, 3, 1, 1).clamp(0, self.white)


class In(nn.Module):
    """``network`` with white = ``unit``."""

    def __init__(self, network: nn.Module, unit: float) -> None:
        super().__init__()
        self.network, self.factor = network, unit / 255

    def forward(self, x):
        return self.network(x * self.factor) / self.factor


def trial(rng, network, count=4):
    images = []
    for at in range(count):
        clean = photo(rng, (40, 48)).round().clip(0, 255)
        noisy = item(clean + 25 * rng.standard_normal(clean.shape), str(at))
        images.append(replace(noisy, clean=clean.astype(np.uint8)))
    return try_units({unit: In(network, unit) for unit in (1, 255)}, images, NOISY, crop=32)


@pytest.mark.parametrize("white", [1, 255])
def test_the_range_in_which_it_restores(rng, white):
    found = trial(rng, Clipped(white))
    other = 256 - white
    assert found.best == 1 if white == 1 else found.psnr[255] >= found.psnr[1]
    if white == 1:
        assert found.restores and found.refutes(other) and not found.refutes(white)
        assert found.psnr[1] > found.input_psnr + 2 and found.psnr[255] < 15
    else:  # a value of 255 cuts nothing in 0..1
        assert not found.refutes(1) and not found.refutes(255) and found.best == 255
    assert found.images == 3


def test_where_the_range_makes_no_difference(rng):
    found = trial(rng, nn.Identity(), count=1)
    assert found.images == 1 and found.best == 255
    assert not found.refutes(1) and not found.refutes(255)


def test_a_network_that_restores_in_no_range_refutes_none(rng):
    class Dark(nn.Module):
        def forward(self, x):
            return 0 * x + torch.where(x.amax() > 9, 100.0, 0.0)

    found = trial(rng, Dark())
    assert found.psnr[255] > found.psnr[1] + 1 and not found.restores
    assert not found.refutes(1)


def test_what_does_not_run_in_a_range(rng):
    class Proud(nn.Module):
        def forward(self, x):
            assert x.max() < 9
            return nn.functional.avg_pool2d(x, 3, 1, 1)

    class Lost(nn.Module):
        def forward(self, x):
            return torch.where(x.amax() < 9, nn.functional.avg_pool2d(x, 3, 1, 1), torch.nan)

    for network in (Proud(), Lost()):
        found = trial(rng, network)
        assert found.psnr[255] == -inf and found.best == 1 and found.refutes(255)


def test_a_difference_below_a_tenth_of_a_decibel_refutes_nothing():
    found = UnitTrial(3, 20.0, {1: 25.0, 255: 25.05})
    assert found.best == 255 and found.restores and not found.refutes(1)
    assert UnitTrial(3, 20.0, {1: 25.0, 255: 25.2}).refutes(1)
