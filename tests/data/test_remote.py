"""Shards behind URLs, on an S3 server of this process: equal to those on disk, whatever the network does."""

from __future__ import annotations

import io
import logging
import pickle
import subprocess
import sys
import tracemalloc
from pathlib import Path

import boto3
import numpy as np
import pytest
from fsspec.registry import _registry
from moto.server import ThreadedMotoServer

from symmetry_audit.data import Found, Listing, _object_shards, _places, _remote, open_shards
from symmetry_audit.errors import DataError
from tests.data.faulty_proxy import FaultyProxy
from tests.data.shard_files import CAP, MARK, contents, embedded, parquet_of, read_all, tar_of

NOISE = np.random.default_rng(7)
FILES = [(f"{n:02d}.png", NOISE.bytes(3000)) for n in range(8)]


@pytest.fixture(scope="module")
def server():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


@pytest.fixture
def proxy(server, monkeypatch):
    proxy = FaultyProxy(server)
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}",
        "AWS_ACCESS_KEY_ID": "key-of-the-test",
        "AWS_SECRET_ACCESS_KEY": "secret-of-the-test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    from symmetry_audit.data import _object_store

    _object_store._opened_filesystem.cache_clear()
    monkeypatch.setattr(_remote, "DELAYS", (0.01, 0.02, 0.02))
    yield proxy
    proxy.close()


@pytest.fixture
def disk(tmp_path) -> Path:
    """The files in four tar shards and a Parquet file."""
    (tmp_path / "shards").mkdir()
    for index in range(4):
        tar_of(tmp_path / "shards" / f"{index:04d}.tar", FILES[2 * index : 2 * index + 2])
    column = {"photo": embedded(content for _, content in FILES)}
    parquet_of(tmp_path / "shards" / "all.parquet", column, MARK, row_group_size=3)
    return tmp_path / "shards"


def put(client, **about) -> None:
    client.put_object(Bucket="bucket", ACL="public-read", **about)


@pytest.fixture
def bucket(proxy, server, disk):
    client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{server}")
    client.create_bucket(Bucket="bucket")
    for path in disk.iterdir():
        put(client, Key=f"set/{path.name}", Body=path.read_bytes())
    for name, content in [*FILES, (".hidden.png", b""), ("notes.cls", b"7"), ("LICENSE", b"")]:
        put(client, Key=f"photos/{name}", Body=content)
    yield client
    while held := client.list_objects_v2(Bucket="bucket").get("Contents"):
        for item in held:
            client.delete_object(Bucket="bucket", Key=item["Key"])
    client.delete_bucket(Bucket="bucket")


@pytest.mark.parametrize("block", [1 << 23, 700])
def test_the_same_bytes_in_the_same_order_as_on_disk(bucket, proxy, disk, monkeypatch, block):
    monkeypatch.setattr(_places, "BLOCK", block)
    web = f"http://127.0.0.1:{proxy.port}/bucket/set"
    tars, parquet = contents(open_shards(f"{disk}/{{0000..0003}}.tar")), contents(open_shards(f"{disk}/all.parquet"))
    assert len(tars) == len(parquet) == 8
    for text in ("s3://bucket/set/{0000..0003}.tar", "s3://bucket/set/*.tar", f"{web}/{{0000..0003}}.tar"):
        assert list(contents(open_shards(text)).items()) == list(tars.items())
    for text in ("s3://bucket/set/all.parquet", f"{web}/all.parquet"):
        assert list(contents(open_shards(text)).items()) == list(parquet.items())
    photos = open_shards("s3://bucket/photos/")
    assert list(contents(photos).items()) == FILES
    assert list(contents(open_shards("s3://bucket/photos/*.png")).items()) == FILES
    assert (photos.name, photos.remarks) == ("photos", ("1 file of other kinds beside the images: .cls 1",))


def test_one_pass_reads_every_byte_once(bucket, proxy):
    source = open_shards("s3://bucket/set/{0000..0003}.tar")
    proxy.seen.clear()
    contents(source)
    assert {name: number for name, number in proxy.seen.items() if name.startswith("GET")} == {
        f"GET /bucket/set/{index:04d}.tar": 1 for index in range(4)
    }


def test_many_shards_of_a_folder_are_listed_at_once(bucket, proxy):
    for index in range(20):
        put(bucket, Key=f"many/{index:04d}.tar", Body=b"")
    proxy.seen.clear()
    assert len(open_shards("s3://bucket/many/{0000..0019}.tar").shards) == 20
    assert proxy.seen.total() <= 2
    with pytest.raises(DataError, match=r"1 of 21 shards is missing, the first: s3://bucket/many/0020\.tar"):
        open_shards("s3://bucket/many/{0000..0020}.tar")
    listed = {shard.name: shard.stamp for shard in open_shards("s3://bucket/many/{0000..0019}.tar").shards}
    asked = {shard.name: shard.stamp for shard in open_shards("s3://bucket/many/{0000..0003}.tar").shards}
    assert asked == {name: listed[name] for name in asked}


def test_a_folder_of_single_images_is_cut_into_runs_of_names(bucket, monkeypatch):
    monkeypatch.setattr(_object_shards, "RUN", 5)
    for index in range(12):
        put(bucket, Key=f"single/{index % 7}/{index:04d}.png", Body=b"%d" % index)
    source = open_shards("s3://bucket/single")
    assert [len(shard.part) for shard in source.shards] == [5, 5, 2]
    found = contents(source)
    assert list(found) == sorted(found)
    assert found["3/0010.png"] == b"10"


@pytest.mark.parametrize("fault", ["throttled", "broken", "cut", "reset"])
@pytest.mark.parametrize("place", ["s3://bucket/set", "http://127.0.0.1:{port}/bucket/set"])
def test_faults_that_pass_change_nothing(bucket, proxy, disk, monkeypatch, place, fault):
    monkeypatch.setattr(_places, "BLOCK", 4096)
    place = place.format(port=proxy.port)
    expected = contents(open_shards(f"{disk}/{{0000..0003}}.tar"))
    source = open_shards(f"{place}/{{0000..0003}}.tar")
    proxy.faults = {"0001.tar": [fault] * 3, "0002.tar": [fault]}
    assert contents(source) == expected
    assert not any(proxy.faults.values())
    if fault in ("throttled", "broken"):
        proxy.faults = {"0001.tar": [fault] * 3}
        assert open_shards(f"{place}/{{0000..0003}}.tar") == source


@pytest.mark.parametrize("fault", ["throttled", "broken", "cut", "reset"])
@pytest.mark.parametrize("place", ["s3://bucket/set", "http://me:word@127.0.0.1:{port}/bucket/set"])
@pytest.mark.parametrize("name", ["0001.tar", "all.parquet"])
def test_faults_that_last_end_with_what_to_do(bucket, proxy, place, fault, name):
    text = f"{place.format(port=proxy.port)}/{name}"
    source = open_shards(text)
    proxy.seen.clear()
    proxy.faults = {name: [f"{fault}!"]}
    shown = source.shards[0].place
    assert "word" not in shown
    told = rf"^cannot read {shown}: .+, 4 times; what was measured is kept, and the same command again continues$"
    with pytest.raises(DataError, match=told) as raised:
        read_all(source)
    assert "word" not in str(raised.value)
    assert proxy.seen.total() == 4  # no library beneath tries on its own


def test_what_is_forbidden_or_gone_is_not_asked_again(bucket, proxy):
    source = open_shards("s3://bucket/set/{0000..0003}.tar")
    proxy.faults = {"0000.tar": ["forbidden"]}
    with pytest.raises(
        DataError, match=r"^cannot read s3://bucket/set/0000\.tar: .*; give credentials in the environment"
    ):
        read_all(source)
    bucket.delete_object(Bucket="bucket", Key="set/0000.tar")
    with pytest.raises(DataError, match=r"^cannot read s3://bucket/set/0000\.tar: .*; it is not, or no longer, there$"):
        read_all(source)
    for missing in ("s3://bucket/none.tar", "s3://nobucket/x.tar", f"http://127.0.0.1:{proxy.port}/bucket/none.tar"):
        with pytest.raises(DataError, match=r'": the shard is missing; check the range and the place$'):
            open_shards(missing)
    with pytest.raises(DataError, match="holds no files, or is not there"):
        open_shards("s3://nobucket/photos/")


def test_a_shard_that_changes_is_told(bucket):
    (shard,) = open_shards("s3://bucket/set/0000.tar").shards
    bucket.put_object(
        Bucket="bucket", Key="set/0000.tar", Body=bucket.get_object(Bucket="bucket", Key="set/0000.tar")["Body"].read()
    )
    assert open_shards("s3://bucket/set/0000.tar").shards == (shard,)
    bucket.put_object(
        Bucket="bucket", Key="set/0000.tar", Body=bucket.get_object(Bucket="bucket", Key="set/0001.tar")["Body"].read()
    )
    assert open_shards("s3://bucket/set/0000.tar").shards[0].stamp != shard.stamp
    with pytest.raises(DataError, match=r"0000\.tar has changed since this run began; run the same command again"):
        list(shard.images(CAP, Listing(), Found()))


def test_a_shard_cut_off_on_the_server_is_damage(bucket):
    body = bucket.get_object(Bucket="bucket", Key="set/0001.tar")["Body"].read()
    put(bucket, Key="set/0001.tar", Body=body[:5000])
    with pytest.raises(DataError, match=r"^cannot read the archive s3://bucket/set/0001\.tar: .*damaged or cut off"):
        read_all(open_shards("s3://bucket/set/0001.tar"))


@pytest.mark.parametrize("fault", [None, "cut", "reset"])
def test_a_server_without_ranges_is_read_in_one_stream(bucket, proxy, disk, monkeypatch, fault):
    monkeypatch.setattr(_places, "BLOCK", 4096)
    proxy.ranges = False
    expected = contents(open_shards(f"{disk}/{{0000..0003}}.tar"))
    source = open_shards(f"http://127.0.0.1:{proxy.port}/bucket/set/{{0000..0003}}.tar")
    proxy.seen.clear()
    proxy.faults = {"0001.tar": [fault, fault]} if fault else {}
    assert contents(source) == expected
    # a request for the bytes, one for the stamp at the end, and those that failed
    assert proxy.seen["GET /bucket/set/0000.tar"] == 2
    assert proxy.seen["GET /bucket/set/0001.tar"] == (4 if fault else 2)


def test_secrets_of_urls_reach_the_server_and_nothing_else(bucket, proxy):
    query = "X-Amz-Signature=quite-secret"
    text = f"http://me:pass%40word@127.0.0.1:{proxy.port}/bucket/set/{{0000..0001}}.tar?{query}"
    source = open_shards(text)
    proxy.headers.clear()
    refs, found = read_all(pickle.loads(pickle.dumps(source)))
    assert all(headers["Authorization"] == "Basic bWU6cGFzc0B3b3Jk" for headers in proxy.headers)
    expected = f"http://127.0.0.1:{proxy.port}/bucket/set/{{0000..0001}}.tar"
    assert (source.text, source.name) == (expected, "set")
    with pytest.raises(DataError) as missing:
        open_shards(text.replace("0001", "0007"))
    for shown in (source, source.shards, refs, found, found.to_dict(), missing.value):
        for said in (str(shown), repr(shown)):
            assert not any(word in said for word in ("quite", "secret", "pass", "word", "me:", "Signature"))
    assert {ref.key for ref in refs} == {f"{n // 2:04d}.tar/{n:02d}.png" for n in range(4)}
    again = open_shards(text.replace("quite-secret", "another")).shards
    assert [(shard.name, shard.stamp) for shard in again] == [(shard.name, shard.stamp) for shard in source.shards]


@pytest.mark.parametrize(
    "text",
    [
        "pipe:curl -u me:password http://host/0.tar",
        "pipe://cat password.tar",
        "zip://0.tar::s3://bucket/password.zip",
        "simplecache::s3://me:password@bucket/0.tar",
        "ftp://me:password@host/0.tar",
        "memory://password.tar",
        "S3://bucket/password.tar",
    ],
)
def test_other_protocols_are_refused_without_showing_what_was_written(text):
    with pytest.raises(
        DataError, match=r"^a URL begins with one of file, s3, gs, gcs, az, abfs, http, https, hf"
    ) as told:
        open_shards(text)
    assert "password" not in str(told.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("https:///0.tar", "the URL names no host"),
        ("https://me:pa/ss@host/0.tar", "the URL names no host, or a port that is no number; percent-encode"),
        ("https://host/*.tar", "web servers list no files; write a range such as"),
        ("https://host/photos/", r'"https://host/photos/" is no shard; give \.tar'),
        ("https://me:ss@host/0.zip?ss", r'"https://host/0\.zip" is no shard; give \.tar'),
        ("s3://key:ss@bucket/0.tar", "a s3:// URL holds no account; give credentials in the environment"),
        ("s3://bucket/?.tar", r"\? and # have a meaning in URLs; write \*"),
        ("s3://bucket/{a,b}/", "braces stand for shards; give one folder at a time"),
        ("file://0.tar", "a file:// URL has three slashes"),
    ],
)
def test_urls_that_are_refused(text, reason):
    with pytest.raises(DataError, match=reason) as told:
        open_shards(text)
    assert "ss@" not in str(told.value)


def test_a_missing_library_is_named(monkeypatch):
    from symmetry_audit.data import _object_store

    _object_store._opened_filesystem.cache_clear()
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(_registry, "s3", raising=False)
    with pytest.raises(DataError, match=r'^s3:// needs another package: pip install "symaudit\[remote\]"$'):
        open_shards("s3://bucket/0.tar")
    with pytest.raises(DataError, match=r"^az:// needs another package: pip install adlfs$"):
        open_shards("az://container/0.tar")


def test_files_on_disk_need_no_library_of_the_network(disk):
    code = f"""
import sys
from symmetry_audit.data import Found, Listing, open_shards
(shard,) = open_shards({str(disk)!r} + "/{{0000..0000}}.tar").shards
assert len(list(shard.images(10**6, Listing(), Found()))) == 2
print(sorted({{"fsspec", "s3fs", "aiohttp", "pyarrow", "urllib.request", "torch"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_messages_of_libraries_lose_secrets_before_they_are_shortened():
    error = OSError("x" * 140 + " https://me:a-long-password@host/0.tar?sig=1 failed")
    assert "password" not in _places.reason_of(error)
    assert _places.reason_of(OSError("https://me:word@host/0.tar?sig=1 failed")) == "https://host/0.tar failed"
    assert _places.reason_of(TimeoutError()) == "TimeoutError"


def test_two_blocks_are_kept_however_long_the_file(monkeypatch):
    """Reading back a little costs no second request."""
    asked, block = [], 1 << 18

    class Blocks:
        def read(self, start: int, end: int) -> bytes:
            asked.append(start)
            return bytes([start // block]) * (end - start)

        def close(self) -> None: ...

    monkeypatch.setattr(_remote, "_blocks", lambda url: Blocks())
    size = 40 * block - 7
    tracemalloc.start()
    with _places.opened("s3://bucket/0.tar", size, block) as file:
        for number in range(1, 40):
            file.seek(number * block - 3)
            assert file.read(6) == bytes([number - 1] * 3 + [number] * 3)
            file.seek(number * block - 3)
            assert file.read(1) == bytes([number - 1])
        assert file.seek(0, io.SEEK_END) == size
        assert file.read() == b""
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert asked == [number * block for number in range(40)]
    assert peak < 5 * block


def test_passwords_are_for_the_host_that_was_named(bucket, proxy, monkeypatch):
    """A server may send its reader elsewhere; urllib hands every other header on."""
    (source,) = open_shards(f"http://me:word@127.0.0.1:{proxy.port}/bucket/set/0000.tar").shards
    other = FaultyProxy(proxy.upstream)
    proxy.elsewhere = other.port
    assert len(list(source.images(CAP, Listing(), Found()))) == 2
    other.close()
    assert other.headers and not any("Authorization" in headers for headers in other.headers)


def test_names_are_encoded_for_the_server(bucket, proxy, disk):
    put(bucket, Key="set/ä b.tar", Body=(disk / "0000.tar").read_bytes())
    source = open_shards(f"http://127.0.0.1:{proxy.port}/bucket/set/ä b.tar?x=1 2")
    assert list(contents(source)) == ["ä b.tar/00.png", "ä b.tar/01.png"]
    assert source.text.endswith("/bucket/set/ä b.tar")
