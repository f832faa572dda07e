"""Finding, reading and decoding images: manifests, sources, luminance, RGB and CT slices in HU. No torch.

Names are imported on first use, so that manifests can be read without numpy and the image decoders.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from symmetry_audit.data._decode import DecodedImage, decode
    from symmetry_audit.data._demo import DEMO_NAME, DEMO_PHOTOGRAPHS, DEMO_TEXT, demo_source
    from symmetry_audit.data._expand import DEFAULT_LISTING, Listing
    from symmetry_audit.data._fingerprint import SetFingerprint, set_fingerprint
    from symmetry_audit.data._kept import Kept
    from symmetry_audit.data._limits import BYTES_PER_PIXEL, DEFAULT_MAX_PIXELS
    from symmetry_audit.data._load import Reading, Slice, content_hash, load_image, load_slice
    from symmetry_audit.data._open_shards import open_shards
    from symmetry_audit.data._raw_format import RawFormat
    from symmetry_audit.data._ref import ImageRef, ImageSource, read_alike, streamed_refs
    from symmetry_audit.data._remarks import Beside, Found
    from symmetry_audit.data._rgb import Picture, decode_rgb, load_rgb, pixel_count
    from symmetry_audit.data._rows import StoredRows, made_of_bands, row_bands
    from symmetry_audit.data._sampling import sampled
    from symmetry_audit.data._scene import scene_luminance
    from symmetry_audit.data._shards import Shard, ShardedSource
    from symmetry_audit.data._sources import open_source, source_of_files
    from symmetry_audit.data._tiles import scenes_of, tiles_of
    from symmetry_audit.data._white import FULL_WHITE
    from symmetry_audit.data._white_of_sets import WhiteLevel, white_level_of
    from symmetry_audit.data._window import Window

__all__ = [
    "BYTES_PER_PIXEL",
    "DEFAULT_LISTING",
    "DEFAULT_MAX_PIXELS",
    "DEMO_NAME",
    "DEMO_PHOTOGRAPHS",
    "DEMO_TEXT",
    "FULL_WHITE",
    "Beside",
    "DecodedImage",
    "Found",
    "ImageRef",
    "ImageSource",
    "Kept",
    "Listing",
    "Picture",
    "RawFormat",
    "Reading",
    "SetFingerprint",
    "Shard",
    "ShardedSource",
    "Slice",
    "StoredRows",
    "WhiteLevel",
    "Window",
    "content_hash",
    "decode",
    "decode_rgb",
    "demo_source",
    "load_image",
    "load_rgb",
    "load_slice",
    "made_of_bands",
    "open_shards",
    "open_source",
    "pixel_count",
    "read_alike",
    "row_bands",
    "sampled",
    "scene_luminance",
    "scenes_of",
    "set_fingerprint",
    "source_of_files",
    "streamed_refs",
    "tiles_of",
    "white_level_of",
]

_HOMES = {
    **dict.fromkeys(("DEMO_NAME", "DEMO_PHOTOGRAPHS", "DEMO_TEXT", "demo_source"), "symmetry_audit.data._demo"),
    **dict.fromkeys(("BYTES_PER_PIXEL", "DEFAULT_MAX_PIXELS"), "symmetry_audit.data._limits"),
    **dict.fromkeys(("Picture", "decode_rgb", "load_rgb", "pixel_count"), "symmetry_audit.data._rgb"),
    **dict.fromkeys(("StoredRows", "made_of_bands", "row_bands"), "symmetry_audit.data._rows"),
    "DecodedImage": "symmetry_audit.data._decode",
    **dict.fromkeys(("ImageRef", "ImageSource", "read_alike", "streamed_refs"), "symmetry_audit.data._ref"),
    **dict.fromkeys(("Reading", "Slice", "content_hash", "load_image", "load_slice"), "symmetry_audit.data._load"),
    **dict.fromkeys(("DEFAULT_LISTING", "Listing"), "symmetry_audit.data._expand"),
    "RawFormat": "symmetry_audit.data._raw_format",
    "decode": "symmetry_audit.data._decode",
    **dict.fromkeys(("Beside", "Found"), "symmetry_audit.data._remarks"),
    **dict.fromkeys(("Shard", "ShardedSource"), "symmetry_audit.data._shards"),
    "open_shards": "symmetry_audit.data._open_shards",
    "sampled": "symmetry_audit.data._sampling",
    "Kept": "symmetry_audit.data._kept",
    "Listing": "symmetry_audit.data._expand",
    "scene_luminance": "symmetry_audit.data._scene",
    **dict.fromkeys(("scenes_of", "tiles_of"), "symmetry_audit.data._tiles"),
    "Window": "symmetry_audit.data._window",
    "open_source": "symmetry_audit.data._sources",
    "source_of_files": "symmetry_audit.data._sources",
    **dict.fromkeys(("WhiteLevel", "white_level_of"), "symmetry_audit.data._white_of_sets"),
    "FULL_WHITE": "symmetry_audit.data._white",
    "SetFingerprint": "symmetry_audit.data._fingerprint",
    "set_fingerprint": "symmetry_audit.data._fingerprint",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
