"""Training from measurements alone: EI and REI as losses of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from symmetry_audit.self_supervised import EILoss, MaskOperator, Noise, REILoss, Rotations, Shifts, Transforms
from symmetry_audit.tasks import Task, check_blind
from symmetry_audit.training._losses import PEAK, Loss, Outcome
from symmetry_audit.training._settings import TrainSettings

__all__ = ["blind_loss"]

TRANSFORMS: dict[str, Callable[[], Transforms]] = {  # as many in each step as [EI] has
    "shifts": lambda: Shifts(3),
    "rotations": lambda: Rotations(2, "p360"),
    "quarter-turns": lambda: Rotations(2, "p4"),
}
TAU = 0.01 * PEAK  # grey levels, by which SURE moves the measurements


def blind_loss(settings: TrainSettings) -> Loss:
    """The loss that ``settings.self_supervised`` names: of a network, its result, the measurements and their masks.

    It is in squares of [0, 1] per pixel; its error is that of the measured pixels, compared with their noisy values.
    Raises SettingError for a task that gives no measurements, or noise of unknown strength.
    """
    task = Task.from_dict(settings.task)
    check_blind(task)
    transforms = TRANSFORMS[settings.transforms]()
    if settings.self_supervised == "ei":
        loss: EILoss | REILoss = EILoss(transforms, settings.ei_weight)
    else:
        loss = REILoss(Noise(*task.noise), transforms, settings.ei_weight, TAU)

    def of(network: nn.Module, found: Any, x: Tensor, kept: Tensor) -> Outcome:
        operator, image = MaskOperator(kept), _image(found)
        value = loss(lambda y: _image(network(operator.pseudo_inverse(y))), x, operator, restored=image)
        return Outcome(value.mean() / PEAK**2, _misfit(image, x, kept))

    return Loss(of)


def _image(found: Any) -> Tensor:
    """What a network restored; of unrolled stages the last image."""
    return found if isinstance(found, Tensor) else found.backgrounds[-1]


def _misfit(image: Tensor, x: Tensor, kept: Tensor) -> Tensor:
    """The mean square of ``image``, as a file would hold it, minus ``x`` over what is measured."""
    difference = kept * (image.detach().double().clamp(0, PEAK) - x)
    return difference.square().sum() / kept.expand_as(x).sum()
