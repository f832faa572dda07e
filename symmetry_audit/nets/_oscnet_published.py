"""OSCNet and OSCNet+ as published (Wang et al., MICCAI 2022 and IEEE Trans. Med. Imaging 2023)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from symmetry_audit.groups import Group
from symmetry_audit.layers import Basis, make_basis
from symmetry_audit.nets._artefacts import WINDOW, drawn_dictionary, kernels_of
from symmetry_audit.nets._dicdnet_published import GENTLE, PublishedUnfolding, free_kernels
from symmetry_audit.nets._plan import Plan, shared
from symmetry_audit.nets._published import plain_conv

__all__ = ["ROTATIONS", "PublishedOSCNet", "PublishedOSCNetPlus", "rotated_kernels"]

ROTATIONS = Group.parse("p8")
WIDTH = 6  # channels of the network that sets the coefficients


class PublishedOSCNet(PublishedUnfolding):
    """OSCNet with the parameters of the published code: DICDNet, its kernels four and their rotations by 45 degrees.

    The kernels are sums of 25 Fourier functions and are used as they are, not a tenth of them. Quirks: the first
    kernels are four free ones, eight times each, and all trained; a trained number, at first 0, is added to the first
    artefacts alone; maps are plain to their networks. The published basis spans the same kernels, but weighs its
    functions.
    """

    def __init__(self, plan: Plan) -> None:
        features = shared(plan.size.maps, ROTATIONS)
        super().__init__(plan, free_kernels(features, ROTATIONS.order))
        self.dictionary = drawn_dictionary(plan, plan.size.maps, ROTATIONS, "coarse", bias=True)

    def stage_kernels(self) -> Tensor:
        return kernels_of(self.dictionary)

    def explained(self, maps: Tensor, kernels: Tensor, fresh: bool) -> Tensor:
        layer, bias = super().explained(maps, kernels, fresh), self.dictionary.bias
        assert bias is not None
        return layer + bias if fresh else layer


class PublishedOSCNetPlus(PublishedUnfolding):
    """OSCNet+ with the parameters of the published code: OSCNet, with coefficients for every image and stage.

    The kernels act as a tenth. The added number counts whenever kernels are new: in the first stage, and where the
    maps of one stage meet the kernels of the next.
    """

    def __init__(self, plan: Plan) -> None:
        features = shared(plan.size.maps, ROTATIONS)
        super().__init__(plan, free_kernels(features, ROTATIONS.order))
        self.basis = make_basis("coarse", WINDOW, ROTATIONS)
        self.coefficients = CoefficientNet(features, self.basis.size)
        self.bias = nn.Parameter(torch.zeros(1))

    def stage_kernels(self) -> Tensor:
        return GENTLE * self.first_kernels  # until they are renewed, before the first stage

    def renewed(self, kernels: Tensor, background: Tensor, degraded: Tensor) -> Tensor:
        return GENTLE * rotated_kernels(self.coefficients(torch.cat([background, degraded], 1)), self.basis)

    def explained(self, maps: Tensor, kernels: Tensor, fresh: bool) -> Tensor:
        layer = super().explained(maps, kernels, fresh)
        return layer + self.bias if fresh else layer


class CoefficientNet(nn.Module):
    """(N, 2, H, W), the restored and the corrupted image, to coefficients (N, features, K), each row of norm 1.

    Three convolutions without non-linearity, the mean over pixels, and a linear layer with a ReLU: none is negative.
    """

    def __init__(self, features: int, functions: int) -> None:
        super().__init__()
        self.features = features
        self.convolutions = nn.Sequential(plain_conv(2, WIDTH), plain_conv(WIDTH, WIDTH), plain_conv(WIDTH, WIDTH))
        self.last = nn.Linear(WIDTH, features * functions)

    def forward(self, images: Tensor) -> Tensor:
        found = self.last(self.convolutions(images).mean((2, 3))).relu().unflatten(1, (self.features, -1))
        return found / (torch.linalg.vector_norm(found, dim=2, keepdim=True) + 1e-6)


def rotated_kernels(coefficients: Tensor, basis: Basis) -> Tensor:
    """The kernels with ``coefficients`` (N, features, K), and their rotated copies, (N, 1, features * order, k, k)."""
    samples = basis.copies.of(basis.undeformed, coefficients.device, coefficients.dtype)
    kernels = torch.einsum("nfk,tkp->nftp", coefficients, samples)
    return kernels.reshape(len(coefficients), 1, -1, basis.kernel_size, basis.kernel_size)
