"""ACDNet: metal artefacts whose kernels are found for every image (Wang et al., IJCAI 2022).

As in DICDNet Y = X + A where the mask I is 1, but the artefacts are A = sum_n C_n * M_n with kernels of this image,
C_n = sum_i K_ni D_i: a dictionary D for all images, and weights K that are found like the maps. One stage:

    K <- Knet(K + eta_K G),  G_ni = <D_i * M_n, I (Y - X - A)>
    M <- Mnet(M + eta_M C^T I (Y - X - A))
    X <- Xnet(X - eta_X I (X + A - Y))

where Xnet also updates duals beside X.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from symmetry_audit.nets._unfolding import Unfolded, layer_of, maps_of

__all__ = ["AdaptiveUnfolding", "normalized"]

TINY = 1e-6


class AdaptiveUnfolding(nn.Module):
    """The stages of both variants, independent of the unit: three networks in each, and trained step sizes.

    ``steps`` are the initial ones for K, M and X. Those for M and X are used times ``gentle``.
    """

    def __init__(
        self,
        image_nets: Sequence[nn.Module],
        map_nets: Sequence[nn.Module],
        weight_nets: Sequence[nn.Module],
        steps: tuple[float, float, float],
        gentle: float = 1.0,
    ) -> None:
        super().__init__()
        self.gentle, stages = gentle, len(image_nets)
        self.image_nets, self.map_nets = nn.ModuleList(image_nets), nn.ModuleList(map_nets)
        self.weight_nets = nn.ModuleList(weight_nets)
        self.eta_weights = nn.Parameter(torch.full((stages - 1,), steps[0]))
        self.eta_maps = nn.Parameter(torch.full((stages,), steps[1] / gentle))
        self.eta_images = nn.Parameter(torch.full((stages,), steps[2] / gentle))

    def unfold(
        self, corrupted: Tensor, state: Tensor, maps: Tensor, weights: Tensor, atoms: Tensor, known: Tensor
    ) -> Unfolded:
        """All stages, from the image with its duals, maps and weights on.

        ``corrupted`` and ``known`` (N, 1, H, W), ``state`` (N, 1 + duals, H, W), ``maps`` (N, n, H, W), ``weights``
        (N, n, d) and the dictionary ``atoms`` (1, d, k, k). At first there are no artefacts.
        """
        layer, images, layers = torch.zeros_like(corrupted), [], []
        nets = zip(self.image_nets, self.map_nets, self.weight_nets, strict=True)
        for index, (image_net, map_net, weight_net) in enumerate(nets):
            image, duals = state[:, :1], state[:, 1:]
            back = maps_of(known * (corrupted - image - layer), atoms)
            gradient = torch.einsum("nmyx,niyx->nmi", maps, back)  # <D * M, R> = <M, D^T R>
            weights = weight_net(weights + self.weight_step(index, maps) * gradient)
            kernels = torch.einsum("nmi,oiyx->nomyx", weights, atoms)
            back = maps_of(known * (corrupted - image - layer_of(maps, kernels)), kernels)
            maps = map_net(maps + self.gentle * self.eta_maps[index] * back)
            layer = layer_of(maps, kernels)
            image = image - self.gentle * self.eta_images[index] * known * (image + layer - corrupted)
            state = image_net(torch.cat([image, duals], 1))
            images.append(state[:, :1])
            layers.append(layer)
        return Unfolded(state, maps, tuple(images), tuple(layers))

    @abstractmethod
    def weight_step(self, index: int, maps: Tensor) -> Tensor | float:
        """What the gradient with respect to K is multiplied with in a stage: a number, or one per image (N, 1, 1)."""


def normalized(weights: Tensor) -> Tensor:
    """The weights (N, n, d) of every kernel with norm 1."""
    return weights / (torch.linalg.vector_norm(weights, dim=2, keepdim=True) + TINY)
