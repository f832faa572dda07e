"""The samples of a basis under one w, computed once for all layers that share both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from symmetry_audit.layers._filters import FilterCache, same_state
from symmetry_audit.layers.bases import Basis

if TYPE_CHECKING:
    from symmetry_audit.layers._affine import Deformation

__all__ = ["SampleCache"]


class SampleCache:
    """The samples that the layers with one ``Deformation`` share: every basis is sampled once per forward pass.

    A pass ends when w has changed, or when a layer asks a second time. Each layer's gradient is propagated to w
    separately, so gradients are the same bits as if every layer sampled the basis itself.
    """

    def __init__(self) -> None:
        self._state: list[Any] = []
        self._kept: dict[Basis, _Samples] = {}

    def get(self, deformation: Deformation, basis: Basis, layer: nn.Module) -> Tensor:
        """``basis.sample(deformation())`` for ``layer``."""
        inverse, parameters = deformation(), list(deformation.parameters())
        plain = all(isinstance(one, nn.Parameter) and not one.is_inference() for one in parameters)
        if torch.compiler.is_compiling() or not plain:  # see FilterCache
            return basis.sample(inverse)
        modes = torch.is_inference_mode_enabled(), FilterCache.optimizer_steps
        state = [*modes, deformation.offset, *parameters, *(one._version for one in parameters)]
        if not same_state(self._state, state):
            self._state, self._kept = state, {}
        held = self._kept.get(basis)
        if held is None or id(layer) in held.taken:
            held = self._kept[basis] = _Samples(basis, inverse)
        held.taken.add(id(layer))
        if not (torch.is_grad_enabled() and inverse.requires_grad):
            return held.value
        held.waiting += 1
        return _Shared.apply(inverse, held)

    def clear(self) -> None:
        """Forget the samples."""
        self._state, self._kept = [], {}


class _Samples:
    """The samples of one pass: their ``value``, and a graph for its gradients, built at the first request."""

    def __init__(self, basis: Basis, inverse: Tensor) -> None:
        self.basis = basis
        self.taken: set[int] = set()  # layers that have used the samples
        self.waiting = 0  # layers whose gradient is still missing
        self._graph: tuple[Tensor, Tensor] | None = None
        with torch.no_grad():
            self.value = basis.sample(inverse)

    def gradient(self, inverse: Tensor, gradient: Tensor) -> Tensor:
        """Turn a ``gradient`` with respect to the samples into one with respect to ``inverse``."""
        if torch.is_grad_enabled():  # for a second derivative, which needs the graph of ``inverse``
            return torch.autograd.grad(self.basis.sample(inverse), inverse, gradient, create_graph=True)[0]
        if self._graph is None:
            with torch.enable_grad():
                leaf = inverse.detach().requires_grad_()
                self._graph = leaf, self.basis.sample(leaf)
        leaf, samples = self._graph
        self.waiting -= 1
        if self.waiting <= 0:
            self._graph = None
        return torch.autograd.grad(samples, leaf, gradient, retain_graph=True)[0]


class _Shared(torch.autograd.Function):
    """The samples for one layer."""

    @staticmethod
    def forward(inverse: Tensor, held: _Samples) -> Tensor:
        return held.value.detach()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, _Samples], output: Tensor) -> None:
        inverse, ctx.held = inputs
        ctx.save_for_backward(inverse)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        (gradient,) = grad_outputs
        (inverse,) = ctx.saved_tensors
        return ctx.held.gradient(inverse, gradient), None
