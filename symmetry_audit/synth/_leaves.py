"""Dead leaves: random discs that hide one another, the simplest model of a photograph with edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft

from symmetry_audit.errors import SettingError
from symmetry_audit.groups import IDENTITY, Affine
from symmetry_audit.synth._gaussian import BAND_LIMIT, deformed_frequency

__all__ = ["dead_leaves"]

RADII = (4.0, 64.0)  # px, in the undeformed plane; density 1 / r^3, which looks the same at all scales in this range
FINE = 3  # the leaves are drawn on a grid this many times finer
BLUR = 1.0  # px, sigma of the blur of the undeformed plane
MARGIN = 8  # px drawn around the image and cut off: the blur is periodic, the leaves are not
BLOCK = 1000  # leaves drawn at random at a time
NONE = np.iinfo(np.int32).max


def dead_leaves(
    shape: tuple[int, int], affine: Affine = IDENTITY, *, rng: np.random.Generator, flip_bias: float = 0.0
) -> np.ndarray:
    """One field of opaque leaves r0(D^-1 x) as float64 (H, W), mean zero, variance one in distribution before the blur.

    A leaf is a disc of the undeformed plane, of random place, radius and level, shaded as a dome: brightest
    half-way between its center and the point of its rim that faces its light. The directions of the lights are
    uniform, so the distribution has the group G_w with all mirrors. But ``flip_bias``, in [0, 1], is the share
    of leaves whose light is moved to the side x > 0, by mirroring it if necessary. That breaks mirrors and half
    turns (at ratio 1, differences of neighbors along x get a skewness of about -1.2 ``flip_bias``) and keeps
    the axes of the lights uniform. The field is blurred (sigma 1 px) and band-limited to 0.3 cycles/px
    in the metric of the undeformed plane, so that neither grid nor blur adds a direction of its own. Raises
    SettingError.
    """
    if not 0 <= flip_bias <= 1:
        raise SettingError(f"the flip bias must be between 0 and 1, got {flip_bias}")
    padded = tuple(scipy.fft.next_fast_len(length + 2 * MARGIN, real=True) for length in shape)
    scene = _shaded(tuple(FINE * length for length in padded), affine, rng, flip_bias)
    field = _smoothed(scene, padded, affine)
    return field[MARGIN : MARGIN + shape[0], MARGIN : MARGIN + shape[1]]


@dataclass(frozen=True)
class _Leaves:
    """``centers`` (2, n) as (x, y) in px of the image, ``radii`` (n,) in px, ``levels`` (n,) in [-1, 1].

    ``lights`` (2, n) are unit vectors of the undeformed plane.
    """

    centers: np.ndarray
    radii: np.ndarray
    levels: np.ndarray
    lights: np.ndarray

    @classmethod
    def random(cls, rng: np.random.Generator, low: np.ndarray, high: np.ndarray, flip_bias: float) -> _Leaves:
        """``BLOCK`` leaves with centers in the box from ``low`` to ``high``, both (2, 1)."""
        radius, x, y, level, turn, moved = rng.random((6, BLOCK))
        least, most = RADII[0] ** -2, RADII[1] ** -2
        lights = np.stack([np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)])
        lights[0] = np.where(moved < flip_bias, np.abs(lights[0]), lights[0])
        radii = (least - radius * (least - most)) ** -0.5
        return cls(low + np.stack([x, y]) * (high - low), radii, 2 * level - 1, lights)

    @classmethod
    def joined(cls, blocks: list[_Leaves]) -> _Leaves:
        """All of ``blocks`` in their order."""
        names = ("centers", "radii", "levels", "lights")
        return cls(*(np.concatenate([getattr(block, name) for block in blocks], axis=-1) for name in names))


def _shaded(shape: tuple[int, int], affine: Affine, rng: np.random.Generator, flip_bias: float) -> np.ndarray:
    """The leaves without any blur on the fine grid, float64 of ``shape``.

    A dome is 3/4 - |p - light / 2|^2 with p = D^-1 (x - center) / radius; its mean over the disc is 0, its
    variance 1/3, like that of the levels: the sqrt(2) makes both together 1.
    """
    top, leaves = _topmost(shape, affine, rng, flip_bias)
    inverse = np.linalg.inv(affine.matrix)
    summits = inverse @ leaves.centers / leaves.radii + leaves.lights / 2
    scale = (1 / leaves.radii)[top]
    y, x = _mesh(shape[0])[:, None], _mesh(shape[1])
    scene = (0.75 + np.sqrt(2) * leaves.levels)[top]
    for (along_x, along_y), summit in zip(inverse, summits, strict=True):
        scene -= ((along_x * x + along_y * y) * scale - summit[top]) ** 2
    return scene


def _topmost(
    shape: tuple[int, int], affine: Affine, rng: np.random.Generator, flip_bias: float
) -> tuple[np.ndarray, _Leaves]:
    """The number of the leaf that is seen at every point of the fine grid, int32, and the leaves.

    Leaves are placed from front to back until no gap is left, which samples the infinite pile exactly; centers
    extend beyond the image by the radius of the largest leaf.
    """
    extent = np.sqrt((affine.matrix**2).sum(axis=1, keepdims=True))  # half width and height of a unit leaf
    high = np.array([[shape[1]], [shape[0]]]) / FINE
    top, blocks = np.full(shape, NONE, np.int32), []
    while not blocks or top.max() == NONE:
        block = _Leaves.random(rng, -RADII[1] * extent, high + RADII[1] * extent, flip_bias)
        _lay(top, block, affine, extent, BLOCK * len(blocks))
        blocks.append(block)
    return top, _Leaves.joined(blocks)


def _lay(top: np.ndarray, leaves: _Leaves, affine: Affine, extent: np.ndarray, first: int) -> None:
    """Write the numbers of ``leaves``, from ``first`` on, into ``top`` wherever no leaf is in front.

    The ellipse |D^-1 (u, v)| < radius is, in the row v, an interval around -shear v.
    """
    (q_xx, q_xy), _ = metric = np.linalg.inv(affine.matrix @ affine.matrix.T)
    shear, narrowing = q_xy / q_xx, np.linalg.det(metric) / q_xx**2
    start = np.ceil((leaves.centers - leaves.radii * extent) * FINE - 0.5).astype(int).clip(0)
    stop = np.floor((leaves.centers + leaves.radii * extent) * FINE + 0.5).astype(int)
    stop = np.minimum(stop, [[top.shape[1]], [top.shape[0]]])
    x, y = _mesh(top.shape[1]), _mesh(top.shape[0])
    for index in np.flatnonzero((start < stop).all(axis=0)):
        (left, upper), (right, lower) = start[:, index], stop[:, index]
        u, v = x[left:right] - leaves.centers[0, index], y[upper:lower, None] - leaves.centers[1, index]
        half = np.sqrt(np.maximum(leaves.radii[index] ** 2 / q_xx - narrowing * v**2, 0))
        region = top[upper:lower, left:right]
        np.minimum(region, first + index, out=region, where=np.abs(u + shear * v) < half)


def _mesh(length: int) -> np.ndarray:
    """Coordinates in px of the points of the fine grid, (length,); pixel i reaches from i to i + 1."""
    return (np.arange(length) + 0.5) / FINE


def _smoothed(scene: np.ndarray, shape: tuple[int, int], affine: Affine) -> np.ndarray:
    """``scene`` blurred, band-limited and sampled at the centers of the (H, W) pixels of ``shape``."""
    rows = np.r_[0 : (shape[0] + 1) // 2, scene.shape[0] - shape[0] // 2 : scene.shape[0]]
    spectrum = scipy.fft.rfft2(scene)[rows, : shape[1] // 2 + 1]
    frequency = deformed_frequency(shape, affine)
    spectrum *= np.where(frequency < BAND_LIMIT, np.exp(-2 * (np.pi * BLUR * frequency) ** 2), 0) / FINE**2
    # from the first point of the fine grid to the center of the first pixel
    to_center = 1j * np.pi * (1 - 1 / FINE)
    spectrum *= np.exp(to_center * scipy.fft.fftfreq(shape[0]))[:, None]
    spectrum *= np.exp(to_center * scipy.fft.rfftfreq(shape[1]))
    return scipy.fft.irfft2(spectrum, shape, overwrite_x=True)
