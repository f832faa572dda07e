"""How close a restored image is to the clean one: PSNR, SSIM, and the protocols of published tables. No torch."""

from symmetry_audit.metrics._luma import luma
from symmetry_audit.metrics._mar import MAR_PROTOCOLS, MU_WATER, MarProtocol, find_mar_protocol, rmse_hu
from symmetry_audit.metrics._protocol import PROTOCOLS, Protocol, Score, find_protocol
from symmetry_audit.metrics._psnr import psnr
from symmetry_audit.metrics._ssim import ssim

__all__ = [
    "MAR_PROTOCOLS",
    "MU_WATER",
    "PROTOCOLS",
    "MarProtocol",
    "Protocol",
    "Score",
    "find_mar_protocol",
    "find_protocol",
    "luma",
    "psnr",
    "rmse_hu",
    "ssim",
]
