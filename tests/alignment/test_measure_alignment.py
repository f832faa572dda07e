"""Equivariance errors of networks whose errors are known in closed form, exact cases, broken ones, and refusals."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from symmetry_audit.alignment import Domain, centred_square, measure_alignment
from symmetry_audit.errors import DataError, ModelError, SettingError
from symmetry_audit.groups import Affine, Group
from symmetry_audit.inference import prepared
from symmetry_audit.nets import build
from symmetry_audit.results import Alignment
from tests.alignment.networks import Blur, Ramp, ShiftLeft, Times, item, photo, small

QUARTERS = (2, 4, 6)  # of p8


def strict(network, items, group="p8", **options):
    return measure_alignment(network, items, group, **options).scenarios[0]


def test_the_identity_has_no_error_and_no_floor(rng):
    for index, mean in enumerate(strict(nn.Identity(), [item(photo(rng, (80, 96)))]).elements):
        exact = index % 2 == 0
        assert mean.contrast > 100
        assert mean.relative == (0.0 if exact else pytest.approx(0.0, abs=1e-4))
        assert mean.relative_floor == (0.0 if exact else pytest.approx(0.0, abs=1e-4))


def test_a_ramp_has_its_error_in_closed_form(rng):
    """Phi(pi_A Y) - pi_A Phi(Y) = slope (x - (A^-1 x)_1): at half turns 2 slope x, at a quarter slope (x + y)."""
    slope, side, margin = 0.7, 32, 5.0
    found = strict(Ramp(slope), [item(photo(rng, (side, side)))], "p4m", margin=margin)
    axis = np.arange(side) - (side - 1) / 2
    x, y = np.meshgrid(axis, axis)
    disc = np.hypot(x, y) <= (side - 1) / 2 - margin
    square = slope**2 * np.mean(x[disc] ** 2)
    expected = {"A0": 0.0, "A1": 2 * square, "A2": 4 * square, "A3": 2 * square, "A0M": 4 * square, "A2M": 0.0}
    names = [str(element) for element in Group.parse("p4m").elements]
    for name, value in expected.items():
        mean = found.elements[names.index(name)]
        assert mean.error == pytest.approx(value, rel=1e-5) and mean.floor == 0.0
    assert found.images[0].pixels == disc.sum() and found.images[0].side == side


def test_a_difference_along_x_under_a_half_turn(rng):
    """The turned image has the difference y(x) - y(x + 1) where the turned output has y(x) - y(x - 1)."""
    picture = photo(rng, (33, 33))
    found = strict(ShiftLeft(), [item(picture)], "p2", margin=4)
    y = picture.astype(np.float64)
    axis = np.arange(33) - 16
    disc = np.hypot(*np.meshgrid(axis, axis)) <= 11  # 12 less the pixel that the difference reaches
    inner = np.mean((np.roll(y, -1, 1) - np.roll(y, 1, 1))[disc] ** 2)
    assert found.elements[1].error == pytest.approx(inner, rel=0.15)
    disc = np.hypot(*np.meshgrid(axis, axis)) <= 12
    share = np.hypot(*np.meshgrid(axis, axis))
    faded = np.sin(np.clip((16 - share) / 2, 0, 1) * np.pi / 2) ** 2
    whole = share <= 16
    mean = np.array([y[..., c][whole].mean() for c in range(3)])
    seen = mean + faded[..., None] * (y - mean)
    expected = np.mean((np.roll(seen, -1, 1) - np.roll(seen, 1, 1))[disc] ** 2)
    assert found.elements[1].error == pytest.approx(expected, rel=1e-5)


def test_contrast_and_relative_errors(rng):
    pictures = [photo(rng, (40, 40)), 0.5 * photo(rng, (40, 40))]
    found = measure_alignment(Ramp(0.3), [item(one, str(at)) for at, one in enumerate(pictures)], "p4", margin=3)
    scenario = found.scenarios[0]
    axis = np.arange(40) - 19.5
    disc = np.hypot(*np.meshgrid(axis, axis)) <= 16.5
    contrasts = []
    for picture, image in zip(pictures, scenario.images, strict=True):
        output = picture.astype(np.float64) + 0.3 * axis[:, None]
        inside = output[disc]
        contrasts.append(np.mean((inside - inside.mean(0)) ** 2))
        assert image.contrast[2] == pytest.approx(contrasts[-1], rel=1e-5)
    mean = scenario.elements[2]
    assert mean.error == pytest.approx(np.mean([image.error[2] for image in scenario.images]))
    assert mean.relative == pytest.approx(sqrt(mean.error / np.mean(contrasts)), rel=1e-5)


@pytest.mark.parametrize("folded", [False, True])
def test_a_p4_network_is_exact_at_quarter_turns_and_a_broken_one_is_caught(rng, folded):
    network = small("p4")
    whole = prepared(network) if folded else network
    items = [item(photo(rng, (37, 44)), str(at)) for at in range(2)]
    found = strict(whole, items)
    assert all(found.elements[index].relative < 1e-5 for index in QUARTERS)
    broken = prepared(network)
    with torch.no_grad():
        broken[0].weight[1, 1, 0, 0] += 0.5
    caught = strict(broken, items)
    assert all(caught.elements[index].relative > 1e-3 for index in QUARTERS)


def test_isotropic_filters_stay_within_their_floor_and_a_difference_does_not(rng):
    noise = 30 * rng.standard_normal((96, 96, 3))
    for picture in (photo(rng, (96, 96)), photo(rng, (96, 96)) + noise):
        for network in (Blur(), Blur(1.5, 30.0), Blur(1.0, 5.0)):
            for mean in strict(network, [item(picture)], "p16").elements:
                assert mean.excess < 1e-3
                assert mean.floor <= 10 * mean.error or mean.relative < 1e-3  # and it is not far above
    for mean in strict(ShiftLeft(), [item(photo(rng, (96, 96), 3.0))]).elements[1:]:
        assert mean.excess > 0.1


def test_the_floor_by_hand(rng):
    """The network between resampling there and back and half a pixel on, for each element by itself."""
    group = Group.parse("p16m")
    picture = photo(rng, (64, 64)) + 20 * rng.standard_normal((64, 64, 3)).astype(np.float32)
    found = strict(ShiftLeft(), [item(picture)], "p16m")
    axis = np.arange(64) - 31.5
    away = np.hypot(*np.meshgrid(axis, axis))
    faded = np.sin(np.clip((31.5 - away) / 4, 0, 1) * np.pi / 2)[..., None] ** 2

    def resampled(planes, turn):
        for back in (np.linalg.inv(turn)[::-1, ::-1], turn[::-1, ::-1]):
            offset = 31.5 - back @ [31.5, 31.5]
            planes = [ndimage.affine_transform(one, back, offset, order=5) for one in planes]
        return np.stack([ndimage.shift(one, 0.5, order=5) for one in planes])

    def seen(planes):
        mean = np.mean(planes[:, away <= 31.5], axis=1)[:, None, None]
        return mean + faded[..., 0] * (planes - mean)

    def phi(planes):
        return planes - np.roll(planes, 1, -1)

    y = picture.transpose(2, 0, 1).astype(np.float64)
    for name in ("A1", "A2", "A3", "A5", "A15", "A1M", "A6M"):
        index = list(map(str, group.elements)).index(name)
        turn = group.matrices()[index]
        difference = phi(seen(resampled(y, turn))) - resampled(phi(seen(y)), turn)
        expected = np.mean(difference[:, away <= 23.5] ** 2)
        assert found.elements[index].floor == pytest.approx(expected, rel=1e-4), name


def test_interpolations_enlarge_without_a_preferred_direction(rng):
    """On smooth images bicubic interpolation turns with them; nearest neighbours move by half of their pixel."""
    smooth = [item(photo(rng, (48, 64), 4.0))]
    cubic = nn.Upsample(scale_factor=2, mode="bicubic")
    nearest = nn.Upsample(scale_factor=2, mode="nearest")
    fine, coarse = (strict(network, smooth) for network in (cubic, nearest))
    for index in range(1, 8):
        assert fine.elements[index].excess < 1e-5
        if index in QUARTERS:
            assert fine.elements[index].relative < 1e-5 and coarse.elements[index].error == 0.0
        else:
            assert coarse.elements[index].error > 4 * fine.elements[index].error
    assert fine.images[0].side == 48
    assert fine.images[0].pixels == pytest.approx(np.pi * 35**2, rel=0.01)  # 2 (23.5 - 6) px of the fine mesh
    assert measure_alignment(cubic, smooth, "p4").settings["scale"] == 2


def test_what_lies_outside_the_disc_is_not_seen(rng):
    """A network that uses the whole image, whose corners would come and go as it turns."""

    class Mean(nn.Module):
        def forward(self, x):
            return x - x.mean((2, 3), keepdim=True)

    picture = photo(rng, (64, 64), 3.0)
    corner = picture.copy()
    corner[:8, :8] = 255
    plain, other = (strict(Mean(), [item(one)]).elements for one in (picture, corner))
    # corners that were seen would move the mean by 2 of 40 grey levels; resampled pictures of other seeds reach 2e-3
    assert plain[1].relative < 0.05 / 10
    assert other[1].error == pytest.approx(plain[1].error, abs=1e-4)


def test_a_constant_output_has_no_relative_error(rng):
    found = strict(Times(0.0), [item(photo(rng))])
    assert found.elements[1].relative is None and found.elements[1].excess is None
    assert found.elements[1].error == 0.0
    mixed = strict(nn.Identity(), [item(np.full((40, 40, 3), 9.0), "flat"), item(photo(rng), "photo")])
    assert mixed.elements[1].relative == pytest.approx(0.0, abs=2e-3) and mixed.elements[2].relative == 0.0


def test_the_deformed_group_of_each_image(rng):
    """A blur along the ellipse of w commutes with D A D^-1, and with the rotations themselves it does not."""
    w = Affine.from_axes(0.4, 1.8)

    class Along(nn.Module):
        def forward(self, x):
            side = x.shape[-1]
            k = 2 * np.pi * np.stack(np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
            there = np.einsum("ij,jhw->ihw", w.matrix.T, k)
            transfer = torch.from_numpy(np.exp(-2.0 * (there**2).sum(0)))
            return torch.fft.ifft2(torch.fft.fft2(x.double()) * transfer).real.to(x)

    items = [item(photo(rng, (96, 96), 2.5), key) for key in ("a", "b", "c")]
    found = measure_alignment(Along(), items, "p8", fits={"a": w, "b": Affine(0.0, 0.0)})
    plain, adaptive = found.scenarios
    assert (plain.scenario, adaptive.scenario) == ("dataset_strict", "dataset_adaptive")
    assert [image.image for image in adaptive.images] == ["a", "b"]
    assert adaptive.images[0].w == (w.a, w.b) and plain.images[0].w is None
    own = np.array(adaptive.images[0].error) / plain.images[0].error[2]
    assert own.max() < 0.02  # of the error at 90 degrees
    np.testing.assert_allclose(adaptive.images[1].error, plain.images[1].error, atol=1e-9)  # w = identity
    assert adaptive.images[0].pixels < adaptive.images[1].pixels
    assert adaptive.images[0].floor[2] > 0 and adaptive.images[0].floor[4] == 0.0  # half turns stay exact
    assert plain.images[0].floor[2] == 0.0


def test_fits_of_other_images_leave_strict_rotations_alone(rng):
    found = measure_alignment(nn.Identity(), [item(photo(rng))], "p4", fits={"other": Affine(0.1, 0.0)})
    assert [run.scenario for run in found.scenarios] == ["dataset_strict"]


def test_the_domain_is_left_in_place_by_its_group():
    w = Affine.from_axes(1.1, 1.7)
    domain = Domain(65, w, margin=4.0)
    inside = domain.compared(65)
    axis = np.arange(65) - 32.0
    points = np.stack(np.meshgrid(axis, axis))[:, inside.numpy()]
    for matrix in w.conjugate(Group.parse("p8").matrices()):
        moved = matrix @ points
        assert np.abs(moved).max() <= 32  # inside the square, where there are pixels
        ratio = np.linalg.norm(np.linalg.inv(w.matrix) @ moved, axis=0) / (32 / sqrt(1.7))
        assert ratio.max() <= 1
    fine, coarse = (int(Domain(65).compared(side).sum()) for side in (130, 65))
    assert fine == pytest.approx(4 * coarse, rel=0.02)
    assert Domain(200).border == 16 and Domain(40).border == 5


def test_images_are_cut_to_their_centre(rng):
    picture = photo(rng, (30, 50))
    assert centred_square(picture, None).shape == (3, 30, 30)
    np.testing.assert_array_equal(centred_square(picture, 20).permute(1, 2, 0), picture[5:25, 15:35])
    found = measure_alignment(nn.Identity(), [item(picture)], "p4", crop=20)
    assert found.scenarios[0].images[0].side == 20 and found.settings["crop"] == 20


def test_images_are_taken_one_by_one(rng):
    seen, done = [], []

    def stream():
        for at in range(3):
            seen.append(at)
            yield item(photo(rng), f"{2 - at}.png")

    found = measure_alignment(nn.Identity(), stream(), "p2", progress=lambda count: done.append((count, len(seen))))
    assert done == [(0, 1), (1, 2), (2, 3), (3, 3)]
    assert [image.image for image in found.scenarios[0].images] == ["0.png", "1.png", "2.png"]
    assert found.data.images == 3 and found.model.name == "network"
    assert Alignment.from_dict(found.to_dict()) == found


def test_the_network_runs_in_eval_mode_and_is_left_as_it_was(rng):
    network = nn.Sequential(nn.Dropout(0.5), nn.Identity()).train()
    assert strict(network, [item(photo(rng))], "p4").elements[1].error == 0.0
    assert network.training and network[0].training


def test_an_untrained_network_of_ours(rng):
    torch.manual_seed(0)
    network = build("edsr", "fconv", preset="tiny", scale=2, group="p4")
    found = strict(network, [item(photo(rng, (32, 32)))], "p4")
    assert all(mean.relative < 1e-5 for mean in found.elements)


def test_refusals(rng):
    images = [item(photo(rng))]
    with pytest.raises(SettingError, match="p1 contains only the identity; measure p2 or a larger group"):
        measure_alignment(nn.Identity(), images, "p1")
    with pytest.raises(SettingError, match="crop must be 1 px or more, got 0"):
        measure_alignment(nn.Identity(), images, "p4", crop=0)
    with pytest.raises(SettingError, match="margin must be 0 px or more, got -1"):
        measure_alignment(nn.Identity(), images, "p4", margin=-1)
    with pytest.raises(DataError, match="there is no image to measure"):
        measure_alignment(nn.Identity(), [], "p4")
    with pytest.raises(DataError, match=r"a\.png: a margin of 30 px leaves nothing of 48 x 48 px to compare"):
        measure_alignment(nn.Identity(), images, "p4", margin=30)
    halved = nn.Sequential(nn.PixelUnshuffle(2), nn.PixelShuffle(2))
    with pytest.raises(
        ModelError, match=r"a\.png: the network failed on a square of 15 px \(.*\); if the size is the reason"
    ):
        measure_alignment(halved, images, "p4", crop=15)
    with pytest.raises(ModelError, match=r"a\.png: the network returned NaN or infinite values; check its weights"):
        measure_alignment(Times(float("nan")), images, "p4")
    with pytest.raises(ModelError, match=r"a\.png: for an image of shape .* the network returned"):
        measure_alignment(nn.Conv2d(3, 5, 1), images, "p4")
    needy = nn.Identity()
    needy.smallest = 64
    with pytest.raises(DataError, match=r"a\.png has 48 px a side, but the network needs 64; give larger images"):
        measure_alignment(needy, images, "p4")
