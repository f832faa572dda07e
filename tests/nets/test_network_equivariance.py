"""Clean networks are equivariant from end to end; what breaks it is seen."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from symmetry_audit.groups import Affine
from symmetry_audit.layers import METHODS
from symmetry_audit.nets import build
from symmetry_audit.nets._blocks import SMALL
from symmetry_audit.testing import GaussianBlobs, assert_equivariant, equivariance_error

GROUPED = [name for name in METHODS if name != "cnn"]
FRAMED = ("edsr", "rdn", "rcan", "resnet")


def images(size: int) -> Tensor:
    return 255 * torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def lively(backbone: str, method: str, **options) -> nn.Module:
    """A network whose output is not all interpolation, in float64."""
    torch.manual_seed(0)
    network = build(backbone, method, preset="tiny", **options).double().eval()
    with torch.no_grad():
        getattr(network, "network", network).tail.weight /= SMALL
    return network


@pytest.mark.parametrize("method", GROUPED)
@pytest.mark.parametrize("backbone", FRAMED)
def test_quarter_turns(backbone: str, method: str) -> None:
    network = lively(backbone, method, group="p4")
    x = images(30 if method == "sa" else 7)
    with torch.no_grad():
        assert (network(x) - network._enlarged(x) if method != "sa" else x).abs().max() > 1
    assert_equivariant(network, "p4", x, tolerance=1e-12)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("group", ["p4m", "p8"])
def test_every_scale(scale: int, group: str) -> None:
    assert_equivariant(
        lively("edsr", "fconv", group=group, scale=scale), group[:2].replace("8", "4"), images(6), tolerance=1e-12
    )


def test_mirrors() -> None:
    assert_equivariant(lively("rcan", "bconv", group="p4m"), "p4m", images(6), tolerance=1e-12)


def test_float32() -> None:
    network = lively("edsr", "fconv", group="p4").float()
    assert_equivariant(network, "p4", images(8), tolerance=1e-5)


def test_half_turns_under_any_w() -> None:
    network = lively("edsr", "tl", start=Affine(0.3, -0.2))
    assert_equivariant(network, "p2", images(8), tolerance=1e-12)
    assert equivariance_error(network, "p4", images(8))[1] > 1e-4


def test_other_angles_need_a_group_that_has_them() -> None:
    blobs = GaussianBlobs(41, sigma=4)
    errors = {
        method: equivariance_error(residue(lively("resnet", method)), "p8", blobs)[1].item()
        for method in ("e2cnn", "cnn")
    }
    assert errors["e2cnn"] < 0.1 < 0.2 < errors["cnn"]


def residue(network: nn.Module):
    """What a network adds to its input, given in units of about 1."""
    return lambda x: network(40 * x + 127.5) - (40 * x + 127.5)


def test_a_plain_network_is_found_out() -> None:
    assert equivariance_error(lively("edsr", "cnn"), "p4", images(8))[1:].min() > 1e-3


def test_a_plain_pixel_shuffle_is_found_out() -> None:
    network = lively("edsr", "fconv", group="p4")
    network.upsampler[1] = nn.PixelShuffle(2)
    assert equivariance_error(network, "p4", images(8))[1:].min() > 1e-3


# ---------------------------------------------------------------- RCDNet


@pytest.mark.parametrize("method", GROUPED)
def test_rcdnet_turns_where_it_sees_no_rain(method: str) -> None:
    """Without rain kernels the path of the background is left, equivariant; with them rain falls downwards."""
    torch.manual_seed(0)
    network = build("rcdnet", method, preset="tiny", group="p4").double().eval()
    inner, x = getattr(network, "network", network), images(30 if method == "sa" else 9)
    with torch.no_grad():
        for net in (inner.first, *inner.background_nets):
            net[-1].weight[:3] /= SMALL
        falling = equivariance_error(network, "p4", x)[1:]
        inner.kernels.zero_()
        assert (network(x) - x).abs().max() > 1
    assert_equivariant(network, "p4", x, tolerance=1e-12)
    assert falling[::2].min() > 1e-3  # quarter turns; half a turn upside down rain streaks hardly notice


def test_published_networks_end_plainly() -> None:
    torch.manual_seed(0)
    network = build("edsr", "gcnn", preset="paper").eval()
    assert equivariance_error(network, "p4", images(6))[1:].min() > 1e-3
    head = lambda x: network.head(network.subtract_mean(x.float()))  # noqa: E731
    assert_equivariant(head, "p4", images(6), tolerance=1e-5, kind="features")
