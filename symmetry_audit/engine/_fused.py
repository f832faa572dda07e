"""A HarmonicPlan run by torch, on a GPU compiled so that responses are summed where they are made.

A band of rows at a time: two one-dimensional convolutions blur it, one convolution makes all coefficient images, and
for each group one fused reduction per few pairs of kernels reads these once and writes sums over rows.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from threading import Lock
from types import FunctionType

import numpy as np
import torch
from torch.nn.functional import conv2d, pad
from torch.utils._triton import has_triton

from symmetry_audit.engine._device import sent, sized
from symmetry_audit.engine._welch import welch_power
from symmetry_audit.engine._window import Rows, plan_means, row_counts, seen_window, sums_of_tiles, told
from symmetry_audit.kernels import HarmonicPlan

__all__ = ["FusedHarmonics"]

BAND_PIXELS = {"cpu": 1 << 16, "cuda": 1 << 19}  # whose coefficient images, 50 MB, may stay in the cache of a GPU
MOST_PAIRS = 4  # of kernels, reduced by one pass over their images: more need more registers than a GPU has
ALIGNMENT = 16  # columns, so that every row of every image starts at a multiple of 64 bytes
LAUNCHING = Lock()  # torch cannot run compiled code in one thread while it compiles in another


@dataclass(frozen=True)
class FusedHarmonics:
    """``plan`` as float32 tensors on one device."""

    plan: HarmonicPlan
    blur: torch.Tensor  # (1, 1, 1, 2 r0 + 1)
    filters: torch.Tensor  # (images, 1, 2 reach + 1, 2 reach + 1), reversed: conv2d slides them as they are
    weights: tuple[torch.Tensor, ...]  # of each group, (passes, pairs of a pass, images of P and Q)
    order: np.ndarray  # (m,): where the sums of each kernel are among those of all groups
    compiled: bool

    @classmethod
    def from_plan(cls, plan: HarmonicPlan, device: str) -> FusedHarmonics:
        """Copy ``plan`` to ``device``."""

        def tensor(array: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(array.astype(np.float32)).to(device)

        passes = [_in_passes(group.weights, 0.0) for group in plan.groups]
        targets = np.concatenate([_in_passes(group.targets, -1).ravel() for group in plan.groups])
        order = np.empty(len(plan.exact), dtype=np.int64)
        order[targets[targets >= 0]] = np.flatnonzero(targets >= 0)
        return cls(
            plan=plan,
            blur=tensor(np.concatenate([plan.blur[:0:-1], plan.blur])[None, None, None]),
            filters=tensor(plan.filters[:, None, ::-1, ::-1]),
            weights=tuple(map(tensor, passes)),
            order=order,
            compiled=device == "cuda" and _can_compile(),
        )

    def __str__(self) -> str:
        return f"{self.plan}; torch, {self.filters.device.type}{', compiled' if self.compiled else ''}"

    def row_means(
        self,
        image: Rows,
        margin: int,
        kind: str = "abs",
        power: np.ndarray | None = None,
        inside: Rows | None = None,
    ) -> np.ndarray:
        """As ``StrictEngine.row_means``. Convolutions must not be in TF32: see ``single_threaded``."""
        with np.errstate(over="ignore", invalid="ignore"):  # the caller reports samples that are too large
            seen = seen_window(image, margin, self.plan.radius)
            low, high = (np.float32(end) for end in told(seen)[:2])
            # kernels sum to zero, so the middle has no effect; without it float32 keeps its digits for the detail
            middle = low / 2 + high / 2
            sums = sums_of_tiles(
                seen,
                self.plan.radius,
                inside,
                len(self.plan.exact),
                lambda tile, belongs: self._sums(tile.astype(np.float32, copy=False) - middle, kind, belongs),
            )
            gains = self.plan.gains(welch_power(image) if power is None else power)
            counts = row_counts(image.shape[0] - 2 * margin, image.shape[1] - 2 * margin, inside)
            return plan_means(self.plan, sums, counts, (float(low), float(high)), kind, gains)

    def _sums(self, seen: np.ndarray, kind: str, inside: np.ndarray | None) -> np.ndarray:
        """Sums over each row of V, (rows of V, m) float64."""
        around = 2 * self.plan.radius
        height, width = seen.shape[0] - around, seen.shape[1] - around
        device = self.filters.device
        # at least one column more than needed: else the compiled sums would be made anew for images that need none
        pixels = pad(sent(seen, device), (0, ALIGNMENT - width % ALIGNMENT))[None, None]
        belongs = None if inside is None else sent(inside, device)
        groups = [(group.plus, group.minus) for group in self.plan.groups]
        reductions = [row_sums(*group, kind, self.compiled, belongs is not None) for group in groups]
        found = []
        for top in range(0, height, rows := max(1, BAND_PIXELS[device.type] // width)):
            band = pixels[:, :, top : top + rows + around]
            blurred = conv2d(conv2d(band, self.blur), self.blur.mT)
            images = conv2d(blurred, self.filters, dilation=self.plan.step)[0]
            within = None if belongs is None else belongs[top : top + rows]
            with LAUNCHING:
                parts = [reduce(images, w, width, within) for reduce, w in zip(reductions, self.weights, strict=True)]
            found.append(torch.cat([part.flatten(0, 2) for part in parts]))
        return torch.cat(found, 1).cpu().numpy().astype(np.float64)[self.order].T


def _in_passes(table: np.ndarray, missing: float) -> np.ndarray:
    """``table`` (pairs, n) in passes of one size, (passes, pairs of a pass, n), the last filled up with ``missing``."""
    passes = -(-len(table) // MOST_PAIRS)
    full = np.pad(table, ((0, -len(table) % passes), (0, 0)), constant_values=missing)
    return full.reshape(passes, -1, table.shape[1])


Reduction = Callable[..., torch.Tensor]


@cache
def row_sums(
    plus: tuple[int, ...], minus: tuple[int, ...], kind: str, compiled: bool, masked: bool = False
) -> Reduction:
    """What maps coefficient images (n, rows, W), weights (passes, pairs, of P and Q) and a width up to W to sums.

    Those are of responses P + Q and P - Q of a ``kind`` (SPEC 3), over the first ``width`` columns of
    each row, (passes, pairs, 2, rows); P and Q are made of the images ``plus`` and ``minus``. A ``masked`` one also
    takes factors (rows, width), 1 for the pixels to add up and 0 for others.
    """

    def reduce(
        images: torch.Tensor, weights: torch.Tensor, width: int, within: torch.Tensor | None = None
    ) -> torch.Tensor:
        parts = [images[i, :, :width] for i in (*plus, *minus)]
        found = []
        for w in weights.unbind(1):  # (passes, of P and Q)
            terms = [weight[:, None, None] * part for weight, part in zip(w.unbind(1), parts, strict=True)]
            p = _added(terms[: len(plus)])
            q = _added(terms[len(plus) :]) if minus else None
            pair = (p,) if q is None else (p + q, p - q)
            sizes = [sized(response, kind) if within is None else sized(response, kind) * within for response in pair]
            found.append(torch.stack([each.sum(-1) for each in sizes], 1))
        return torch.stack(found, 1).expand(-1, -1, 2, -1)

    if not compiled:
        return reduce
    # torch counts recompilations by code object, at most eight: every group has its own, with a mask and without
    own = FunctionType(reduce.__code__.replace(), globals(), argdefs=reduce.__defaults__, closure=reduce.__closure__)
    return torch.compile(own, fullgraph=True, dynamic=True)


def _added(terms: Sequence[torch.Tensor]) -> torch.Tensor:
    first, *others = terms
    for term in others:
        first = first + term
    return first


def _can_compile() -> bool:
    """Whether torch.compile works for a GPU: it needs Triton, and Triton a C compiler."""
    return has_triton() and any(("CC" in os.environ, shutil.which("gcc"), shutil.which("clang")))
