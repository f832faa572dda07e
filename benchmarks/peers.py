"""Mean absolute responses of one image to the same 80 kernels: this engine beside what convolves elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from symmetry_audit import audit
from symmetry_audit.engine import TOLERANCES, DeviceBank, strict_engine
from symmetry_audit.kernels import factor_bank

__all__ = ["FEW", "absent", "peers"]

KERNELS = 80  # p32 has 16 elements without half turns, of five regularizers
FEW = 5  # of the 80 kernels for peers that would take minutes; their time is multiplied
AGREEMENT = 1e-4  # of the response
OPTIONAL = {"opencv_filter2d": "cv2", "kornia_filter2d": "kornia"}

Responses = Callable[[], np.ndarray]


def peers(image: np.ndarray, device: str) -> dict[str, tuple[Responses, int]]:
    """name -> (responses of ``image`` (H, W) to the first kernels, how many kernels that are), ours first.

    Responses are means over the pixels inside the default margin. Raises RuntimeError where a peer does not
    find what the engine finds.
    """
    ours, kernels, seen = _engine(image, device)
    works: dict[str, tuple[Responses, int]] = {
        "engine": (ours, KERNELS),
        "factored_bank": (_bank(seen, kernels, device), KERNELS),
        "conv2d_one_by_one": (_conv2d(seen, kernels, device, 1), KERNELS),
        "conv2d_all_in_one": (_conv2d(seen, kernels, device, KERNELS), KERNELS),
        "scipy_ndimage": (_one_by_one(seen, kernels[:FEW], _scipy), FEW),
    }
    if "opencv_filter2d" not in absent():
        works["opencv_filter2d"] = (_one_by_one(seen, kernels, _opencv), KERNELS)
    if "kornia_filter2d" not in absent():
        works["kornia_filter2d"] = (_one_by_one(seen, kernels, _kornia(device)), KERNELS)
    expected = ours()
    for name, (work, count) in works.items():
        if not np.allclose(work(), expected[:count], rtol=AGREEMENT, atol=0):
            raise RuntimeError(f"{name} does not find the responses of the engine")
    return works


def absent() -> Mapping[str, str]:
    """Peers whose package is not installed: name -> package."""
    return {name: package for name, package in OPTIONAL.items() if find_spec(package) is None}


def _engine(image: np.ndarray, device: str) -> tuple[Responses, np.ndarray, np.ndarray]:
    """The engine's responses of ``image``, the kernels (80, k, k) that it has them of, and the pixels that these reach.

    The one place that knows how the engine is called.
    """
    settings = audit.make_settings(scenario="dataset_strict")
    bank = audit.strict_bank(settings, settings.models[0])
    engine, chosen = (
        strict_engine(bank.kernels, settings.models[0], settings.margin, device),
        bank.index[:, :16].ravel(),
    )
    kernels = np.concatenate(bank.kernels)[chosen]
    # the others see the same pixels of V
    border = settings.margin - kernels.shape[-1] // 2
    seen = image[border:-border, border:-border]
    return lambda: engine.row_means(image, settings.margin).mean(0)[chosen], kernels, seen


def _bank(image: np.ndarray, kernels: np.ndarray, device: str) -> Responses:
    """What the engine does with kernels that no harmonics fit."""
    bank = DeviceBank.from_bank(factor_bank(kernels, TOLERANCES[torch.float32]), device)
    return lambda: bank.row_means(image, kernels.shape[-1] // 2).mean(0)


def _conv2d(image: np.ndarray, kernels: np.ndarray, device: str, batch: int) -> Responses:
    """PyTorch, ``batch`` kernels a call."""

    def responses() -> np.ndarray:
        pixels = torch.from_numpy(image - image.mean()).float().to(device)[None, None]
        means = []
        for first in range(0, len(kernels), batch):
            turned = np.ascontiguousarray(kernels[first : first + batch, None, ::-1, ::-1])
            found = torch.nn.functional.conv2d(pixels, torch.from_numpy(turned).float().to(device))
            means.append(torch.stack([one.abs().mean(dtype=torch.float64) for one in found[0]]).cpu())
        return torch.cat(means).numpy()

    return responses


def _one_by_one(image: np.ndarray, kernels: np.ndarray, convolved: Callable[..., np.ndarray]) -> Responses:
    """``convolved`` (image, kernel) -> (H, W), kernel by kernel."""
    inside = (slice(kernels.shape[-1] // 2, -(kernels.shape[-1] // 2)),) * 2

    def responses() -> np.ndarray:
        pixels = (image - image.mean()).astype(np.float32)
        return np.array([np.abs(convolved(pixels, one)[inside]).mean(dtype=np.float64) for one in kernels])

    return responses


def _scipy(pixels: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return ndimage.convolve(pixels, kernel.astype(np.float32))


def _opencv(pixels: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    import cv2  # pyright: ignore[reportMissingImports]

    return cv2.filter2D(pixels, -1, np.ascontiguousarray(kernel[::-1, ::-1], np.float32))


def _kornia(device: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    import kornia  # pyright: ignore[reportMissingImports]

    def convolved(pixels: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        given: Any = [torch.from_numpy(part).float().to(device) for part in (pixels, kernel[::-1, ::-1].copy())]
        return kornia.filters.filter2d(given[0][None, None], given[1][None])[0, 0].cpu().numpy()

    return convolved
