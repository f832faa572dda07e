"""Relaxed layers: the equivariant filter and a free one beside it."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from symmetry_audit.errors import SettingError
from symmetry_audit.layers import EquivariantConv2d, GroupConv2d, Layers, fold, relaxation, relaxation_of_layers
from symmetry_audit.nets import build

GROUP = {"group": "p4", "basis": "fourier"}


def layer(**options) -> GroupConv2d:
    torch.manual_seed(0)
    return GroupConv2d(2, 3, relaxed=True, **GROUP, **options).double()


def network(method: str = "fconv", relaxed: bool = True) -> nn.Module:
    torch.manual_seed(0)
    return build("resnet", method, preset="tiny", group="p4", relaxed=relaxed).double().eval()


def loosen(module: nn.Module, size: float = 0.01) -> nn.Module:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, EquivariantConv2d):
                part.residual.copy_(size * torch.randn(part.residual.shape, generator=generator))
    return module


@pytest.mark.parametrize("method", ["gcnn", "fconv", "tl", "sa"])
def test_at_first_nothing_is_relaxed(method):
    relaxed, tied = network(method), network(method, relaxed=False)
    relaxed.load_state_dict(tied.state_dict(), strict=False)
    x = 255 * torch.rand(2, 3, 32, 32, dtype=torch.float64)
    assert torch.equal(relaxed(x), tied(x))
    assert relaxation(relaxed) == 0
    assert relaxed.architecture["relaxed"] is True


def test_the_free_filter_is_a_convolution_beside_the_equivariant_one():
    relaxed = loosen(layer())
    tied = GroupConv2d(2, 3, **GROUP).double()
    tied.load_state_dict({name: value for name, value in relaxed.state_dict().items() if name != "residual"})
    x = torch.randn(2, 8, 9, 9, dtype=torch.float64)
    expected = tied(x) + torch.conv2d(x, relaxed.residual, padding=2)
    assert torch.allclose(relaxed(x), expected, rtol=0, atol=1e-12)


def test_so_it_is_where_every_image_has_its_own_w():
    network_ = loosen(network("sa"))
    nn.init.normal_(network_.hypernetwork.head[-1].weight, std=3.0)
    x = 255 * torch.rand(2, 3, 32, 32, dtype=torch.float64)
    x[1] = nn.functional.avg_pool2d(x[1], 5, 1, 2)
    w = network_.hypernetwork(x).detach()
    assert w.std(0).max() > 1e-4
    for n in range(2):
        assert torch.allclose(network_(x)[n].detach(), fold(network_, x[n : n + 1])(x[n : n + 1])[0], rtol=0, atol=1e-8)


def test_it_breaks_the_symmetry():
    x = 255 * torch.rand(1, 3, 16, 16, dtype=torch.float64)

    @torch.no_grad()
    def error(net: nn.Module) -> float:
        return float((net(torch.rot90(x, 1, (2, 3))) - torch.rot90(net(x), 1, (2, 3))).abs().max())

    assert error(network()) < 1e-9
    assert error(loosen(network())) > 1e-3


def test_filters_follow_what_is_trained():
    """They are kept between calls; a step of the optimizer changes both parts."""
    one = layer()
    optimizer = torch.optim.SGD(one.parameters(), 0.1)
    before = one.filters().detach().clone()
    one(torch.ones(1, 8, 5, 5, dtype=torch.float64)).sum().backward()
    gradient = one.residual.grad.clone()
    assert gradient.abs().min() > 0
    optimizer.step()
    moved = copy.deepcopy(one)
    nn.init.zeros_(moved.residual)
    assert torch.allclose(one.filters(), moved.filters() - 0.1 * gradient)
    assert not torch.allclose(one.filters(), before)


def test_folding_keeps_it():
    net = loosen(network())
    x = 255 * torch.rand(1, 3, 16, 16, dtype=torch.float64)
    assert torch.allclose(fold(net)(x), net(x), rtol=0, atol=1e-9)


def test_relaxation_is_the_sum_of_squares():
    net = loosen(network())
    squares = [value.square().sum() for name, value in net.named_parameters() if name.endswith("residual")]
    assert len(squares) == 11
    assert relaxation(net).detach() == pytest.approx(float(sum(squares).detach()), rel=1e-12)
    relaxation(net).backward()
    assert torch.equal(net.head.residual.grad, 2 * net.head.residual)
    assert relaxation(nn.Conv2d(3, 3, 3)) == 0


def test_layers_by_name():
    net = nn.Sequential(layer(), nn.ReLU(), GroupConv2d(3, 3, **GROUP))
    assert relaxation_of_layers(net) == {"0": 0.0}
    with torch.no_grad():
        net[0].residual.copy_(0.5 * net[0].filters())
    assert relaxation_of_layers(net)["0"] == pytest.approx(0.5, rel=1e-9)


def test_a_plain_convolution_is_refused():
    with pytest.raises(SettingError, match="a plain convolution cannot be relaxed"):
        Layers("cnn", relaxed=True)
    with pytest.raises(SettingError, match="a plain convolution cannot be relaxed"):
        build("edsr", "cnn", relaxed=True)


def test_it_is_shown():
    assert "relaxed=True" in repr(layer())
    assert "relaxed" not in repr(GroupConv2d(2, 3, **GROUP))
