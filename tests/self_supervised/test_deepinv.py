"""A second opinion: the losses of deepinv, where that library is installed."""

from __future__ import annotations

import math
import sys
import warnings
from types import ModuleType

import pytest
import torch
from torch import Tensor

from symmetry_audit.self_supervised import EILoss, LinearOperator, Noise, REILoss
from tests.self_supervised.operators import OPERATORS, Blur, gated, mask

DRAWS = 5000
FAR = 5  # standard errors


@pytest.fixture(scope="module")
def deepinv() -> ModuleType:
    """deepinv imports torchvision for its networks; its compiled operators may not fit torch, and are not used."""
    sys.modules.setdefault("torchvision._meta_registrations", ModuleType("torchvision._meta_registrations"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("deepinv", exc_type=ImportError)


def physics_of(deepinv: ModuleType, operator: LinearOperator) -> torch.nn.Module:
    return deepinv.physics.LinearPhysics(A=lambda x, **_: operator.forward(x), A_adjoint=lambda y, **_: y)


def check_the_same_mean(ours: Tensor, theirs: Tensor) -> None:
    """Of two estimates for the same measurements, whose probes are drawn independently."""
    difference = ours - theirs
    assert float(abs(difference.mean())) < FAR * float(difference.std()) / math.sqrt(len(difference))


@pytest.mark.parametrize(
    ("noise", "name", "settings", "operator"),
    [
        (Noise(sigma=0.1), "SureGaussianLoss", {"sigma": 0.1, "tau": 1e-3}, Blur()),
        (Noise(gamma=0.05), "SurePoissonLoss", {"gain": 0.05}, Blur()),
        (Noise(gamma=0.05), "SurePoissonLoss", {"gain": 0.05}, mask()),  # they average over missing pixels too
        (
            Noise(gamma=0.2, sigma=0.5),
            "SurePGLoss",
            {"gain": 0.2, "sigma": 0.5, "tau2": 1e-3, "second_derivative": True},
            Blur(),
        ),
    ],
    ids=["gaussian", "poisson", "poisson-mask", "mixed"],
)
def test_sure(deepinv, noise, name, settings, operator):
    generator = torch.Generator().manual_seed(7)
    u = operator.forward(torch.rand(1, 1, 6, 6, dtype=torch.float64, generator=generator))
    y = noise.sample(u.repeat(DRAWS, 1, 1, 1), generator) * operator.measured(u)

    def restore(values: Tensor) -> Tensor:
        return gated(values) + 0.1 * values**2

    share = float(operator.measured(u).mean())
    ours = share * noise.sure(1e-3)(restore, y, operator, generator=generator)
    loss = getattr(deepinv.loss, name)(rng=generator, **settings)
    theirs = loss(
        y=y, x_net=restore(y), physics=physics_of(deepinv, operator), model=lambda values, physics: restore(values)
    )
    check_the_same_mean(ours, theirs)
    assert float((ours - theirs).std()) < 0.7 * float(ours.std())  # the same draws of y: the estimates go together


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS)
def test_equivariant_imaging(deepinv, operator):
    """The term of the transformed images, to rounding."""

    def shifted(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return images.roll((2, -1), (-2, -1))

    def restore(values: Tensor) -> Tensor:
        return gated(operator.pseudo_inverse(values))

    y = operator.forward(torch.rand(2, 3, 6, 6, dtype=torch.float64))
    theirs = deepinv.loss.EILoss(shifted, apply_noise=False)(
        x_net=restore(y), physics=physics_of(deepinv, operator), model=lambda values, physics: restore(values)
    )
    for loss in (EILoss, lambda transforms, weight: REILoss(Noise(), transforms, weight)):
        ours = loss(shifted, weight=1.0)(restore, y, operator) - loss(shifted, weight=0.0)(restore, y, operator)
        assert float(ours.mean()) == pytest.approx(float(theirs), rel=1e-9)
