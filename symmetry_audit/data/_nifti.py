"""NIfTI volumes: the slices of one plane, upright as radiologists look at them, scaled as the header says (SPEC 1)."""

from __future__ import annotations

import gzip
import hashlib
import io
import threading
from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import nibabel
import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.arrayproxy import ArrayProxy
from nibabel.imageglobals import LoggingOutputSuppressor

from symmetry_audit.data._limits import check_size
from symmetry_audit.data._stored import StoredSlice
from symmetry_audit.errors import ImageError, one_line

__all__ = ["PLANES", "Volume", "read_volume"]

PLANES = {"axial": 2, "coronal": 1, "sagittal": 0}  # the axis of (left, posterior, superior) that numbers the slices
GZIP_MAGIC = b"\x1f\x8b"
NIFTI_2 = 540  # the first number of such a file, the size of its header
KEPT = 2  # volumes in memory: images that are measured side by side belong to the same one, or to two at its end

_reading = threading.Lock()
_kept: dict[tuple, Volume] = {}


@dataclass(frozen=True)
class Volume:
    """``stored`` (left, posterior, superior), the scaling of its values, and the distances of its voxels in mm."""

    stored: np.ndarray
    slope: float
    intercept: float
    zooms: tuple[float, float, float]
    sha256: str  # of the file

    def count(self, plane: str) -> int:
        """The number of slices."""
        return self.stored.shape[PLANES[plane]]

    def slice(self, plane: str, index: int, max_pixels: int) -> StoredSlice:
        """One slice, columns towards the left of the patient or, sagittal, towards the back; rows downwards or, axial,
        towards the back. Raises ImageError where it is too large.
        """
        stored, axis = self._upright(plane, index), PLANES[plane]
        check_size(stored.shape[1], stored.shape[0], 1, max_pixels)
        values = (stored * np.float64(self.slope) + self.intercept).astype(np.float32)
        across, down = np.delete(self.zooms, axis)
        return StoredSlice(values, f"NIfTI {stored.dtype.name}", spacing=(float(down), float(across)))

    def flat(self, plane: str) -> list[int]:
        """The slices with one value alone, NaN aside."""
        return [index for index in range(self.count(plane)) if _is_flat(self._upright(plane, index))]

    def _upright(self, plane: str, index: int) -> np.ndarray:
        cut = np.moveaxis(self.stored, PLANES[plane], 0)[index].T
        return cut if plane == "axial" else cut[::-1]


def read_volume(key: tuple, read: Callable[[], bytes], max_bytes: int) -> Volume:
    """The volume in the bytes that ``read`` returns; it is not called while the volume of ``key`` is in memory.

    Raises ImageError with a one-line reason, also for a volume that unpacks to more than ``max_bytes``.
    """
    with _reading:
        if key not in _kept:
            while len(_kept) >= KEPT:
                del _kept[next(iter(_kept))]
            _kept[key] = _decoded(read(), max_bytes)
        return _kept[key]


def _decoded(data: bytes, max_bytes: int) -> Volume:
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        if data[:2] == GZIP_MAGIC:
            with gzip.open(io.BytesIO(data)) as packed:
                data = packed.read(max_bytes + 1)
        if len(data) > max_bytes:
            raise ImageError(f"unpacks to more than {max_bytes} bytes; save it as several volumes")
        kind = nibabel.Nifti2Image if _first_number(data) == NIFTI_2 else nibabel.Nifti1Image
        with LoggingOutputSuppressor():
            image = kind.from_bytes(data)
            return _turned(image, len(data), sha256)
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # nibabel raises anything on damaged input
        raise ImageError(f"damaged or truncated NIfTI volume ({one_line(error)})") from None


def _first_number(data: bytes) -> int | None:
    orders = ("little", "big")
    return next((NIFTI_2 for order in orders if int.from_bytes(data[:4], order) == NIFTI_2), None)


def _turned(image: nibabel.Nifti1Image, size: int, sha256: str) -> Volume:
    """The array of an image of ``size`` bytes, along the axes of the patient that its affine is closest to."""
    proxy = image.dataobj
    assert isinstance(proxy, ArrayProxy)  # as it is of all images that are read
    shape = (*proxy.shape, 1, 1)[: max(3, len(proxy.shape))]
    if prod(shape[3:]) != 1:
        raise ImageError(f"a NIfTI file of {len(shape)} dimensions; split it into volumes")
    if proxy.dtype.kind not in "iuf":
        raise ImageError(f"holds {proxy.dtype} samples, not numbers of one channel")
    if proxy.offset + prod(shape) * proxy.dtype.itemsize > size:
        raise ImageError("cut off: the header announces more voxels than the file holds")
    found, wanted = nibabel.io_orientation(image.affine), nibabel.orientations.axcodes2ornt("LPS")
    if np.isnan(found).any():
        raise ImageError("its affine has no direction for an axis")
    turn = nibabel.orientations.ornt_transform(found, wanted)
    stored = nibabel.apply_orientation(proxy.get_unscaled().reshape(shape[:3]), turn)
    sizes = voxel_sizes(image.affine)
    left, posterior, superior = (float(sizes[int(np.flatnonzero(turn[:, 0] == axis)[0])]) for axis in range(3))
    return Volume(stored, float(proxy.slope), float(proxy.inter), (left, posterior, superior), sha256)


def _is_flat(values: np.ndarray) -> bool:
    if values.dtype.kind == "f":
        values = values[~np.isnan(values)]
    return not values.size or bool((values == values.flat[0]).all())
