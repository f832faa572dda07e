"""Networks against metal artefacts, written straight from their formulas, in float64.

Y is the corrupted image, LI the interpolated one, I the mask (0 on metal), X the restored image, P its duals, A = K * M
the artefacts; BN has running statistics. Names of weights are those of ``symmetry_audit``, and nothing else is.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["adjoint", "correlate", "dicdnet", "proximal"]

Weights = Mapping[str, Tensor]


def correlate(maps: Tensor, kernels: Tensor) -> Tensor:
    """sum_m K_m * M_m, zero outside, by one shifted product for each pixel of the window."""
    size, (height, width) = kernels.shape[-1], maps.shape[2:]
    padded = functional.pad(maps, [size // 2] * 4)
    total = torch.zeros(len(maps), len(kernels), height, width, dtype=maps.dtype)
    for i in range(size):
        for j in range(size):
            total += torch.einsum("nmhw,cm->nchw", padded[..., i : i + height, j : j + width], kernels[..., i, j])
    return total


def adjoint(layer: Tensor, kernels: Tensor) -> Tensor:
    """K^T R: correlation with the kernels turned by half a turn, maps and channels exchanged."""
    return correlate(layer, kernels.flip(2, 3).transpose(0, 1))


def proximal(x: Tensor, weights: Weights, name: str) -> Tensor:
    """Three times x <- ReLU(x + BN conv ReLU BN conv x)."""

    def step(x: Tensor, at: str, bn: str) -> Tensor:
        x = functional.conv2d(x, weights[f"{at}.weight"], weights[f"{at}.bias"], padding=1)
        mean, variance = weights[f"{bn}.running_mean"][:, None, None], weights[f"{bn}.running_var"][:, None, None]
        scaled = (x - mean) / (variance + 1e-5).sqrt()
        return scaled * weights[f"{bn}.weight"][:, None, None] + weights[f"{bn}.bias"][:, None, None]

    for block in range(3):
        layers = f"{name}.{block}.layers"
        inner = step(step(x, f"{layers}.0", f"{layers}.1").relu(), f"{layers}.3", f"{layers}.4")
        x = (x + inner).relu()
    return x


def _maps(x: Tensor, weights: Weights, name: str) -> Tensor:
    """Mnet: the same, and what exceeds a threshold of each map."""
    return (proximal(x, weights, f"{name}.blocks") - weights[f"{name}.threshold"]).relu()


def dicdnet(weights: Weights, y: Tensor, li: Tensor, mask: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """[X_0, X_1, ..., X_10, X] and [A_1, ..., A_10] of DICDNet."""
    duals = functional.conv2d(li, weights["to_hidden"], padding=1)
    state = proximal(torch.cat([li, duals], 1), weights, "first")
    kernels, first = weights["kernels"] / 10, weights["first_kernels"] / 10
    images, artefacts = [state[:, :1]], []
    for stage in range(10):
        x, p = state[:, :1], state[:, 1:]
        if stage == 0:
            m = adjoint((mask * (y - x) - weights["threshold"]).relu(), first)
        else:
            gradient = adjoint(mask * (artefacts[-1] - y + x), kernels)
            m = m - weights["eta_maps"][stage - 1] / 10 * gradient  # noqa: F821 - of the stage before
        m = _maps(m, weights, f"map_nets.{stage}")
        artefacts.append(correlate(m, kernels))
        eta = weights["eta_backgrounds"][stage] / 10
        x = (1 - eta * mask) * x + eta * mask * (y - artefacts[-1])
        state = proximal(torch.cat([x, p], 1), weights, f"background_nets.{stage}")
        images.append(state[:, :1])
    return [*images, proximal(state, weights, "last")[:, :1]], artefacts
