"""Free pixels: the basis of a plain convolution and of G-CNN."""

from __future__ import annotations

from torch import Tensor

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import Group
from symmetry_audit.layers.bases._basis import Basis

__all__ = ["PixelBasis"]


class PixelBasis(Basis):
    """One function for each pixel of the window, K = kernel_size^2, rotated by moving pixels, without interpolation.

    So the group may contain only quarter turns and mirrors, which move pixels onto pixels. Raises SettingError for
    other groups, and for a deformation.
    """

    def __init__(self, kernel_size: int, group: Group, masked: bool = True) -> None:
        if kernel_size > 1 and group.rotations not in (1, 2, 4):
            raise SettingError(
                f"free pixels can only be rotated by quarter turns: use p1, p2, p4 or their mirrored groups, "
                f"or another basis for {group}"
            )
        super().__init__(kernel_size, group, masked)

    def raw(self, frames: Tensor) -> Tensor:
        distance = self.rotated(frames)[..., None, :, :] - self.copies.of(self.points, frames.device)[:, None]
        return (distance.abs().amax(-1) < 1e-6).to(frames.dtype)

    def sample(self, inverse: Tensor | None = None) -> Tensor:
        if inverse is not None and self.kernel_size > 1:
            raise SettingError('free pixels cannot be deformed: use the basis "bicubic" or "fourier"')
        # no w moves a single pixel, but the number of w is the number of samples
        samples = super().sample()
        shape = () if inverse is None else inverse.shape[:-2]
        return (samples if inverse is None else self.copies.of(samples, inverse.device)).expand(*shape, -1, -1, -1)
