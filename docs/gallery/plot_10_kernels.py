"""
Regularizers, turned
====================

A stencil is a few point weights. Spread by a Gaussian it can be turned by any angle, and sampled again.
"""

import matplotlib.pyplot as plt
import numpy as np

from symmetry_audit.groups import Group
from symmetry_audit.kernels import STENCILS, kernel_model, sampled_kernels

turns = [element.matrix() for element in Group.parse("p16").elements[:5]]
figure, axes = plt.subplots(len(STENCILS), len(turns), figsize=(6, 7), layout="constrained")
for row, (name, stencil) in zip(axes, STENCILS.items(), strict=True):
    kernels = sampled_kernels(stencil, np.array(turns), kernel_model("gaussian", 1.5), 7)
    for plot, kernel in zip(row, kernels, strict=True):
        limit = np.abs(kernel).max()
        plot.imshow(kernel, cmap="RdBu", vmin=-limit, vmax=limit)
        plot.set(xticks=[], yticks=[])
    row[0].set_ylabel(name)
for plot, turn in zip(axes[0], Group.parse("p16").elements, strict=False):
    plot.set_title(f"{turn.angle_deg:g}°")
plt.show()
