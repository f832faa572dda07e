"""
The price of a group that the images lack
=========================================

What the best linear filter loses in denoising, if it has to treat all quarter turns alike, on fields that all point
in one direction: nothing while they are isotropic, more as they get more directed. The best filter of any kind loses
less, since it may see the direction in its window.
"""

import matplotlib.pyplot as plt
import numpy as np

from symmetry_audit.groups import Affine
from symmetry_audit.theory import GaussianDenoising, linear_price, price

ratios = np.array([1.0, 1.2, 1.4, 1.6, 1.8, 2.0])
tasks = [GaussianDenoising(Affine.from_axes(0, ratio), sigma=25, window=11) for ratio in ratios]
linear = [linear_price(task, "p4").db for task in tasks]
best = [price(task, "p4", draws=1000).db for task in tasks]

figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
axes.plot(ratios, linear, "o-", color="#D55E00", label="best linear filter")
axes.plot(ratios, best, "s-", color="#0072B2", label="best of all")
axes.set(xlabel="axis ratio of the fields", ylabel="price of p4 (dB)", ylim=(-0.01, None))
axes.legend()
plt.show()
