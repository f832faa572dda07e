"""
Fits of fields whose answer is known
====================================

Sixteen Gaussian fields, each with its own stretch. One image has few independent gradients, so a fit is near the
truth and not on it.
"""

import matplotlib.pyplot as plt
import numpy as np

import symmetry_audit
from symmetry_audit.groups import Affine
from symmetry_audit.synth import gaussian_field

rng = np.random.default_rng(1)
ratios = np.linspace(1, 1.75, 16)
found = []
for ratio in ratios:
    field = gaussian_field((192, 192), Affine.from_axes(rng.uniform(0, np.pi), ratio), rng=rng)
    found.append(symmetry_audit.fit_affine(127 + 40 * field, group="p16", reg="tv")[0].ratio)

figure, axes = plt.subplots(figsize=(4, 4), layout="constrained")
axes.axline((1, 1), slope=1, color="0.7", zorder=0, label="the truth")
axes.plot(ratios, found, "o", color="#0072B2", label="fitted")
axes.set(xlabel="true axis ratio", ylabel="fitted axis ratio", aspect="equal")
axes.legend()
plt.show()
