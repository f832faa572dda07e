"""Finding, reading and decoding images: manifests, sources, luminance. No torch."""

from symmetry_audit.data._decode import DecodedImage, decode
from symmetry_audit.data._demo import DEMO_PHOTOGRAPHS, demo_source
from symmetry_audit.data._sources import ImageRef, ImageSource, open_source

__all__ = [
    "DEMO_PHOTOGRAPHS",
    "DecodedImage",
    "ImageRef",
    "ImageSource",
    "decode",
    "demo_source",
    "open_source",
]
