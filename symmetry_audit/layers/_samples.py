"""The samples of a basis under one w, computed once for all layers that share both."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from symmetry_audit.layers._filters import FilterCache, same_state
from symmetry_audit.layers.bases import Basis

if TYPE_CHECKING:
    from symmetry_audit.layers._affine import Deformation

__all__ = ["SampleCache"]


class SampleCache:
    """The samples that the layers with one ``Deformation`` share: every basis is sampled once per forward pass.

    In the backward pass the gradients of all layers are added up and propagated to w together. A pass ends when w has
    changed, or when a layer asks a second time.
    """

    def __init__(self) -> None:
        self._state: list[Any] = []
        self._kept: dict[Basis, tuple[Tensor, set[int]]] = {}  # samples, and the layers that have used them

    def get(self, deformation: Deformation, basis: Basis, layer: nn.Module) -> Tensor:
        """``basis.sample(deformation())`` for ``layer``."""
        parameters = list(deformation.parameters())
        plain = all(isinstance(one, nn.Parameter) and not one.is_inference() for one in parameters)
        replica = getattr(deformation, "_is_replica", False)  # of nn.DataParallel, which has no parameters
        if torch.compiler.is_compiling() or replica or not plain:  # see FilterCache
            return basis.sample(deformation())
        sources = [*parameters, *deformation.buffers()]
        sources += [] if deformation.offset is None else [deformation.offset]
        versions = (None if one.is_inference() else one._version for one in sources)
        modes = torch.is_inference_mode_enabled(), torch.is_grad_enabled(), FilterCache.optimizer_steps
        state = [*modes, *sources, *versions, *(one.requires_grad for one in sources)]
        if not same_state(self._state, state):
            self._state, self._kept = state, {}
        samples, taken = self._kept.get(basis, (None, set()))
        if samples is None or id(layer) in taken:
            samples, taken = _Sampled.apply(_Recipe(deformation, basis), *sources), set()
            self._kept[basis] = samples, taken
        taken.add(id(layer))
        return samples

    def clear(self) -> None:
        """Forget the samples."""
        self._state, self._kept = [], {}


class _Recipe:
    """The samples of ``basis`` as a function of the parameters, the buffers and the offset of a deformation."""

    def __init__(self, deformation: Deformation, basis: Basis) -> None:
        self.deformation, self.basis = deepcopy(deformation), basis  # w as it is now, whatever is written to it later
        self.offset = None if deformation.offset is None else deformation.offset.detach().clone()
        self.names = [
            name for named in (deformation.named_parameters(), deformation.named_buffers()) for name, _ in named
        ]

    def sources(self) -> list[Tensor]:
        """What the samples depend on, as it was in the forward pass."""
        own = [*self.deformation.parameters(), *self.deformation.buffers()]
        return [one.detach() for one in (own if self.offset is None else [*own, self.offset])]

    def __call__(self, *sources: Tensor) -> Tensor:
        self.deformation.offset = None if self.offset is None else sources[-1]
        inverse = functional_call(self.deformation, dict(zip(self.names, sources, strict=False)), ())
        return self.basis.sample(inverse)


class _Sampled(torch.autograd.Function):
    """The samples of a recipe.

    Nothing is saved that a backward pass would free: layers of one forward pass may go back in several backward passes,
    and may be run again by activation checkpointing.
    """

    @staticmethod
    def forward(ctx: Any, recipe: _Recipe, *sources: Tensor) -> Tensor:
        ctx.recipe, ctx.sources = recipe, sources
        return recipe(*sources)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        again = torch.is_grad_enabled()  # for a second derivative
        sources = ctx.sources if again else ctx.recipe.sources()
        return (None, *_gradients(ctx.recipe, sources, ctx.needs_input_grad[1:], grad_outputs[0], again))


def _gradients(
    recipe: _Recipe, sources: Sequence[Tensor], wanted: Sequence[bool], gradient: Tensor, again: bool
) -> list[Tensor | None]:
    """``gradient`` with respect to the samples, as one with respect to each source that is ``wanted``."""
    with torch.enable_grad():
        leaves = [one if again or not need else one.requires_grad_() for one, need in zip(sources, wanted, strict=True)]
        chosen = [one for one, need in zip(leaves, wanted, strict=True) if need]
        found = iter(torch.autograd.grad(recipe(*leaves), chosen, gradient, create_graph=again, allow_unused=True))
    return [next(found) if need else None for need in wanted]
