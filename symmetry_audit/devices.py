"""What code that runs on any device needs: constants that are copied there once, and a way around autocast."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

__all__ = ["DeviceCopies", "autocast_type", "without_autocast"]


class DeviceCopies:
    """Copies of constant tensors on the devices where they are used, each made once.

    A copy at every use would make the host wait for a GPU. Copies and pickles of the owner start without any.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[int, torch.device, torch.dtype], tuple[Tensor, Tensor]] = {}

    def of(self, constant: Tensor, device: torch.device, dtype: torch.dtype | None = None) -> Tensor:
        """``constant``, which must never change, on ``device`` and of type ``dtype`` (its own by default)."""
        dtype = constant.dtype if dtype is None else dtype
        if torch.compiler.is_compiling() or (device == constant.device and dtype == constant.dtype):
            return constant.to(device, dtype)
        key = id(constant), device, dtype
        if key not in self._kept:
            with torch.inference_mode(False), torch.no_grad():  # a later training step uses it too
                copied = constant.to(device, dtype)
            if type(copied) is not Tensor:  # a shape without values, while torch traces
                return copied
            self._kept[key] = constant, copied  # the constant is held, so that its id is not used twice
        return self._kept[key][1]

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return DeviceCopies, ()


def without_autocast(device_type: str) -> AbstractContextManager[object]:
    """A context in which operations on ``device_type`` keep the precision of their arguments."""
    if not torch.amp.is_autocast_available(device_type):
        return nullcontext()
    return torch.autocast(device_type, enabled=False)


def autocast_type(device_type: str) -> torch.dtype | None:
    """The type to which autocast converts arguments on ``device_type``; None where it is off."""
    if not (torch.amp.is_autocast_available(device_type) and torch.is_autocast_enabled(device_type)):
        return None
    return torch.get_autocast_dtype(device_type)
