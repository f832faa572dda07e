"""Convolution with filters that differ from image to image, with only a few banks in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from symmetry_audit.devices import autocast_type, without_autocast
from symmetry_audit.layers._kinds import Kind

__all__ = ["convolve_per_sample"]

TOGETHER = 2**21  # bytes of filter banks that are built at a time, so that they stay in the CPU's cache
convolution_backward = torch.ops.aten.convolution_backward.default


def convolve_per_sample(
    x: Tensor, weight: Tensor, samples: Tensor, bias: Tensor | None, kind: Kind, stride: int, padding: int
) -> Tensor:
    """Image n of ``x`` (N, C, H, W) convolved with the filters of ``samples[n]``, (N, T, K, p * p).

    A few banks are built, used and dropped, and built again in the backward pass. So memory does not grow with N, as it
    would with all banks in one grouped convolution.
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
        banks, images = _Banks(weight, samples, kind), x.split(1)
        channel_bias, found = None if bias is None else bias.to(x.dtype), []
        for part in banks.parts():
            filters = banks.filters(part).to(x.dtype)
            found += [
                torch.conv2d(image, own, channel_bias, stride, padding)
                for image, own in zip(images[part], filters, strict=True)
            ]
        return torch.cat(found)

    @staticmethod
    @once_differentiable  # whose annotation makes ctx positional-only
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (gradient,) = grad_outputs
        x, weight, samples = ctx.saved_tensors
        kind, stride, padding = ctx.layout
        wanted = ctx.needs_input_grad
        mask = [wanted[0], wanted[1] or wanted[2], False]
        banks, images, gradients = _Banks(weight, samples, kind), x.split(1), gradient.split(1)
        to_x = torch.empty_like(x) if wanted[0] else None
        to_rows = torch.zeros_like(banks.rows) if wanted[1] else None
        to_samples = torch.empty_like(banks.arranged) if wanted[2] else None
        for part in banks.parts():
            filters, back = banks.filters(part).to(x.dtype), banks.product(part)
            for at, own in enumerate(filters):
                n = part.start + at
                back_x, back_bank, _ = convolution_backward(
                    *(gradients[n], images[n], own, None),
                    *([stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1, mask),
                )
                if to_x is not None:
                    to_x[n] = back_x[0]
                if mask[1]:
                    back[:, :, :, at] = banks.as_product(back_bank)
            if to_rows is not None:
                to_rows += back.flatten(3).flatten(1, 2) @ banks.columns(part).mT
            if to_samples is not None:
                to_columns = banks.rows.mT @ back.flatten(3).flatten(1, 2)
                to_samples[part] = to_columns.unflatten(2, back.shape[3:]).permute(2, 0, 1, 3)
        return (
            to_x,
            None if to_rows is None else kind.collected(banks.as_expanded(to_rows)),
            None if to_samples is None else kind.disarranged(banks.as_arranged(to_samples)),
            gradient.sum((0, 2, 3)).to(weight.dtype) if wanted[3] else None,
            *(None, None, None),
        )


class _Banks:
    """The filter banks of all images, a few at a time.

    The banks of several images are one product for each element S with samples of its own: of the coefficients,
    ``rows`` (S, m W, K), and of the images' samples side by side, ``columns`` (S, K, images P). m are the out features,
    W and P what one row of a bank has for each S; a projection has the samples of all elements in one row, so S = 1.
    Products and banks each overwrite those before: fresh memory for each would cost more in page faults than the
    products.
    """

    def __init__(self, weight: Tensor, samples: Tensor, kind: Kind) -> None:
        expanded, arranged = kind.expanded(weight), kind.arranged(samples)
        self.kind, self.points, self.shapes = kind, samples.shape[-1], (expanded.shape, arranged.shape)
        if expanded.dim() == 3:
            expanded, arranged = expanded[:, None], arranged[:, None]
        self.arranged, self.wide = arranged, expanded.shape[:3]  # N, S, K, P; and m, S, W
        self.rows = expanded.transpose(0, 1).flatten(1, 2)
        bank = self.wide.numel() * arranged.shape[-1]
        self.step = max(1, min(len(arranged), TOGETHER // (bank * self.rows.element_size())))
        self.memory = self.rows.new_empty(2, self.step * bank)

    def parts(self) -> Iterator[slice]:
        """The images whose banks are built at a time."""
        return (slice(n, min(n + self.step, len(self.arranged))) for n in range(0, len(self.arranged), self.step))

    def columns(self, part: slice) -> Tensor:
        """The samples of some images, (S, K, images P)."""
        return self.arranged[part].permute(1, 2, 0, 3).flatten(2)

    def filters(self, part: slice) -> Tensor:
        """The weights of some images' convolutions, (images, out channels, in channels, p, p)."""
        product = self.product(part)
        torch.bmm(self.rows, self.columns(part), out=product.flatten(3).flatten(1, 2))
        ordered = product.permute(3, 1, 0, 2, 4)  # images, m, S, W, P
        banks = self.memory[1, : product.numel()].view(ordered.shape).copy_(ordered)
        return self.kind.as_filters(banks.flatten(0, 1), self.points).unflatten(0, (len(banks), -1))

    def product(self, part: slice) -> Tensor:
        """The memory for the product of some images, (S, m, W, images, P)."""
        m, elements, wide = self.wide
        shape = elements, m, wide, part.stop - part.start, self.arranged.shape[-1]
        return self.memory[0, : prod(shape)].view(shape)

    def as_product(self, filters: Tensor) -> Tensor:
        """What is laid out like one image's ``filters`` as one image of a product, (S, m, W, P)."""
        return filters.reshape(*self.wide, -1).transpose(0, 1)  # on some devices channels last

    def as_expanded(self, rows: Tensor) -> Tensor:
        """What is laid out like ``rows`` as the kind's expanded coefficients."""
        m, _, wide = self.wide
        return rows.unflatten(1, (m, wide)).transpose(0, 1).reshape(self.shapes[0])

    def as_arranged(self, samples: Tensor) -> Tensor:
        """What is laid out like ``arranged`` as the kind's arranged samples."""
        return samples.reshape(self.shapes[1])
