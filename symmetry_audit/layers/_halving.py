"""Down-sampling by two that commutes with quarter turns and mirrors, for every size of image."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["HalvingPool2d"]


class HalvingPool2d(nn.Module):
    """Means of neighbouring pixels on half the grid: (N, C, H, W) to (N, C, ceil(H / 2), ceil(W / 2)).

    Along an even side the means are over pairs, along an odd side over 3 pixels around every second one (2 at the
    ends). Both patterns are their own mirror image, so that quarter turns and mirrors are exact. A strided convolution
    of an even side is not: it takes every second pixel beginning with the first, seen from the other end with the
    second.

    Examples
    --------
    >>> import torch
    >>> from symmetry_audit.layers import HalvingPool2d
    >>> HalvingPool2d()(torch.tensor([[[[1.0, 3.0, 5.0, 7.0, 9.0]]]])).tolist()
    [[[[2.0, 5.0, 8.0]]]]
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, ceil(H / 2), ceil(W / 2))."""
        odd = [side % 2 for side in x.shape[2:]]
        return nn.functional.avg_pool2d(x, [2 + one for one in odd], 2, odd, count_include_pad=False)
