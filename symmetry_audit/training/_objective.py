"""What is minimised: the losses of the published protocols, around one network."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from symmetry_audit.layers import SampleAdaptive

__all__ = ["Objective", "Outcome", "without_hypernetwork"]

# of "stages": the initial background, each stage's background and rain, and those of the last one
STAGE, LAST_BACKGROUND, LAST_RAIN = 0.1, 1.0, 0.9


class Outcome(NamedTuple):
    """The loss of a batch, and its mean squared error per pixel in squared grey levels, without a gradient."""

    loss: Tensor
    squared_error: Tensor


class Objective(nn.Module):
    """The ``loss`` of ``network`` on a batch, so that everything to be distributed or compiled is one module.

    "l1" and "mse" are means over pixels, in grey levels of [0, 255] and in squares of [0, 1]; "stages" is
    RCDNet's: 0.1 of the initial background, 0.1 of background and rain of each stage but the last, 1 and 0.9 of the
    last one's, each a mean of squares.
    """

    def __init__(self, network: nn.Module, loss: str) -> None:
        super().__init__()
        self.network, self.loss = network, loss
        self.adaptive = True  # whether a hypernetwork, if there is one, runs

    def forward(self, x: Tensor, clean: Tensor) -> Outcome:
        network = self.network
        if not self.adaptive:
            network = without_hypernetwork(network)
        if self.loss == "stages":
            found = network(x, stages=True)
            return Outcome(_stages(found, x, clean), _squared_error(found.backgrounds[-1], clean))
        restored = network(x)
        error = restored - clean
        loss = error.abs().mean() if self.loss == "l1" else (error / 255).square().mean()
        return Outcome(loss, _squared_error(restored, clean))


def _stages(found, x: Tensor, clean: Tensor) -> Tensor:
    rain = x - clean
    backgrounds = [_mse(image, clean) for image in found.backgrounds]
    rains = [_mse(image, rain) for image in found.rains]
    before = sum(backgrounds[:-1]) + sum(rains[:-1])
    return STAGE * (_mse(found.initial, clean) + before) + LAST_BACKGROUND * backgrounds[-1] + LAST_RAIN * rains[-1]


def _mse(one: Tensor, other: Tensor) -> Tensor:
    return ((one - other) / 255).square().mean()


def _squared_error(restored: Tensor, clean: Tensor) -> Tensor:
    return (restored.detach().double().clamp(0, 255) - clean).square().mean()


def without_hypernetwork(network: nn.Module) -> nn.Module:
    """An SA network as TL: what it computes before its second stage. Others as they are."""
    if not isinstance(network, SampleAdaptive):
        return network
    for deformation in network.deformations():
        deformation.offset = None
    return network.network
