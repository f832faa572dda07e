"""The kinds of responses: what is averaged over the pixels of V (SPEC 3)."""

from __future__ import annotations

__all__ = ["RESPONSES", "sees_sign"]

# by name, the power of the intensity: the mean of |d|, of d^2, of max(d, 0)^2, with d a kernel's response at a pixel
RESPONSES = {"abs": 1, "energy": 2, "rectified": 2}


def sees_sign(kind: str) -> bool:
    """Whether a kernel and its negative respond differently."""
    return kind == "rectified"
