"""The state of a network while it runs: its device, its mode, and the w of the last images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from symmetry_audit.errors import ModelError
from symmetry_audit.layers import Deformation

__all__ = ["evaluating", "move_to"]


def move_to(network: nn.Module, device: torch.device) -> None:
    """Move to ``device``, but only if needed: moving makes layers forget their filters."""
    for value in network.parameters():
        if value.device.type != device.type or device.index not in (None, value.device.index):
            network.to(device)
            return


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Switch to eval mode; afterwards restore the mode of every part and the offsets of every w."""
    training = [part for part in network.modules() if part.training]
    offsets = [(part, part.offset) for part in network.modules() if isinstance(part, Deformation)]
    if training:  # switching the mode makes layers forget their filters
        network.eval()
    try:
        yield
    except RuntimeError as error:  # torch has no class for this error on the CPU
        if "memory" not in str(error):
            raise
        raise ModelError("not enough memory for this image; restore it in tiles, such as --tile 256") from None
    finally:
        for part in training:
            part.training = True
        for part, offset in offsets:
            part.offset = offset
