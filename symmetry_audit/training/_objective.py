"""The objective: the losses of the published protocols, around one network."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn

from symmetry_audit.layers import SampleAdaptive, relaxation
from symmetry_audit.nets import Stages
from symmetry_audit.training._eq_reg import EquivarianceRegularizer

__all__ = ["Objective", "Outcome", "without_hypernetwork"]

PEAK = 255  # grey levels
# weights of "stages": initial background, each stage's background and rain, and those of the last stage
STAGE, LAST_BACKGROUND, LAST_RAIN = 0.1, 1.0, 0.9


class Outcome(NamedTuple):
    """The loss of a batch, regularization included, and its mean squared error per pixel.

    The latter is in squared grey levels and has no gradient.
    """

    loss: Tensor
    squared_error: Tensor


class Objective(nn.Module):
    """The objective on a batch as one module, so that it can be distributed or compiled as a whole.

    "l1" and "mse" are means over pixels, in grey levels of [0, 255] and in squares of [0, 1]; "stages" is
    RCDNet's: 0.1 of the initial background, 0.1 of background and rain of each stage but the last, 1 and 0.9 of the
    last one's, each a mean of squares. With ``regularize``, a function of network and ``peak`` that gives
    an ``EquivarianceRegularizer``, ``eq_reg`` times its penalty for ``element`` is added; ``relax`` times the squares
    of all that relaxed layers add to their filters, too.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: str,
        *,
        regularize: Callable[..., EquivarianceRegularizer] | None = None,
        eq_reg: float = 0.0,
        relax: float = 0.0,
    ) -> None:
        super().__init__()
        self.network, self.loss = network, loss
        self.regularize, self.eq_reg, self.relax = regularize, eq_reg, relax
        self.adaptive = True  # whether the hypernetwork, if any, runs
        self.element = 1  # element of the group for this step

    def forward(self, x: Tensor, clean: Tensor) -> Outcome:
        network = self.network if self.adaptive else without_hypernetwork(self.network)
        options = {"stages": True} if self.loss == "stages" else {}
        if self.regularize is None:
            found, penalty = network(x, **options), 0.0
        else:
            regularizer = self.regularize(network, peak=1.0 if self.loss == "l1" else PEAK)  # in the unit of the loss
            found, penalty = regularizer(x, self.element, **options)
        outcome = self._task(found, x, clean)
        extra = self.eq_reg * penalty + (self.relax * relaxation(network) if self.relax else 0.0)
        return outcome._replace(loss=outcome.loss + extra)

    def _task(self, found: Tensor | Stages, x: Tensor, clean: Tensor) -> Outcome:
        """The loss between the network's result ``found`` and ``clean``."""
        if not isinstance(found, Tensor):
            return Outcome(_stages(found, x, clean), _squared_error(found.backgrounds[-1], clean))
        error = found - clean
        loss = error.abs().mean() if self.loss == "l1" else (error / PEAK).square().mean()
        return Outcome(loss, _squared_error(found, clean))


def _stages(found: Stages, x: Tensor, clean: Tensor) -> Tensor:
    rain = x - clean
    backgrounds = [_mse(image, clean) for image in found.backgrounds]
    rains = [_mse(image, rain) for image in found.rains]
    before = sum(backgrounds[:-1]) + sum(rains[:-1])
    return STAGE * (_mse(found.initial, clean) + before) + LAST_BACKGROUND * backgrounds[-1] + LAST_RAIN * rains[-1]


def _mse(one: Tensor, other: Tensor) -> Tensor:
    return ((one - other) / PEAK).square().mean()


def _squared_error(restored: Tensor, clean: Tensor) -> Tensor:
    return (restored.detach().double().clamp(0, 255) - clean).square().mean()


def without_hypernetwork(network: nn.Module) -> nn.Module:
    """An SA network as it computes before its second stage, as TL; other networks are returned as they are."""
    if not isinstance(network, SampleAdaptive):
        return network
    for deformation in network.deformations():
        deformation.offset = None
    return network.network
