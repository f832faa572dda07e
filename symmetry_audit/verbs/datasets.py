"""Datasets by name: what is known about them, where they are, and whether the files are the right ones."""

from symmetry_audit.data.manifests import (
    Manifest,
    RawFormat,
    Split,
    Track,
    Verification,
    add,
    available,
    folders,
    load_manifest,
    locate,
    parse_reference,
    present,
    remove,
    resolve_data_root,
    shipped,
    verify,
)

__all__ = [
    "Manifest",
    "RawFormat",
    "Split",
    "Track",
    "Verification",
    "add",
    "available",
    "folders",
    "load_manifest",
    "locate",
    "parse_reference",
    "present",
    "remove",
    "resolve_data_root",
    "shipped",
    "verify",
]
