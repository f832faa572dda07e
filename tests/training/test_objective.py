"""Losses against their formulas by hand."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from symmetry_audit.nets import Stages, build
from symmetry_audit.training import EquivarianceRegularizer
from symmetry_audit.training._objective import Objective


class Scaled(nn.Module):
    """Gives the input times a number; its stages are known."""

    def forward(self, x, stages=False):
        if not stages:
            return 0.5 * x
        return Stages(0.9 * x, (0.8 * x, 0.7 * x, 0.6 * x), (0.1 * x, 0.2 * x, 0.3 * x))


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return 255 * torch.rand(2, 3, 8, 8), 255 * torch.rand(2, 3, 8, 8)


def test_l1_and_mse(batch):
    x, clean = batch
    loss, squared_error = Objective(Scaled(), "l1")(x, clean)
    assert loss == pytest.approx(float((0.5 * x - clean).abs().mean()), rel=1e-6)
    assert squared_error == pytest.approx(float((0.5 * x - clean).square().mean()), rel=1e-6)
    loss, _ = Objective(Scaled(), "mse")(x, clean)
    assert loss == pytest.approx(float(((0.5 * x - clean) / 255).square().mean()), rel=1e-6)


def test_stages(batch):
    """0.1 of the initial background and of every stage but the last, 1 and 0.9 of the last (ARCHITECTURES 2.8)."""
    x, clean = (part / 255 for part in batch)

    def mse(one, other):
        return float((one - other).square().mean())

    early = mse(0.9 * x, clean) + mse(0.8 * x, clean) + mse(0.7 * x, clean)
    early += mse(0.1 * x, x - clean) + mse(0.2 * x, x - clean)
    expected = 0.1 * early + mse(0.6 * x, clean) + 0.9 * mse(0.3 * x, x - clean)
    loss, squared_error = Objective(Scaled(), "stages")(*batch)
    assert loss == pytest.approx(expected, rel=1e-5)
    assert squared_error == pytest.approx(255**2 * mse(0.6 * x, clean), rel=1e-5)


def test_error_is_that_of_what_a_file_would_hold(batch):
    """Beyond 0..255 the network's output is clipped before its PSNR."""
    x = torch.full((1, 3, 4, 4), 1000.0)
    _, squared_error = Objective(Scaled(), "l1")(x, torch.full_like(x, 255.0))
    assert squared_error == 0


def test_without_its_hypernetwork_sa_is_tl():
    torch.manual_seed(0)
    sa = build("resnet", "sa", preset="tiny", group="p4")
    for value in sa.parameters():
        nn.init.normal_(value, std=0.05)
    tl = build("resnet", "tl", preset="tiny", group="p4")
    tl.load_state_dict(sa.network.state_dict())
    x, clean = 255 * torch.rand(2, 3, 32, 32), 255 * torch.rand(2, 3, 32, 32)
    objective = Objective(sa, "l1")
    adapted = objective(x, clean).loss.detach()
    objective.adaptive = False
    assert objective(x, clean).loss.detach() == pytest.approx(
        float(Objective(tl, "l1")(x, clean).loss.detach()), rel=1e-6
    )
    assert objective(x, clean).loss.detach() != pytest.approx(float(adapted), rel=1e-6)


@pytest.mark.parametrize(("loss", "peak"), [("l1", 1.0), ("mse", 255.0)])
def test_eq_reg_is_added_in_the_unit_of_the_loss(batch, loss, peak):
    x, clean = batch
    net = build("resnet", "cnn", preset="tiny")
    regularize = partial(EquivarianceRegularizer, group="p4", layers=["output"])
    objective = Objective(net, loss, regularize=regularize, eq_reg=0.3)
    objective.element = 3
    difference = net(torch.rot90(x, 3, (2, 3))) - torch.rot90(net(x), 3, (2, 3))
    y, x_ = torch.meshgrid(*[torch.arange(8) - 3.5] * 2, indexing="ij")
    penalty = (difference / peak).square()[..., torch.hypot(y, x_) <= 3.5].mean().detach()
    expected = Objective(net, loss)(x, clean).loss.detach() + 0.3 * penalty
    assert objective(x, clean).loss.detach() == pytest.approx(float(expected), rel=1e-5)
    assert penalty > 0


def test_relaxed_layers_pay_for_the_squares_of_what_they_add(batch):
    x, clean = batch
    net = build("resnet", "gcnn", preset="tiny", group="p4", relaxed=True)
    with torch.no_grad():
        net.head.residual.fill_(0.1)
    plain = Objective(net, "l1")(x, clean).loss.detach()
    expected = plain + 0.7 * 0.01 * net.head.residual.numel()
    assert Objective(net, "l1", relax=0.7)(x, clean).loss.detach() == pytest.approx(float(expected), rel=1e-5)


class Metal(nn.Module):
    """Stages of an image of one channel; those before it are half as large."""

    def forward(self, x, stages=False):
        first = x[:, :1]
        before = Stages(0.1 * first, (0.2 * first,), (0.3 * first,))
        return Stages(0.9 * first, (0.8 * first, 0.7 * first), (0.1 * first, 0.2 * first), before)


def test_the_loss_against_metal_artefacts(batch):
    """By hand for 16 patches of 64 px, for which the published L1 terms are sums; metal counts nowhere."""
    torch.manual_seed(0)
    x, clean = 255 * torch.rand(16, 3, 64, 64), 255 * torch.rand(16, 1, 64, 64)
    x[:, 2] = (torch.rand(16, 64, 64) > 0.2).float()
    known, corrupted = x[:, 2:], x[:, :1]

    def image(factor):
        error = known * (factor * corrupted - clean)
        return float(error.square().mean() + 5e-4 * error.abs().sum())

    def layer(factor):
        return float(5e-4 * (known * (factor * corrupted - (corrupted - clean))).abs().sum())

    def first(factor):
        return float((known * (factor * corrupted - clean)).square().mean())

    main = 0.1 * (first(0.9) + image(0.8) + layer(0.1)) + image(0.7) + layer(0.2)
    before = 0.1 * first(0.1) + image(0.2) + layer(0.3)
    loss, squared_error = Objective(Metal(), "mar")(x, clean)
    assert loss == pytest.approx((main + before) / 255**2, rel=1e-4)
    assert squared_error == pytest.approx(first(0.7), rel=1e-5)
