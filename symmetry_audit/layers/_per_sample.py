"""Convolution with filters that differ from image to image, with only one bank in memory at a time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from symmetry_audit.devices import autocast_type, without_autocast
from symmetry_audit.layers._kinds import Kind

__all__ = ["convolve_per_sample"]


def convolve_per_sample(
    x: Tensor, weight: Tensor, samples: Tensor, bias: Tensor | None, kind: Kind, stride: int, padding: int
) -> Tensor:
    """Image n of ``x`` (N, C, H, W) convolved with the filters of ``samples[n]``, (N, T, K, p * p).

    The bank of one image is built, used and dropped, and built again in the backward pass. So memory does not grow with
    N, as it would with all banks in one grouped convolution.
    """
    half = autocast_type(x.device.type)
    if half is not None and x.dtype != torch.float64:
        x = x.to(half)
    with without_autocast(x.device.type):
        return _PerSample.apply(x, weight, samples.to(weight.dtype), bias, kind, stride, padding)


class _PerSample(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, samples: Tensor, bias: Tensor | None, kind: Kind, stride: int, padding: int
    ) -> Tensor:
        ctx.save_for_backward(x, weight, samples)
        ctx.layout = kind, stride, padding
        banks = _Banks(weight, samples, kind)
        channel_bias = None if bias is None else bias.to(x.dtype)
        return torch.cat(
            [torch.conv2d(x[n : n + 1], banks[n].to(x.dtype), channel_bias, stride, padding) for n in range(len(x))]
        )

    @staticmethod
    @once_differentiable  # whose annotation makes ctx positional-only
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (gradient,) = grad_outputs
        x, weight, samples = ctx.saved_tensors
        kind, stride, padding = ctx.layout
        wanted = ctx.needs_input_grad
        banks = _Banks(weight, samples, kind)
        to_x = torch.empty_like(x) if wanted[0] else None
        to_expanded = torch.zeros_like(banks.expanded) if wanted[1] else None
        to_arranged = torch.empty_like(banks.arranged) if wanted[2] else None
        for n in range(len(x)):
            back_x, back_bank, _ = torch.ops.aten.convolution_backward(
                *(gradient[n : n + 1], x[n : n + 1], banks[n].to(x.dtype), None),
                *([stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1, [wanted[0], wanted[1] or wanted[2], False]),
            )
            if to_x is not None:
                to_x[n] = back_x[0]
            if wanted[1] or wanted[2]:
                back_bank = back_bank.to(weight.dtype).view(banks.shape)
            if to_expanded is not None:
                to_expanded += back_bank @ banks.arranged[n].mT
            if to_arranged is not None:
                to_arranged[n] = (banks.expanded.mT @ back_bank).sum_to_size(banks.arranged[n].shape)
        return (
            to_x,
            None if to_expanded is None else kind.collected(to_expanded),
            None if to_arranged is None else kind.disarranged(to_arranged),
            gradient.sum((0, 2, 3)).to(weight.dtype) if wanted[3] else None,
            *(None, None, None),
        )


class _Banks:
    """The filter bank of each image in turn, in the same memory: each bank overwrites the one before."""

    def __init__(self, weight: Tensor, samples: Tensor, kind: Kind) -> None:
        self.expanded, self.arranged = kind.expanded(weight), kind.arranged(samples)
        self.memory = self.expanded.new_empty(*self.expanded.shape[:-1], self.arranged.shape[-1])
        self.kind, self.shape, self.points = kind, self.memory.shape, samples.shape[-1]

    def __getitem__(self, n: int) -> Tensor:
        torch.matmul(self.expanded, self.arranged[n], out=self.memory)
        return self.kind.as_filters(self.memory, self.points)
