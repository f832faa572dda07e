"""The scoring of published tables: the channels, the border that is cut, and the SSIM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from symmetry_audit.errors import SettingError, suggest
from symmetry_audit.metrics._luma import luma, weighted
from symmetry_audit.metrics._psnr import psnr, psnr_of_norms
from symmetry_audit.metrics._ssim import ssim, ssim_padded

__all__ = ["PROTOCOLS", "Protocol", "Score", "find_protocol"]

EDSR_LUMA = (65.738 / 256, 129.057 / 256, 25.064 / 256)


@dataclass(frozen=True)
class Score:
    """PSNR in dB and SSIM of one image; inf and 1 if the images are equal.

    ``rmse_hu`` is the root mean square error of a CT image in HU.
    """

    psnr: float
    ssim: float
    rmse_hu: float | None = None


@dataclass(frozen=True)
class Protocol:
    """One way to score images; ``text`` describes it in a line.

    ``channels`` takes an RGB image (H, W, 3) to what is compared, (H, W) or (H, W, C); ``shaved`` cuts a border
    of ``scale`` pixels first; ``fidelity`` is the PSNR and ``similarity`` the SSIM, of a restored and a clean image. A
    restored image is ``rounded`` to 8 bits, as in a file, or scored as it is.
    """

    name: str
    text: str
    channels: Callable[[np.ndarray], np.ndarray]
    shaved: bool
    fidelity: Callable[[np.ndarray, np.ndarray], float] = psnr
    similarity: Callable[[np.ndarray, np.ndarray], float] = ssim
    rounded: bool = True

    def score(self, restored: np.ndarray, clean: np.ndarray, scale: int = 1) -> Score:
        """Score one image of peak 255; both are RGB (H, W, 3), or grey (H, W) or (H, W, 1), which counts
        as three equal channels.

        Nothing is clipped or rounded here; callers quantize. Raises SettingError if the shapes differ or too
        little is left inside the border, ImageError for values that are not finite.
        """
        one, other = self._compared(restored, clean, scale)
        return Score(self.fidelity(one, other), self.similarity(one, other))

    def psnr(self, restored: np.ndarray, clean: np.ndarray, scale: int = 1) -> float:
        """The PSNR of ``score`` alone, in dB."""
        return self.fidelity(*self._compared(restored, clean, scale))

    def _compared(self, restored: np.ndarray, clean: np.ndarray, scale: int) -> tuple[np.ndarray, np.ndarray]:
        """What is compared of both images."""
        border = scale if self.shaved else 0
        one, other = (self.channels(_inner(_rgb(image), border)) for image in (restored, clean))
        return one, other


def _rgb(image: np.ndarray) -> np.ndarray:
    image = np.asarray(image)
    grey = image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
    return np.stack([grey] * 3, axis=-1) if grey.ndim == 2 else grey


def _inner(image: np.ndarray, border: int) -> np.ndarray:
    height, width = image.shape[:2]
    return image[border : height - border, border : width - border]


def _edsr_luma(rgb: np.ndarray) -> np.ndarray:
    """(65.738 R + 129.057 G + 25.064 B)/256 (ARCHITECTURES 2.8); without the 16, which the PSNR does not see."""
    return weighted(rgb, EDSR_LUMA)


_ALL = (
    Protocol("sr-y", "luma (BT.601), a border of scale pixels cut, SSIM as ssim.m", luma, shaved=True),
    Protocol("rgb", "all channels, whole image, SSIM as ssim.m", np.asarray, shaved=False),
    Protocol("derain-y", "luma (BT.601), whole image, SSIM as ssim.m", luma, shaved=False),
    Protocol(
        "edsr",
        "luma without its foot of 16, a border of scale pixels cut, SSIM as pytorch_ssim (zero-padded)",
        _edsr_luma,
        shaved=True,
        similarity=ssim_padded,
    ),
    Protocol(
        "rei",
        "errors of all channels summed, pixels counted once, the peak is the image's largest value, SSIM as ssim.m",
        np.asarray,
        shaved=False,
        fidelity=psnr_of_norms,
        rounded=False,
    ),
)
PROTOCOLS: dict[str, Protocol] = {protocol.name: protocol for protocol in _ALL}


def find_protocol(name: str) -> Protocol:
    """The protocol of that name; raises SettingError, with the nearest name, where there is none."""
    if name not in PROTOCOLS:
        raise SettingError(f'unknown protocol "{name}".{suggest(name, PROTOCOLS)}')
    return PROTOCOLS[name]
