"""Data sets of the Hugging Face Hub, from a server of this process that answers as it does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from symmetry_audit.data import Found, Listing, _object_store, _remote, open_shards
from symmetry_audit.errors import DataError
from tests.data.fake_hub import FakeHub
from tests.data.shard_files import CAP, MARK, contents, embedded, parquet_of

constants = pytest.importorskip("huggingface_hub.constants")


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Iterator[FakeHub]:
    files = {"README.md": b"read me", "assets/logo.png": b"no image of the set"}
    for name, rows in {"test": [b"t0", b"t1"], "train": [b"r0", None, b"r2"]}.items():
        path = parquet_of(tmp_path / f"{name}.parquet", {"photo": embedded(rows)}, MARK)
        files[f"data/{name}-00000-of-00001.parquet"] = path.read_bytes()
    hub = FakeHub(files)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(_remote, "DELAYS", ())
    _object_store._opened_filesystem.cache_clear()
    yield hub
    _object_store._opened_filesystem.cache_clear()
    hub.close()


EXPECTED = {
    "test-00000-of-00001.parquet/000000000": b"t0",
    "test-00000-of-00001.parquet/000000001": b"t1",
    "train-00000-of-00001.parquet/000000000": b"r0",
    "train-00000-of-00001.parquet/000000002": b"r2",
}


def test_a_data_set_is_its_parquet_files(hub):
    source = open_shards("hf://datasets/owner/name")
    assert (source.name, source.note) == ("name", "name: 2 Parquet files, of all splits")
    assert list(contents(source).items()) == list(EXPECTED.items())
    for text in ("hf://datasets/owner/name@main", "hf://datasets/owner/name/**/*.parquet"):
        assert contents(open_shards(text)) == EXPECTED
    test = {key: data for key, data in EXPECTED.items() if key.startswith("test")}
    assert contents(open_shards("hf://datasets/owner/name/data/test-*.parquet")) == test
    assert contents(open_shards("hf://datasets/owner/name/data/test-00000-of-00001.parquet")) == test


def test_each_file_is_read_by_one_request_and_asked_whether_it_changed(hub):
    shard = open_shards("hf://datasets/owner/name").shards[0]
    hub.seen.clear()
    assert len(list(shard.images(CAP, Listing(), Found()))) == 2
    assert [line.split()[0] for line in hub.seen] == ["GET", "POST"]
    hub.entries[-2]["oid"] = "1" * 40
    with pytest.raises(DataError, match="has changed since this run began"):
        list(shard.images(CAP, Listing(), Found()))


def test_a_data_set_that_is_not_there(hub):
    with pytest.raises(DataError, match=r'"hf://datasets/owner/other" holds no files, or is not there; check the URL'):
        open_shards("hf://datasets/owner/other")
