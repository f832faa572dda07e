"""The engine: mean responses of an image to a bank of kernels, on CPU and CUDA (SPEC 3). Imports torch."""

from symmetry_audit.engine._responses import TOLERANCES, DeviceBank, bank_responses, bank_rows
from symmetry_audit.engine._spectral import kernel_rows

__all__ = ["TOLERANCES", "DeviceBank", "bank_responses", "bank_rows", "kernel_rows"]
