"""The objective: the loss of a task around one network, and what regularizes it."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from symmetry_audit.catalogue import BACKBONES
from symmetry_audit.layers import SampleAdaptive, relaxation
from symmetry_audit.training._eq_reg import EquivarianceRegularizer
from symmetry_audit.training._losses import LOSSES, Loss, Outcome

__all__ = ["Objective", "without_hypernetwork"]

UNROLLED = {backbone.loss for backbone in BACKBONES.values() if backbone.loss is not None}


class Objective(nn.Module):
    """The objective on a batch as one module, so that it can be distributed or compiled as a whole.

    ``loss`` is a ``Loss`` or a name in ``LOSSES``; a loss of unrolled stages gets the results of all of them. With
    ``regularize``, a function of network and ``peak`` that gives an ``EquivarianceRegularizer``, ``eq_reg`` times its
    penalty for ``element`` is added, that of the output with the weight ``eq_output`` if it has one of its own. If
    ``paired``, the loss is the mean over the batch and the batch turned by ``element``. ``relax`` times the squares of
    all that relaxed layers add to their filters is added, too.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: str | Loss,
        *,
        regularize: Callable[..., EquivarianceRegularizer] | None = None,
        eq_reg: float = 0.0,
        eq_output: float | None = None,
        paired: bool = False,
        relax: float = 0.0,
    ) -> None:
        super().__init__()
        self.network, self.loss = network, LOSSES[loss] if isinstance(loss, str) else loss
        self.options = {"stages": True} if loss in UNROLLED else {}
        self.regularize, self.relax, self.paired = regularize, relax, paired
        self.eq_reg, self.eq_output = eq_reg, eq_reg if eq_output is None else eq_output
        self.adaptive = True  # whether the hypernetwork, if any, runs
        self.element = 1  # element of the group for this step

    def forward(self, x: Tensor, target: Tensor) -> Outcome:
        network = self.network if self.adaptive else without_hypernetwork(self.network)
        if self.regularize is None:
            outcome = self.loss.of(network, network(x, **self.options), x, target)
        else:
            regularizer = self.regularize(network, peak=self.loss.peak)  # in the unit of the loss
            outcome = self._regularized(network, regularizer, x, target)
        extra = self.relax * relaxation(network) if self.relax else 0.0
        return outcome._replace(loss=outcome.loss + extra)

    def _regularized(
        self, network: nn.Module, regularizer: EquivarianceRegularizer, x: Tensor, target: Tensor
    ) -> Outcome:
        """The loss with the penalty; its error is that of the batch as it is."""
        found = regularizer.compare(x, self.element, **self.options)
        loss, error = self.loss.of(network, found.output, x, target)
        if self.paired:
            turned = regularizer.turned_target(target, self.element)
            loss = (loss + self.loss.of(network, found.turned_output, found.turned, turned).loss) / 2
        return Outcome(loss + self.eq_reg * found.features + self.eq_output * found.last, error)


def without_hypernetwork(network: nn.Module) -> nn.Module:
    """An SA network as it computes before its second stage, as TL; other networks are returned as they are."""
    if not isinstance(network, SampleAdaptive):
        return network
    for deformation in network.deformations():
        deformation.offset = None
    return network.network
