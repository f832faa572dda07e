"""EQ-Reg against sums written out by hand, its gradients, what it looks at, and what it costs in memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from symmetry_audit.errors import SettingError
from symmetry_audit.layers import GroupConv2d, LiftingConv2d, ProjectionConv2d
from symmetry_audit.nets import build
from symmetry_audit.training import OUTPUT, EquivarianceRegularizer, _eq_reg
from tests.oracles import symmetry


def plain(width: int = 8, out: int = 3) -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.Tanh()
    return nn.Sequential(*layers, nn.Conv2d(width, out, 3, padding=1)).double()


def images(side: int = 12) -> Tensor:
    return 255 * torch.rand(2, 3, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def turned(planes: np.ndarray, degrees: float) -> np.ndarray:
    """(N, C, H, W) turned counter-clockwise on the screen, by sums of Keys' cubics over all pixels."""
    side = planes.shape[-1]
    c = (side - 1) / 2
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    result = np.zeros_like(planes)
    for y, x in np.ndindex(side, side):
        # the inverse of [[cos, sin], [-sin, cos]] on (x, y)
        at = cos * (x - c) - sin * (y - c) + c, sin * (x - c) + cos * (y - c) + c
        weights = symmetry.keys(at[1] - np.arange(side))[:, None] * symmetry.keys(at[0] - np.arange(side))
        result[..., y, x] = (planes * weights).sum((-2, -1))
    return result


def mean_over_disc(difference: np.ndarray) -> float:
    side = difference.shape[-1]
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return float((difference**2)[..., np.hypot(x, y) <= (side - 1) / 2].mean())


@pytest.mark.parametrize(("group", "order", "element"), [("p4", 4, 1), ("p4", 4, 3), ("p8", 8, 3), ("p2", 2, 1)])
def test_the_penalty_is_the_sum_of_spec_10(group, order, element):
    net, x = plain(), images()
    restored, penalty = EquivarianceRegularizer(net, group, peak=255.0)(x, element)
    degrees = 360 * element / order
    with torch.no_grad():
        there = torch.from_numpy(turned(x.numpy(), degrees))
        expected = 0.0
        for last in (2, 4):  # after the activations, where the next convolution takes them
            one, other = net[:last](x).numpy(), net[:last](there).numpy()
            # what stood at B stands at A B: channel feature * order + t goes to t + element
            shifted = np.roll(one.reshape(2, -1, order, 12, 12), element, axis=2).reshape(one.shape)
            expected += mean_over_disc(other - turned(shifted, degrees))
        expected += mean_over_disc((net(there).numpy() - turned(net(x).numpy(), degrees)) / 255)
    assert float(penalty.detach()) == pytest.approx(expected, rel=1e-9)
    assert torch.equal(restored, net(x))


@pytest.mark.parametrize(("group", "element"), [("p4m", 1), ("p4m", 6), ("p8", 1)])
def test_gradients(group, element):
    net, x = plain(8, 1), images(6) / 255

    def penalty(*values: Tensor) -> Tensor:
        named = dict(zip(dict(net.named_parameters()), values, strict=True))
        return torch.func.functional_call(Penalised(net, group, element), {f"net.{k}": v for k, v in named.items()}, x)

    values = [value.detach().clone().requires_grad_() for value in net.parameters()]
    assert torch.autograd.gradcheck(penalty, values, atol=1e-6, fast_mode=True)  # along random directions


class Penalised(nn.Module):
    def __init__(self, net: nn.Module, group: str, element: int) -> None:
        super().__init__()
        self.net, self.element = net, element
        self.regularizer = EquivarianceRegularizer(net, group)

    def forward(self, x: Tensor) -> Tensor:
        return self.regularizer(x, self.element)[1]


@pytest.mark.parametrize("backbone", ["resnet", "edsr", "rcdnet"])
def test_an_equivariant_network_has_nothing_to_pay_for(backbone):
    torch.manual_seed(0)
    net = build(backbone, "gcnn", preset="tiny", group="p4").double()
    names = ["first.*", "background_nets.0.*"] if backbone == "rcdnet" else None
    x = images(16)
    if backbone == "rcdnet":
        net.kernels.data.zero_()  # rain kernels do not turn
    _, penalty = EquivarianceRegularizer(net, "p4", names)(x, 1)
    assert penalty.detach() < 1e-18
    plain_net = build(backbone, "cnn", preset="tiny").double()
    assert EquivarianceRegularizer(plain_net, "p4", names)(x, 1)[1].detach() > 1e-3


def test_it_teaches():
    """Minimised alone, it makes a plain network equivariant; the group axis too, which turning alone could not."""
    net, x = plain().float(), images().float() / 255
    regularizer = EquivarianceRegularizer(net, "p4", 2)
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    rng = np.random.default_rng(0)
    before = [float(regularizer(x, k)[1].detach()) for k in (1, 2, 3)]
    for _ in range(150):
        optimizer.zero_grad()
        restored, penalty = regularizer(x, int(rng.integers(1, 4)))
        (penalty + (restored.mean() - 0.5).square()).backward()
        optimizer.step()
    after = [float(regularizer(x, k)[1].detach()) for k in (1, 2, 3)]
    assert max(after) < 0.1 * min(before)
    assert net[:2](x).std() > 1e-3  # not because everything is zero


def test_layers_can_be_chosen():
    net, x = plain(), images()

    def penalty(layers) -> float:
        return float(EquivarianceRegularizer(net, "p4", layers)(x, 1)[1].detach())

    parts = [penalty([name]) for name in ("2", "4", OUTPUT)]
    assert min(parts) > 0
    assert penalty(1) == parts[0]
    assert penalty(2) == pytest.approx(parts[0] + parts[1])
    assert penalty(3) == penalty(None) == pytest.approx(sum(parts))
    assert penalty(["[24]"]) == pytest.approx(parts[0] + parts[1])


def test_lifting_layers_take_plain_channels():
    """What they take turns in space alone; group layers' features move along the group axis as well."""
    torch.manual_seed(0)
    way = {"group": "p4", "basis": "fourier"}
    inner = [LiftingConv2d(3, 2, **way), GroupConv2d(2, 2, **way), ProjectionConv2d(2, 4, **way)]
    net = nn.Sequential(*inner, LiftingConv2d(4, 2, **way), ProjectionConv2d(2, 3, **way)).double()
    assert EquivarianceRegularizer(net, "p4")(images(), 1)[1].detach() < 1e-18


def test_the_model_is_left_as_it_was():
    net = plain()
    regularizer = EquivarianceRegularizer(net, "p4", ["nothing"])
    with pytest.raises(SettingError, match='no layer is called "nothing"; there are 2, 4, output'):
        regularizer(images(), 1)
    assert not any(part._forward_pre_hooks for part in net.modules())
    with pytest.raises(RuntimeError):
        regularizer(torch.zeros(1, 5, 8, 8, dtype=torch.float64), 1)
    assert not any(part._forward_pre_hooks for part in net.modules())


@pytest.mark.parametrize(
    ("model", "group", "layers", "message"),
    [
        (plain(), "p1", None, "p1 contains only the identity; choose a group such as p4"),
        (plain(6), "p4", None, "layer 2 has 6 channels, not a multiple of the 4 elements of p4: choose another"),
        (plain(), "p4", 4, "--eq-layers 4 exceeds the network's 3 layers"),
        (plain(), "p4", 0, "--eq-layers 0 exceeds the network's 3 layers"),
        (build("resnet", "gcnn", preset="tiny", group="p4"), "p8", None, "layer head is over p4, so it cannot be reg"),
    ],
)
def test_what_does_not_fit(model, group, layers, message):
    with pytest.raises(SettingError, match=message):
        EquivarianceRegularizer(model, group, layers)(images(), 1)


def test_only_square_images_turn():
    with pytest.raises(SettingError, match=r"EQ-Reg needs square images, got shape \(1, 3, 8, 9\)"):
        EquivarianceRegularizer(plain(), "p4")(torch.zeros(1, 3, 8, 9, dtype=torch.float64), 1)


@pytest.mark.parametrize("group", ["p4", "p8"])
def test_no_memory_beyond_the_second_forward_pass(group):
    """What autograd keeps for the backward pass, counted once for every storage."""
    net = build("resnet", "cnn", preset="tiny")
    x = images(16).float()

    def kept(run) -> int:
        storages = {}

        def keep(value: Tensor) -> Tensor:
            storages[value.untyped_storage().data_ptr()] = value.untyped_storage().nbytes()
            return value

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
            result = run()  # held, so that no storage is used twice
        assert result is not None
        return sum(storages.values())

    once = kept(lambda: net(x).abs().mean())
    regularizer = EquivarianceRegularizer(net, group)
    both = kept(lambda: (lambda found: found[0].abs().mean() + found[1])(regularizer(x, 1)))
    assert once < both <= 2.02 * once


@pytest.mark.parametrize(("group", "element"), [("p4", 1), ("p8", 3)])
def test_a_few_planes_at_a_time_are_as_good_as_all(group, element, monkeypatch):
    """Two images of 16 channels, 24 planes at a time: the second piece is smaller."""
    net, x = plain(16), images()
    found, pieces = [], []
    differences = _eq_reg._Action.differences

    def counted(*arguments):
        for piece in differences(*arguments):
            pieces[-1] += 1
            yield piece

    monkeypatch.setattr(_eq_reg._Action, "differences", counted)
    for room in (2**30, 24 * 12 * 12 * 8):
        pieces.append(0)
        monkeypatch.setattr("symmetry_audit.training._eq_reg.IN_CACHE", room)
        net.zero_grad()
        penalty = EquivarianceRegularizer(net, group)(x, element)[1]
        penalty.backward()
        found.append([penalty.detach(), *(weight.grad.clone() for weight in net.parameters())])
    assert pieces == [6, 10]  # there and back: two hidden layers, and an output of 6 planes
    for whole, parts in zip(*found, strict=True):
        assert torch.allclose(whole, parts, rtol=1e-10, atol=1e-12 * float(whole.abs().max()))


class ThroughTokens(nn.Module):
    """Features on their way through tokens, as in transformers: strided, not by planes."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(2).transpose(1, 2).contiguous().tanh().transpose(1, 2).reshape(x.shape)


@pytest.mark.parametrize(("group", "element"), [("p4", 1), ("p8", 1)])
@pytest.mark.parametrize("kind", ["channels last", "tokens"])
def test_features_of_any_memory_layout(group, element, kind):
    torch.manual_seed(0)
    body = ThroughTokens() if kind == "tokens" else nn.Tanh()
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), body, nn.Conv2d(8, 3, 3, padding=1)).double()
    plainly = nn.Sequential(net[0], nn.Tanh(), net[2])
    found = []
    for model, layout in ((plainly, torch.contiguous_format), (net, torch.channels_last)):
        model.to(memory_format=torch.contiguous_format if kind == "tokens" else layout)
        model.zero_grad()
        restored, penalty = EquivarianceRegularizer(model, group)(images(), element)
        (restored.mean() + penalty).backward()
        found.append([penalty.detach(), *(weight.grad.clone() for weight in model.parameters())])
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, rtol=1e-9, atol=1e-12 * float(one.abs().max()))


def test_features_are_compared_while_the_second_pass_runs():
    """So that on the way back the gradient of each arises just before its layer needs it, and not all at once."""
    order, net = [], plain()
    regularizer = EquivarianceRegularizer(net, "p4")
    compare = regularizer._error
    regularizer._error = lambda feature, *rest: (order.append(feature.name), compare(feature, *rest))[1]
    for at in (0, 2, 4):
        net[at].register_forward_hook(lambda module, inputs, output, at=at: order.append(at))
    regularizer(images(), 1)
    assert order == [0, 2, 4, 0, "2", 2, "4", 4, OUTPUT]


def test_half_precision_is_compared_in_single():
    net, x = plain().float(), images().float()
    whole = EquivarianceRegularizer(net, "p8")(x, 1)[1].detach()
    with torch.autocast("cpu", torch.bfloat16):
        half = EquivarianceRegularizer(net, "p8")(x, 1)[1]
    half.backward()
    assert half.dtype == torch.float32
    assert half.detach() == pytest.approx(float(whole), rel=0.05)
    assert all(value.grad.isfinite().all() for value in net.parameters())
