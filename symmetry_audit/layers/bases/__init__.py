"""Filter bases of the equivariant convolutions, one file each (SPEC 9)."""

from __future__ import annotations

from functools import lru_cache

import torch

from symmetry_audit.errors import SettingError, suggest
from symmetry_audit.groups import Group
from symmetry_audit.layers.bases._basis import Basis
from symmetry_audit.layers.bases._bicubic import BicubicBasis
from symmetry_audit.layers.bases._difference import DifferenceBasis
from symmetry_audit.layers.bases._fourier import CoarseFourierBasis, FourierBasis
from symmetry_audit.layers.bases._pixel import PixelBasis
from symmetry_audit.layers.bases._rings import HarmonicBasis, SteerableBasis

__all__ = ["BASES", "Basis", "make_basis"]

BASES: dict[str, type[Basis]] = {
    "pixel": PixelBasis,
    "steerable": SteerableBasis,
    "harmonic": HarmonicBasis,
    "difference": DifferenceBasis,
    "fourier": FourierBasis,
    "bicubic": BicubicBasis,
    "coarse": CoarseFourierBasis,
}


def make_basis(name: str, kernel_size: int, group: Group, masked: bool = True) -> Basis:
    """The filter basis ``name`` for a window and a group; the same object for the same arguments.

    On a single pixel every basis is the constant 1.

    Parameters
    ----------
    name : str
        A name in ``BASES``.
    kernel_size : int
        Side of the window in pixels, odd.
    group : Group
        The group whose elements rotate the functions.
    masked : bool
        Whether a basis with a radial mask uses it.

    Returns
    -------
    Basis
        Shared by all callers: do not change it.

    Raises
    ------
    SettingError
        For an unknown name and for a window or a group that the basis cannot have.

    Examples
    --------
    >>> from symmetry_audit.groups import Group
    >>> from symmetry_audit.layers import make_basis
    >>> basis = make_basis("fourier", 5, Group(8))
    >>> basis.size, basis.sample().shape
    (25, torch.Size([8, 25, 25]))
    """
    return _made(name, kernel_size, group, masked)


@lru_cache(maxsize=64)
def _made(name: str, kernel_size: int, group: Group, masked: bool) -> Basis:
    if name not in BASES:
        raise SettingError(f'no filter basis is called "{name}".{suggest(name, BASES)}')
    with (
        torch.inference_mode(False),
        torch.device("cpu"),
    ):  # later layers share it, whatever the mode in which the first layer is made
        basis = (PixelBasis if kernel_size == 1 else BASES[name])(kernel_size, group, masked)
        basis.size  # noqa: B018 - computed once and kept
    return basis
