"""Networks beside their average over a group: against loops, closed forms of linear filters, and exact symmetry."""

from __future__ import annotations

import math
from itertools import count

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from symmetry_audit.checkpoints import load_checkpoint
from symmetry_audit.errors import ModelError, SettingError
from symmetry_audit.groups import Group
from symmetry_audit.inference import as_samples, average_image, evaluate, restore_image
from symmetry_audit.inference._restore import EXACT
from symmetry_audit.inference._symmetrize import symmetrization
from symmetry_audit.results import SymmetrizedScore
from symmetry_audit.tasks import evaluation_items, make_task, open_pairs
from symmetry_audit.verbs._evaluate import SYMMETRIZED
from tests.inference.models import save_checkpoint
from tests.inference.test_restore_image import RADIUS, adaptive, direct, photograph, plain
from tests.oracles import averages, restoration

RAIN, LARGE = make_task("derain"), make_task("sr", scale=2)
NOISE = 10.0
DENOISE = make_task("denoise", sigma=NOISE)
SIDE, SWING = 64, 20  # px, a multiple of the stripes' period of 4; grey levels


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("group", averages.GROUPS)
def test_the_average_is_that_of_loops_over_pixels(group, scale):
    network, image = plain(scale), photograph(14, 20)
    own, average = average_image(network, image, group)
    np.testing.assert_array_equal(own, direct(network, image))
    expected = averages.average(lambda moved: direct(network, moved), image, group)
    assert average.shape == expected.shape == (14 * scale, 20 * scale, 3)
    np.testing.assert_allclose(average, expected, rtol=1e-5, atol=1e-4)
    assert np.abs(average - own).max() > 1


def test_the_average_over_the_square_is_the_self_ensemble():
    network, image = plain(), photograph(9, 12)
    np.testing.assert_array_equal(
        average_image(network, image, Group(4, True))[1], restore_image(network, image, self_ensemble=True)
    )


def test_tiles_and_small_images_as_in_restoring():
    network, image = plain(), photograph(30, 20)
    whole, tiled = (average_image(network, image, "p4", tile=tile, overlap=RADIUS) for tile in (None, 8))
    np.testing.assert_allclose(tiled, whole, rtol=1e-5, atol=1e-4)
    small, padded = photograph(6, 9), adaptive()
    own, average = average_image(padded, small, "p4")
    np.testing.assert_array_equal(own, restore_image(padded, small))
    expected = averages.average(lambda moved: restore_image(padded, moved), small, "p4")
    np.testing.assert_allclose(average, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("group", ["p1", "p8", "p3", "p6m"])
def test_groups_that_resample_are_refused(group):
    expected = f"--symmetrize takes a group that only moves pixels, one of p2, p1m, p4, p2m, p4m; got {group}"
    with pytest.raises(SettingError, match=expected):
        average_image(plain(), photograph(8, 8), group)
    with pytest.raises(SettingError, match='"q4" is not a group; write pT'):
        average_image(plain(), photograph(8, 8), "q4")


def test_the_command_lists_the_groups_that_are_taken():
    assert tuple(map(str, EXACT)) == SYMMETRIZED and set(SYMMETRIZED) == set(averages.GROUPS)


# --- evaluations


def save_set(folder, images, pairs=None):
    for at, pixels in enumerate(images):
        for name, pixel in (("norain", pixels), *([("rain", pairs[at])] if pairs else [])):
            (folder / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixel).save(folder / name / f"{at:02}.png")
    return folder


def random_pixels(rng, *size):
    return rng.integers(0, 256, (*size, 3), dtype=np.uint8)


def test_scores_are_those_of_the_reference(tmp_path, rng):
    clean, rainy = ([random_pixels(rng, 14, 20) for _ in range(3)] for _ in range(2))
    pairs = open_pairs(str(save_set(tmp_path, clean, rainy)), RAIN)
    network = plain()
    found = evaluate(network, pairs, RAIN, protocol="rgb", symmetrize="p4m")
    assert found.symmetrization is not None and found.symmetrization.group == "p4m"
    for item, scored, one, other in zip(found.symmetrization.images, found.images, clean, rainy, strict=True):
        average = averages.average(lambda moved: direct(network, moved), other.astype(np.float32), "p4m")
        assert item.average_psnr == pytest.approx(restoration.psnr(as_samples(average), one, 255), abs=2e-3)
        assert (item.psnr, item.image) == (scored.psnr, scored.image)
        assert item.difference == item.average_psnr - item.psnr
        off = average - direct(network, other.astype(np.float32))
        assert item.deviation == pytest.approx(math.sqrt(np.mean(off**2)), rel=1e-5)
    plainly = evaluate(network, pairs, RAIN, protocol="rgb")
    assert plainly.symmetrization is None and plainly.psnr == found.psnr


def test_super_resolution_of_images_that_are_not_square(tmp_path, rng):
    clean = [random_pixels(rng, 28, 40), random_pixels(rng, 36, 24)]
    pairs = open_pairs(str(save_set(tmp_path, clean) / "norain"), LARGE)
    network = plain(2)
    found = evaluate(network, pairs, LARGE, protocol="rgb", symmetrize="p4").symmetrization
    for item, scored in zip(evaluation_items(pairs, LARGE, 0), found.images, strict=True):
        average = averages.average(lambda moved: direct(network, moved), item.input, "p4")
        assert scored.average_psnr == pytest.approx(restoration.psnr(as_samples(average), item.clean, 255), abs=2e-3)


class Sideways(nn.Module):
    """(left + 2 own + right) / 4: the blur of a restorer that was built for stripes along x."""

    def forward(self, x):
        return (x.roll(1, -1) + 2 * x + x.roll(-1, -1)) / 4


class Broken(nn.Module):
    """Returns NaN."""

    def forward(self, x):
        return x * float("nan")


def stripes(turned):
    """Level by row 120, 140, 120, 100 and so on, so that blurring along x changes nothing."""
    rows = 120 + SWING * np.array([0, 1, 0, -1] * (SIDE // 4))
    image = np.broadcast_to(rows[:, None, None], (SIDE, SIDE, 3)).astype(np.uint8)
    return np.ascontiguousarray(image.transpose(1, 0, 2) if turned else image)


# Mean squares of the error in closed form. Noise: the sum of the squared weights, (1, 2, 1)/4 for the blur, and 1/2 and
# four times 1/8 for its average over p4, a cross. Signal: stripes of period 4 and swing A have mean square A^2/2. A
# blur across them takes half of the swing, the average a quarter. Rounding to 8 bits adds 1/12.
ALONG = NOISE**2 * 6 / 16 + 1 / 12
ACROSS = ALONG + (SWING / 2) ** 2 / 2
AVERAGE = NOISE**2 * (1 / 4 + 4 / 64) + (SWING / 4) ** 2 / 2 + 1 / 12


def expected_gain(own):
    return 10 * math.log10(own / AVERAGE)


@pytest.mark.parametrize(
    ("turned", "verdict", "gain"),
    [
        ([False] * 8, "loss", expected_gain(ALONG)),
        ([False, True] * 12, "gain", (expected_gain(ALONG) + expected_gain(ACROSS)) / 2),
    ],
)
def test_a_filter_with_a_direction_loses_or_gains_as_predicted(tmp_path, turned, verdict, gain):
    assert expected_gain(ALONG) < -0.6 and expected_gain(ACROSS) > 2.5  # the signs, by the closed form alone
    pairs = open_pairs(str(save_set(tmp_path, [stripes(turn) for turn in turned]) / "norain"), DENOISE)
    found = evaluate(Sideways(), pairs, DENOISE, symmetrize="p4").symmetrization
    # PSNR of 12,288 correlated samples has a standard error of about 0.08 dB; of eight images and more, 0.03 dB
    assert found.difference == pytest.approx(gain, abs=0.1)
    for item, turn in zip(found.images, turned, strict=True):
        assert item.difference == pytest.approx(expected_gain(ACROSS if turn else ALONG), abs=0.3)
    assert found.verdict == verdict
    assert found.interval[0] < found.difference < found.interval[1]


def test_a_filter_with_a_mirror_has_it_already(tmp_path, rng):
    pairs = open_pairs(str(save_set(tmp_path, [random_pixels(rng, 16, 24) for _ in range(3)]) / "norain"), DENOISE)
    found = evaluate(Sideways(), pairs, DENOISE, symmetrize="p2m").symmetrization
    assert (found.verdict, found.difference) == ("symmetric", 0.0)
    assert found.sentence.startswith("The network already has this symmetry: its outputs differ from their average")
    assert evaluate(Sideways(), pairs, DENOISE, symmetrize="p4").symmetrization.verdict != "symmetric"


def test_an_equivariant_network_has_nothing_to_gain(tmp_path, rng):
    pairs = open_pairs(str(save_set(tmp_path, [random_pixels(rng, 16, 24) for _ in range(3)]) / "norain"), DENOISE)
    networks = {
        name: load_checkpoint(save_checkpoint(tmp_path / name, "denoise", method=name, **more)).network()
        for name, more in (("gcnn", {"group": "p4"}), ("cnn", {}))
    }
    for network in networks.values():
        with torch.no_grad():
            for value in network.parameters():
                value.add_(0.05 * torch.randn(value.shape, generator=torch.Generator().manual_seed(1)))
    equal, free = (evaluate(networks[name], pairs, DENOISE, symmetrize="p4").symmetrization for name in ("gcnn", "cnn"))
    assert equal.verdict == "symmetric" and equal.deviation < 1e-3 and abs(equal.difference) < 1e-3
    assert free.verdict != "symmetric" and free.deviation > 0.1  # the tester


def test_seconds_are_those_of_one_pass(tmp_path, rng, monkeypatch):
    pairs = open_pairs(str(save_set(tmp_path, [random_pixels(rng, 12, 12)]) / "norain"), DENOISE)
    for group, seconds in ((None, 1.0), ("p4", 0.25)):
        monkeypatch.setattr("symmetry_audit.inference._scoring.perf_counter", count(0.0, 1.0).__next__)
        assert evaluate(Sideways(), pairs, DENOISE, symmetrize=group).images[0].seconds == seconds


def test_what_it_cannot_be_asked_with(tmp_path, rng):
    pairs = open_pairs(str(save_set(tmp_path, [random_pixels(rng, 12, 12)]) / "norain"), DENOISE)
    with pytest.raises(SettingError, match="compares a network with its average, and identity is none; remove"):
        evaluate("identity", pairs, DENOISE, symmetrize="p4")
    with pytest.raises(SettingError, match="--self-ensemble is an average already, over p4m; give --symmetrize p4m"):
        evaluate(Sideways(), pairs, DENOISE, symmetrize="p4", self_ensemble=True)
    with pytest.raises(SettingError, match="a group that only moves pixels, one of p2, p1m, p4, p2m, p4m; got p8m"):
        evaluate(Sideways(), pairs, DENOISE, symmetrize="p8m")
    with pytest.raises(ModelError, match="NaN"):
        evaluate(Broken(), pairs, DENOISE, symmetrize="p4", protocol="rgb")


# --- verdicts


def verdict_of(*differences, deviation=1.0):
    images = [
        SymmetrizedScore(image=str(at), psnr=30.0, average_psnr=30.0 + value, deviation=deviation)
        for at, value in enumerate(differences)
    ]
    return symmetrization(Group(4), images)


def test_verdicts_by_hand():
    gain = verdict_of(0.5, 0.75, 1.0)
    half = 4.302653 * 0.25 / math.sqrt(3)
    assert gain.interval == pytest.approx((0.75 - half, 0.75 + half), abs=1e-6)
    assert (gain.verdict, gain.standard_error) == ("gain", pytest.approx(0.25 / math.sqrt(3)))
    assert gain.sentence == (
        "Some p4-equivariant restorer is better than this network on such images: the network's own average over p4 is "
        "one, and gains 0.750 dB (95 % interval +0.129 to +1.371)."
    )
    loss = verdict_of(-0.5, -0.75, -1.0)
    assert loss.verdict == "loss" and loss.sentence.startswith(
        "Nothing follows: the average over p4 loses 0.750 dB (95 % interval -1.371 to -0.129), but a network"
    )
    open_ = verdict_of(-0.5, 0.75, 1.0)
    assert open_.verdict == "undecided"
    assert open_.sentence.startswith("Undecided: the average over p4 gains 0.417 dB (95 % interval -1.580 to +2.413);")


def test_without_an_interval_nothing_is_decided():
    one = verdict_of(5.0)
    assert (one.verdict, one.interval, one.standard_error, one.difference) == ("undecided", None, None, 5.0)
    assert one.sentence == "Undecided: one image has no interval; give more."
    endless = verdict_of(1.0, math.inf)
    assert (endless.verdict, endless.interval, endless.difference) == ("undecided", None, None)
    assert endless.sentence == "Undecided: an image is restored without any error."
    assert verdict_of(5.0, deviation=1e-5).verdict == "symmetric"
    assert verdict_of(0.5, 0.75, 1.0, deviation=0.011).verdict == "gain"
