"""
Why small sets say nothing
==========================

Profiles that point in random directions come from a symmetric distribution: the true error is zero. The measured one
falls with the number of images, and is never zero.
"""

import matplotlib.pyplot as plt
import numpy as np

from symmetry_audit.statistics import relative_error

rng = np.random.default_rng(0)
angles = 2 * np.pi * np.arange(32) / 32
numbers = [5, 10, 20, 50, 100, 200, 500]
draws = []
for number in numbers:
    directions = rng.uniform(0, np.pi, (200, number, 1))
    profiles = 1 + 0.2 * np.cos(2 * (angles - directions))
    draws.append(relative_error(profiles.mean(1)))

figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
low, middle, high = 100 * np.quantile(draws, (0.025, 0.5, 0.975), axis=1)
axes.fill_between(numbers, low, high, color="#56B4E9", alpha=0.4, label="95 of 100 sets")
axes.plot(numbers, middle, color="#0072B2", marker="o", label="median")
axes.set(xscale="log", ylim=(0, None), xlabel="number of images", ylabel="relative ε (%) of a symmetric set")
axes.axhline(5, color="0.4", linestyle="--", label="tolerance, 5 %")
axes.legend()
plt.show()
