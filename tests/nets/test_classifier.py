"""The classifier: shapes, invariant logits, and partial networks between the equivariant and a plain one."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor, nn

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group
from symmetry_audit.layers import METHODS, EquivariantConv2d, HalvingPool2d, PartialGate, kept_elements
from symmetry_audit.nets import build, presets_of
from tests.devices import META, HostWork, write_all

GROUPED = [name for name in METHODS if name != "cnn"]


def images(height: int, width: int | None = None, number: int = 2) -> Tensor:
    drawn = torch.Generator().manual_seed(3)
    return 255 * torch.rand(number, 3, height, width or height, generator=drawn, dtype=torch.float64)


def lively(method: str, **options) -> nn.Module:
    """A classifier in evaluation whose norms, which start as the identity, do something."""
    torch.manual_seed(0)
    network = build("classifier", method, preset="tiny", classes=5, **options).double()
    with torch.no_grad():
        for _ in range(3):
            network(images(32, number=4))
    return network.eval()


@torch.no_grad()
def change(network: nn.Module, x: Tensor, turned: Tensor) -> float:
    """The change of the logits relative to their spread over classes."""
    logits = network(x)
    return float((network(turned) - logits).abs().max() / logits.std(1).min())


# ---------------------------------------------------------------- invariance


@pytest.mark.parametrize("method", GROUPED)
def test_quarter_turns_do_not_change_the_logits(method: str) -> None:
    network, x = lively(method, group="p4"), images(32)
    for turns in (1, 2, 3):
        assert change(network, x, x.rot90(turns, (2, 3))) < 1e-12
    assert change(network, x, x.flip(3)) > 1e-4


@pytest.mark.parametrize(("height", "width"), [(17, 17), (22, 22), (13, 18), (1, 2)])
def test_nor_do_they_in_images_of_any_size(height: int, width: int) -> None:
    network, x = lively("fconv", group="p4m"), images(height, width)
    for turned in (x.rot90(1, (2, 3)), x.flip(2), x.transpose(2, 3)):
        assert change(network, x, turned) < 1e-12


def test_the_plain_network_is_not_invariant() -> None:
    assert change(lively("cnn"), images(24), images(24).rot90(1, (2, 3))) > 1e-3


# ---------------------------------------------------------------- structure


@pytest.mark.parametrize("method", METHODS)
def test_an_architecture_makes_the_same_network_again(method: str) -> None:
    first = lively(method)
    document = json.loads(json.dumps(first.architecture))
    expected = {"backbone": "classifier", "method": method, "preset": "tiny", "scale": 1, "classes": 5}
    assert expected.items() <= document.items()
    second = build(**document).double().eval()
    second.load_state_dict(first.state_dict())
    x = images(29, 33, number=3)
    with torch.no_grad():
        assert first(x).shape == (3, 5)
        assert torch.equal(first(x), second(x))


def test_all_methods_are_equally_wide_but_for_the_head() -> None:
    def structure(method: str) -> list[tuple[int, int]]:
        layers = [part for part in build("classifier", method, preset="tiny").modules()]
        return [(part.in_channels, part.out_channels) for part in layers if isinstance(part, EquivariantConv2d)]

    *plain, (into, wide) = structure("cnn")
    assert plain == [(3, 32), (32, 32), (32, 32), (32, 64), (64, 64), (32, 64)] and (into, wide) == (64, 64)
    for method in GROUPED:
        assert structure(method) == [*plain, (64, 64 * Group.parse(METHODS[method].group).order)]
    assert presets_of("classifier") == ("small", "tiny")


@pytest.mark.parametrize("options", [{"method": "cnn"}, {"method": "gcnn", "partial": True}, {"method": "sa"}])
def test_on_a_device_that_holds_no_values(options: dict) -> None:
    network = build("classifier", preset="tiny", **options).to(META)
    for _ in range(2):
        network.zero_grad()
        write_all(network)
        with HostWork() as work:
            network(torch.zeros(2, 3, 33, 33, device=META)).sum().backward()
        assert not [name for name, one in network.named_parameters() if one.requires_grad and one.grad is None]
    assert work.found == []


@pytest.mark.parametrize("method", ["cnn", "gcnn", "sa"])
def test_ten_steps_lower_the_loss(method: str) -> None:
    torch.manual_seed(0)
    network = build("classifier", method, preset="tiny", classes=3)
    x, labels = images(29, number=6).float(), torch.tensor([0, 1, 2, 0, 1, 2])
    x[labels == 1] *= 0.5
    x[labels == 2] = nn.functional.avg_pool2d(x[labels == 2], 5, 1, 2)
    optimizer, losses = torch.optim.Adam(network.parameters(), 3e-3), []
    for _ in range(10):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network(x), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


# ---------------------------------------------------------------- pooling


@pytest.mark.parametrize(("height", "width"), [(4, 6), (5, 4), (7, 9), (1, 3)])
def test_halving_by_hand(height: int, width: int) -> None:
    x = images(height, width)

    def windows(side: int) -> list[list[int]]:
        if side % 2 == 0:
            return [[at, at + 1] for at in range(0, side, 2)]
        return [[at for at in (middle - 1, middle, middle + 1) if 0 <= at < side] for middle in range(0, side, 2)]

    found = HalvingPool2d()(x)
    assert found.shape[2:] == (len(windows(height)), len(windows(width)))
    for i, rows in enumerate(windows(height)):
        for j, columns in enumerate(windows(width)):
            expected = x[:, :, rows][..., columns].mean((2, 3))
            assert torch.allclose(found[:, :, i, j], expected, rtol=0, atol=1e-12)


def test_halving_commutes_with_quarter_turns_and_mirrors_but_a_stride_does_not() -> None:
    x, pool = images(6), HalvingPool2d()
    for move in (lambda y: y.rot90(1, (2, 3)), lambda y: y.flip(3)):
        assert torch.allclose(pool(move(x)), move(pool(x)), rtol=0, atol=1e-12)
        assert not torch.equal(move(x)[..., ::2, ::2], move(x[..., ::2, ::2]))


# ---------------------------------------------------------------- partial


def test_a_partial_network_starts_as_the_equivariant_one() -> None:
    full, partial = lively("gcnn"), lively("gcnn", partial=True)
    missing, unexpected = partial.load_state_dict(full.state_dict(), strict=False)
    gates = [name for name, part in partial.named_modules() if isinstance(part, PartialGate)]
    assert (sorted(missing), unexpected) == (sorted(f"{name}.logits" for name in gates), [])
    assert len(gates) == 2 * 2 + 1 and set(kept_elements(partial)) == set(gates)
    x = images(24)
    with torch.no_grad():
        assert torch.equal(full(x), partial(x))
    assert partial.architecture["partial"] is True and "partial" not in full.architecture


def only(network: nn.Module, element: int) -> nn.Module:
    with torch.no_grad():
        for part in network.modules():
            if isinstance(part, PartialGate):
                part.logits.fill_(-1e3)[element] = 0.0
    return network


@pytest.mark.parametrize(("method", "group"), [("gcnn", "p4"), ("fconv", "p8")])
def test_with_one_element_left_it_is_a_plain_network(method: str, group: str) -> None:
    """Every convolution after the first reads and gives one element: written out with plain filters, in float64."""
    network = only(lively(method, group=group, partial=True), element=0)
    order = 4 if group == "p4" else 8
    x = images(20)

    def norm(y: Tensor, part: nn.Module, copies: int = 1) -> Tensor:
        mean, variance, weight, bias = (
            getattr(part.inner, name).repeat_interleave(copies)[:, None, None]
            for name in ("running_mean", "running_var", "weight", "bias")
        )
        return (y - mean) / (variance + part.inner.eps).sqrt() * weight + bias

    def conv(y: Tensor, layer: EquivariantConv2d, step: int = order) -> Tensor:
        """The first element of every feature, from every ``step``-th filter over the input."""
        return torch.conv2d(y, layer.filters()[::order, ::step], layer.bias, padding=layer.padding)

    pool = HalvingPool2d()
    with torch.no_grad():
        lift = network.stem[0]
        lifted = torch.conv2d((x - 127.5) / 127.5, lift.filters(), lift.channel_bias(), padding=lift.padding)
        y = pool(norm(lifted, network.stem[1], copies=order).relu())
        for block, step in ((network.stages[1], 1), (network.stages[3], order)):
            inner = norm(conv(y, block.branch[0], step), block.branch[1]).relu()
            inner = norm(conv(inner, block.branch[4]), block.branch[5])
            skip = y[:, ::order] if step == 1 else norm(conv(y, block.skip[0]), block.skip[1])
            y = pool((skip + inner).relu())
        y = norm(conv(y, network.head[0]), network.head[1]).relu()
        expected, found = network.linear(y.mean((2, 3))), network(x)
    assert torch.allclose(found, expected, rtol=0, atol=1e-12)
    assert change(network, x, x.rot90(1, (2, 3))) > 1e-6  # no symmetry: rounding is below 1e-12


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backbone": "classifier", "classes": 1}, "a classifier needs two classes or more, got 1"),
        ({"backbone": "resnet", "classes": 3}, "resnet restores images and has no classes; use classifier"),
        ({"backbone": "resnet", "method": "gcnn", "partial": True}, "resnet has no gates on its group axis"),
        ({"backbone": "classifier", "preset": "paper"}, 'classifier has no preset "paper"; choose small or tiny'),
        ({"backbone": "classifier", "scale": 2}, "classifier has scale 1, got 2"),
    ],
)
def test_settings_that_do_not_fit(arguments: dict, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        build(**{"preset": "tiny", **arguments})
