"""Finding, reading and decoding images: manifests, sources, luminance. No torch.

Names are imported when first used, so that the manifests can be read without numpy and the image decoders.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = [
    "DEMO_NAME",
    "DEMO_PHOTOGRAPHS",
    "DEMO_TEXT",
    "DecodedImage",
    "ImageRef",
    "ImageSource",
    "decode",
    "demo_source",
    "open_source",
]

_HOMES = {
    **dict.fromkeys(("DEMO_NAME", "DEMO_PHOTOGRAPHS", "DEMO_TEXT", "demo_source"), "symmetry_audit.data._demo"),
    "DecodedImage": "symmetry_audit.data._decode",
    "ImageRef": "symmetry_audit.data._sources",
    "ImageSource": "symmetry_audit.data._sources",
    "decode": "symmetry_audit.data._decode",
    "open_source": "symmetry_audit.data._sources",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
