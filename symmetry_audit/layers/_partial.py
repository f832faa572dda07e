"""Partial equivariance: how much of every element of the group a layer keeps is learned."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group, as_group

__all__ = ["PartialGate", "kept_elements"]


class PartialGate(nn.Module):
    """Thins out the group axis by a learned distribution over the elements: (N, n * order, H, W) to the same shape.

    After Romero and Lohit, "Learning Partial Equivariances from Data" (NeurIPS 2022): features live on the elements
    that the layer draws from p = softmax(``logits``), and p is trained with the network. A finite group has few
    elements, so all are computed, and element u is kept with probability q_u = p_u / max p. Training draws once per
    call, and the gradient of what is kept goes straight through to q (Bengio et al. 2013). Evaluation multiplies by q,
    which is what training keeps on average.

    All ``logits`` (order,) start at 0. Then q = 1, nothing is drawn, and a network with gates is the equivariant
    network. If p has one element only, so have the features: what follows is a plain network. If q differs between two
    elements, equivariance under what takes one to the other is lost.

    Parameters
    ----------
    group : Group or str
        The group of the features, or its name.

    Raises
    ------
    SettingError
        For a group of one element, and on call if the number of channels is not a multiple of the group's order.

    Examples
    --------
    >>> import torch
    >>> from symmetry_audit.layers import PartialGate
    >>> gate = PartialGate("p4").eval()
    >>> gate.logits.data = torch.tensor([0.0, -1.0, -100.0, -1.0])
    >>> [round(value, 3) for value in gate(torch.ones(1, 4, 1, 1)).flatten().tolist()]
    [1.0, 0.368, 0.0, 0.368]
    """

    def __init__(self, group: Group | str) -> None:
        super().__init__()
        self.group = as_group(group)
        if self.group.order == 1:
            raise SettingError(f"{self.group} has one element, so no part of it can be left; use a group such as p4")
        self.logits = nn.Parameter(torch.zeros(self.group.order))

    def kept(self) -> Tensor:
        """q, the probability that an element is kept, (order,): 1 for the likeliest."""
        return (self.logits - self.logits.amax()).exp()

    def forward(self, x: Tensor) -> Tensor:
        """(N, n * order, H, W) to the same shape."""
        if x.dim() != 4 or x.shape[1] % self.group.order:
            raise SettingError(f"expected features (N, n * {self.group.order}, H, W), got shape {tuple(x.shape)}")
        kept = self.kept()
        if self.training:
            kept = kept + (torch.bernoulli(kept.detach()) - kept.detach())
        return x * kept.to(x.dtype).repeat(x.shape[1] // self.group.order)[:, None, None]


@torch.no_grad()
def kept_elements(network: nn.Module) -> dict[str, tuple[float, ...]]:
    """What every gate of ``network`` keeps of each element, 0 to 1, by the gate's name; empty without gates.

    Examples
    --------
    >>> from torch import nn
    >>> from symmetry_audit.layers import PartialGate, kept_elements
    >>> kept_elements(nn.Sequential(PartialGate("p4")))
    {'0': (1.0, 1.0, 1.0, 1.0)}
    """
    found = ((name, part) for name, part in network.named_modules() if isinstance(part, PartialGate))
    return {name: tuple(gate.kept().tolist()) for name, gate in found}
