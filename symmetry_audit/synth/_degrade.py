"""From a field to the grey levels of an 8-bit file: contrast, clipping, noise, rounding."""

from __future__ import annotations

import numpy as np

from symmetry_audit.errors import SettingError

__all__ = ["CONTRAST", "MIDDLE", "degrade"]

MIDDLE = 127.5  # grey levels of a field's zero
CONTRAST = 40.0  # grey levels of a field's one; a Gaussian field saturates at 0.1% of the pixels
UNREACHABLE = 1e6  # in place of infinity, for pixels without contrast, which never saturate


def degrade(field: np.ndarray, *, clip: float = 0.0, noise: float = 0.0, rng: np.random.Generator) -> np.ndarray:
    """``field``, of mean zero and variance one, as 8-bit grey levels 127.5 + 40 field, uint8 of its shape.

    ``noise`` is the sigma, in grey levels, of white Gaussian noise added before rounding. Where ``clip`` is
    not 0, the contrast is not 40 but the one at which ``clip`` percent of this image's pixels are 0 or 255,
    noise included. Raises SettingError where the noise alone saturates more.
    """
    grain = noise * rng.standard_normal(field.shape)
    contrast = _clipping_contrast(field, grain, clip) if clip else CONTRAST
    return np.rint(MIDDLE + contrast * field + grain).clip(0, 255).astype(np.uint8)


def _clipping_contrast(field: np.ndarray, grain: np.ndarray, clip: float) -> float:
    """The contrast at which ``clip`` percent of contrast * field + grain are beyond 127 on either side.

    A pixel saturates at every contrast above (127 - sign(field) grain) / |field|.
    """
    room = MIDDLE - 0.5 - np.sign(field) * grain
    onset = np.divide(room, np.abs(field), out=np.full(field.shape, UNREACHABLE), where=field != 0)
    contrast = float(np.quantile(onset, clip / 100))
    if not 0 < contrast < UNREACHABLE:
        raise SettingError(f"no contrast saturates {clip:g}% of the pixels; choose another --clip, or less --noise")
    return contrast
