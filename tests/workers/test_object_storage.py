"""Audits of what lies behind URLs, in real processes: the bytes of files on disk, and no secret in any file."""

from __future__ import annotations

import functools
import http.server
import threading
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.conftest import save_photos
from tests.data.shard_files import MARK, embedded, parquet_of, tar_of

QUICK = ("--reg", "tv", "--group", "p4", "--scenario", "dataset_strict", "-q")
SECRETS = ("pass-of-the-test", "signature-of-the-test", "secret-key-of-the-test", "token-of-the-test")


@pytest.fixture
def shards(tmp_path, rng) -> Path:
    photos = save_photos(tmp_path / "photos", rng, count=8)
    files = [(path.name, path.read_bytes()) for path in sorted(photos.iterdir())]
    folder = tmp_path / "shards"
    folder.mkdir()
    for number in range(4):
        tar_of(folder / f"{number:04d}.tar", files[2 * number : 2 * number + 2])
    parquet_of(folder / "all.parquet", {"photo": embedded(data for _, data in files)}, MARK)
    return folder


@pytest.fixture
def s3(shards):
    """Variables of the environment for an S3 server that holds the shards."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {
        "AWS_ACCESS_KEY_ID": "key-of-the-test",
        "AWS_SECRET_ACCESS_KEY": SECRETS[2],
        "AWS_SESSION_TOKEN": SECRETS[3],
    }
    env = {**keys, "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_DEFAULT_REGION": "us-east-1"}
    names = {"aws_access_key_id": "key-of-the-test", "aws_secret_access_key": SECRETS[2], "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=env["AWS_ENDPOINT_URL"], **names)
    client.create_bucket(Bucket="set")
    for path in sorted(shards.iterdir()):
        client.upload_file(str(path), "set", f"v1/{path.name}")
    yield env | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    server.stop()


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def without_secrets(folder: Path) -> None:
    for name, data in files_of(folder).items():
        assert not [secret for secret in SECRETS if secret.encode() in data], name


def part_files(folder: Path) -> list[str]:
    """Names of parts without their hash, and the records of each as a hash that leaves out stamps of files."""
    from symmetry_audit.audit._store import Store

    store = Store(folder)
    return [
        f"{record.image} {record.sha256} {record.arrays['strict'].tobytes().hex()}"
        for number in range(len(store))
        for record in store.read(number)
    ]


@pytest.mark.parametrize("cluster", [(), pytest.param(("--cluster", "local:2"), marks=pytest.mark.slow)])
def test_an_audit_of_s3_is_that_of_the_disk(symaudit, shards, s3, tmp_path, cluster) -> None:
    for place, out in ((f"{shards}", "disk"), ("s3://set/v1", "s3")):
        done = symaudit("measure", f"{place}/{{0000..0003}}.tar", *QUICK, "--out", out, *cluster, env=s3)
        assert done.returncode == 0, done.stderr
    assert part_files(tmp_path / "s3") == part_files(tmp_path / "disk")
    assert len(part_files(tmp_path / "s3")) == 8
    without_secrets(tmp_path / "s3")
    done = symaudit("measure", "s3://set/v1/*.parquet", *QUICK, "--out", "parquet", *cluster, env=s3)
    assert done.returncode == 0, done.stderr
    tails = [[line.partition(" ")[2] for line in part_files(tmp_path / out)] for out in ("parquet", "disk")]
    assert tails[0] == tails[1]


def test_no_file_of_a_report_holds_the_secrets_of_a_url(symaudit, shards, tmp_path) -> None:
    handler = functools.partial(_Quiet, directory=str(shards))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://user:{SECRETS[0]}@127.0.0.1:{server.server_port}/{{0000..0001}}.tar?X-Signature={SECRETS[1]}"
        done = symaudit("measure", url, *QUICK, "--out", "signed", env={"no_proxy": "127.0.0.1"})
        again = symaudit("measure", url.replace("0001", "0009"), *QUICK, "--out", "none", env={"no_proxy": "127.0.0.1"})
        server.shutdown()
    assert done.returncode == 0, done.stderr
    without_secrets(tmp_path / "signed")
    assert "127.0.0.1" in (tmp_path / "signed" / "report.json").read_text()
    assert again.returncode == 1
    for text in (done.stdout, done.stderr, again.stdout, again.stderr):
        assert not [secret for secret in SECRETS if secret in text]
    assert "Traceback" not in again.stderr


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *about: object) -> None:
        pass
