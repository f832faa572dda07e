"""A small manifest, files to go with it, and their checksums computed naively from their definitions."""

import hashlib
import os
from pathlib import Path

from symmetry_audit.data import manifests

TINY = """schema = "symaudit.manifest/1"
name = "tiny"
title = "made by hand"
url = "https://example.org/tiny"
licence = "CC0"
citation = "nobody"
default_split = "a"
[splits.a]
layouts = ["tiny/a", {folder = "a_flat", pattern = "*_HR.png"}]
count = 3
[splits.b]
layouts = ["tiny/b"]
pattern = ["*/*.png", "*.jpg"]
[splits.both]
parts = ["a", "b"]
[splits.two]
sample = {of = "a", seed = "s", skip = 1, take = 2}
"""


def fill(folder: Path, *keys: str) -> Path:
    """Write one small file for each key; its content is its name."""
    for key in keys:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(os.fsencode(Path(key).name))
    return folder


def keys(located) -> list[str]:
    return [file.key for file in located]


def statuses(result) -> dict[str, str]:
    return {check.name: check.status for check in result.checks}


def sums(*names: str) -> tuple[int, str, str]:
    """Total size, folder md5 and list sha256 of files named ``names`` as :func:`fill` writes them."""
    md5 = "".join(hashlib.md5(name.encode()).hexdigest() for name in sorted(names))
    lines = "".join(f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n" for name in sorted(names))
    folder_md5, list_sha256 = hashlib.md5(md5.encode()).hexdigest(), hashlib.sha256(lines.encode()).hexdigest()
    return sum(map(len, names)), folder_md5, list_sha256


def with_variant(names: tuple[str, ...], **more: str):
    size, folder_md5, list_sha256 = sums(*names)
    row = {"source": "here", "names": "?.png", "folder_md5": folder_md5, "list_sha256": list_sha256, **more}
    inline = ", ".join(f'{key} = "{value}"' for key, value in row.items())
    text = TINY.replace("count = 3", f"count = 3\nvariants = [{{ {inline}, bytes = {size} }}]")
    return manifests.parse_manifest(text, "tiny.toml")
