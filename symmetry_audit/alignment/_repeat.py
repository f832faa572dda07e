"""Is a network a function of its image? The same image again, at once, after all others, and beside another one."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from symmetry_audit.alignment._domain import Domain, squared
from symmetry_audit.alignment._observed import Observed
from symmetry_audit.alignment._words import grey_levels
from symmetry_audit.errors import ModelError, SymmetryAuditError
from symmetry_audit.inference import restore_image
from symmetry_audit.tasks import Item

__all__ = ["Repeats", "batch_difference"]

ROUNDING = 1e-4  # of the contrast of the output, at least of one grey level; more is no rounding in float32


class Repeats:
    """Runs ``network`` on its first image once more at once, which finds noise, and at the end, which finds memory."""

    def __init__(self, network: nn.Module, device: str) -> None:
        self.phi = Observed(network, {}, device)
        self.first: tuple[str, Tensor, Domain, Tensor] | None = None

    def add(self, key: str, image: Tensor, domain: Domain) -> None:
        """Take the first image. Raises ModelError where two runs differ; errors name the image."""
        if self.first is not None:
            return
        try:
            self.first = key, image, domain, self.phi(image, domain)[0]
        except SymmetryAuditError as error:
            raise type(error)(f"{key}: {error}") from None
        self._check("at random (noise or dropout that eval() does not switch off), or by what ran before")

    def end(self) -> None:
        """After all images. Raises ModelError where the first one now gives something else."""
        if self.first is not None:
            self._check("after further images: it keeps a memory of earlier calls")

    def _check(self, why: str) -> None:
        assert self.first is not None
        key, image, domain, before = self.first
        if difference := _difference(before.numpy(), self.phi(image, domain)[0].numpy()):
            raise ModelError(
                f"{key}: the network is no function of its image: two runs on the same one differ by "
                f"{grey_levels(difference)} RMS, {why}; switch that off, or the errors would be those of chance"
            )


def batch_difference(network: nn.Module, item: Item, *, crop: int | None, device: str = "cpu") -> float:
    """RMS in grey levels by which the output for ``item`` changes beside another image in the batch; 0 for rounding.

    0 also for networks that take one image at a time.
    """
    image = squared(item, crop).input.astype(np.float32)
    try:
        alone = restore_image(network, image, device=device)
        return _difference(alone, restore_image(_Beside(network), image, device=device))
    except Exception:  # foreign code can raise anything; where it matters the measurement raises it again
        return 0.0


class _Beside(nn.Module):
    """``network`` on a batch of the image and its negative turned upside down; gives the image's own output."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(torch.cat([x, 255 - x.flip(-2)]))[: len(x)]


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    """Root mean square; 0 where rounding explains it."""
    one = one.astype(np.float64)  # half precision overflows in sums
    rms = float(np.sqrt(np.mean(np.square(one - other))))
    return rms if rms > ROUNDING * max(float(one.std()), 1.0) else 0.0
