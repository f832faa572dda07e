"""Fitting a hypernetwork, before training, to the deformation that the audit found for every image (ours)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Affine
from symmetry_audit.layers import FreeDeformation, SampleAdaptive, SharedDeformation

__all__ = ["PREFIT_STEPS", "predicted", "prefit", "w_statistics"]

PREFIT_STEPS, BATCH, RATE = 1500, 16, 2e-3
LARGEST = 192  # side of the largest crop in pixels


def prefit(
    network: SampleAdaptive,
    prepared: Sequence[np.ndarray],
    fits: Sequence[Affine],
    corrupt: Callable[[np.ndarray, np.random.Generator], np.ndarray],
    *,
    smallest: int,
    steps: int = PREFIT_STEPS,
    seed: int = 0,
    device: str = "cpu",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> float:
    """Train only the hypernetwork, to predict ``fits`` from the ``prepared`` images (h, w, 3) uint8.

    Adam minimizes the squared distance in (a, b). It uses crops from ``smallest`` pixels up to whole images (192 at
    most), degraded anew by ``corrupt``, in the eight flips and quarter turns, with w moved accordingly. The shared w
    stays fixed; the hypernetwork learns the offset to it. Returns the mean distance over the last tenth of the steps.
    Raises SettingError if w is not shared.
    """
    deformation = _shared(network)
    hypernetwork = network.hypernetwork.to(device).train().requires_grad_(True)
    deformation.to(device)
    optimizer = torch.optim.Adam(hypernetwork.parameters(), RATE)
    targets = np.array([(fit.a, fit.b) for fit in fits])
    last = []
    for step in range(steps):
        rng = np.random.default_rng([seed, step])
        x, wanted = _batch(prepared, targets, corrupt, smallest, rng)
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 + np.cos(np.pi * step / steps)) / 2
        deformation.offset = hypernetwork(x.to(device, deformation.position.dtype))
        away = deformation.coordinates() - wanted.to(device)
        loss = away.square().sum(-1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step >= steps - max(1, steps // 10):
            last.append(away.detach().norm(dim=-1).mean())
        progress(step + 1, steps)
    deformation.offset = None
    return float(torch.stack(last).double().mean())


@torch.no_grad()
def predicted(network: SampleAdaptive, images: Sequence[np.ndarray], device: str = "cpu") -> list[Affine]:
    """The w by which the network deforms its filters for each image (h, w, 3) in [0, 255], in eval mode."""
    deformation, found = _shared(network), []
    was = network.training
    network.eval()
    for image in images:
        network.adapt(_tensor([image]).to(device, deformation.position.dtype))
        found.append(Affine(*deformation.coordinates()[0].tolist()))
    deformation.offset = None
    network.train(was)
    return found


def w_statistics(network: nn.Module, images: Sequence[np.ndarray], device: str = "cpu") -> dict[str, float] | None:
    """The filters' w for the card of a checkpoint; None if the layers share no w.

    For TL (a, b) and the ratio; for SA the mean (a, b) over ``images`` and the quartiles of the ratio.
    """
    found = [part for part in network.modules() if isinstance(part, SharedDeformation)]
    if len(found) != 1 or any(isinstance(part, FreeDeformation) for part in network.modules()):
        return None
    if not isinstance(network, SampleAdaptive):
        w = Affine(*found[0].coordinates().tolist())
        return {"a": w.a, "b": w.b, "ratio": w.ratio}
    each = predicted(network, images, device)
    low, middle, high = np.quantile([w.ratio for w in each], (0.25, 0.5, 0.75))
    a, b = np.mean([(w.a, w.b) for w in each], axis=0)
    quartiles = {"ratio_q25": low, "ratio_median": middle, "ratio_q75": high}
    return {name: float(value) for name, value in {"a_mean": a, "b_mean": b, **quartiles}.items()}


def _shared(network: SampleAdaptive) -> SharedDeformation:
    found = network.deformations()
    if len(found) != 1 or not isinstance(found[0], SharedDeformation):
        raise SettingError("--hyper-init audit needs a network whose layers share one w; use --preset small or tiny")
    return found[0]


def _batch(
    prepared: Sequence[np.ndarray], targets: np.ndarray, corrupt: Callable, smallest: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    chosen = rng.integers(len(prepared), size=BATCH)
    largest = min(LARGEST, *(min(prepared[i].shape[:2]) for i in chosen))
    side = int(rng.integers(min(smallest, largest), largest + 1))
    crops, wanted = [], targets[chosen].copy()
    for row, i in enumerate(chosen):
        top, left = (int(rng.integers(n - side + 1)) for n in prepared[i].shape[:2])
        crop = corrupt(prepared[i][top : top + side, left : left + side], rng)
        turns, flip = int(rng.integers(4)), bool(rng.integers(2))
        if turns % 2:  # a quarter turn swaps the long and the short axis
            wanted[row] *= -1
        if flip:
            wanted[row, 1] *= -1
        crop = np.rot90(crop, turns)
        crops.append(crop[:, ::-1] if flip else crop)
    return _tensor(crops), torch.from_numpy(wanted).float()


def _tensor(images: Sequence[np.ndarray]) -> Tensor:
    """(H, W, 3) arrays of one size as (N, 3, H, W) float32."""
    stacked = np.stack([np.asarray(image, dtype=np.float32) for image in images])
    return torch.from_numpy(np.ascontiguousarray(stacked.transpose(0, 3, 1, 2)))
