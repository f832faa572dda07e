"""Sources of shards as verbs open them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile

from symmetry_audit.data import open_source
from symmetry_audit.errors import DataError, SettingError
from symmetry_audit.verbs._sources import opened, opened_shards
from symmetry_audit.verbs._white import white_of_shards
from tests.data.shard_files import parquet_of, read_all, tar_of


def tiff(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, samples)
    return file.getvalue()


def shards(folder: Path, samples: np.ndarray) -> str:
    for index in range(2):
        tar_of(folder / f"{index}.tar", [("a.tif", tiff(samples + index)), ("b.tif", tiff(samples))])
    return f"{folder}/{{0..1}}.tar"


def test_opened_shards(tmp_path):
    text = shards(tmp_path, np.zeros((4, 4), np.uint16))
    source = opened_shards(text, bands=(1,))
    assert opened_shards(source, bands=(1,)) == opened_shards(Path(text), bands=(1,)) == source
    assert {ref.bands for ref in read_all(source)[0]} == {(1,)}
    assert opened_shards(str(tmp_path)) is None
    assert opened_shards([text]) is None
    assert opened_shards(open_source(str(tmp_path))) is None
    with pytest.raises(SettingError, match="--column is for Parquet files; drop it"):
        opened_shards(str(tmp_path), column="photo")
    parquet_of(tmp_path / "x.parquet", {"a": [b"1"], "b": [b"2"]})
    assert opened_shards(str(tmp_path / "x.parquet"), column="b").shards[0].column == "b"
    with pytest.raises(DataError, match="is read by measure and fit-affine, shard by shard"):
        opened(text, None)


def test_the_white_level_that_the_first_images_suggest_is_told(tmp_path):
    dark = opened_shards(shards(tmp_path, np.full((4, 4), 4000, np.uint16)))
    found = white_of_shards(dark, None, 10**6)
    assert found.shards == dark.shards
    (remark,) = found.remarks
    assert remark == (
        "the largest sample of 2 images of 16 bits is 4000 (in 0.tar/a.tif), as of 12 bits, but white is taken as "
        "65535; say --white 4095 if that is white in all shards"
    )
    assert {ref.white for ref in read_all(white_of_shards(dark, 4095, 10**6))[0]} == {4095}
    bright = opened_shards(shards(tmp_path, np.full((4, 4), 60001, np.uint16)))
    assert white_of_shards(bright, None, 10**6) == bright
