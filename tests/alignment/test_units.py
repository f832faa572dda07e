"""The range of values in which a network restores: found, refuted, or without a difference."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest
import torch
from torch import nn

from symmetry_audit.alignment import UnitTrial, try_units
from symmetry_audit.inference import Adapted, ValueRange
from symmetry_audit.tasks import make_task
from tests.alignment.networks import item, photo

NOISY = make_task("denoise", sigma=25)
ONE, BYTES, SIGNED = (ValueRange(*ends) for ends in ((0, 1), (0, 255), (-1, 1)))


class Clipped(nn.Module):
    """A mean over 3 x 3 pixels, cut to 0..``white``: without use where white is another value."""

    def __init__(self, white: float) -> None:
        super().__init__()
        self.white = white

    def forward(self, x):
        return nn.functional.avg_pool2d(x, 3, 1, 1).clamp(0, self.white)


def trial(rng, network, count=4):
    images = []
    for at in range(count):
        clean = photo(rng, (40, 48)).round().clip(0, 255)
        noisy = item(clean + 25 * rng.standard_normal(clean.shape), str(at))
        images.append(replace(noisy, clean=clean.astype(np.uint8)))
    return try_units({values: Adapted(network, values) for values in (BYTES, ONE, SIGNED)}, images, NOISY, crop=32)


@pytest.mark.parametrize("values", [ONE, BYTES])
def test_the_range_in_which_it_restores(rng, values):
    found = trial(rng, Clipped(values.white))
    assert found.best == values and found.restores and not found.refutes(values) and found.images == 3
    assert found.psnr[values] > found.input_psnr + 2
    if values == ONE:
        assert found.refutes(BYTES) and found.psnr[BYTES] < 15
    else:  # 255 cuts nothing in 0..1, and black half of -1..1
        assert not found.refutes(ONE) and found.refutes(SIGNED)


def test_where_the_range_makes_no_difference(rng):
    found = trial(rng, nn.Identity(), count=1)
    assert found.images == 1 and found.best == BYTES
    assert not any(map(found.refutes, (ONE, BYTES, SIGNED)))


def test_a_network_that_restores_in_no_range_refutes_none(rng):
    class Dark(nn.Module):
        def forward(self, x):
            return 0 * x + torch.where(x.amax() > 9, 100.0, 0.0)

    found = trial(rng, Dark())
    assert found.psnr[BYTES] > found.psnr[ONE] + 1 and not found.restores
    assert not found.refutes(ONE)


def test_what_does_not_run_in_a_range(rng):
    class Proud(nn.Module):
        def forward(self, x):
            assert x.max() < 9
            return nn.functional.avg_pool2d(x, 3, 1, 1)

    class Lost(nn.Module):
        def forward(self, x):
            return torch.where(x.amax() < 9, nn.functional.avg_pool2d(x, 3, 1, 1), torch.nan)

    class Signed(nn.Module):
        def forward(self, x):
            assert -5 < x.min() < -0.2 and x.max() < 5
            return nn.functional.avg_pool2d(x, 3, 1, 1)

    found = trial(rng, Signed())
    assert found.best == SIGNED and found.restores and found.refutes(ONE) and found.refutes(BYTES)
    for network in (Proud(), Lost()):
        found = trial(rng, network)
        assert found.psnr[BYTES] == -inf and found.best == ONE and found.refutes(BYTES)


def test_a_difference_below_a_tenth_of_a_decibel_refutes_nothing():
    found = UnitTrial(3, 20.0, {BYTES: 25.05, ONE: 25.0, SIGNED: 22.0})
    assert found.best == BYTES and found.restores and not found.refutes(ONE)
    assert UnitTrial(3, 20.0, {BYTES: 25.2, ONE: 25.0, SIGNED: 22.0}).refutes(ONE)


def test_a_range_with_a_black_of_its_own_counts_where_no_other_restores():
    """Zeros around an image are grey in it, which alone can gain decibels."""
    assert UnitTrial(3, 20.0, {BYTES: 15.0, ONE: 21.0, SIGNED: 25.0}).best == ONE
    found = UnitTrial(3, 20.0, {BYTES: 15.0, ONE: 19.0, SIGNED: 25.0})
    assert found.best == SIGNED and found.refutes(ONE)
