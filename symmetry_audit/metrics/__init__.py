"""How close a restored image is to the clean one: PSNR, SSIM, and the protocols of published tables. No torch."""

from symmetry_audit.metrics._luma import luma
from symmetry_audit.metrics._protocol import PROTOCOLS, Protocol, Score, find_protocol
from symmetry_audit.metrics._psnr import psnr
from symmetry_audit.metrics._ssim import ssim

__all__ = ["PROTOCOLS", "Protocol", "Score", "find_protocol", "luma", "psnr", "ssim"]
