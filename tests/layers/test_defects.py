"""Defects of the published layers, one by one: none of them may come back."""

from __future__ import annotations

from math import pi

import pytest
import torch
from torch import Tensor, nn

from symmetry_audit.layers import FreeDeformation, GroupConv2d, LiftingConv2d, ProjectionConv2d
from symmetry_audit.layers.bases import _made, make_basis
from symmetry_audit.layers.bases._basis import radial_mask

KINDS = [LiftingConv2d, GroupConv2d, ProjectionConv2d]
BASES = ["fourier", "bicubic"]


def bent(theta0: float, cx: float, cy: float) -> FreeDeformation:
    """D^-1 = diag(cx, cy) Rot(-theta0): the mask is long where the factor is small."""
    deformation = FreeDeformation()
    with torch.no_grad():
        deformation.values.copy_(torch.tensor([theta0, cx, cy]))
    return deformation


def energy(basis: str, deformation: FreeDeformation) -> Tensor:
    """The mean energy of the pixels of 300 random filters, (5, 5) [row, column]."""
    torch.manual_seed(0)
    layer = LiftingConv2d(1, 300, group="p8", basis=basis, deformation=deformation, init="kaiming").double()
    filters = layer.filters().detach().view(300, 8, 5, 5)
    found = filters.square().mean((0, 1))
    return found / found.max()


@pytest.mark.parametrize("basis", BASES)
def test_the_mask_has_x_and_y_where_the_filter_has_them(basis: str) -> None:
    """Published: x and y exchanged in the deformed mask even at theta0 = 0, or a mask that stays round."""
    narrow = energy(basis, bent(0.0, 1.6, 0.8))
    assert narrow[2, [0, 4]].max() < 0.01 < 0.1 < narrow[[0, 4], 2].min()
    flat = energy(basis, bent(0.0, 0.8, 1.6))
    assert flat[[0, 4], 2].max() < 0.01 < 0.1 < flat[2, [0, 4]].min()
    assert torch.allclose(narrow, flat.T, rtol=0.5, atol=0.02)  # other random filters after the exchange


@pytest.mark.parametrize("basis", BASES)
def test_the_mask_turns_with_the_deformation(basis: str) -> None:
    """Published: y computed from an x that was overwritten, wrong for every theta0 but 0."""
    falling = energy(basis, bent(pi / 4, 1.6, 0.8))  # u_x = 1.6 (x - y) / sqrt 2, y down: long along x = y
    corners = falling[[0, 4], [0, 4]], falling[[0, 4], [4, 0]]
    assert corners[1].max() < 1e-6 < 0.003 < corners[0].min()
    rising = energy(basis, bent(-pi / 4, 1.6, 0.8))
    assert torch.allclose(falling, rising.fliplr(), rtol=0.5, atol=0.02)


@pytest.mark.parametrize("values", [(0.0, 1.0, 1.0), (0.3, 1.2, 0.8), (-1.1, 1.5, 0.7)])
def test_the_mask_is_radial_in_the_deformed_coordinate(values: tuple[float, float, float]) -> None:
    """The constant of the Fourier basis is the mask itself, that of u = A^-1 D^-1 x, and the same for all A."""
    basis, inverse = make_basis("fourier", 5, LiftingConv2d(1, 1, group="p8", basis="fourier").group), bent(*values)()
    masks = basis.raw(basis.inverses @ inverse.detach())[:, 0]
    distance = (basis.points @ inverse.detach().T).norm(dim=1)
    assert torch.allclose(masks, masks[:1].expand_as(masks), rtol=1e-9, atol=1e-12)
    assert (masks[0][distance <= 2] == 1).all()
    order = distance.argsort()
    assert (masks[0][order].diff() <= 1e-12).all()
    published = torch.exp(-(distance**2 / 4 - 1).clamp_min(0) / 0.2)
    assert (masks[0] - published).abs().max() < 0.2  # ours is smooth at the rim, see ``radial_mask``
    squares = torch.arange(9, dtype=torch.float64)
    ours = radial_mask(torch.stack([squares.sqrt(), squares * 0], dim=-1), 2, 0.2)
    assert torch.allclose(ours, torch.exp(-(squares / 4 - 1).clamp_min(0) / 0.2), rtol=1e-9, atol=0)


@pytest.mark.parametrize("group", ["p4", "p8", "p4m"])
def test_the_projection_reads_features_first(group: str) -> None:
    """Published: an output layer of orientation-major filters on feature-major channels."""
    layer = ProjectionConv2d(3, 2, group=group, basis="fourier").double()
    order = layer.group.order
    with torch.no_grad():
        layer.weight[:, [0, 2]] = 0
    used = layer.filters().abs().amax((0, 2, 3)) > 0
    assert used.tolist() == [False] * order + [True] * order + [False] * order
    x = torch.randn(1, 3 * order, 6, 6, dtype=torch.float64)
    before = layer(x)
    x[:, :order], x[:, 2 * order :] = 7, -5
    assert torch.equal(layer(x), before)


def layer_of(kind: type, **options) -> nn.Module:
    torch.manual_seed(0)
    return kind(2, 2, group="p4", basis="fourier", **options).double()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("deformed", [False, True])
def test_evaluation_twice_keeps_no_stale_filters(kind: type, deformed: bool) -> None:
    """Published: train(False) on a network in evaluation mode left the old filters in place."""
    layer = layer_of(kind, deformation=bent(0.3, 1.2, 0.8) if deformed else None).train(False)
    x = torch.randn(1, layer.in_channels, 7, 7, dtype=torch.float64)
    sources = [layer.weight, *(layer.deformation.parameters() if deformed else [])]
    with torch.no_grad():
        for source in sources:
            for silent in (False, True):
                before = layer(x)
                change = torch.tensor([0.2, 0.1, -0.1]) if source.shape == (3,) else torch.ones(())
                if silent:
                    source.data = source.data + change.to(source)  # no counter sees this
                    layer.train(False)
                else:
                    source += change.to(source)
                after = layer(x)
                assert not torch.allclose(before, after)
                layer._cache.clear()
                assert torch.equal(layer(x), after)


@pytest.mark.parametrize("kind", KINDS)
def test_an_optimizer_step_in_evaluation_mode_is_seen(kind: type) -> None:
    layer = layer_of(kind).eval()
    x = torch.randn(1, layer.in_channels, 7, 7, dtype=torch.float64)
    with torch.no_grad():
        before = layer(x)
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0)
    layer(x).square().sum().backward()
    optimizer.step()
    with torch.no_grad():
        assert not torch.allclose(layer(x), before)


def test_new_weights_are_seen_after_load_state_dict() -> None:
    first, second = layer_of(GroupConv2d).eval(), GroupConv2d(2, 2, group="p4", basis="fourier").double().eval()
    x = torch.randn(1, 8, 7, 7, dtype=torch.float64)
    with torch.no_grad():
        assert not torch.allclose(first(x), second(x))
        second.load_state_dict(first.state_dict())
        assert torch.equal(first(x), second(x))


@pytest.mark.parametrize("group", ["p4", "p8", "p4m"])
@pytest.mark.parametrize("kind", [LiftingConv2d, GroupConv2d])
def test_a_feature_has_one_bias_for_all_its_elements(kind: type, group: str) -> None:
    layer = kind(2, 3, group=group, basis="fourier")
    order = layer.group.order
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.copy_(torch.tensor([1.0, -2.0, 3.0]))
    output = layer(torch.randn(2, layer.in_channels, 6, 6))
    assert layer.bias.shape == (3,)
    expected = torch.tensor([1.0, -2.0, 3.0]).repeat_interleave(order)
    assert torch.equal(output, expected[:, None, None].expand_as(output))
    output.sum().backward()
    assert layer.bias.grad.tolist() == [2 * 36 * order] * 3


def test_a_projection_has_one_bias_for_each_channel() -> None:
    layer = ProjectionConv2d(2, 3, group="p8", basis="fourier")
    assert layer.bias.shape == (3,) and layer.channel_bias() is layer.bias


@pytest.mark.parametrize("basis", [*BASES, "harmonic", "steerable"])
def test_weights_alone_say_what_a_layer_does(basis: str) -> None:
    """Published: principal components of the basis, of random signs, had to travel with the checkpoint."""
    layer = GroupConv2d(2, 2, group="p8", basis=basis)
    assert sorted(layer.state_dict()) == ["bias", "weight"]
    assert torch.equal(_made.__wrapped__(basis, 5, layer.group, True).undeformed, layer.basis.undeformed)


def test_w_per_image_leaves_nothing_behind() -> None:
    deformation = bent(0.0, 1.0, 1.0)
    layer = layer_of(LiftingConv2d, deformation=deformation).eval()
    x = torch.randn(2, 2, 9, 9, dtype=torch.float64)
    with torch.no_grad():
        plain = layer(x)
        deformation.offset = torch.tensor([[0.4, 0.2, -0.2], [0.0, 0.0, 0.0]])
        adapted = layer(x)
        assert not torch.allclose(adapted[0], plain[0])
        assert torch.allclose(adapted[1], plain[1], rtol=0, atol=1e-13)
        deformation.offset = None
        assert torch.equal(layer(x), plain)
