"""Several processes that train one network: ranks, means and batch statistics over all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce

from symmetry_audit.errors import SettingError, SymmetryAuditError

__all__ = ["World", "join", "synchronize"]

PATIENCE = timedelta(hours=6)
T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """This process, ``rank``, among ``size``; alone where torchrun has not started it."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    @property
    def first(self) -> bool:
        """Whether this process writes the files and reports progress."""
        return self.rank == 0

    def mean(self, value: Tensor) -> Tensor:
        """The mean of ``value`` over all processes."""
        if self.size == 1:
            return value
        total = value.detach().clone()
        dist.all_reduce(total)
        return total / self.size

    def each(self, find: Callable[[], T]) -> list[T]:
        """What ``find`` gives in every process, by rank. Where one raises an error of ours, all raise the first one."""
        found = _tried(find)
        everyone: list[T | SymmetryAuditError] = [found] * self.size
        if self.size > 1:
            dist.all_gather_object(everyone, found)
        return [_given(one) for one in everyone]

    def from_first(self, find: Callable[[], T]) -> T:
        """What ``find`` gives in the first process, which alone calls it. Its errors of ours are raised by all."""
        found = [_tried(find) if self.first else None]
        if self.size > 1:
            dist.broadcast_object_list(found, device=torch.device(self.device))
        return _given(found[0])  # type: ignore[arg-type]


def _tried(find: Callable[[], T]) -> T | SymmetryAuditError:
    try:
        return find()
    except SymmetryAuditError as error:
        return error


def _given(found: T | SymmetryAuditError) -> T:
    if isinstance(found, SymmetryAuditError):
        raise found
    return found


@contextmanager
def join(device: str) -> Iterator[World]:
    """The processes that torchrun described in the environment; nccl on CUDA, gloo elsewhere."""
    size = int(os.environ.get("WORLD_SIZE", 1))
    if size == 1:
        yield World(device=device)
        return
    if device == "cuda":
        number = int(os.environ["LOCAL_RANK"])
        if number >= torch.cuda.device_count():
            raise SettingError(
                f"there are only {torch.cuda.device_count()} GPUs, fewer than processes: lower --nproc-per-node"
            )
        device = f"cuda:{number}"
        torch.cuda.set_device(device)
    # the other processes wait while the first one validates
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo", timeout=PATIENCE)
    try:
        yield World(dist.get_rank(), size, device)
    finally:
        dist.destroy_process_group()


def synchronize(network: nn.Module) -> nn.Module:
    """Let every batch normalization of ``network`` use the batches of all processes. Changes it in place.

    torch's own SyncBatchNorm does not run on CPUs.
    """
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = _SynchronisedBatchNorm2d
    return network


class _SynchronisedBatchNorm2d(nn.BatchNorm2d):
    """``nn.BatchNorm2d`` with statistics over all processes, whose batches are equally large."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        assert self.num_batches_tracked is not None and self.running_mean is not None and self.running_var is not None
        assert self.momentum is not None
        x = input.to(self.weight.dtype)  # under autocast
        count = x.numel() // x.shape[1] * dist.get_world_size()
        mean = all_reduce(x.sum((0, 2, 3))) / count
        centred = x - mean[:, None, None]
        variance = all_reduce(centred.square().sum((0, 2, 3))) / count
        with torch.no_grad():
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        return centred * scale[:, None, None] + self.bias[:, None, None]
