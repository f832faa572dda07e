"""The way of samples to a device."""

from __future__ import annotations

import numpy as np
import torch

__all__ = ["sent"]


def sent(array: np.ndarray, device: torch.device | str, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """``array`` as a tensor on ``device``; the host does not wait for a GPU to take it.

    The copy lies in the current stream, after it what uses the tensor; torch keeps the pinned memory until then.
    """
    tensor = torch.from_numpy(np.ascontiguousarray(array)).to(dtype)
    if torch.device(device).type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)
