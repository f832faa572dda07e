"""Fits of photographs and aerial images against the oracle's grid, on the full image: some 15 minutes on one core."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from symmetry_audit import fit_affine
from tests.oracles import affine as oracle
from tests.oracles import symmetry

SETS = {"BSD100": ("HR", "*.png", 14), "RSSCN7": (".", "*/*.jpg", 10), "Urban20": ("HR", "*.png", 6)}
CASES = [(name, index) for name, (_, _, count) in SETS.items() for index in range(count)]


def drawn_image(shared_data: Path, name: str, index: int) -> np.ndarray:
    """One of the images of a set that a seed draws."""
    folder, pattern, _ = SETS[name]
    paths = sorted((shared_data / name / folder).glob(pattern))
    if not paths:
        pytest.skip(f"{name} absent")
    return symmetry.luminance(paths[np.random.default_rng(20260513).permutation(len(paths))[index]])


def grid_minima(image: np.ndarray) -> dict[str, float]:
    """What ``oracle.grid_fit`` finds for each regularizer and for all, every node looked at once for all of them."""
    nodes, scale = oracle.disc_grid(7), oracle.joint_scale(image)
    table = np.array([oracle.variance_proxy(image, oracle.JOINT, a, b) for a, b in nodes])
    columns = dict(zip(oracle.JOINT, table.T, strict=True)) | {"joint": (table / scale).sum(1)}
    minima = {}
    for name, column in columns.items():
        function = oracle.objective(image, name)
        starts = [nodes[node] for node in np.argsort(column)[:2]]
        minima[name] = min(oracle.polish(function, start, tolerance=3e-3).V for start in starts)
    return minima


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(("name", "index"), CASES)
def test_fits_are_as_good_as_a_grid(shared_data: Path, name: str, index: int) -> None:
    """V_fit <= 1.02 V_grid + 0.003^2."""
    image = drawn_image(shared_data, name, index)
    minima, found = grid_minima(image), {fit.regularizer: fit for fit in fit_affine(image, device="cpu")}
    assert set(found) == set(minima)
    for regularizer, least in minima.items():
        fit = found[regularizer]
        reached = oracle.objective(image, regularizer)(fit.a, fit.b)
        assert reached <= 1.02 * least + 0.003**2, regularizer
