"""
How equivariant a layer is
==========================

Two convolutions with random weights, measured on smooth blobs that are known at every point, so that turning them
resamples nothing. The plain one is not equivariant at any angle. The one over p8 is exact at quarter turns and nearly
so in between, since its first weights are drawn smooth.
"""

import matplotlib.pyplot as plt
import torch
from torch import nn

from symmetry_audit.layers import Layers
from symmetry_audit.testing import GaussianBlobs, equivariance_error

torch.manual_seed(0)
blobs = GaussianBlobs(size=49, sigma=4.0, channels=1, number=4)
layers = Layers("fconv", "p8")
networks = {
    "plain": nn.Sequential(nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.Conv2d(16, 1, 5, padding=2)),
    "fconv over p8": nn.Sequential(layers.lifting(1, 4), nn.ReLU(), layers.projection(4, 1)),
}
figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
for (name, network), mark in zip(networks.items(), "os", strict=True):
    errors = equivariance_error(network.double().eval(), "p16", blobs)
    axes.plot([360 * turn / 16 for turn in range(16)], 100 * errors.mean(-1), f"{mark}-", label=name)
axes.set(xlabel="angle (degrees)", ylabel="relative error (%)", ylim=(0, None))
axes.set_xticks(range(0, 360, 45))
axes.legend()
plt.show()
