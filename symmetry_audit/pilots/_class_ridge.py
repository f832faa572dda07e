"""Ridge regression to classes, with the penalty that leave-one-out errors choose."""

from __future__ import annotations

import numpy as np

__all__ = ["PENALTIES", "predicted", "ridge"]

PENALTIES = tuple(10.0**power for power in range(-4, 3))  # relative to the number of images


def predicted(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
    """The classes of ``test`` (m, d) by ridge regression of one-hot ``labels`` (n,) on ``train`` (n, d), (m,) of int.

    Features are standardized by those of ``train``.
    """
    mean, deviation = train.mean(0), train.std(0)
    deviation[deviation < 1e-9] = 1.0
    targets = np.eye(int(labels.max()) + 1)[labels]
    weights = ridge((train - mean) / deviation, targets - targets.mean(0))
    return (((test - mean) / deviation) @ weights + targets.mean(0)).argmax(1)


def ridge(features: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """W (d, k) with the least ||X W - Y||^2 + n penalty ||W||^2, X (n, d) and Y (n, k).

    The penalty is the one of ``PENALTIES`` with the least leave-one-out error, which is (Y - X W) / (1 - H_ii) with
    H = X (X'X + n penalty)^-1 X' (Allen 1974).
    """
    count = len(features)
    values, vectors = np.linalg.eigh(features.T @ features)
    rotated, moments = features @ vectors, vectors.T @ (features.T @ targets)
    best, found = np.inf, np.zeros((features.shape[1], targets.shape[1]))
    for penalty in PENALTIES:
        inverse = 1.0 / (values.clip(0) + count * penalty)
        weights = inverse[:, None] * moments
        leverage = rotated**2 @ inverse
        errors = (targets - rotated @ weights) / np.maximum(1 - leverage, 1e-9)[:, None]
        if (error := float((errors**2).sum())) < best:
            best, found = error, vectors @ weights
    return found
