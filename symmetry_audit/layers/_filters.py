"""Filter banks from coefficients, with gradients, and their cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from symmetry_audit.devices import without_autocast
from symmetry_audit.layers._kinds import Kind

__all__ = ["FilterCache", "build_filters", "same_state"]


def build_filters(weight: Tensor, samples: Tensor, kind: Kind) -> Tensor:
    """Dense filters (out channels, in channels, p, p) from ``weight`` and the ``samples`` (T, K, p * p) of a basis."""
    filters = _Build.apply(weight, samples.to(weight.dtype), kind)
    return kind.as_filters(filters, samples.shape[-1])


class _Build(torch.autograd.Function):
    """The product, differentiable in both arguments.

    If the samples are constant, nothing is saved that a backward pass would free, so one bank can be used in several
    forward and backward passes of one optimizer step.
    """

    @staticmethod
    def forward(weight: Tensor, samples: Tensor, kind: Kind) -> Tensor:
        with without_autocast(weight.device.type):
            return kind.expanded(weight) @ kind.arranged(samples)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Kind], output: Tensor) -> None:
        weight, samples, ctx.kind = inputs
        ctx.samples = samples if not samples.requires_grad else None
        if ctx.samples is None:
            ctx.save_for_backward(weight, samples)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor | None, None]:
        (gradient,) = grad_outputs
        kind = ctx.kind
        weight, samples = (None, ctx.samples) if ctx.samples is not None else ctx.saved_tensors
        arranged = kind.arranged(samples)
        to_weight = kind.collected(gradient @ arranged.mT)
        if weight is None:
            return to_weight, None, None
        to_arranged = (kind.expanded(weight).mT @ gradient).sum_to_size(arranged.shape)
        return to_weight, kind.disarranged(to_arranged), None


class FilterCache:
    """The last filter bank of one layer, kept as long as the parameters that it was built from stay the same.

    Changes are detected by the identity of the parameters and by their version counter, which every write increments.
    Fused optimizers do not increment it, so the steps of all optimizers are counted too. A write through ``.data``
    escapes both. Layers drop the cache when they are moved or switched between training and evaluation. Copies and
    pickles of a layer start without a cache.
    """

    optimizer_steps = 0

    def __init__(self) -> None:
        self._kept: tuple[list[Any], Tensor] | None = None

    def get(self, sources: Sequence[Tensor], build: Callable[[], Tensor]) -> Tensor:
        """The filters for these ``sources``; calls ``build()`` if they have changed."""
        trained = torch.is_grad_enabled() and any(source.requires_grad for source in sources)
        if torch.compiler.is_compiling():  # state that is kept between calls would be compiled anew at every step
            return build()
        if not all(isinstance(source, nn.Parameter) and not source.is_inference() for source in sources):
            return build()  # parameters replaced for one call, as by torch.func or a parametrization
        versions = (part for source in sources for part in (source, source._version))
        state = [trained, FilterCache.optimizer_steps, *versions]
        if self._kept is not None and same_state(self._kept[0], state):
            return self._kept[1]
        self.clear()  # before the new bank is built: two banks take twice the memory
        with torch.inference_mode(False), torch.set_grad_enabled(trained):
            filters = build()
        self._kept = (state, filters)
        return filters

    def clear(self) -> None:
        """Forget the filters."""
        self._kept = None

    def __deepcopy__(self, memo: dict[int, Any]) -> FilterCache:
        return FilterCache()

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return FilterCache, ()


def _count_step(*_: Any) -> None:
    FilterCache.optimizer_steps += 1


register_optimizer_step_post_hook(_count_step)


def same_state(kept: list[Any], state: list[Any]) -> bool:
    """Whether two states agree; parameters by identity, since == would compare their values."""
    return len(kept) == len(state) and all(
        a is b if isinstance(a, Tensor) else a == b for a, b in zip(kept, state, strict=True)
    )
