"""Networks against metal artefacts, written straight from their formulas, in float64.

Y is the corrupted image, LI the interpolated one, I the mask (0 on metal), X the restored image, P its duals, A = K * M
the artefacts; BN has running statistics. Names of weights are those of ``symmetry_audit``, and nothing else is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["acdnet", "adjoint", "correlate", "dicdnet", "unrolled"]

Weights = Mapping[str, Tensor]
Unrolled = tuple[list[Tensor], list[Tensor]]
Explain = Callable[[Tensor], tuple[list[Tensor], Tensor | float, bool]]


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


def dicdnet(weights: Weights, y: Tensor, li: Tensor, mask: Tensor) -> Unrolled:
    """[X_0, X_1, ..., X_10, X] and [A_1, ..., A_10] of DICDNet."""
    kernels = [weights["kernels"] / 10] * len(y)
    return unrolled(weights, y, li, mask, lambda x: (kernels, 0.0, False))


def unrolled(weights: Weights, y: Tensor, li: Tensor, mask: Tensor, explain: Explain) -> Unrolled:
    """[X_0, X_1, ..., X_10, X] and [A_1, ..., A_10] for a dictionary that ``explain`` gives for every X.

    It gives the kernels, one set for each image, a bias c, and whether they are new for every X (OSCNet+). The first A
    has c; new kernels also make a new A, with c, for the step of the maps.
    """
    duals = functional.conv2d(li, weights["to_hidden"], padding=1)
    state = proximal(torch.cat([li, duals], 1), weights, "first")
    images, artefacts = [state[:, :1]], []
    for stage in range(10):
        x, p = state[:, :1], state[:, 1:]
        kernels, bias, renewed = explain(x)
        if stage == 0:
            m = adjoint((mask * (y - x) - weights["threshold"]).relu(), weights["first_kernels"] / 10)
        else:
            seen = each(correlate, m, kernels) + bias if renewed else artefacts[-1]
            m = m - weights["eta_maps"][stage - 1] / 10 * each(adjoint, mask * (seen - y + x), kernels)
        m = _maps(m, weights, f"map_nets.{stage}")
        artefacts.append(each(correlate, m, kernels) + (bias if stage == 0 else 0.0))
        eta = weights["eta_backgrounds"][stage] / 10
        x = (1 - eta * mask) * x + eta * mask * (y - artefacts[-1])
        state = proximal(torch.cat([x, p], 1), weights, f"background_nets.{stage}")
        images.append(state[:, :1])
    return [*images, proximal(state, weights, "last")[:, :1]], artefacts


def each(operator: Callable[[Tensor, Tensor], Tensor], values: Tensor, kernels: list[Tensor]) -> Tensor:
    """``operator`` on every image with kernels of its own."""
    return torch.cat([operator(one[None], own) for one, own in zip(values, kernels, strict=True)])


def acdnet(weights: Weights, y: Tensor, li: Tensor, mask: Tensor) -> tuple[list[Tensor], ...]:
    """[X_0, X_1, ..., X_10, X], [A_1, ..., A_10], and [X, X] and [A, A] of the two first stages, of ACDNet."""
    duals = functional.conv2d(li, weights["to_hidden"], padding=1)
    state = proximal(torch.cat([li, duals], 1), weights, "warmup.first")
    images, warm, warm_artefacts = [state[:, :1]], [], []
    own, eta = weights["first_kernels"] / 10, weights["warmup.eta_backgrounds"] / 10
    for stage in range(2):
        x = state[:, :1]
        if stage == 0:
            m = adjoint((mask * (y - x) - weights["warmup.threshold"]).relu(), own)
        else:
            gradient = adjoint(mask * (warm_artefacts[-1] - y + x), own)
            m = m - weights["warmup.eta_maps"][0] / 10 * gradient
        m = _maps(m, weights, f"warmup.map_nets.{stage}")
        warm_artefacts.append(correlate(m, own))
        x = (1 - eta[stage] * mask) * x + eta[stage] * mask * (y - warm_artefacts[-1])
        state = proximal(torch.cat([x, state[:, 1:]], 1), weights, f"warmup.background_nets.{stage}")
        warm.append(state[:, :1])
    m = m.relu()
    for layer in range(2):
        m = torch.einsum("nmyx,om->noyx", m, weights[f"mixing.{layer}.weight"][:, :, 0, 0])
    atoms, artefacts, k = weights["atoms"][0] / 10, [], None
    for stage in range(10):
        x = state[:, :1]
        # every atom on every map, the long way round
        pairs = [correlate(one[:, None], atoms[:, None]) for one in m.unbind(1)]
        residual = mask * (y - x) if k is None else mask * (y - x - artefacts[-1])
        g = torch.stack([(pair * residual).sum((2, 3)) for pair in pairs], 1)
        pixels = y.shape[-2] * y.shape[-1]
        k = g if k is None else k + weights["eta_weights"][stage - 1] / (50 * pixels) * g
        flat, net = k.flatten(1), f"weight_nets.{stage}.layers"
        inner = (flat @ weights[f"{net}.0.weight"].T + weights[f"{net}.0.bias"]).relu()
        k = (flat + inner @ weights[f"{net}.2.weight"].T + weights[f"{net}.2.bias"]).relu().view_as(k)
        k = k / (k.square().sum(2, keepdim=True).sqrt() + 1e-6)
        c = [torch.einsum("mi,iyx->myx", own, atoms)[None] for own in k]
        a = each(correlate, m, c)
        m = m + weights["eta_maps"][stage] / 10 * each(adjoint, mask * (y - x - a), c)
        m = _maps(m, weights, f"map_nets.{stage}")
        artefacts.append(each(correlate, m, c))
        eta = weights["eta_images"][stage] / 10
        x = (1 - eta * mask) * x + eta * mask * (y - artefacts[-1])
        state = proximal(torch.cat([x, state[:, 1:]], 1), weights, f"image_nets.{stage}")
        images.append(state[:, :1])
    return [*images, proximal(state, weights, "last")[:, :1]], artefacts, warm, warm_artefacts
