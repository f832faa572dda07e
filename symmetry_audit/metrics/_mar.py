"""How close a CT image is to the clean one outside the metal: the three protocols of metal artefact reduction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from symmetry_audit.errors import SettingError, suggest
from symmetry_audit.metrics._matched import matched
from symmetry_audit.metrics._protocol import Score
from symmetry_audit.metrics._psnr import psnr
from symmetry_audit.metrics._ssim import ssim

__all__ = ["MAR_PROTOCOLS", "MU_WATER", "MarProtocol", "find_mar_protocol", "rmse_hu"]

MU_WATER = 0.192  # 1/cm, of 0 HU
CEILING = 0.5  # 1/cm, the largest value that counts
LEVELS = 256  # of a stretched picture
WINDOW = (-175.0, 275.0)  # HU
COARSE = 256  # px, the side to which the statistic brings images before SSIM


@dataclass(frozen=True)
class MarProtocol:
    """One way to score a CT image; ``text`` describes it in a line.

    ``picture`` takes attenuation in 1/cm, (H, W), to values of peak 1; ``coarsened`` halves, thirds, ... larger images
    before SSIM.
    """

    name: str
    text: str
    picture: Callable[[np.ndarray], np.ndarray]
    coarsened: bool = False
    rounded: bool = False  # networks' images are scored as they are

    def score(self, restored: np.ndarray, clean: np.ndarray, metal: np.ndarray) -> Score:
        """PSNR and SSIM of attenuation in 1/cm, (H, W), with the pixels of ``metal`` (H, W, bool) set to 0 in both.

        The metal stays in the means. Raises SettingError for shapes that differ and for images under 11 px,
        ImageError for values that are not finite.
        """
        kept = ~_metal_of(metal, clean)
        one, other = (self.picture(image) * kept for image in matched(restored, clean))
        factor = max(1, round(min(kept.shape) / COARSE)) if self.coarsened else 1
        return Score(psnr(one, other, 1.0), ssim(_coarse(one, factor), _coarse(other, factor), 1.0))


def rmse_hu(restored: np.ndarray, clean: np.ndarray, metal: np.ndarray) -> float:
    """Root mean square error in HU over the pixels outside ``metal`` (bool); attenuation in 1/cm, all (H, W).

    Raises SettingError for shapes that differ, ImageError for values that are not finite.
    """
    kept = ~_metal_of(metal, clean)
    restored, clean = matched(restored, clean)
    if not kept.any():
        raise SettingError("the metal covers the whole image; nothing is left to compare")
    return float(np.sqrt(np.mean((restored - clean)[kept] ** 2)) * 1000 / MU_WATER)


def _metal_of(metal: np.ndarray, clean: np.ndarray) -> np.ndarray:
    metal = np.asarray(metal, bool)
    if metal.shape != np.shape(clean) or metal.ndim != 2:
        raise SettingError(f"metal and images must have one shape, (H, W), got {metal.shape} and {np.shape(clean)}")
    return metal


def _clipped(mu: np.ndarray) -> np.ndarray:
    return mu.clip(0, CEILING) / CEILING


def _stretched(mu: np.ndarray) -> np.ndarray:
    """What an 8-bit picture holds after its least and largest value became 0 and 255, again in 0..1."""
    values = _clipped(mu)
    low, high = values.min(), values.max()
    share = (values - low) / (high - low if high > low else 1.0)
    return np.minimum(np.floor(LEVELS * share), LEVELS - 1) / (LEVELS - 1)


def _windowed(mu: np.ndarray) -> np.ndarray:
    low, high = WINDOW
    return ((1000 * (mu / MU_WATER - 1) - low) / (high - low)).clip(0, 1)


def _coarse(image: np.ndarray, factor: int) -> np.ndarray:
    """The means over ``factor`` x ``factor`` pixels as the authors' ssim.m takes them, mirrored beyond the border."""
    if factor == 1:
        return image
    before, after = (factor - 1) // 2, factor // 2
    padded = np.pad(image, ((before, after), (before, after)), mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (factor, factor))
    return windows[::factor, ::factor].mean(axis=(2, 3))


_ALL = (
    MarProtocol("mar", "attenuation clipped to 0..0.5/cm, metal set to 0, SSIM as ssim.m", _clipped),
    MarProtocol(
        "mar-statistic",
        "as mar, but every image stretched to its own 8-bit range, SSIM at about 256 px: the published tables",
        _stretched,
        coarsened=True,
    ),
    MarProtocol("mar-window", "the window -175..275 HU, metal set to 0, SSIM as ssim.m", _windowed),
)
MAR_PROTOCOLS: dict[str, MarProtocol] = {protocol.name: protocol for protocol in _ALL}


def find_mar_protocol(name: str) -> MarProtocol:
    """The protocol of that name; raises SettingError, with the nearest name, where there is none."""
    if name not in MAR_PROTOCOLS:
        raise SettingError(f'unknown protocol "{name}".{suggest(name, MAR_PROTOCOLS)}')
    return MAR_PROTOCOLS[name]
