"""Linear operators from images to measurements, as the losses use them."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from symmetry_audit.errors import SettingError

__all__ = ["LinearOperator", "MaskOperator"]


class LinearOperator(ABC):
    """A, from images (N, C, H, W) to measurements (N, ...), one for each image of a batch.

    The losses also apply it to several copies of the batch, (k N, C, H, W): first the whole batch once, then again.
    """

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """A x. Differentiable."""

    @abstractmethod
    def pseudo_inverse(self, measurements: Tensor) -> Tensor:
        """A^+ y, an image of the size that a network takes. Differentiable.

        Any linear map from measurements to images will do, such as the adjoint: the losses only need to know what the
        network sees.
        """

    def measured(self, measurements: Tensor) -> Tensor:
        """1 where an entry of ``measurements`` is measured, 0 where it is always 0; by default 1 everywhere."""
        return torch.ones_like(measurements)


class MaskOperator(LinearOperator):
    """Inpainting: pixels are kept or set to 0. Its own pseudo-inverse.

    ``mask`` holds 1 (kept) and 0 (missing): (H, W) for all images, or (N, 1, H, W) for N images, each its own.
    Raises SettingError for another shape, other values, and a mask that keeps nothing.

    >>> operator = MaskOperator(torch.tensor([[1.0, 0.0]]))
    >>> operator.forward(torch.tensor([[[[3.0, 5.0]]]])).tolist()
    [[[[3.0, 0.0]]]]
    """

    def __init__(self, mask: Tensor) -> None:
        mask = mask[None, None] if mask.dim() == 2 else mask
        if mask.dim() != 4 or mask.shape[1] != 1:
            raise SettingError(f"a mask has the shape (H, W) or (N, 1, H, W), got {tuple(mask.shape)}")
        if not torch.all((mask == 0) | (mask == 1)) or not torch.all(mask.amax((1, 2, 3)) == 1):
            raise SettingError("a mask holds 1 for pixels that are kept, some of each image, and 0 for the others")
        self.mask = mask

    def forward(self, images: Tensor) -> Tensor:
        """``images`` times the mask, (k N, C, H, W) to the same shape."""
        return images * self.measured(images)

    def pseudo_inverse(self, measurements: Tensor) -> Tensor:
        """``measurements`` times the mask."""
        return self.forward(measurements)

    def measured(self, measurements: Tensor) -> Tensor:
        """The mask of every image and channel, in the shape of ``measurements``."""
        copies = len(measurements) // len(self.mask)
        mask = self.mask.to(measurements)
        return mask.repeat(copies, 1, 1, 1).expand_as(measurements)
