"""Costs against hand counts and against runs that really compute."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from symmetry_audit.errors import SettingError
from symmetry_audit.nets import BACKBONES, Cost, build, costs


def measured(network: nn.Module, size: int) -> tuple[int, int]:
    """Multiply-adds of an evaluation whose filters stand, and bytes saved by a training step, both really run."""
    x, kept = torch.rand(1, network.inputs, size, size), {}
    left_out = {value.untyped_storage().data_ptr() for value in (x, *network.parameters())}

    def pack(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        if storage.data_ptr() not in left_out:
            kept[storage.data_ptr()] = storage
        return value

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
        output = network(x)
    network.eval()
    with torch.no_grad():
        network(x)
        with FlopCounterMode(display=False) as counter:
            network(x)
    del output
    return counter.get_total_flops() // 2, sum(storage.nbytes() for storage in kept.values())


@pytest.mark.parametrize("method", ["cnn", "bconv", "tl", "sa"])  # all ways to have a w
@pytest.mark.parametrize("backbone", BACKBONES)
def test_costs_are_those_of_a_real_run(backbone: str, method: str) -> None:
    network = build(backbone, method, preset="tiny")
    number = sum(p.numel() for p in network.parameters())
    assert costs(backbone, method, "tiny", size=32) == Cost(number, number, *measured(network, 32))


@pytest.mark.slow
def test_costs_of_a_published_network_are_those_of_a_real_run() -> None:
    """With its own hypernetwork in every background network, and parameters that nothing reads."""
    found = costs("rcdnet", "sa", "paper", size=21)
    assert (found.multiply_adds, found.activation_bytes) == measured(build("rcdnet", "sa", preset="paper"), 21)
    assert found.parameters - found.trainable == 74_528 + 1 + 15 * 7_776


def test_multiply_adds_of_a_plain_network_by_hand() -> None:
    """Tiny EDSR x2 on 12 x 12 px: every 3 x 3 filter at every pixel, padding included."""
    pixels, n = 12 * 12, 32
    body = 3 * n + (2 * 4 + 1) * n * n + n * 4 * n
    assert costs("edsr", "cnn", "tiny", size=12).multiply_adds == 9 * pixels * (body + 4 * n * 3)


def test_memory_of_a_plain_network_by_hand() -> None:
    """Saved for backward, in float32: the scaled input, what convolutions take and ReLUs give, and the filters."""
    pixels, n, blocks = 12 * 12, 32, 4
    features = 1 + 2 * blocks + 1  # the head's output; a block's ReLU output and its sum; what the tail takes
    filters = 9 * (3 * n + (2 * blocks + 1) * n * n + n * 3)
    assert costs("resnet", "cnn", "tiny", size=12).activation_bytes == 4 * (pixels * (3 + n * features) + filters)


def test_equal_widths_cost_as_their_windows() -> None:
    plain, turned = costs("resnet", "cnn", "small"), costs("resnet", "fconv", "small")
    assert turned.multiply_adds * 9 == plain.multiply_adds * 25
    assert costs("resnet", "fconv", "small", group="p4").multiply_adds == turned.multiply_adds


def test_filters_for_every_image_are_counted() -> None:
    """Every filter is coefficients times samples, which all layers share, and these a mixture of deformed waves."""
    rest = costs("resnet", "tl", "tiny", size=40)
    found = costs("resnet", "sa", "tiny", size=40)
    order, features, functions, points, waves = 8, 4, 25, 25, 12
    filters = 9 * (order * features) ** 2 + order * features * 3 + 3 * order * features
    samples = order * (functions * functions * points + waves * 2 * points + 2 * 2 * 2)  # mixed, phases, frames
    sides, widths = [38, 18, 8, 6, 4], [1, 16, 32, 32, 32, 32]  # of the hypernetwork's features
    encoder = sum(9 * a * b * side**2 for a, b, side in zip(widths, widths[1:], sides, strict=False))
    rest_of_it = 32 * 16 + 16 * 8 + 8 * 3 + 3 * 40 * 40  # the MLP and the grey image
    by_hand = filters * functions * points + samples + encoder + rest_of_it
    assert found.multiply_adds - rest.multiply_adds == by_hand


def test_images_that_are_too_small() -> None:
    with pytest.raises(SettingError, match=r"edsr with sa needs images of \d+ pixels a side or more, got size 12"):
        costs("edsr", "sa", "tiny", size=12)


def test_images_too_small_for_a_training_step() -> None:
    message = "rcdnet with sa cannot be trained on a single image of 18 x 18 pixels: give a larger size"
    with pytest.raises(SettingError, match=message):
        costs("rcdnet", "sa", "paper", size=18)
