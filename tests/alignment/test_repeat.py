"""Networks that are no functions of their image: noise, memory of earlier calls, other images of the batch."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from symmetry_audit.alignment import batch_difference, measure_alignment
from symmetry_audit.errors import ModelError
from tests.alignment.networks import Blur, item, photo


class Noisy(nn.Module):
    def forward(self, x):
        return x + 20 * torch.randn_like(x)


class Dropping(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x, 0.1, training=True)


class Alternating(nn.Module):
    calls = 0

    def forward(self, x):
        self.calls += 1
        return x + self.calls % 2


class Remembering(nn.Module):
    """Adds a thousandth of the mean of all images so far: the same one at once gives nearly the same."""

    def __init__(self) -> None:
        super().__init__()
        self.last = None

    def forward(self, x):
        self.last = x.clone() if self.last is None or self.last.shape != x.shape else self.last
        if not torch.equal(self.last, x):
            self.last = self.last + 0.05 * (x - self.last)
        return x + 0.1 * self.last


class Renewing(nn.Module):
    """Batch normalization with the statistics of the batch, whatever the mode."""

    def forward(self, x):
        return 128 + 40 * nn.functional.batch_norm(x, None, None, training=True)


def images(rng, count=2):
    return [item(photo(rng), f"{at}.png") for at in range(count)]


@pytest.mark.parametrize(
    ("network", "levels", "why"),
    [
        (Noisy(), r"2[789]\.?\d*", "at random"),  # of two draws: sqrt(2) 20, plus or minus 0.24
        (Dropping(), r"\d+\.?\d*", "at random"),
        (Alternating(), "1", "at random .* or by what ran before"),
        (Remembering(), r"0?\.?\d+", "after further images: it keeps a memory"),
    ],
)
def test_a_network_that_is_no_function_is_refused(rng, network, levels, why):
    match = rf"^0\.png: the network is no function of its image: .* differ by {levels} grey levels RMS, {why}"
    with pytest.raises(ModelError, match=match):
        measure_alignment(network, images(rng), "p4")


def test_noise_that_is_drawn_alike_is_a_function(rng):
    class Seeded(nn.Module):
        def forward(self, x):
            return x + torch.randn(x.shape, generator=torch.Generator().manual_seed(1))

    assert measure_alignment(Seeded(), images(rng), "p2").scenarios[0].elements[1].error > 1


def test_other_images_of_the_batch(rng):
    """Means over two images are not those over one; a filter does not see the other image."""
    image = images(rng, 1)[0]
    assert batch_difference(Renewing(), image, crop=32) > 1
    assert batch_difference(Blur(), image, crop=32) == 0

    class Single(nn.Module):
        def forward(self, x):
            return x.reshape(1, 3, *x.shape[-2:])

    assert batch_difference(Single(), image, crop=32) == 0
