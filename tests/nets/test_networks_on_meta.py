"""Every network, forward and backward on the meta device: nothing is left on the CPU, nothing uploaded twice."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from symmetry_audit.catalogue import BACKBONES, METHODS
from symmetry_audit.nets import build
from tests.devices import META, HostWork, write_all


def assert_runs(network: nn.Module, scale: int, **options: bool) -> None:
    network.to(META)
    for _ in range(2):
        network.zero_grad()
        write_all(network)
        with HostWork() as work:
            found = network(torch.zeros(2, network.inputs, 33, 33, device=META), **options)
            images = found.backgrounds + found.rains if options else (found,)
            sum(image.sum() for image in images).backward()
        assert [image.shape for image in images] == [(2, network.outputs, 33 * scale, 33 * scale)] * len(images)
        missing = [name for name, one in network.named_parameters() if one.requires_grad and one.grad is None]
        assert not missing
    assert work.found == []


@pytest.mark.parametrize("method", list(METHODS))
@pytest.mark.parametrize("backbone", [name for name, one in BACKBONES.items() if not one.classifies])
def test_every_backbone_with_every_method(backbone: str, method: str) -> None:
    scale = BACKBONES[backbone].scales[0]
    assert_runs(build(backbone, method, preset="tiny"), scale)


@pytest.mark.parametrize("scale", [3, 4])
def test_other_factors_of_enlargement(scale: int) -> None:
    assert_runs(build("edsr", "sa", preset="tiny", scale=scale), scale)


@pytest.mark.parametrize("method", ["cnn", "fconv", "sa"])
@pytest.mark.parametrize("backbone", [name for name, backbone in BACKBONES.items() if backbone.loss])
def test_stages(backbone: str, method: str) -> None:
    assert_runs(build(backbone, method, preset="tiny"), 1, stages=True)


@pytest.mark.parametrize("backbone", [name for name, one in BACKBONES.items() if not one.classifies])
def test_relaxed_networks(backbone: str) -> None:
    scale = BACKBONES[backbone].scales[0]
    assert_runs(build(backbone, "gcnn", preset="tiny", relaxed=True), scale)
