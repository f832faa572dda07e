"""Losses by name: from what a network made of a batch to what is minimized."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor, nn

from symmetry_audit.nets import Stages

__all__ = ["LOSSES", "Loss", "Outcome"]

PEAK = 255.0  # grey levels
# weights of "stages": initial background, each stage's background and rain, and those of the last stage
STAGE, LAST_BACKGROUND, LAST_RAIN = 0.1, 1.0, 0.9
ABSOLUTE = 5e-4 * 16 * 64**2 / PEAK**2  # of mean absolute errors in grey levels, beside squares of [0, 1]


class Outcome(NamedTuple):
    """The loss of a batch, and its error without a gradient.

    The error of images is their mean square in squared grey levels, that of labels the share of wrong ones.
    """

    loss: Tensor
    error: Tensor


@dataclass(frozen=True)
class Loss:
    """One loss: ``of`` takes the network, its result for a batch, its input, and the target.

    ``peak`` is the unit in which it measures images, in grey levels.
    """

    of: Callable[[nn.Module, Any, Tensor, Tensor], Outcome]
    peak: float = PEAK


def _l1(network: nn.Module, found: Tensor, x: Tensor, clean: Tensor) -> Outcome:
    """Mean absolute error in grey levels."""
    return Outcome((found - clean).abs().mean(), _squared_error(found, clean))


def _mse(network: nn.Module, found: Tensor, x: Tensor, clean: Tensor) -> Outcome:
    """Mean squared error of images in [0, 1]."""
    return Outcome(_mean_square(found, clean), _squared_error(found, clean))


def _stages(network: nn.Module, found: Stages, x: Tensor, clean: Tensor) -> Outcome:
    """RCDNet's: 0.1 of the initial background, 0.1 of background and rain of each stage but the last, 1 and 0.9 of the
    last one's, each a mean of squares of [0, 1]."""
    rain = x - clean
    backgrounds = [_mean_square(image, clean) for image in found.backgrounds]
    rains = [_mean_square(image, rain) for image in found.rains]
    before = _mean_square(found.initial, clean) + sum(backgrounds[:-1]) + sum(rains[:-1])
    loss = STAGE * before + LAST_BACKGROUND * backgrounds[-1] + LAST_RAIN * rains[-1]
    return Outcome(loss, _squared_error(found.backgrounds[-1], clean))


def _mar(network: nn.Module, found: Stages, x: Tensor, clean: Tensor) -> Outcome:
    """That of ACDNet, DICDNet and OSCNet, outside the metal, in squares of [0, 1].

    An image costs the mean square and the mean absolute value of its error, a layer of artefacts the latter alone, with
    the weight that this has in the published sums over 16 patches of 64 px. The initial image and all stages but the
    last count 0.1; and so do stages before these (ACDNet).
    """
    known = x[:, 2:]
    loss = _unrolled(found, known, x[:, :1] - clean, clean)
    if found.warmup is not None:
        loss = loss + _unrolled(found.warmup, known, x[:, :1] - clean, clean)
    return Outcome(loss, _squared_error(known * found.backgrounds[-1], known * clean))


def _unrolled(found: Stages, known: Tensor, artefacts: Tensor, clean: Tensor) -> Tensor:
    errors = [known * (image - clean) for image in found.backgrounds]
    images = [_square(error) + ABSOLUTE * error.abs().mean() for error in errors]
    layers = [ABSOLUTE * (known * (layer - artefacts)).abs().mean() for layer in found.rains]
    first = _square(known * (found.initial - clean))
    return STAGE * (first + sum(images[:-1]) + sum(layers[:-1])) + LAST_BACKGROUND * images[-1] + layers[-1]


def _square(error: Tensor) -> Tensor:
    return (error / PEAK).square().mean()


def _cross_entropy(network: nn.Module, found: Tensor, x: Tensor, labels: Tensor) -> Outcome:
    """-ln p of the right class, in nats; the error is the share of the images with another label."""
    wrong = found.detach().argmax(1) != labels
    return Outcome(nn.functional.cross_entropy(found, labels), wrong.double().mean())


def _mean_square(one: Tensor, other: Tensor) -> Tensor:
    return _square(one - other)


def _squared_error(restored: Tensor, clean: Tensor) -> Tensor:
    return (restored.detach().double().clamp(0, 255) - clean).square().mean()


LOSSES: dict[str, Loss] = {
    "l1": Loss(_l1, peak=1.0),
    "mse": Loss(_mse),
    "stages": Loss(_stages),
    "mar": Loss(_mar),
    "cross-entropy": Loss(_cross_entropy, peak=1.0),
}
