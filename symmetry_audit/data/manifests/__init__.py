"""Dataset manifests: the content of a dataset, where its files may be, and how to check them.

A manifest is one TOML file, shipped in ``symmetry_audit.data_manifests`` or written by `datasets add`.
Parsing gives frozen values; :func:`locate` finds the files of a split, :func:`verify` checks them; nothing is
downloaded. Two checksums of a whole folder are in use, both over its files in name order: the *folder md5* is
the md5 of their hex md5s joined together, so it depends on the order of the names alone; the *list sha256* is
the sha256 of the lines "sha256, two spaces, file name, newline", so it holds for the original names only.
"""

from symmetry_audit.data._raw_format import RawFormat
from symmetry_audit.data._walk import IMAGE_SUFFIXES
from symmetry_audit.data.manifests._library import available, load_manifest, shipped, user_folder
from symmetry_audit.data.manifests._locate import folders, locate, present, resolve_data_root
from symmetry_audit.data.manifests._model import Layout, LocatedFile, Manifest, Sample, Split, Track, Variant
from symmetry_audit.data.manifests._own import add, remove
from symmetry_audit.data.manifests._parse import MANIFEST_SCHEMA, parse_manifest, parse_reference
from symmetry_audit.data.manifests._verify import Check, Verification, verify

__all__ = [
    "IMAGE_SUFFIXES",
    "MANIFEST_SCHEMA",
    "Check",
    "Layout",
    "LocatedFile",
    "Manifest",
    "RawFormat",
    "Sample",
    "Split",
    "Track",
    "Variant",
    "Verification",
    "add",
    "available",
    "folders",
    "load_manifest",
    "locate",
    "parse_manifest",
    "parse_reference",
    "present",
    "remove",
    "resolve_data_root",
    "shipped",
    "user_folder",
    "verify",
]
