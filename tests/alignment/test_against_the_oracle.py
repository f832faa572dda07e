"""The measured errors against the independent oracle, which knows neither discs that fade nor floors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from symmetry_audit.alignment import Domain, measure_alignment
from symmetry_audit.groups import Group
from symmetry_audit.inference import prepared
from symmetry_audit.tasks import evaluation_items, make_task, open_pairs
from tests.alignment.networks import item, photo, small
from tests.oracles.alignment import equivariance_error


def as_model(network, domain=None):
    """(H, W, 3) to (s H, s W, 3) arrays; with ``domain`` the network sees what the measurement lets it see."""

    def run(image):
        planes = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
        planes = planes if domain is None else domain.faded(planes)
        with torch.no_grad():
            return network(planes[None].float())[0].permute(1, 2, 0).double().numpy()

    return run


def plain(seed=3, scale=1):
    torch.manual_seed(seed)
    last = nn.Conv2d(8, 3 * scale**2, 3, padding=1)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), last, nn.PixelShuffle(scale)).eval()


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("group", ["p8", "p4m", "p3"])
def test_a_network_of_small_reach_agrees_with_the_definition_as_it_stands(rng, group, scale):
    """Where no filter reaches the margin, fading changes nothing: the oracle gets the square itself."""
    network, picture = plain(scale=scale), photo(rng, (72, 72))
    found = measure_alignment(network, [item(picture)], group, margin=16).scenarios[0]
    for matrix, mean in zip(Group.parse(group).matrices(), found.elements, strict=True):
        expected = equivariance_error(as_model(network), picture, matrix, scale * (35.5 - 16))
        assert mean.error == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_an_equivariant_network_at_angles_off_the_mesh(rng):
    network, picture = prepared(small("p8")), photo(rng, (64, 80))
    found = measure_alignment(network, [item(picture)], "p8").scenarios[0]
    for matrix, mean in zip(Group.parse("p8").matrices(), found.elements, strict=True):
        square = picture[:, 8:72]
        expected = equivariance_error(as_model(network, Domain(64)), square, matrix, 31.5 - 8)
        assert mean.error == pytest.approx(expected, rel=1e-5, abs=1e-9)


@pytest.mark.data
@pytest.mark.parametrize(("name", "options"), [("sr", {"scale": 2}), ("denoise", {"sigma": 25.0})])
def test_photographs_as_networks_are_given_them(shared_data, name, options):
    task = make_task(name, **options)
    pairs = open_pairs(str(shared_data / "Set5" / "HR"), task, limit=2)
    network = plain(scale=task.scale)
    found = measure_alignment(network, evaluation_items(pairs, task, 0), "p8", crop=96, task=task).scenarios[0]
    for at, degraded in enumerate(evaluation_items(pairs, task, 0)):
        top, left = ((size - 96) // 2 for size in degraded.input.shape[:2])
        square = degraded.input[top : top + 96, left : left + 96].astype(np.float64)
        for index in (1, 2):
            matrix = Group.parse("p8").matrices()[index]
            model = as_model(network, Domain(96))
            expected = equivariance_error(model, square, matrix, task.scale * (47.5 - 12))
            assert found.images[at].error[index] == pytest.approx(expected, rel=1e-5)
