"""EQ-Reg: a penalty that teaches a plain network a group ([EQ], SPEC 10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from symmetry_audit.actions import disc, resampling
from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group, as_group
from symmetry_audit.layers import EquivariantConv2d
from symmetry_audit.training._settings import OUTPUT

__all__ = ["Compared", "EquivarianceRegularizer"]

IN_CACHE = 2**21  # bytes of features that are compared at a time, so that they stay in the CPU's cache
TRIVIAL = Group.parse("p1")


class Feature(NamedTuple):
    """The features between two layers; ``over_group`` says whether their channels are feature * order + element."""

    name: str
    value: Tensor
    over_group: bool


class Compared(NamedTuple):
    """What two passes of a network gave: its results for the ``turned`` images too, and the errors of equivariance.

    ``features`` is the sum over the chosen features, ``last`` the error of the output, 0 if it is not chosen.
    """

    output: Any
    turned: Tensor
    turned_output: Any
    features: Tensor
    last: Tensor


class EquivarianceRegularizer:
    """sum_l || Phi_l(pi_A x) - pi_A Phi_l(x) ||^2, each a mean over images, channels and the inscribed disc.

    Phi_l, the first l layers of ``model``, is the input of the next convolution: after activations and skip
    connections, and at no cost in memory, since autograd keeps these tensors anyway. The model is not changed. Its
    convolutions are the equivariant ones if it has any, otherwise ``nn.Conv2d``. pi_A rotates features in space and
    shifts their channels along the axis of ``group``, channel = feature * order + element. The network's output and
    the input of a lifting convolution have plain channels, which are only rotated. The output is in units of ``peak``,
    which should be the unit of the task's loss. Logits should not change, so they are compared as they are. Batch
    statistics include both passes.

    ``layers`` selects the layers that are compared: the first N, or patterns of names such as "body.*", where "output"
    is the network's output. By default all layers and the output are compared. Calling it runs the model twice:

    >>> regularizer = EquivarianceRegularizer(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 3, 3)), "p4")
    >>> restored, penalty = regularizer(torch.rand(2, 3, 16, 16), element=1)

    Features are compared while the model runs the second time. So layers inside ``torch.utils.checkpoint``, which runs
    them again in the backward pass, cannot be compared.

    Raises SettingError if there is no such layer, if the number of channels is not a multiple of the group's order,
    and if ``model`` has layers over another group.
    """

    def __init__(
        self,
        model: nn.Module,
        group: Group | str,
        layers: int | Sequence[str] | None = None,
        *,
        peak: float = 1.0,
    ) -> None:
        self.model, self.layers, self.peak = model, layers, peak
        self.group = as_group(group)
        if self.group.order == 1:
            raise SettingError(f"{self.group} contains only the identity; choose a group such as p4")
        found = {name: part for name, part in model.named_modules() if isinstance(part, EquivariantConv2d)}
        found = found or {name: part for name, part in model.named_modules() if isinstance(part, nn.Conv2d)}
        self.convolutions = found
        for name, part in found.items():
            if isinstance(part, EquivariantConv2d) and part.group.order > 1 and part.group != self.group:
                raise SettingError(f"layer {name} is over {part.group}, so it cannot be regularized towards {group}")

    def __call__(self, x: Tensor, element: int, **options: Any) -> tuple[Any, Tensor]:
        """The model's result for ``x`` (N, C, H, W), unchanged, and the penalty of the group's ``element``.

        ``options`` are passed to the model. If it returns a tuple with ``backgrounds``, its output is the last one.
        """
        found = self.compare(x, element, **options)
        return found.output, found.features + found.last

    def compare(self, x: Tensor, element: int, **options: Any) -> Compared:
        """As a call, with the parts of the penalty and the second pass."""
        if x.shape[-1] != x.shape[-2]:
            raise SettingError(f"EQ-Reg needs square images, got shape {tuple(x.shape)}")
        turn = resampling(self.group.elements[element], x.shape[-1], x.dtype, x.device)
        features: list[Feature] = []
        with self._watched(features.append):
            output = self.model(x, **options)
        features = [*features[1:], Feature(OUTPUT, _image(output) / self.peak, False)]  # the first is the image
        chosen = self._chosen([feature.name for feature in features])
        errors, seen = [], count(-1)

        def compare(rotated: Feature) -> None:
            if (at := next(seen)) in chosen:
                errors.append(self._error(features[at], rotated.value, element))

        turned, none = turn(x), _image(output).new_zeros(())
        with self._watched(compare):
            turned_output = self.model(turned, **options)
        inner = sum(errors, start=none)
        errors.clear()
        compare(Feature(OUTPUT, _image(turned_output) / self.peak, False))
        return Compared(output, turned, turned_output, inner, sum(errors, start=none))

    def turned_target(self, target: Tensor, element: int) -> Tensor:
        """The target of images that ``element`` turns: a turned image (N, C, H, W), or the same labels."""
        if target.dim() < 4:
            return target
        return resampling(self.group.elements[element], target.shape[-1], target.dtype, target.device)(target)

    @contextmanager
    def _watched(self, see: Callable[[Feature], None]) -> Iterator[None]:
        """While the model runs, ``see`` is called with the input of each convolution before it runs."""

        def hook(name: str, over_group: bool) -> Any:
            return lambda module, inputs: see(Feature(name, inputs[0], over_group))

        handles = [
            part.register_forward_pre_hook(hook(name, not isinstance(part, EquivariantConv2d) or part.kind.takes_group))
            for name, part in self.convolutions.items()
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _chosen(self, names: list[str]) -> list[int]:
        """Which of the features, in the order in which they are computed, are compared."""
        if self.layers is None:
            return list(range(len(names)))
        if isinstance(self.layers, int):
            if not 1 <= self.layers <= len(names):
                raise SettingError(f"--eq-layers {self.layers} exceeds the network's {len(names)} layers")
            return list(range(self.layers))
        for pattern in self.layers:
            if not any(fnmatch(name, pattern) for name in names):
                raise SettingError(f'no layer is called "{pattern}"; there are {", ".join(dict.fromkeys(names))}')
        return [at for at, name in enumerate(names) if any(fnmatch(name, pattern) for pattern in self.layers)]

    def _error(self, feature: Feature, rotated: Tensor, element: int) -> Tensor:
        if feature.value.dim() == 2:  # logits
            return (rotated - feature.value).square().mean()
        channels = feature.value.shape[1]
        if feature.over_group and channels % self.group.order:
            raise SettingError(
                f"layer {feature.name} has {channels} channels, not a multiple of the {self.group.order} elements of "
                f"{self.group}: choose another group, or layers without this one"
            )
        return _Error.apply(feature.value, rotated, _Action(feature.value, self.group, element, feature.over_group))


class _Error(torch.autograd.Function):
    """The mean over images, channels and the disc of (``rotated`` - pi_A ``value``)^2, with its gradient.

    Written by hand so that only its arguments are kept for the backward pass; the network keeps these anyway.
    """

    @staticmethod
    def forward(ctx: Any, value: Tensor, rotated: Tensor, action: _Action) -> Tensor:
        ctx.save_for_backward(value, rotated)
        ctx.action = action
        total = action.inside.new_zeros(())
        for _, part in action.differences(value, rotated, action.inside):
            total += part.square_().sum()
        return total / action.count

    @staticmethod
    @torch.autograd.function.once_differentiable  # whose annotation makes ctx positional-only
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (gradient,) = grad_outputs
        value, rotated = ctx.saved_tensors
        to_value, to_rotated = (one.new_empty(one.shape) for one in (value, rotated))  # by planes, whatever theirs are
        weight = ctx.action.inside * (2 * gradient / ctx.action.count)
        for where, part in ctx.action.differences(value, rotated, weight):
            to_value.flatten(0, 1)[where] = ctx.action.adjoint(part)
            to_rotated.flatten(0, 1)[where] = part.neg_()
        return to_value, to_rotated, None


class _Action:
    """pi_A on features like ``value``, in float32 or better, and the pixels on which they are compared.

    It takes as many of their planes, (N * C, H, W), at a time as fit in the CPU's cache: whole features over the
    group, so that planes that change places do so within one part.
    """

    def __init__(self, value: Tensor, group: Group, element: int, over_group: bool) -> None:
        dtype = torch.promote_types(value.dtype, torch.float32)
        planes, side = value.shape[0] * value.shape[1], value.shape[-1]
        self.turn = resampling(group.elements[element], side, dtype, value.device)
        self.inside, pixels = _disc(side, dtype, value.device)
        self.count = planes * pixels
        fit = IN_CACHE // (dtype.itemsize * side * side)
        together = min(fit, planes) if value.device.type == "cpu" else planes
        along, at = (group, element) if over_group else (TRIVIAL, 0)
        self.there, self.back = _moves(along, at, together, value.device)

    def differences(self, value: Tensor, rotated: Tensor, weight: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """A few planes at a time: which ones, and ``weight`` (pi_A value - rotated) of them."""
        value, rotated = value.flatten(0, 1), rotated.flatten(0, 1)
        for first in range(0, len(value), len(self.there)):
            where = slice(first, first + len(self.there))
            taken = value[where]
            moved = taken.index_select(0, self.there[: len(taken)]).to(weight.dtype)
            yield where, self.turn(moved).sub_(rotated[where]).mul_(weight)

    def adjoint(self, part: Tensor) -> Tensor:
        """Turn a gradient with respect to pi_A value into a gradient with respect to value."""
        return self.turn.adjoint(part).index_select(0, self.back[: len(part)])


@lru_cache(maxsize=256)
def _moves(group: Group, element: int, planes: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Where each of ``planes`` planes comes from when ``element`` moves them along the group, and when it moves back.

    They are filled up to whole features over the group.
    """
    firsts = torch.arange(0, max(planes, 1), group.order)[:, None]
    both = group.quotients()[[element, group.index(~group.elements[element])]]
    there, back = ((firsts + torch.from_numpy(one)).flatten().to(device) for one in both)
    return there, back


@lru_cache(maxsize=64)
def _disc(side: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, int]:
    """The largest disc of a square, as 0 and 1, and how many pixels it has."""
    inside = disc(side, side, (side - 1) / 2)
    return inside.to(device, dtype), int(inside.sum())


def _image(output: Any) -> Tensor:
    return output if isinstance(output, Tensor) else output.backgrounds[-1]
