"""
A half turn, seen and not seen
==============================

Discs that are all lit from the right. After a half turn they are lit from the left: another picture. The mean
absolute response cannot tell; the mean square of the positive responses alone can.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.signal import fftconvolve

from symmetry_audit.groups import Group
from symmetry_audit.kernels import STENCILS, kernel_model, sampled_kernels
from symmetry_audit.synth import dead_leaves

group, model = Group.parse("p16"), kernel_model("gaussian", 1.5)
field = dead_leaves((256, 256), rng=np.random.default_rng(0), flip_bias=1.0)
kernels = sampled_kernels(STENCILS["tv"], np.array([element.matrix() for element in group.elements]), model, 7)
responses = [fftconvolve(field, kernel, mode="valid") for kernel in kernels]
absolute = np.array([np.abs(response).mean() for response in responses])
rectified = np.array([np.square(np.maximum(response, 0)).mean() for response in responses])

figure, (picture, curve) = plt.subplots(1, 2, figsize=(7, 3.2), layout="constrained")
picture.imshow(field, cmap="gray")
picture.set_axis_off()
degrees = [element.angle_deg for element in group.elements]
curve.plot(degrees, absolute / absolute.mean(), "o-", label="absolute")
curve.plot(degrees, rectified / rectified.mean(), "s-", label="rectified")
curve.axvline(180, color="0.7", zorder=0)
curve.set(xlabel="angle of the filter (degrees)", ylabel="response over its mean")
curve.legend()
plt.show()
