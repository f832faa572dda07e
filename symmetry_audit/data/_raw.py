"""Files of bare samples, without a header: a manifest says what they are."""

from __future__ import annotations

import numpy as np

from symmetry_audit.data._limits import check_size
from symmetry_audit.data._raw_format import BYTE_ORDERS, RawFormat
from symmetry_audit.data._stored import StoredSlice
from symmetry_audit.errors import ImageError

__all__ = ["decode_raw"]


def decode_raw(data: bytes, form: RawFormat, max_pixels: int) -> StoredSlice:
    """The samples in ``data``. Raises ImageError where it has another size than the format says."""
    check_size(form.width, form.height, 1, max_pixels)
    kind = np.dtype(BYTE_ORDERS[form.byte_order] + np.dtype(form.dtype).str[1:])
    if len(data) != form.size:
        what = f"{form.width} x {form.height} {form.dtype}"
        raise ImageError(f"has {len(data)} bytes where {what} samples have {form.size}; correct the manifest")
    values = np.frombuffer(data, kind).reshape(form.height, form.width).astype(np.float32)
    return StoredSlice(values, f"raw {form.dtype}", unit=form.unit, spacing=form.spacing)
