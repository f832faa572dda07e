"""
One filter of a layer over p8
=============================

A lifting layer has one set of coefficients and eight filters: the same function, turned by 45 degrees at a time.
Methods differ in the functions that the filter is made of.
"""

import matplotlib.pyplot as plt
import torch

from symmetry_audit.layers import METHODS, Layers

methods = ("e2cnn", "harnet", "pdoe", "fconv", "bconv")
figure, axes = plt.subplots(len(methods), 8, figsize=(7, 5), layout="constrained")
for row, method in zip(axes, methods, strict=True):
    torch.manual_seed(1)
    impulse = torch.zeros(1, 1, 9, 9)
    impulse[..., 4, 4] = 1
    with torch.no_grad():  # the response to a single bright pixel is the filter, mirrored
        filters = Layers(method, "p8").lifting(1, 1)(impulse)[0].flip(-1, -2).numpy()
    for plot, weights in zip(row, filters - filters.mean((-1, -2), keepdims=True), strict=True):
        limit = abs(filters).max()
        plot.imshow(weights[2:7, 2:7], cmap="RdBu", vmin=-limit, vmax=limit)
        plot.set(xticks=[], yticks=[])
    row[0].set_ylabel(METHODS[method].title, fontsize=8)
plt.show()
