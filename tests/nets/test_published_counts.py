"""Parameters of the paper's presets, to the unit, and which of them train."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from symmetry_audit.layers import FreeDeformation, HyperNetwork, SampleAdaptive
from symmetry_audit.nets import build, size_of

PUBLISHED = ("cnn", "gcnn", "e2cnn", "harnet", "pdoe", "fconv", "bconv", "tl", "sa")
# ARCHITECTURES 1.1, in the order of PUBLISHED; x2 but for the denoiser
TABLE = {
    "edsr": (21_847_067, 7_089_691, 5_355_387, 6_301_915, 4_728_475, 8_924_315, 8_924_315, 8_924_414, 8_957_937),
    "rdn": (22_123_395, 5_607_747, 4_314_087, 4_758_587, 2_855_139, 7_713_067, 7_713_067, 7_713_457, 7_746_980),
    "rcan": (12_374_427, 3_205_707, 2_019_651, 2_705_379, 1_680_659, 4_405_459, 4_405_459, 4_406_458, 4_439_981),
    "resnet": (19_486_747, 4_729_371, 2_995_067, 3_941_595, 2_368_155, 6_563_995, 6_563_995, 6_564_094, 6_597_617),
}
CELLS = [(name, *cell) for name, row in TABLE.items() for cell in zip(PUBLISHED, row, strict=True)]
RCDNET = {"cnn": 3_166_355, "fconv": 2_402_365, "bconv": 2_402_365, "sa": 2_955_398}  # ARCHITECTURES 1.7


def count(module: nn.Module, trained: bool = False) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trained)


def published(backbone: str, method: str, **options) -> nn.Module:
    with torch.device("meta"):
        return build(backbone, method, preset="paper", **options)


@pytest.mark.parametrize(("backbone", "method", "figure"), CELLS)
def test_tables_2_4_and_5(backbone: str, method: str, figure: int) -> None:
    network = published(backbone, method)
    assert count(network) == figure
    frozen = 12 if (backbone, method) == ("rdn", "e2cnn") else 0 if backbone == "rdn" else 24
    assert count(network, trained=True) == figure - frozen


@pytest.mark.parametrize(("method", "figure"), RCDNET.items())
def test_rcdnet(method: str, figure: int) -> None:
    network = published("rcdnet", method)
    assert count(network) == figure
    # a whole Mnet, a step size and 15 of the 16 copies of the rain kernels are never read
    assert count(network, trained=True) == figure - 74_528 - 1 - 15 * 7_776
    per_net = {"cnn": 89_040, "sa": 77_937}.get(method, 48_830)
    assert {count(net) for net in (network.first, network.last, *network.background_nets)} == {per_net}
    assert {count(net) for net in network.map_nets} == {74_528}
    assert (len(network.background_nets), len(network.map_nets)) == (17, 17)


def test_rcdnet_of_other_methods_is_as_wide() -> None:
    """TL adds three numbers of w to each of ten layers in 19 networks; the others differ in K alone."""
    assert count(published("rcdnet", "tl")) == RCDNET["fconv"] + 19 * 10 * 3
    for method, size in (("harnet", 15), ("pdoe", 9), ("e2cnn", 11)):
        filters = 35 * 5 + 8 * 8 * 5 * 5 + 5 * 35
        assert count(published("rcdnet", method)) == RCDNET["fconv"] - 19 * (25 - size) * filters
    assert published("rcdnet", "gcnn").first[0][0].out_channels == size_of("rcdnet", "paper").channels


@pytest.mark.parametrize(("scale", "factor"), [(3, 9 / 4), (4, 2)])
def test_other_scales_differ_in_the_plain_upsampler(scale: int, factor: float) -> None:
    """One convolution onto n s^2 channels, for x4 two onto 4 n."""
    upsampler = 256 * 1024 * 9 + 1024
    assert count(published("edsr", "fconv", scale=scale)) == TABLE["edsr"][5] + (factor - 1) * upsampler


def test_the_narrow_upsampler_of_two_methods() -> None:
    for method, inner in (("gcnn", 16), ("pdoe", 8), ("fconv", 64)):
        tail = published("rdn", method, scale=4).tail
        shapes = [part.weight.shape[:2] for part in tail if isinstance(part, nn.Conv2d)]
        assert shapes == [(4 * inner, 64), (4 * inner, inner), (3, inner)]


@pytest.mark.parametrize(
    ("backbone", "basis"),
    [("edsr", "bicubic"), ("resnet", "bicubic"), ("rdn", "bicubic"), ("rcan", "fourier"), ("rcdnet", "fourier")],
)
@pytest.mark.parametrize("method", ["tl", "sa"])
def test_bases_of_deformed_methods(backbone: str, basis: str, method: str) -> None:
    assert published(backbone, method).architecture["basis"] == basis
    assert build(backbone, method, preset="tiny").architecture["basis"] == "fourier"


def test_every_layer_has_a_w_of_its_own() -> None:
    held = [part for part in published("edsr", "tl").modules() if isinstance(part, FreeDeformation)]
    assert len(held) == 33


def test_every_background_network_has_a_gentle_hypernetwork_of_its_own() -> None:
    network = build("rcdnet", "sa", preset="paper")
    adaptive = [part for part in network.modules() if isinstance(part, SampleAdaptive)]
    assert len(adaptive) == 19
    for part in adaptive:
        (deformation,) = part.deformations()
        assert not list(deformation.parameters())
        assert count(part.hypernetwork) == 29_107
    hypernetwork, images = adaptive[0].hypernetwork.eval(), torch.rand(2, 35, 17, 17)
    nn.init.normal_(hypernetwork.head[-1].weight)
    assert torch.allclose(hypernetwork(images), 0.01 * HyperNetwork.forward(hypernetwork, images))
    adaptive[0].adapt(images)
    assert adaptive[0].deformations()[0]().shape == (2, 2, 2)


@pytest.mark.parametrize(
    ("backbone", "method", "size"),
    [("edsr", "e2cnn", 6), ("rdn", "e2cnn", 6), ("rcan", "fconv", 6), ("rcdnet", "cnn", 8), ("rcdnet", "sa", 17)],
)
def test_all_that_trains_receives_a_gradient(backbone: str, method: str, size: int) -> None:
    torch.manual_seed(0)
    network = build(backbone, method, preset="paper")
    output = network(255 * torch.rand(2, 3, size, size))
    assert output.shape[-1] == network.scale * size
    output.square().mean().backward()
    assert [name for name, p in network.named_parameters() if (p.grad is not None) != p.requires_grad] == []
