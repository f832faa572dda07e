"""OSCNet in its clean variant, and its builder (Wang et al., "Orientation-Shared Convolution", MICCAI 2022)."""

from __future__ import annotations

from torch import nn

from symmetry_audit.groups import Group
from symmetry_audit.layers import ProjectionConv2d
from symmetry_audit.nets._artefacts import adapted, drawn_dictionary
from symmetry_audit.nets._dicdnet import NETWORK as DICDNET
from symmetry_audit.nets._dicdnet import DICDNet, Size
from symmetry_audit.nets._oscnet_published import ROTATIONS, PublishedOSCNet
from symmetry_audit.nets._plan import Network, Plan

__all__ = ["NETWORK", "oscnet", "smooth_dictionary"]


def oscnet(plan: Plan[Size]) -> nn.Module:
    """OSCNet as published, or DICDNet's clean variant with smooth kernels and their rotated copies."""
    return PublishedOSCNet(plan) if plan.paper else adapted(DICDNet(plan, smooth_dictionary(plan)), plan)


def smooth_dictionary(plan: Plan[Size]) -> ProjectionConv2d:
    """Kernels of low frequencies for maps over the group of the layers; if they are plain, over p8, as published."""
    group: Group = plan.layers.group if plan.layers.group.order > 1 else ROTATIONS
    return drawn_dictionary(plan, plan.size.maps, group, "coarse")


NETWORK = Network(oscnet, DICDNET.sizes, published_basis="fourier")
