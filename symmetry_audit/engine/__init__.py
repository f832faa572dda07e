"""The engine: mean responses of an image to many kernels, on CPU and CUDA (SPEC 3).

What needs torch imports it when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from symmetry_audit.engine._compiled import HarmonicEngine, instruction_sets
from symmetry_audit.engine._deformed import DeformedEngine
from symmetry_audit.engine._strict import StrictEngine, strict_engine
from symmetry_audit.engine._welch import welch_power
from symmetry_audit.engine._window import WIDEST, Rows, blocks, told

if TYPE_CHECKING:  # at run time __getattr__ finds them
    from symmetry_audit.engine._device import sized
    from symmetry_audit.engine._fused import FusedHarmonics
    from symmetry_audit.engine._responses import TOLERANCES, DeviceBank
    from symmetry_audit.engine._spectral import kernel_rows

__all__ = [
    "TOLERANCES",
    "WIDEST",
    "DeformedEngine",
    "DeviceBank",
    "FusedHarmonics",
    "HarmonicEngine",
    "Rows",
    "StrictEngine",
    "blocks",
    "instruction_sets",
    "kernel_rows",
    "sized",
    "strict_engine",
    "told",
    "welch_power",
]

_HOMES = {
    "TOLERANCES": "symmetry_audit.engine._responses",
    "DeviceBank": "symmetry_audit.engine._responses",
    "FusedHarmonics": "symmetry_audit.engine._fused",
    "kernel_rows": "symmetry_audit.engine._spectral",
    "sized": "symmetry_audit.engine._device",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
