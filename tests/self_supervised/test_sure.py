"""SURE against the true risk, which only tests know: exactly where that is possible, and in the mean over draws."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from symmetry_audit.errors import SettingError
from symmetry_audit.self_supervised import (
    GaussianSURE,
    LinearOperator,
    MaskOperator,
    MixedSURE,
    Noise,
    PoissonSURE,
)
from symmetry_audit.self_supervised._sure import HIGH, HIGH_SHARE, LOW
from tests.self_supervised.operators import OPERATORS, Reduction, gated, mask

DRAWS = 5000
SIDE = 6
FAR = 5  # standard errors
ONE = MaskOperator(torch.ones(1, 1, dtype=torch.float64))  # the identity on images of one pixel


def excess(noise: Noise, operator: LinearOperator, restore, sure: MixedSURE | None = None) -> torch.Tensor:
    """SURE minus the loss that a look at A x gives, for every draw of the noise of one image."""
    generator = torch.Generator().manual_seed(3)
    x = torch.rand(1, 1, SIDE, SIDE, dtype=torch.float64, generator=generator)
    u = operator.forward(x)
    measured = operator.measured(u)
    y = noise.sample(u.repeat(DRAWS, 1, 1, 1), generator) * measured

    def seen(measurements: torch.Tensor) -> torch.Tensor:
        return restore(operator.pseudo_inverse(measurements))

    found = (sure or noise.sure(1e-3))(seen, y, operator, generator=generator)
    loss = (measured * (operator.forward(seen(y)) - u)).square().flatten(1).sum(1) / measured.sum()
    return found - loss


def distance(values: torch.Tensor, mean: float = 0.0) -> float:
    """How far the mean of ``values`` is from ``mean``, in standard errors."""
    return float(abs(values.mean() - mean) / (values.std() / math.sqrt(len(values))))


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS)
@pytest.mark.parametrize(
    "noise", [Noise(sigma=0.1), Noise(gamma=0.05), Noise(gamma=0.05, sigma=0.1)], ids=["gaussian", "poisson", "mixed"]
)
def test_the_mean_is_the_true_risk(noise, operator):
    assert distance(excess(noise, operator, gated)) < FAR


@pytest.mark.parametrize("noise", [Noise(sigma=0.1), Noise(gamma=0.05), Noise(gamma=0.05, sigma=0.1)])
def test_as_many_draws_show_what_is_wrong(noise):
    """Noise of half the variance, or none, is far from the risk."""
    for share in (0.0, 0.5):
        wrong = MixedSURE(share * noise.gamma, math.sqrt(share) * noise.sigma, 1e-3)
        assert distance(excess(noise, mask(), gated, wrong)) > 2 * FAR


@pytest.mark.parametrize("noise", [Noise(sigma=0.1), Noise(gamma=0.05), Noise(gamma=0.05, sigma=0.1)])
def test_the_risk_of_grey_images_whose_channels_share_their_noise(noise):
    """Of a network that mixes channels; three probes would take it for one that averages three noises."""
    generator = torch.Generator().manual_seed(5)
    u = torch.rand(1, 1, SIDE, SIDE, dtype=torch.float64, generator=generator)
    y = noise.sample(u.repeat(DRAWS, 1, 1, 1), generator).repeat(1, 3, 1, 1)

    def mixed(image: torch.Tensor) -> torch.Tensor:
        return 0.9 * image.mean(1, keepdim=True).expand_as(image)

    found = noise.sure(1e-3)(mixed, y, MaskOperator(torch.ones(SIDE, SIDE)), generator=generator)
    assert distance(found - (mixed(y) - u).square().flatten(1).mean(1)) < FAR


def test_gaussian_noise_and_any_smooth_restorer():
    assert distance(excess(Noise(sigma=0.1), mask(), lambda image: torch.tanh(2 * gated(image) + image**3))) < FAR


def over_counts(gamma: float, level: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Every value (N, 1, 1, 1) that a pixel of ``level`` can take, and its probability."""
    counts = np.arange(200)
    weights = stats.poisson.pmf(counts, level / gamma)
    return torch.tensor(gamma * counts).view(-1, 1, 1, 1), torch.tensor(weights)


@pytest.mark.parametrize("gamma", [0.01, 0.05, 0.3])
def test_poisson_exactly(gamma):
    """The sum over all counts. For an affine restorer it is the risk, else gamma^2 E y h'' above it, to first order."""
    level = 0.7
    y, weights = over_counts(gamma, level)

    def quadratic(values: torch.Tensor) -> torch.Tensor:
        return 0.1 + 0.6 * values + 0.4 * values**2

    for restore, bent in ((lambda values: 0.1 + 0.6 * values, 0.0), (quadratic, 0.8)):
        estimate = weights @ PoissonSURE(gamma, tau=1e-7)(restore, y, ONE)
        risk = weights @ (restore(y) - level).square().flatten()
        assert float(estimate - risk) == pytest.approx(gamma**2 * bent * level, abs=1e-6)


@pytest.mark.parametrize("sigma", [0.05, 0.3])
def test_gaussian_exactly(sigma):
    """Gauss-Hermite quadrature is exact for the polynomials that a quadratic restorer makes of the noise."""
    level = 0.7
    points, weights = np.polynomial.hermite_e.hermegauss(12)
    y, weights = torch.tensor(level + sigma * points).view(-1, 1, 1, 1), torch.tensor(weights / math.sqrt(2 * math.pi))

    def restore(values: torch.Tensor) -> torch.Tensor:
        return 0.1 + 0.6 * values + 0.4 * values**2

    estimate = weights @ GaussianSURE(sigma, tau=1e-7)(restore, y, ONE)
    risk = weights @ (restore(y) - level).square().flatten()
    assert float(estimate) == pytest.approx(float(risk), abs=1e-6)


def test_the_second_derivative_of_mixed_noise():
    """Of a pixel's square: the formula is gamma^2 E y h'' above the risk, like that of Poisson noise alone.

    Without the second derivative, or with its sign changed, it is 2 gamma sigma^2 h'' further away, or twice as much.
    """
    gamma, sigma, many = 0.2, 0.6, 100_000
    noise, generator = Noise(gamma, sigma), torch.Generator().manual_seed(5)
    u = torch.full((many, 1, 1, 1), 0.7, dtype=torch.float64)
    y = noise.sample(u, generator)
    found = noise.sure(1e-3)(torch.square, y, ONE, generator=generator) - (y**2 - u).square().flatten()
    expected = gamma**2 * 2 * 0.7
    assert distance(found, expected) < FAR
    assert distance(found - 2 * gamma * sigma**2 * 2, expected) > 2 * FAR


def test_moments_of_the_skew_probe():
    """Symmetric probes would have the mean cube 0, and so no second derivative at all."""
    chances = [HIGH_SHARE, 1 - HIGH_SHARE]
    moments = [chances[0] * HIGH**power + chances[1] * LOW**power for power in (1, 2, 3)]
    assert moments == pytest.approx([0, 1, 1], abs=1e-12)


def test_each_image_has_its_own_mask_and_value():
    """An image alone and in a batch: the same, for a restorer and noise without chance."""
    kept = (torch.rand(3, 1, 5, 5, generator=torch.Generator().manual_seed(0)) < 0.6).double()
    kept[..., 0, 0] = 1
    y = kept * torch.rand(3, 2, 5, 5, dtype=torch.float64)
    sure = PoissonSURE(0.05)
    together = sure(lambda values: 0.3 + values / 2, y, MaskOperator(kept))
    for index in range(3):
        one = slice(index, index + 1)
        alone = sure(lambda values: 0.3 + values / 2, y[one], MaskOperator(kept[one]))
        values = y[one][kept[one].expand(1, 2, 5, 5) == 1].numpy()
        by_hand = np.mean((0.3 - values / 2) ** 2 - 0.05 * values + 2 * 0.05 * values / 2)
        assert float(together[index]) == pytest.approx(float(alone), abs=1e-12)
        assert float(alone) == pytest.approx(by_hand, abs=1e-12)


def test_without_noise_it_is_the_distance_to_the_measurements():
    y = torch.rand(2, 1, 3, 3, dtype=torch.float64)
    runs = []

    def restore(values: torch.Tensor) -> torch.Tensor:
        runs.append(values)
        return Reduction().pseudo_inverse(values) + 0.5

    assert MixedSURE(0, 0)(restore, y, Reduction()).tolist() == pytest.approx([0.25, 0.25])
    assert len(runs) == 1


def test_a_known_restoration_is_not_made_again():
    y = torch.rand(2, 1, 3, 3)
    runs = []

    def restore(values: torch.Tensor) -> torch.Tensor:
        runs.append(values)
        return values

    PoissonSURE(0.1)(restore, y, mask(3), restored=y)
    assert len(runs) == 1


@pytest.mark.parametrize("wrong", [(-1, 0), (0, -1), (0, 1, 0), (0, math.nan, 1), (0, 1, math.nan)])
def test_wrong_settings(wrong):
    with pytest.raises(SettingError, match="must be 0 or more"):
        MixedSURE(*wrong)
