"""What all networks against metal artefacts do: stages, equivariance from end to end, folding, gradients."""

from __future__ import annotations

import pytest
import torch

from symmetry_audit.groups import Affine
from symmetry_audit.layers import METHODS, EquivariantConv2d, fold
from symmetry_audit.nets import Stages, build, size_of
from symmetry_audit.testing import assert_equivariant
from symmetry_audit.training import EquivarianceRegularizer
from tests.nets.inputs import METAL
from tests.nets.metal import lively, scan

GROUPED = [name for name in METHODS if name != "cnn"]
PAIRS = [("dicdnet", method) for method in GROUPED] + [
    (name, method) for name in METAL if name != "dicdnet" for method in ("gcnn", "fconv")
]


@pytest.mark.parametrize("method", ["cnn", "fconv", "sa"])
@pytest.mark.parametrize("backbone", METAL)
def test_stages_on_demand(backbone: str, method: str) -> None:
    network, x = lively(backbone, method), scan(29)
    with torch.no_grad():
        restored, stages = network(x), network(x, stages=True)
    assert isinstance(stages, Stages)
    assert stages.warmup is None
    assert torch.equal(restored, stages.backgrounds[-1])
    assert len(stages.backgrounds) == len(stages.rains) == size_of(backbone, "tiny").stages
    assert {value.shape for value in (stages.initial, *stages.backgrounds, *stages.rains)} == {(1, 1, 29, 29)}


@pytest.mark.parametrize(("backbone", "method"), PAIRS)
def test_quarter_turns_of_images_and_mask(backbone: str, method: str) -> None:
    network, x = lively(backbone, method, group="p4"), scan(30 if method == "sa" else 9)
    last = lambda x: network(x, stages=True).rains[-1]  # noqa: E731
    with torch.no_grad():
        assert last(x).abs().max() > 1
        assert (network(x) - x[:, 1:2]).abs().max() > 1
    assert_equivariant(network, "p4", x, tolerance=1e-12)
    assert_equivariant(last, "p4", x, tolerance=1e-12)


@pytest.mark.parametrize("backbone", METAL)
def test_mirrors(backbone: str) -> None:
    assert_equivariant(lively(backbone, "gcnn", group="p4m"), "p4m", scan(8), tolerance=1e-12)


@pytest.mark.parametrize("backbone", METAL)
def test_half_turns_under_any_w(backbone: str) -> None:
    assert_equivariant(lively(backbone, "tl", start=Affine(0.3, -0.2)), "p2", scan(8), tolerance=1e-12)


@pytest.mark.parametrize("backbone", METAL)
def test_a_folded_network_is_the_same(backbone: str) -> None:
    network, x = lively(backbone, "fconv"), scan(12)
    plain = fold(network)
    assert not any(isinstance(part, EquivariantConv2d) for part in plain.modules())
    with torch.no_grad():
        assert torch.allclose(plain(x), network(x), rtol=1e-9)


@pytest.mark.parametrize("backbone", METAL)
def test_images_are_independent(backbone: str) -> None:
    """Each has its own kernels, if any."""
    network, x = lively(backbone, "gcnn"), scan(12, 3)
    with torch.no_grad():
        together = network(x)
        assert torch.allclose(together, torch.cat([network(one) for one in x.split(1)]), rtol=1e-9)


@pytest.mark.parametrize("backbone", METAL)
def test_what_trains_in_published_networks(backbone: str) -> None:
    """All that is not named as unused has a gradient."""
    torch.manual_seed(0)
    network = build(backbone, preset="paper")
    stages = network(scan(9, 2, torch.float32), stages=True)
    sum(image.square().mean() for image in (*stages.backgrounds, *stages.rains)).backward()
    assert [name for name, p in network.named_parameters() if (p.grad is None) != ("unused" in name)] == []


@pytest.mark.parametrize("method", ["gcnn", "sa"])
def test_published_networks_of_other_methods_train(method: str) -> None:
    """The image networks of [SA], each with its own w."""
    torch.manual_seed(0)
    network = build("oscnet", method, preset="paper")
    network(scan(17, 2, torch.float32)).square().mean().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize("backbone", METAL)
def test_all_of_a_clean_network_trains(backbone: str) -> None:
    torch.manual_seed(0)
    network = build(backbone, preset="tiny")
    network(scan(12, 2, torch.float32), stages=True).backgrounds[-1].square().mean().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().max()] == []


@pytest.mark.parametrize("backbone", ["acdnet", "dicdnet"])
def test_eq_reg_turns_the_mask_with_the_images(backbone: str) -> None:
    """The penalty is 0 for an equivariant network and not for a plain one."""
    x = scan(9)
    for method, least, largest in (("gcnn", 0, 1e-20), ("cnn", 1e-9, 1e9)):
        network = lively(backbone, method)
        restored, penalty = EquivarianceRegularizer(network, "p4", peak=255)(x, 1, stages=True)
        assert torch.equal(restored.backgrounds[-1], network(x))
        assert least <= penalty < largest
