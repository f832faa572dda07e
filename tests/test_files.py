"""Files are whole or not there at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from symmetry_audit.errors import DataError, ReportError
from symmetry_audit.files import locked, replacing, write_atomically


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_takes_its_name_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")
    with replacing(path) as partial:
        partial.write_text("new")
        assert (partial.parent, path.read_text()) == (tmp_path, "old")
    assert path.read_text() == "new" and names(tmp_path) == ["table.csv"]


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")

    def stopped() -> None:
        with replacing(path) as partial:
            partial.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert path.read_text() == "old" and names(tmp_path) == ["table.csv"]


def test_content_is_text_or_bytes_and_the_folder_is_made(tmp_path: Path) -> None:
    assert write_atomically(tmp_path / "a/b/text.md", "ε").read_bytes() == "ε".encode()
    assert write_atomically(tmp_path / "a/b/bytes", b"\x00").read_bytes() == b"\x00"


def test_what_cannot_be_written_is_said_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match=r"cannot write .*file/x: .*; give a folder you can write to"):
        write_atomically(tmp_path / "file/x", "")
    with pytest.raises(DataError, match="; choose another --out"):
        write_atomically(tmp_path / "file/x", "", error=DataError, hint="choose another --out")


def test_content_is_on_the_disk_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, sync, rename = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (calls.append(os.fstat(handle).st_ino), sync(handle)))
    monkeypatch.setattr(os, "replace", lambda *names: (calls.append("rename"), rename(*names)))
    path = write_atomically(tmp_path / "table.csv", "new")
    assert calls == [path.stat().st_ino, "rename", tmp_path.stat().st_ino]


def test_only_temporary_files_of_dead_writers_are_leftovers(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    alive = f".report.json.{os.getppid()}"  # perhaps still being written
    kept = [".lock", ".hidden", ".table.csv", "table.csv", "table.csv.12", ".version.1.2", alive]
    old = f".old.json.{os.getppid()}"
    for name in [*kept, old, f".last.safetensors.{dead.pid}", f".responses.parquet.{10**30}"]:
        (tmp_path / name).write_text("")
    os.utime(tmp_path / old, (0, 0))
    with locked(tmp_path):
        pass
    assert names(tmp_path) == sorted(kept)
