"""
Directions that differ, and a common one
========================================

A point for every image: its angle is twice the direction in which the image changes most, its distance from the
centre how much. Where points lie all around, images share no direction, and a group may be built in.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.signal import fftconvolve

from symmetry_audit.groups import Affine, Group
from symmetry_audit.kernels import STENCILS, kernel_model, sampled_kernels
from symmetry_audit.statistics import directions
from symmetry_audit.synth import gaussian_field

group, model, rng = Group.parse("p8"), kernel_model("gaussian", 1.5), np.random.default_rng(1)
kernels = sampled_kernels(STENCILS["tv"], np.array([element.matrix() for element in group.elements]), model, 7)


def direction(angle: float) -> complex:
    field = gaussian_field((128, 128), Affine.from_axes(angle, 1.3), rng=rng)
    profile = np.array([np.abs(fftconvolve(field, kernel, mode="valid")).mean() for kernel in kernels])
    return directions(profile, group.rotations)[0]


figure, axes = plt.subplots(1, 2, figsize=(7, 3.6), subplot_kw={"projection": "polar"}, layout="constrained")
for plot, title, angles in zip(axes, ("mixed", "common"), (rng.uniform(0, np.pi, 30), np.full(30, 0.3)), strict=True):
    found = np.array([direction(angle) for angle in angles])
    share = (len(found) * abs(found.mean()) ** 2 / np.mean(np.abs(found) ** 2) - 1) / (len(found) - 1)
    plot.scatter(np.angle(found), np.abs(found), color="#0072B2")
    plot.set_rticks([0.05, 0.1])
    plot.set_title(f"{title}: R² = {max(share, 0):.2f}")
plt.show()
