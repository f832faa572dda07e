"""How well networks restore the squares that are measured, and what their averages gain: all in closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from symmetry_audit.alignment import measure_alignment, with_verdict
from symmetry_audit.groups import Group
from symmetry_audit.tasks import make_task
from tests.alignment.networks import Blur, item, photo

NOISY = make_task("denoise", sigma=25)


class Shift(nn.Module):
    """Moves the image by one pixel to the right, around the edge."""

    def forward(self, x):
        return x.roll(1, -1)


def noisy(rng, key="a.png", size=(48, 56)):
    """An image with its clean original of 8 bits."""
    clean = photo(rng, size).round().clip(0, 255)
    pixels = clean + 25 * rng.standard_normal(clean.shape)
    return replace(item(pixels, key), clean=clean.astype(np.uint8))


def psnr(image, clean):
    """Of an image as it is."""
    return 10 * np.log10(255**2 / np.mean((image - clean.astype(np.float64)) ** 2))


def in_file(image):
    """An image as a file of 8 bits has it."""
    return np.rint(np.clip(image, 0, 255))


def middle(image, side):
    top, left = ((size - side) // 2 for size in image.shape[:2])
    return image[top : top + side, left : left + side]


def test_the_identity_leaves_the_noise(rng):
    images = [noisy(rng, "a.png"), noisy(rng, "b.png")]
    found = measure_alignment(nn.Identity(), images[::-1], "p4", task=NOISY, crop=32, margin=4)
    away = np.hypot(*np.meshgrid(*2 * [np.arange(32) - 15.5])) <= 15.5 - 4
    squares = [(middle(one.input, 32), middle(one.clean, 32)) for one in images]
    losses = [np.mean((pixels.astype(np.float64) - clean)[away] ** 2) for pixels, clean in squares]
    assert [image.restoration_error for image in found.scenarios[0].images] == pytest.approx(losses, rel=1e-5)
    assert found.scenarios[0].restoration_rms == pytest.approx(np.sqrt(np.mean(losses)), rel=1e-5)
    scores = found.restoration
    assert [one.image for one in scores.images] == ["a.png", "b.png"] and scores.protocol == "rgb"
    inputs = [psnr(in_file(pixels), clean) for pixels, clean in squares]
    outputs = [psnr(in_file(pixels), clean) for pixels, clean in squares]
    assert [one.input_psnr for one in scores.images] == pytest.approx(inputs)
    assert [one.psnr for one in scores.images] == pytest.approx(outputs)
    assert (scores.psnr, scores.input_psnr) == pytest.approx((np.mean(outputs), np.mean(inputs)))
    assert scores.symmetrization.verdict == "symmetric" and scores.symmetrization.difference == 0.0
    assert with_verdict(found).answer == "yes"


@pytest.mark.parametrize(("group", "moves"), [("p2", 2), ("p4", 4), ("p8", 4), ("p6m", 4)])
def test_a_shift_is_averaged_over_what_only_moves_pixels(rng, group, moves):
    """Over p4, and of p8, it is the mean of the four neighbours; over p2, and of p6m, that of left and right."""
    image = noisy(rng)
    found = measure_alignment(Shift(), [image], group, task=NOISY, crop=32, margin=4)
    pixels, clean = (middle(one, 32).astype(np.float64) for one in (image.input, image.clean))
    sides = [np.roll(pixels, by, axis) for by in (1, -1) for axis in (1, 0)]
    across = group in ("p4", "p8")
    average = np.mean(sides if across else sides[::2], axis=0)
    assert found.restoration.psnr == pytest.approx(psnr(in_file(sides[0]), clean))
    assert found.restoration.input_psnr == pytest.approx(psnr(in_file(pixels), clean))
    average_of = found.restoration.symmetrization
    assert Group.parse(average_of.group).order == moves
    assert average_of.average_psnr == pytest.approx(psnr(in_file(average), clean), abs=0.01)
    gain = psnr(in_file(average), clean) - psnr(in_file(sides[0]), clean)
    assert average_of.difference == pytest.approx(gain, abs=0.01) and gain > 1
    verdict = with_verdict(found)
    assert verdict.answer == "no" and "does not restore these images" in verdict.verdict[1]
    assert f"Averaged over {average_of.group} it has" in verdict.verdict[2]


def test_a_blur_is_its_own_average(rng):
    found = with_verdict(measure_alignment(Blur(1.0), [noisy(rng)], "p4m", task=NOISY, crop=40))
    assert found.answer == "yes" and found.restoration.symmetrization.verdict == "symmetric"
    assert found.restoration.psnr > found.restoration.input_psnr + 3


def test_a_group_without_moves_of_pixels_has_no_average(rng):
    found = measure_alignment(nn.Identity(), [noisy(rng)], "p3", task=NOISY, crop=32)
    assert found.restoration.symmetrization is None


def test_without_a_task_nothing_is_known(rng):
    found = measure_alignment(nn.Identity(), [noisy(rng)], "p4")
    assert found.restoration is None and found.scenarios[0].restoration_rms is None


def test_a_finer_output_is_compared_with_the_square_of_the_finer_image(rng):
    """Repeating every pixel undoes the mean over blocks of equal pixels, wherever the odd square begins."""
    small = photo(rng, (37, 44)).round().clip(0, 255)
    image = replace(item(small), clean=small.repeat(2, 0).repeat(2, 1).astype(np.uint8))
    network = nn.Upsample(scale_factor=2, mode="nearest")
    found = measure_alignment(network, [image], "p4", task=make_task("sr", scale=2), crop=32)
    assert found.scenarios[0].images[0].restoration_error == 0.0
    assert found.restoration.psnr == float("inf") and found.restoration.input_psnr < 60


def test_the_mode_of_the_network_and_its_place_stay(rng):
    network = nn.Conv2d(3, 3, 3, padding=1).train()
    with torch.no_grad():
        measure_alignment(network, [noisy(rng)], "p4", task=NOISY, crop=32)
    assert network.training
