"""EQ-Reg: a penalty that teaches a plain network the group ([EQ], SPEC 10)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from symmetry_audit.actions import disc, move_along_group, resampling
from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group
from symmetry_audit.layers import EquivariantConv2d

__all__ = ["OUTPUT", "EquivarianceRegularizer"]

OUTPUT = "output"  # the name of a network's own output among its layers


class Feature(NamedTuple):
    """What one layer gives to the next; ``over_group`` says whether its channels are feature * order + element."""

    name: str
    value: Tensor
    over_group: bool


class EquivarianceRegularizer:
    """sum_l || Phi_l(pi_A x) - pi_A Phi_l(x) ||^2, each a mean over images, channels and the disc that turns within.

    Phi_l, the first l layers of ``model``, is read off where the next convolution takes it: after activations and
    skips, and at no cost in memory, since autograd keeps these tensors anyway. The model is not changed; its
    convolutions are the equivariant ones where it has any, ``nn.Conv2d`` otherwise. pi_A turns features in space and
    shifts their channels along the axis of ``group``, channel = feature * order + element; the network's output, and
    what a lifting convolution takes, are plain channels, which only turn. The output counts in units of ``peak``,
    which should be those of the loss beside it. Batch statistics see both passes.

    ``layers`` is how many layers count, all of them and the output by default, or patterns of names such as
    "body.*", where "output" stands for the output. Calling it runs the model twice:

    >>> regularizer = EquivarianceRegularizer(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 3, 3)), "p4")
    >>> restored, penalty = regularizer(torch.rand(2, 3, 16, 16), element=1)

    Raises SettingError where there is no such layer, where channels are no multiple of the group's order, and where
    ``model`` has layers over another group.
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
        self.group = group if isinstance(group, Group) else Group.parse(group)
        if self.group.order == 1:
            raise SettingError(f"{self.group} has no element but the identity; choose a group such as p4")
        found = {name: part for name, part in model.named_modules() if isinstance(part, EquivariantConv2d)}
        found = found or {name: part for name, part in model.named_modules() if isinstance(part, nn.Conv2d)}
        self.convolutions = found
        for name, part in found.items():
            if isinstance(part, EquivariantConv2d) and part.group.order > 1 and part.group != self.group:
                raise SettingError(f"layer {name} is over {part.group}, so it cannot be regularized towards {group}")

    def __call__(self, x: Tensor, element: int, **options: Any) -> tuple[Any, Tensor]:
        """What the model gives for ``x`` (N, C, H, W), as it gives it, and the penalty of the group's ``element``.

        ``options`` go to the model. Where it gives a tuple that has ``backgrounds``, the last one is its output.
        """
        if x.shape[-1] != x.shape[-2]:
            raise SettingError(f"EQ-Reg turns square images, got {tuple(x.shape)}")
        turn = resampling(self.group.elements[element], x.shape[-1], x.dtype, x.device)
        with self._collected() as features:
            output = self.model(x, **options)
        with self._collected() as turned:
            turned_output = self.model(turn(x), **options)
        features.append(Feature(OUTPUT, _image(output) / self.peak, False))
        turned.append(Feature(OUTPUT, _image(turned_output) / self.peak, False))
        chosen = self._chosen([feature.name for feature in features])
        return output, sum(self._error(features[at], turned[at], element) for at in chosen)

    @contextmanager
    def _collected(self) -> Iterator[list[Feature]]:
        """What the convolutions take while the model runs, in order, but for the image that the first one takes."""
        features: list[Feature] = []

        def keep(name: str, over_group: bool) -> Any:
            return lambda module, inputs: features.append(Feature(name, inputs[0], over_group))

        handles = [
            part.register_forward_pre_hook(keep(name, not isinstance(part, EquivariantConv2d) or part.kind.takes_group))
            for name, part in self.convolutions.items()
        ]
        try:
            yield features
            del features[:1]
        finally:
            for handle in handles:
                handle.remove()

    def _chosen(self, names: list[str]) -> list[int]:
        """Which of the features, listed in the order in which they arise, count."""
        if self.layers is None:
            return list(range(len(names)))
        if isinstance(self.layers, int):
            if not 1 <= self.layers <= len(names):
                raise SettingError(f"the network has {len(names)} layers, of which {self.layers} cannot count")
            return list(range(self.layers))
        for pattern in self.layers:
            if not any(fnmatch(name, pattern) for name in names):
                raise SettingError(f'no layer is called "{pattern}"; there are {", ".join(dict.fromkeys(names))}')
        return [at for at, name in enumerate(names) if any(fnmatch(name, pattern) for pattern in self.layers)]

    def _error(self, feature: Feature, turned: Feature, element: int) -> Tensor:
        channels = feature.value.shape[1]
        if feature.over_group and channels % self.group.order:
            raise SettingError(
                f"layer {feature.name} takes {channels} channels, no multiple of the {self.group.order} elements of "
                f"{self.group}: choose another group, or layers without it"
            )
        return _Error.apply(feature.value, turned.value, self.group, element, feature.over_group)


class _Error(torch.autograd.Function):
    """The mean over images, channels and the disc of (``turned`` - pi_A ``value``)^2, with its gradient.

    Written out so that nothing is kept for the backward pass but its arguments, which the network keeps anyway.
    """

    @staticmethod
    def forward(ctx: Any, value: Tensor, turned: Tensor, group: Group, element: int, over_group: bool) -> Tensor:
        ctx.save_for_backward(value, turned)
        ctx.action = _Action(value, group, element, over_group)
        return ctx.action.difference(value, turned).square_().sum() / ctx.action.count

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        value, turned = ctx.saved_tensors
        difference = ctx.action.difference(value, turned).mul_(2 * gradient / ctx.action.count)
        to_value = ctx.action.adjoint(difference).to(value.dtype)
        return to_value, difference.neg_().to(turned.dtype), None, None, None


class _Action:
    """pi_A on features like ``value``, at least in float32 whatever their type, and what it leaves to be compared."""

    def __init__(self, value: Tensor, group: Group, element: int, over_group: bool) -> None:
        self.group, self.element, self.over_group = group, element, over_group
        self.dtype = torch.promote_types(value.dtype, torch.float32)
        self.turn = resampling(group.elements[element], value.shape[-1], self.dtype, value.device)
        self.inside, pixels = _disc(value.shape[-1], value.device)
        self.count = value.shape[0] * value.shape[1] * pixels

    def difference(self, value: Tensor, turned: Tensor) -> Tensor:
        """pi_A value - turned, and 0 outside the disc."""
        moved = move_along_group(value, self.group, self.element) if self.over_group else value
        return self.turn(moved.to(self.dtype)).sub_(turned).mul_(self.inside)

    def adjoint(self, gradient: Tensor) -> Tensor:
        """What a gradient with respect to pi_A value is with respect to value."""
        back = self.turn.adjoint(gradient)
        if not self.over_group:
            return back
        return move_along_group(back, self.group, self.group.index(~self.group.elements[self.element]))


@lru_cache(maxsize=64)
def _disc(side: int, device: torch.device) -> tuple[Tensor, int]:
    """The largest disc of a square, as 0 and 1, and how many pixels it has."""
    inside = disc(side, side, (side - 1) / 2)
    return inside.to(device, torch.float32), int(inside.sum())


def _image(output: Any) -> Tensor:
    return output if isinstance(output, Tensor) else output.backgrounds[-1]
