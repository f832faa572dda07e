"""Members of archives that unpack to far more than their pictures need are refused before they are read."""

from __future__ import annotations

import io
import tracemalloc
import zipfile

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.data import open_source
from symmetry_audit.errors import ImageError

FAR = 200 << 20  # bytes


def encoded(kind: str, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.arange(48 * 40, dtype=np.uint8).reshape(40, 48)).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (b"", f"{FAR} bytes that begin like no picture"),
        (encoded("PNG"), f"{FAR} bytes for 48 x 40 pixels; unpack the archive if you trust the file"),
        (encoded("JPEG"), f"{FAR} bytes for 48 x 40 pixels; unpack the archive if you trust the file"),
    ],
)
def test_a_bomb_is_refused_unread(tmp_path, start, reason):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("bomb.png", "w") as file:
            file.write(start.ljust(1 << 20, b"\0"))
            for _ in range(FAR // (1 << 20) - 1):
                file.write(bytes(1 << 20))
        archive.writestr("good.png", encoded("PNG"))
    source = open_source(str(tmp_path / "a.zip"))
    tracemalloc.start()
    bomb, good = source.stream(list(source.refs), FAR)
    with pytest.raises(ImageError, match=reason):
        bomb.read(FAR)
    with pytest.raises(ImageError, match=f"larger than {FAR - 1} bytes"):
        bomb.read(FAR - 1)
    assert good.read(FAR) == encoded("PNG")
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()


def test_large_pictures_in_archives_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("symmetry_audit.data._archive.UNSUSPECTED", 0)
    files = {f"a.{kind.lower()}": encoded(kind) for kind in ("PNG", "JPEG", "TIFF", "BMP", "WEBP")}
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    source = open_source(str(tmp_path / "a.zip"))
    assert {ref.key: ref.payload for ref in source.stream(list(source.refs), 1 << 20)} == files
