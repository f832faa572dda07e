"""The way of samples to a device, and what becomes of responses there."""

from __future__ import annotations

import numpy as np
import torch

__all__ = ["sent", "sized"]


def sent(array: np.ndarray, device: torch.device | str, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """``array`` as a tensor on ``device``; the host does not wait for a GPU to take it.

    The copy lies in the current stream, after it what uses the tensor; torch keeps the pinned memory until then.
    """
    tensor = torch.from_numpy(np.ascontiguousarray(array)).to(dtype)
    if torch.device(device).type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def sized(responses: torch.Tensor, kind: str) -> torch.Tensor:
    """What ``responses`` of a ``kind`` (SPEC 3) are averaged as, in their own memory."""
    if kind == "abs":
        return responses.abs_()
    return (responses.clamp_(min=0) if kind == "rectified" else responses).square_()
