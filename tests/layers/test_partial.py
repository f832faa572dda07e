"""Gates on the group axis: what they keep, what they draw, and that they can learn to leave the group."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group
from symmetry_audit.layers import GroupPool, Layers, PartialGate, kept_elements


def gate(logits: list[float], group: str = "p4") -> PartialGate:
    made = PartialGate(group).double()
    with torch.no_grad():
        made.logits.copy_(torch.tensor(logits, dtype=torch.float64))
    return made


def test_evaluation_weighs_every_element_by_its_probability_relative_to_the_likeliest():
    logits = [0.3, -1.2, 0.9, 0.0]
    x = torch.randn(2, 12, 3, 5, dtype=torch.float64)
    p = torch.softmax(torch.tensor(logits, dtype=torch.float64), 0)
    expected = torch.empty_like(x)
    for feature in range(3):
        for element in range(4):
            expected[:, feature * 4 + element] = x[:, feature * 4 + element] * p[element] / p.max()
    assert torch.allclose(gate(logits).eval()(x), expected, rtol=0, atol=1e-15)


def test_training_keeps_whole_elements_that_often():
    """The same ones in all images, features and pixels of a call."""
    made, x = gate([0.0, -0.5, -1.5, -60.0]), torch.ones(2, 8, 3, 3, dtype=torch.float64)
    torch.manual_seed(0)
    drawn = [made(x).detach() for _ in range(400)]
    rows = torch.stack([one.view(2, 2, 4, 9)[0, 0, :, 0] for one in drawn])
    assert all(
        torch.equal(one, rows[at].repeat(2)[None, :, None, None].expand(2, 8, 3, 3)) for at, one in enumerate(drawn)
    )
    assert set(rows.unique().tolist()) == {0.0, 1.0}
    q = torch.tensor([0.0, -0.5, -1.5, -60.0]).exp()
    # five standard errors of 400 draws
    assert (rows.mean(0) - q).abs().max() <= 5 * (0.25 / 400) ** 0.5
    assert rows[:, 0].all() and not rows[:, 3].any()


def test_at_first_everything_is_kept_in_training_too():
    x = torch.randn(2, 8, 3, 3)
    assert torch.equal(PartialGate("p8")(x), x)
    assert kept_elements(nn.Sequential(PartialGate("p4m"), nn.ReLU())) == {"0": (1.0,) * 8}


def test_the_gradient_goes_straight_through_the_draw():
    """As if the drawn 0 or 1 were q itself: dL/dlogits from dL/dq of the mean-field network, by hand."""
    made, x = gate([0.0, -0.7, -1.0, -2.0]), torch.randn(2, 8, 3, 3, dtype=torch.float64)
    torch.manual_seed(1)
    made(x).sum().backward()
    q = torch.tensor([0.0, -0.7, -1.0, -2.0], dtype=torch.float64).exp()
    by_element = x.view(2, 2, 4, 9).sum((0, 1, 3)) * q
    expected = by_element.clone()
    expected[0] -= by_element.sum()  # the likeliest is subtracted from all
    assert torch.allclose(made.logits.grad, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("group", ["p4", "p8"])
def test_equivariance_is_kept_under_what_maps_equal_probabilities_to_each_other(group):
    """Logits with period two on the cyclic axis: half of the turns stay exact, the others do not."""
    order = Group.parse(group).order
    made = gate([0.0, -1.0] * (order // 2), group).eval()
    x = torch.randn(1, order, 1, 1, dtype=torch.float64)
    quotients = torch.from_numpy(Group.parse(group).quotients())
    for element, row in enumerate(quotients):
        same = torch.allclose(made(x[:, row]), made(x)[:, row], rtol=0, atol=1e-15)
        assert same == (element % 2 == 0)


def test_a_network_learns_to_leave_the_group_where_orientation_is_the_class():
    """Horizontal against vertical stripes: with the group the logits of both are equal, so the loss stays at ln 2."""
    rows = torch.cos(2 * torch.pi * torch.arange(8) / 4)[None, None, None].expand(1, 1, 8, 8)
    x = torch.cat([rows.transpose(2, 3), rows])

    def trained(partial: bool) -> tuple[float, nn.Module]:
        torch.manual_seed(0)
        layers = Layers("gcnn", "p4", partial=partial)
        network = nn.Sequential(
            *(layers.lifting(1, 4), nn.ReLU(), layers.gate(), GroupPool("p4")),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)),
        )
        optimizer = torch.optim.Adam(network.parameters(), 0.05)
        for _ in range(100):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(x), torch.tensor([0, 1])).backward()
            optimizer.step()
        return nn.functional.cross_entropy(network.eval()(x), torch.tensor([0, 1])).item(), network

    tied, _ = trained(partial=False)
    assert tied >= 0.6931
    loss, network = trained(partial=True)
    (kept,) = kept_elements(network).values()
    assert loss < 0.2
    assert min(kept) < 0.5


def test_what_is_refused():
    with pytest.raises(SettingError, match="p1 has one element"):
        PartialGate("p1")
    with pytest.raises(SettingError, match=r"expected features \(N, n \* 4, H, W\), got shape \(1, 6, 2, 2\)"):
        PartialGate("p4")(torch.zeros(1, 6, 2, 2))
    with pytest.raises(SettingError, match="a plain convolution has no group to keep a part of"):
        Layers("cnn", partial=True)
    assert isinstance(Layers("gcnn").gate(), nn.Identity)
