"""How far relaxed layers have left their group."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from symmetry_audit.layers._convolution import EquivariantConv2d

__all__ = ["relaxation", "relaxation_of_layers"]


def relaxation(network: nn.Module) -> Tensor:
    """The sum of the squares of all free filters: up to a factor the log-prior of a residual pathway.

    Finzi et al., "Residual Pathway Priors for Soft Equivariance Constraints" (NeurIPS 2021). 0 where no layer is
    relaxed.
    """
    return sum((layer.residual.square().sum() for layer in _relaxed(network).values()), torch.zeros(()))


@torch.no_grad()
def relaxation_of_layers(network: nn.Module) -> dict[str, float]:
    """The norm of each relaxed layer's free filter beside that of its equivariant one, by the layer's name."""
    return {
        name: float(layer.residual.norm() / (layer.filters() - layer.residual).norm())
        for name, layer in _relaxed(network).items()
    }


def _relaxed(network: nn.Module) -> dict[str, EquivariantConv2d]:
    parts = network.named_modules()
    return {name: part for name, part in parts if isinstance(part, EquivariantConv2d) and part.residual is not None}
