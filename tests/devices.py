"""The meta device, on which tensors have shapes and no values, stands in for a GPU in the ordinary tests.

Operations that mix it with tensors left on the CPU fail there, and so does everything that needs a value on the host.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

__all__ = ["META", "HostWork", "arriving", "write_all"]

META = "meta"
# on a GPU the host waits for their results; the meta device has them nevertheless
WAITING = {"aten::linalg_matrix_exp", "aten::nonzero", "aten::linalg_inv", "aten::_linalg_check_errors", "aten::equal"}


@torch.no_grad()
def write_all(module: nn.Module) -> None:
    """Write to every parameter, as an optimizer's step does, so that all filters are built anew."""
    for parameter in module.parameters():
        parameter.mul_(1)


class HostWork(TorchDispatchMode):
    """Within it ``found`` lists what would make the host wait for a GPU: copies to the device, and ``WAITING``."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor) and one.dim()]
        made = [one for one in tree_leaves(result) if isinstance(one, Tensor)]
        name = func.name().partition(".")[0]
        uploaded = any(one.is_cpu for one in given) and any(one.is_meta for one in made)
        if uploaded or name in WAITING:
            self.found.append(name)
        return result


@pytest.fixture
def arriving(monkeypatch: pytest.MonkeyPatch) -> list[torch.Size]:
    """The shapes that leave the meta device by ``cpu()``; zeros arrive in their place, since meta has no values."""
    arrived = []

    def cpu(tensor: Tensor) -> Tensor:
        assert tensor.is_meta, "it was on the CPU before"
        arrived.append(tensor.shape)
        return torch.zeros(tensor.shape, dtype=tensor.dtype)

    monkeypatch.setattr(Tensor, "cpu", cpu)
    return arrived
