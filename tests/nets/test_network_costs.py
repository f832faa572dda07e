"""Costs against hand counts and against runs that really compute."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from symmetry_audit.errors import SettingError
from symmetry_audit.layers import METHODS
from symmetry_audit.nets import BACKBONES, Cost, build, costs


def measured(network: nn.Module, size: int) -> tuple[int, int]:
    """Multiply-adds of an evaluation whose filters stand, and bytes saved by a training step, both really run."""
    x, kept = torch.rand(1, 3, size, size), {}
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


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("backbone", BACKBONES)
def test_costs_are_those_of_a_real_run(backbone: str, method: str) -> None:
    network = build(backbone, method, preset="tiny")
    number = sum(p.numel() for p in network.parameters())
    assert costs(backbone, method, "tiny", size=32) == Cost(number, number, *measured(network, 32))


@pytest.mark.parametrize("method", ["cnn", "sa"])
def test_costs_of_a_published_network_are_those_of_a_real_run(method: str) -> None:
    network = build("rcdnet", method, preset="paper")
    found = costs("rcdnet", method, "paper", size=18)
    assert (found.multiply_adds, found.activation_bytes) == measured(network, 18)
    assert found.parameters - found.trainable == 74_528 + 1 + 15 * 7_776


def test_multiply_adds_of_a_plain_network_by_hand() -> None:
    """Tiny EDSR x2 on 10 x 12 px of side: every 3 x 3 filter at every pixel, padding included."""
    pixels, n = 12 * 12, 32
    body = 3 * n + (2 * 4 + 1) * n * n + n * 4 * n
    assert costs("edsr", "cnn", "tiny", size=12).multiply_adds == 9 * pixels * (body + 4 * n * 3)


def test_memory_of_a_plain_network_by_hand() -> None:
    """Saved for backward: the scaled input, what convolutions take and ReLUs give, float32."""
    pixels, n, blocks = 12 * 12, 32, 4
    features = 1 + 2 * blocks  # the head's output; a block's ReLU output and its sum
    assert costs("resnet", "cnn", "tiny", size=12).activation_bytes == 4 * pixels * (3 + n * features + n)


def test_equal_widths_cost_as_their_windows() -> None:
    plain, turned = costs("resnet", "cnn", "small"), costs("resnet", "fconv", "small")
    assert turned.multiply_adds * 9 == plain.multiply_adds * 25
    assert costs("resnet", "fconv", "small", group="p4").multiply_adds == turned.multiply_adds


def test_filters_for_every_image_are_counted() -> None:
    """Coefficients times samples of each filter: T n m T K p^2 in a group layer, whatever the image's size."""
    rest = costs("resnet", "tl", "tiny", size=40)
    found = costs("resnet", "sa", "tiny", size=40)
    layers = 9 * 8 * 4 * 4 * 8 * 25 * 25 + 8 * 3 * 4 * 25 * 25 + 4 * 3 * 25 * 8 * 25
    sides = [38, 18, 8, 6, 4]  # of the hypernetwork's features
    widths = [1, 16, 32, 32, 32, 32]
    encoder = sum(9 * a * b * s * s for a, b, s in zip(widths, widths[1:], sides, strict=False))
    small = 32 * 16 + 16 * 8 + 8 * 3 + 3 * 40 * 40  # MLP and grey image
    assert found.multiply_adds - rest.multiply_adds == pytest.approx(layers + encoder + small, rel=1e-3)


def test_images_that_are_too_small() -> None:
    with pytest.raises(SettingError, match=r"edsr with sa takes images of \d+ pixels a side or more, got size 12"):
        costs("edsr", "sa", "tiny", size=12)
