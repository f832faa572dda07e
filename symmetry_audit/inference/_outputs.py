"""What to do about a network whose output is no image of a whole multiple of the size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

__all__ = ["remedy"]


def remedy(result: object, x: Tensor) -> str:
    """A clause for a network that gives ``result`` for images ``x`` (N, C, H, W); empty where none is known."""
    if isinstance(result, Mapping):
        names = [name for name, value in result.items() if _is_image(value)]
        return f"; wrap the network so that it returns one of them, such as output[{names[0]!r}]" if names else ""
    if isinstance(result, Sequence):
        places = [place for place, value in enumerate(result) if _is_image(value)]
        return f"; wrap the network so that it returns one of them, such as output[{places[-1]}]" if places else ""
    if not isinstance(result, Tensor) or result.dim() != 4:
        return ""
    if result.shape[-1] in (1, 3) and result.shape[1] not in (1, 3):
        return "; its layout is N, H, W, C: wrap the network so that it returns output.permute(0, 3, 1, 2)"
    if result.shape[1] == x.shape[1]:
        return "; pad inside the network, or give images of a size that it keeps or multiplies (--crop)"
    return ""


def _is_image(value: object) -> bool:
    return isinstance(value, Tensor) and value.dim() == 4
