"""How far relaxed layers depart from their group."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from symmetry_audit.layers._convolution import EquivariantConv2d

__all__ = ["relaxation", "relaxation_of_layers"]


def relaxation(network: nn.Module) -> Tensor:
    """The sum of the squares of all free filters: up to a factor the log-prior of a residual pathway.

    Finzi et al., "Residual Pathway Priors for Soft Equivariance Constraints" (NeurIPS 2021).

    Parameters
    ----------
    network : nn.Module
        Any network; only layers made with ``relaxed=True`` count.

    Returns
    -------
    Tensor
        A scalar, shape (), with gradients; 0 if no layer is relaxed.

    Examples
    --------
    >>> from symmetry_audit.layers import LiftingConv2d, relaxation
    >>> relaxation(LiftingConv2d(3, 4, group="p4", basis="pixel", relaxed=True)).item()
    0.0
    """
    return sum((residual.square().sum() for _, _, residual in _relaxed(network)), torch.zeros(()))


@torch.no_grad()
def relaxation_of_layers(network: nn.Module) -> dict[str, float]:
    """The norm of each relaxed layer's free filter divided by that of its equivariant filter, by the layer's name.

    Parameters
    ----------
    network : nn.Module
        Any network.

    Returns
    -------
    dict of str to float
        0 if a layer is still equivariant, 1 if both filters are equally large; empty if no layer is relaxed.

    Examples
    --------
    >>> from torch import nn
    >>> from symmetry_audit.layers import LiftingConv2d, relaxation_of_layers
    >>> relaxation_of_layers(nn.Sequential(LiftingConv2d(3, 4, group="p4", basis="pixel", relaxed=True)))
    {'0': 0.0}
    """
    return {
        name: float(residual.norm() / (layer.filters() - residual).norm())
        for name, layer, residual in _relaxed(network)
    }


def _relaxed(network: nn.Module) -> Iterator[tuple[str, EquivariantConv2d, Tensor]]:
    """Name, layer and free filter of every relaxed layer."""
    for name, part in network.named_modules():
        if isinstance(part, EquivariantConv2d) and part.residual is not None:
            yield name, part, part.residual
