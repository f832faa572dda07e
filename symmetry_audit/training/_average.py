"""Weights averaged over the steps, which are validated and saved instead of the last ones."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

__all__ = ["Average"]


class Average:
    """The exponential moving average of a network's weights: v <- decay v + (1 - decay) w after every step.

    ``weights`` are averages from an earlier part of the run. Without ``decay`` nothing is averaged, and ``weights`` is
    empty.
    """

    def __init__(self, network: nn.Module, decay: float | None, weights: Mapping[str, Tensor] | None = None) -> None:
        self.decay, self.weights = decay, dict(weights or {})
        if decay is not None and weights is None:
            self.weights = {name: value.detach().clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def follow(self, network: nn.Module) -> None:
        """Move the average towards the weights of ``network``; counters are copied."""
        if self.decay is None:
            return
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                self.weights[name].lerp_(value, 1 - self.decay)
            else:
                self.weights[name].copy_(value)

    def restart(self, network: nn.Module, part: str) -> None:
        """Restart the average of the weights of ``network`` whose name contains ``part``."""
        own = network.state_dict()
        self.weights |= {name: own[name].detach().clone() for name in self.weights if part in name}
