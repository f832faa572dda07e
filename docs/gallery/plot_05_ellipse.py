"""
An image's own group
====================

A field that was stretched by 1.5 along 30 degrees. The fit finds the stretch, and under the group deformed by it the
response is flat.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.signal import fftconvolve

import symmetry_audit
from symmetry_audit.groups import Affine, Group
from symmetry_audit.kernels import STENCILS, kernel_model, sampled_kernels
from symmetry_audit.synth import gaussian_field

true = Affine.from_axes(np.radians(30), 1.5)
field = 127 + 40 * gaussian_field((256, 256), true, rng=np.random.default_rng(3))
fit = symmetry_audit.fit_affine(field, group="p16", reg="tv")[0]
found = Affine(fit.a, fit.b)
rotations = np.array([element.matrix() for element in Group.parse("p16").elements])
model = kernel_model("gaussian", 1.5)


def profile(matrices: np.ndarray) -> np.ndarray:
    kernels = sampled_kernels(STENCILS["tv"], matrices, model, 14)
    return np.array([np.abs(fftconvolve(field, kernel, mode="valid")).mean() for kernel in kernels])


figure, (picture, curve) = plt.subplots(1, 2, figsize=(7, 3.2), layout="constrained")
picture.imshow(field, cmap="gray")
turn = np.linspace(0, 2 * np.pi)
picture.plot(*(128 + 60 * found.matrix @ [np.cos(turn), np.sin(turn)]), color="#D55E00", linewidth=3)
picture.set(title=f"ratio {fit.ratio:.2f}, {fit.alpha_deg:.0f} degrees", xticks=[], yticks=[])
curve.plot(profile(rotations), "o-", label="under rotations")
curve.plot(profile(found.matrix @ rotations @ np.linalg.inv(found.matrix)), "s-", label="under its own group")
curve.set(xlabel="element of p16", ylabel="mean response", ylim=(0, None))
curve.legend()
plt.show()
