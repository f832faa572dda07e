"""
Single images, and their mean
=============================

Each stretched field points in a direction of its own. The mean of many changes less: this is what the symmetry error
of a dataset measures, Eq. (8).
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.signal import fftconvolve

from symmetry_audit.groups import Affine, Group
from symmetry_audit.kernels import STENCILS, kernel_model, sampled_kernels
from symmetry_audit.synth import gaussian_field

group, model, rng = Group.parse("p16"), kernel_model("gaussian", 1.5), np.random.default_rng(0)
kernels = sampled_kernels(STENCILS["tv"], np.array([element.matrix() for element in group.elements]), model, 7)
profiles = np.empty((20, group.order))
for row in profiles:
    field = 40 * gaussian_field((160, 160), Affine.from_axes(rng.uniform(0, np.pi), 1.4), rng=rng)
    row[:] = [np.abs(fftconvolve(field, kernel, mode="valid")).mean() for kernel in kernels]
profiles /= profiles.mean()

figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
degrees = [element.angle_deg for element in group.elements]
axes.plot(degrees, profiles.T, color="0.75", linewidth=1)
axes.plot(degrees, profiles.mean(0), color="#D55E00", linewidth=3, label="mean of 20 fields")
axes.plot([], color="0.75", label="a single field")
axes.set(xlabel="angle of the filter (degrees)", ylabel="mean response", xlim=(0, 340))
axes.legend()
plt.show()
