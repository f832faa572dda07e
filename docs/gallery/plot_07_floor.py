"""
What the pixel grid alone produces
==================================

The floor: relative ε of an ideal isotropic field with the spectrum of photographs. Its true error is zero; what is
left is sampling. Filters of published layers have floors of several percent, a Gaussian of 1.5 px has none to speak
of.
"""

import matplotlib.pyplot as plt
import numpy as np

from symmetry_audit.findings import discretization_floor
from symmetry_audit.groups import Group
from symmetry_audit.kernels import DEFAULT_REGULARIZERS, STENCILS, kernel_model

models = {
    "bicubic (B-Conv)": kernel_model("bicubic"),
    "fourier (F-Conv)": kernel_model("fourier"),
    "gaussian, 1 px": kernel_model("gaussian", 1.0),
    "gaussian, 1.5 px": kernel_model("gaussian", 1.5),
}
figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
for place, (name, model) in enumerate(models.items()):
    floors = [
        discretization_floor(STENCILS[regularizer], Group.parse("p32"), model) for regularizer in DEFAULT_REGULARIZERS
    ]
    axes.bar(np.arange(len(floors)) + 0.2 * (place - 1.5), floors, 0.2, label=name)
axes.set_xticks(range(len(DEFAULT_REGULARIZERS)), DEFAULT_REGULARIZERS)
axes.set(yscale="log", ylim=(1e-8, 40), ylabel="floor (relative ε)")
axes.legend(ncols=2, loc="upper center")
plt.show()
