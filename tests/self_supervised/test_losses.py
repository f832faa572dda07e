"""EI and REI, written out with NumPy for one shift, and their gradients against differences."""

from __future__ import annotations

import inspect
from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from symmetry_audit.errors import SettingError
from symmetry_audit.self_supervised import (
    EILoss,
    GaussianSURE,
    LinearOperator,
    MaskOperator,
    MixedSURE,
    Noise,
    PoissonSURE,
    REILoss,
    Rotations,
    Shifts,
)
from tests.self_supervised.operators import OPERATORS, gated, mask

EACH_OPERATOR = pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS)


class OneShift:
    """Two rows down, one column to the left."""

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return images.roll((2, -1), (-2, -1))


class Held(Noise):
    """Draws once and then gives the same values."""

    def __init__(self, noise: Noise) -> None:
        super().__init__(noise.gamma, noise.sigma)
        object.__setattr__(self, "held", [])

    def sample(self, u: Tensor, generator: torch.Generator | None = None) -> Tensor:
        if not self.held:
            self.held.append(super().sample(u, generator).detach())
        return self.held[0]


def measurements(operator: LinearOperator) -> Tensor:
    x = torch.rand(2, 3, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return operator.forward(x)


def by_hand(restore, y: Tensor, operator: LinearOperator, weight: float) -> np.ndarray:
    """EI of every image."""
    x = restore(y)
    misfit = (operator.forward(x) - y).numpy() ** 2
    moved = np.roll(x.numpy(), (2, -1), (-2, -1))
    again = restore(operator.forward(torch.from_numpy(moved))).numpy()
    return np.array([misfit[i].mean() + weight * ((again[i] - moved[i]) ** 2).mean() for i in range(len(y))])


@EACH_OPERATOR
@pytest.mark.parametrize("weight", [0.0, 0.7])
def test_ei(operator, weight):
    y = measurements(operator)

    def restore(values: Tensor) -> Tensor:
        return gated(operator.pseudo_inverse(values))

    found = EILoss(OneShift(), weight)(restore, y, operator)
    assert found.numpy() == pytest.approx(by_hand(restore, y, operator, weight), abs=1e-12)
    known = EILoss(OneShift(), weight)(restore, y, operator, restored=restore(y))
    assert torch.equal(known, found)


@EACH_OPERATOR
def test_rei_without_noise_averages_over_what_is_measured(operator):
    y = measurements(operator)

    def restore(values: Tensor) -> Tensor:
        return gated(operator.pseudo_inverse(values))

    share = float(operator.measured(y).mean())
    consistency, both = (by_hand(restore, y, operator, weight) for weight in (0.0, 0.7))
    found = REILoss(Noise(), OneShift(), weight=0.7)(restore, y, operator)
    assert found.numpy() == pytest.approx(consistency / share + both - consistency, abs=1e-12)


def test_every_shift_counts_alike():
    operator, y = mask(), measurements(mask())
    generators = [torch.Generator().manual_seed(4) for _ in range(2)]
    moved = Shifts(3)(gated(y), generators[0]).unflatten(0, (3, 2))
    each = [(gated(operator.forward(one)) - one).square().mean((1, 2, 3)) for one in moved]
    found = EILoss(Shifts(3))(gated, y, operator, generator=generators[1])
    expected = torch.stack(each).mean(0) + (operator.forward(gated(y)) - y).square().mean((1, 2, 3))
    assert torch.allclose(found, expected, rtol=0, atol=1e-12)


def test_noise_of_transformed_images():
    """It is drawn anew, of the right strength, and nowhere but where something is measured."""
    seen = []
    operator = MaskOperator(torch.ones(64, 64).triu())
    y = torch.full((1, 3, 64, 64), 0.5) * operator.mask

    def restore(values: Tensor) -> Tensor:
        seen.append(values)
        return torch.full_like(values, 0.5)

    noise = Noise(gamma=0.05, sigma=0.1)
    REILoss(noise, Shifts(2))(restore, y, operator, generator=torch.Generator().manual_seed(0))
    noisy = seen[-1]
    kept = operator.measured(noisy) == 1
    assert noisy.shape == (2, 3, 64, 64) and not noisy[~kept].any()
    many = int(kept.sum())
    variance = 0.05 * 0.5 + 0.01
    assert float(noisy[kept].mean()) == pytest.approx(0.5, abs=5 * (variance / many) ** 0.5)
    assert float(noisy[kept].var()) == pytest.approx(variance, rel=5 * (2.3 / many) ** 0.5)


def test_negative_restorations_have_no_photons():
    """torch.poisson refuses negative rates on a CPU."""
    noise = Noise(gamma=0.1)
    assert not noise.sample(torch.full((4, 4), -1.0)).any()
    y = torch.zeros(1, 3, 6, 6)
    assert torch.isfinite(REILoss(noise)(lambda values: values - 1, y, MaskOperator(torch.ones(6, 6)))).all()


@pytest.mark.parametrize(
    ("noise", "transforms"),
    [
        *product([Noise(), Noise(sigma=0.1)], [Shifts(2), Rotations(2, "p4"), Rotations(1, "p360")]),
        (Noise(gamma=0.05), Shifts(2)),
    ],
    ids=lambda value: type(value).__name__,  # an object's own text has its address, which is another in every process
)
def test_gradients_pass_through_both_sides(noise, transforms):
    """Against differences of the loss; the counts of Poisson noise are constants there and here."""
    operator = mask()
    y = noise.sample(measurements(operator), torch.Generator().manual_seed(2)) * operator.mask
    loss = REILoss(noise, transforms) if noise != Noise() else EILoss(transforms)
    weights = torch.tensor([0.8, 0.1, -0.3], dtype=torch.float64, requires_grad=True)

    def value(a: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(6)
        return loss(lambda values: a[0] * gated(values) + a[1] * values**2 + a[2], y, operator, generator=generator)

    if noise.gamma:  # counts jump, so differences are taken of the loss with the counts of this draw
        (gradient,) = torch.autograd.grad(value(weights).sum(), weights)
        loss = REILoss(Held(noise), transforms)
        assert torch.allclose(torch.autograd.grad(value(weights).sum(), weights)[0], gradient, rtol=1e-12)
    assert torch.autograd.gradcheck(value, weights, eps=1e-6, atol=1e-6)


def test_all_losses_are_called_alike() -> None:
    """So that one can take another's place in a training loop."""
    losses = [EILoss(), REILoss(Noise(0.05, 0.1)), GaussianSURE(0.1), PoissonSURE(0.05), MixedSURE(0.05, 0.1)]
    assert len({str(inspect.signature(loss)) for loss in losses}) == 1
    operator, y = MaskOperator(torch.ones(6, 6)), torch.rand(2, 3, 6, 6)
    for loss in losses:
        generators = [torch.Generator().manual_seed(0) for _ in "ab"]
        found = loss(torch.square, y, operator, generator=generators[0])
        assert found.shape == (2,)
        assert torch.equal(found, loss(torch.square, y, operator, restored=y.square(), generator=generators[1]))


@pytest.mark.parametrize("make", [lambda weight: EILoss(weight=weight), lambda weight: REILoss(Noise(), weight=weight)])
@pytest.mark.parametrize("weight", [-1.0, float("nan")])
def test_wrong_weights(make, weight):
    with pytest.raises(SettingError, match="must be 0 or more"):
        make(weight)


@pytest.mark.parametrize("wrong", [{"gamma": -0.1}, {"sigma": -1}, {"sigma": float("inf")}, {"gamma": float("nan")}])
def test_wrong_noise(wrong):
    with pytest.raises(SettingError, match="must be 0 or more"):
        Noise(**wrong)
