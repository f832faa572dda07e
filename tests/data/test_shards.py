"""Tar shards and Parquet on disk: the images of a folder, read once, in the order of their names; damage told."""

from __future__ import annotations

import gc
import io
import os
import pickle
import tarfile
import tracemalloc
import weakref
import zipfile

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symmetry_audit.data import Found, Listing, load_image, open_shards, open_source, source_of_files
from symmetry_audit.data._archive import members
from symmetry_audit.data._braces import MAX_SHARDS, expanded_braces
from symmetry_audit.data._packed import packed_images
from symmetry_audit.data._remarks import Beside
from symmetry_audit.errors import DataError, SettingError
from tests.conftest import save_photos
from tests.data.shard_files import CAP, MARK, contents, embedded, parquet_of, read_all, tar_of
from tests.slices import PATIENT, dicom, nifti

NAMES = ["a.png", "b/c.PNG", "b/d.jpg", "e f.png", "g.tif", "h.png", "i.png", "j.png"]


@pytest.fixture
def files() -> list[tuple[str, bytes]]:
    """Files in the order of their names; nothing here is decoded."""
    return [(name, b"bytes of " + name.encode()) for name in NAMES]


def in_four(folder, files, suffix=".tar", mode="w") -> str:
    """The files in four shards, two in each, and the brace range that names these."""
    for index in range(4):
        tar_of(folder / f"{index:04d}{suffix}", files[2 * index : 2 * index + 2], mode)
    return f"{folder}/{{0000..0003}}{suffix}"


def test_folder_archive_shards_and_parquet_hold_the_same_in_the_same_order(tmp_path, files):
    for name, content in files:
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_bytes(content)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name, content in files:
            archive.writestr(name, content)
    column = {"photo": embedded(content for _, content in files)}
    parquet_of(tmp_path / "one.parquet", column, MARK, row_group_size=3)
    expected = dict(files)
    for place in ("folder", "all.zip"):
        assert {ref.key: ref.read(CAP) for ref in open_source(str(tmp_path / place)).refs} == expected
    for suffix, mode in {".tar": "w", ".tar.gz": "w:gz", ".txz": "w:xz", ".tbz2": "w:bz2"}.items():
        found = contents(open_shards(in_four(tmp_path, files, suffix, mode)))
        assert list(found) == sorted(found)
        assert [(key.partition("/")[2], data) for key, data in found.items()] == list(expected.items())
    found = contents(open_shards(str(tmp_path / "one.parquet")))
    assert list(found.items()) == [(f"one.parquet/{row:09d}", data) for row, (_, data) in enumerate(files)]


def test_what_a_shard_is(tmp_path, files, monkeypatch):
    text = in_four(tmp_path, files)
    source = open_shards(text)
    assert (source.name, source.text, source.note, source.skipped) == (tmp_path.name, text, None, ())
    assert [shard.name for shard in source.shards] == [f"{index:04d}.tar" for index in range(4)]
    assert [shard.size for shard in source.shards] == [os.path.getsize(shard.url) for shard in source.shards]
    monkeypatch.chdir(tmp_path)
    assert open_shards("{0000..0003}.tar").shards == source.shards
    assert open_shards(f"file://{text}").shards == source.shards
    for shard in source.shards:
        assert pickle.loads(pickle.dumps(shard)) == shard
        assert len(pickle.dumps(shard)) < 600
    only = open_shards("{0002,0003}.tar").with_bands((3, 2, 1)).with_white(4095)
    assert {(ref.bands, ref.white) for ref in read_all(only)[0]} == {((3, 2, 1), 4095)}


def test_keys_sort_as_shards_do(tmp_path):
    names = ["a.tar", "a.tar.gz", "a/b.tar", "a-b.tar", "B.tar", "a b.tar"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        tar_of(tmp_path / name, [("z.png", b"z"), ("y.png", b"y")], "w:gz" if name.endswith("gz") else "w")
    found = list(contents(open_shards(f"{tmp_path}/{{{','.join(names)}}}")))
    assert found == sorted(f"{name}/{letter}.png" for name in names for letter in "yz")


def test_stamps_change_with_the_file_and_not_with_its_place(tmp_path, files):
    path = tar_of(tmp_path / "0.tar", files[:1])
    text = f"{tmp_path}/{{0..0}}.tar"
    (first,) = open_shards(text).shards
    (ref,) = read_all(open_shards(text))[0]
    assert ref.stamp() == first.stamp
    assert ref.with_white(4095).stamp() == f"{first.stamp}-white-4095"
    os.utime(path, ns=(0, 5))
    assert open_shards(text).shards[0].stamp != first.stamp
    with pytest.raises(DataError, match=r"0\.tar has changed since this run began; run the same command again$"):
        list(first.images(CAP, Listing(), Found()))
    path.unlink()
    with pytest.raises(DataError, match=r"cannot read .*0\.tar: No such file"):
        list(first.images(CAP, Listing(), Found()))


def test_payloads_are_released(tmp_path):
    tar_of(tmp_path / "0.tar", [(f"{index:03d}.png", bytes(10**6)) for index in range(20)])
    parquet_of(tmp_path / "0.parquet", {"photo": embedded([bytes(10**6)] * 20)})
    for name in ("{0..0}.tar", "0.parquet"):
        held, most = [], 0
        for ref in open_shards(f"{tmp_path}/{name}").shards[0].images(10**7, Listing(), Found()):
            held.append(weakref.ref(ref))
            assert len(ref.payload) == 10**6
            del ref
            gc.collect()
            most = max(most, sum(ref() is not None for ref in held))
        assert len(held) == 20
        assert most <= 1


def test_memory_does_not_grow_with_the_members(tmp_path):
    """tarfile keeps a record of every member unless it is told not to."""

    def peak(count: int) -> int:
        path = tar_of(tmp_path / f"{count}.tar", ((f"{index:06d}.png", b"") for index in range(count)))
        tracemalloc.start()
        for member in members(path):
            del member
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(4000) < 1.5 * peak(500)


def test_what_is_not_an_image_is_counted_or_skipped(tmp_path):
    path = tmp_path / "0.tar"
    with tarfile.open(path, "w") as archive:

        def add(name, content=b"", **fields):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for field, value in fields.items():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(content))

        add("a.png", b"first")
        add("a.png", b"second")
        add("a.png", b"third")
        add("b.cls", b"7")
        add("c.json", b"{}")
        add("../d.png", b"outside")
        add("__MACOSX/._e.png", b"fork")
        add("@eaDir/f.png", b"thumbnail")
        add("g.png", type=tarfile.LNKTYPE, linkname="a.png")
        add("h.png", type=tarfile.SYMTYPE, linkname="a.png")
        add("i.png", type=tarfile.FIFOTYPE)
        add("j.png", bytes(11))
        add("k", bytes(128) + b"DICM")
        add("l.nii", b"no volume")
        add("m\u202e.png", b"m")
    refs, found = read_all(open_shards(f"{tmp_path}/{{0..0}}.tar"), cap=10)
    assert [(ref.key, ref.payload) for ref in refs] == [("0.tar/a.png", b"first"), ("0.tar/m\\u202e.png", b"m")]
    link = "a link, which cannot be followed where an archive is read once; store the file itself"
    skipped = {item.image: item.reason for item in found.skipped}
    assert skipped.pop("0.tar/a.png") == "the name occurs 3 times; the first is measured"
    assert skipped.pop("0.tar/../d.png") == "the archive member's name leads outside the archive"
    assert (skipped.pop("0.tar/g.png"), skipped.pop("0.tar/h.png")) == (link, link)
    assert skipped.pop("0.tar/i.png") == "a device, or a link to no file inside the archive"
    assert skipped.pop("0.tar/j.png") == "larger than 10 bytes; raise --max-pixels if you trust the file"
    assert set(skipped) == {"0.tar/l.nii", next(key for key in skipped if key.startswith("dicom-"))}
    assert found.beside.remarks() == (
        "1 file of other kinds beside the images: .cls 1",
        "folders of thumbnails, deleted files and the like passed over: @eaDir 1",
    )


def test_a_file_that_cannot_be_looked_at_is_not_passed_over(tmp_path):
    """Without a suffix, first bytes tell what it is: where the network withholds these, the shard cannot be read."""
    path = tar_of(tmp_path / "0.tar", [("a.png", bytes(10**6)), ("slice", bytes(128) + b"DICM")])

    class Withheld(io.BytesIO):
        def read(self, size=-1):
            if self.tell() == 512 + 10**6 + 448 + 512:
                raise DataError("cannot read s3://bucket/0.tar")
            return super().read(size)

    images = packed_images("", path, Listing(), Beside(), [], Withheld(path.read_bytes()))
    assert next(images).key == "a.png"
    with pytest.raises(DataError, match=r"^cannot read s3://bucket/0\.tar$"):
        next(images)


@pytest.mark.parametrize(("suffix", "mode"), [(".tar", "w"), (".tar.gz", "w:gz"), (".txz", "w:xz")])
def test_a_shard_cut_off_is_damage_and_never_fewer_images(tmp_path, suffix, mode):
    noise = np.random.default_rng(3)
    path = tar_of(tmp_path / f"0{suffix}", [(f"{n}.png", noise.bytes(3000)) for n in range(5)], mode)
    whole = path.read_bytes()
    for length in (0, 700, len(whole) // 2, len(whole) * 3 // 4):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=rf"^cannot read the archive {path}: "):
            read_all(open_shards(f"{tmp_path}/{{0..0}}{suffix}"))


def test_slices_of_shards_have_their_bytes_and_name_no_patient(tmp_path):
    patient = PATIENT["PatientName"]
    pixels = np.arange(64, dtype=np.uint16).reshape(8, 8)
    volume = np.arange(4 * 5 * 3, dtype=np.int16).reshape(4, 5, 3)
    tar_of(tmp_path / "0.tar", [(f"{patient}/{n}.dcm", dicom(pixels + n, number=n)) for n in range(2)])
    tar_of(tmp_path / "1.tar", [(f"{patient}.dcm", dicom(pixels, number=1)), ("v.nii", nifti(volume, np.eye(4)))])
    refs, found = read_all(open_shards(f"{tmp_path}/{{0..1}}.tar"), cap=10**7)
    keys = [ref.key for ref in refs]
    assert len(set(keys)) == 6 and found.skipped == []
    assert all(ref.payload for ref in refs)
    assert not any("Zweistein" in key for key in keys)
    series = keys[0].split("/")[1]
    assert series.startswith("series-")
    assert [key.rpartition("-")[0] for key in keys[:3]] == [f"{n // 2}.tar/{series}/{n % 2:04d}" for n in (0, 1, 3)]
    assert keys[3:] == [f"1.tar/v.nii/axial/{n:03d}" for n in range(3)]
    assert {ref.series for ref in refs[:3]} == {refs[0].series} != {None}
    assert [load_image(ref).luminance.shape for ref in refs] == [(8, 8)] * 3 + [(5, 4)] * 3
    named, _ = read_all(open_shards(f"{tmp_path}/{{0..1}}.tar"), Listing(file_names=True), cap=10**7)
    assert f"0.tar/{patient}/0.dcm" in [ref.key for ref in named]


def test_the_column_of_images(tmp_path):
    path, rows = tmp_path / "x.parquet", {"photo": embedded([b"1"]), "thumb": [b"2"], "label": [3]}
    parquet_of(path, rows, MARK)
    assert contents(open_shards(str(path))) == {"x.parquet/000000000": b"1"}
    assert contents(open_shards(str(path), "thumb")) == {"x.parquet/000000000": b"2"}
    for column, reason in {
        "label": 'column "label" of .*x.parquet holds no bytes of images, but int64',
        "no": 'x.parquet has no column "no"; it has photo, thumb, label',
    }.items():
        with pytest.raises(DataError, match=reason):
            open_shards(str(path), column)
    parquet_of(path, rows)
    with pytest.raises(DataError, match="several columns that may hold images; choose by --column: photo, thumb"):
        open_shards(str(path))
    parquet_of(path, {"label": [3], "list": [[b"1"]]})
    with pytest.raises(DataError, match="has no column of images, bytes or struct<bytes, path>; it has label, list"):
        open_shards(str(path))
    for kind in (pa.binary(), pa.large_binary(), pa.binary_view()):
        parquet_of(path, {"any": pa.array([b"1", None], kind)})
        refs, found = read_all(open_shards(str(path)))
        assert [ref.payload for ref in refs] == [b"1"]
        assert [(item.image, item.reason) for item in found.skipped] == [
            ("x.parquet/000000001", "has no image in this row")
        ]


@pytest.mark.parametrize("statistics", [True, False])
def test_parquet_that_holds_only_paths_is_refused(tmp_path, statistics):
    path = tmp_path / "x.parquet"
    rows = [{"bytes": None, "path": "/home/somebody/1.png"}] * 3
    parquet_of(
        path,
        {"photo": pa.array(rows, pa.struct({"bytes": pa.binary(), "path": pa.string()}))},
        MARK,
        write_statistics=statistics,
    )
    with pytest.raises(DataError, match=r"x\.parquet: the images are not in the file, which holds only their paths"):
        read_all(open_shards(str(path)))
    if statistics:
        with pytest.raises(DataError, match="the images are not in the file"):
            open_shards(str(path))


def test_row_groups_are_shards_and_rows_keep_their_numbers(tmp_path):
    (tmp_path / "train").mkdir()
    for name, rows in {"train/1": 1300, "train/0": 3, "test": 2}.items():
        values = [b"%s %d" % (name.encode(), row) for row in range(rows)]
        parquet_of(tmp_path / f"{name}.parquet", {"photo": values}, row_group_size=200)
    source = open_shards(f"{tmp_path}/**/*.parquet")
    expected = ["test.parquet#00000", "train/0.parquet#00000", *(f"train/1.parquet#{n:05d}" for n in (0, 3, 6))]
    assert [shard.name for shard in source.shards] == expected
    found = contents(source)
    assert list(found) == sorted(found)
    assert len(found) == 1305
    assert found["train/1.parquet/000000999"] == b"train/1 999"
    only = list(source.shards[3].images(CAP, Listing(), Found()))
    assert (only[0].key, len(only)) == ("train/1.parquet/000000600", 600)


def test_a_row_group_is_read_page_by_page(tmp_path):
    rows = [bytes([n]) * 10**5 for n in range(80)]
    parquet_of(tmp_path / "x.parquet", {"photo": rows}, write_batch_size=4, compression="none", use_dictionary=False)
    source, before, most = open_shards(f"{tmp_path}/x.parquet"), pa.total_allocated_bytes(), 0
    tracemalloc.start()  # pyarrow's own memory, and what Python's file hands to it
    for _ in source.shards[0].images(CAP, Listing(), Found()):
        most = max(most, pa.total_allocated_bytes() - before)
    read = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0 < most < 4 * 10**6
    assert 0 < read < 4 * 10**6


def test_slices_in_parquet_are_called_by_their_rows(tmp_path):
    pixels = np.arange(64, dtype=np.uint16).reshape(8, 8)
    stored = [{"bytes": dicom(pixels + n, number=n), "path": f"{PATIENT['PatientName']}/{n}"} for n in range(2)]
    stored.append({"bytes": nifti(np.arange(8, dtype=np.int16).reshape(2, 2, 2), np.eye(4)), "path": "v.nii"})
    parquet_of(tmp_path / "x.parquet", {"photo": stored})
    refs, found = read_all(open_shards(f"{tmp_path}/x.parquet"))
    volume = [f"x.parquet/000000002/axial/00{n}" for n in range(2)]
    assert [ref.key for ref in refs] == ["x.parquet/000000000", "x.parquet/000000001", *volume]
    assert refs[0].series == refs[1].series is not None
    assert [load_image(ref).unit for ref in refs] == ["HU"] * 4
    assert found.skipped == []


def test_a_damaged_parquet_file_is_named(tmp_path):
    rows = {"photo": [bytes([n]) * 999 for n in range(200)]}
    path = parquet_of(tmp_path / "x.parquet", rows, compression="none", write_page_checksum=True)
    source, whole = open_shards(str(path)), path.read_bytes()
    path.write_bytes(whole[:5000])
    with pytest.raises(DataError, match=rf"^cannot read the Parquet file {path}: "):
        open_shards(str(path))
    path.write_bytes(whole[:2000] + bytes(3000) + whole[5000:])
    os.utime(path, ns=(0, int(source.shards[0].stamp.partition("-")[2])))
    with pytest.raises(DataError, match=rf"^cannot read the Parquet file {path}: .*checksum"):
        read_all(source)


def test_decoded_pixels_are_those_of_the_folder(tmp_path, rng):
    photos = sorted(save_photos(tmp_path / "photos", rng).iterdir())
    parquet_of(tmp_path / "p.parquet", {"photo": [path.read_bytes() for path in photos]})
    direct = [load_image(ref).pixel_sha256 for ref in open_source(str(tmp_path / "photos")).refs]
    assert [load_image(ref).pixel_sha256 for ref in read_all(open_shards(f"{tmp_path}/p.parquet"))[0]] == direct


@pytest.mark.parametrize("text", ["folder", "*.tar", "one.tar", "x.zip", "DIV2K:valid", "{1,2}.tar"])
def test_other_sources_are_left_to_open_source(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    tar_of(tmp_path / "{1,2}.tar", [("a.png", b"a")])
    (tmp_path / "folder").mkdir()
    assert open_shards(text) is None


@pytest.mark.parametrize("text", ["{0..9}.tar", "x.parquet", "s3://bucket/photos/", "https://me:word@host/0.tar?sig=1"])
def test_commands_for_single_images_say_which_read_shards(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    told = r"is read by measure and fit-affine, shard by shard; this command reads single images: give a folder or an"
    with pytest.raises(DataError, match=told) as raised:
        open_source(text)
    assert "word" not in str(raised.value) and "sig" not in str(raised.value)


def test_lists_of_urls_are_refused_without_their_secrets(tmp_path):
    (tmp_path / "list.txt").write_text("a.png\nhttps://me:word@host/b.png?sig=1\n", encoding="utf-8")
    told = (
        r"^https://host/b\.png is a URL, and lists name files on a disk; give shards behind URLs as one source, such as"
    )
    with pytest.raises(DataError, match=told):
        open_source(f"{tmp_path}/list.txt")
    with pytest.raises(DataError, match=told):
        source_of_files(["a.png", "https://me:word@host/b.png?sig=1"])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{08..11}", ["08", "09", "10", "11"]),
        ("{8..11}", ["8", "9", "10", "11"]),
        ("{000..1}", ["000", "001"]),
        ("{0..0}", ["0"]),
        ("a{x,y}b{1..2}c", ["axb1c", "axb2c", "ayb1c", "ayb2c"]),
        ("plain", ["plain"]),
    ],
)
def test_braces(text, names):
    assert expanded_braces(text) == names


@given(st.integers(0, 10**6), st.integers(0, 300), st.integers(1, 8))
def test_padded_ranges_sort_as_they_count(first, more, width):
    width = max(width, len(str(first + more)))
    names = expanded_braces(f"{{{first:0{width}d}..{first + more:0{width}d}}}")
    assert names == [f"{number:0{width}d}" for number in range(first, first + more + 1)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{0..", "braces are nested or not closed"),
        ("0}", "braces are nested or not closed"),
        ("{{0..1},2}", "braces are nested or not closed"),
        ("{}", r"\{\} is no range; write one such as"),
        ("{a}", r"\{a\} is no range"),
        ("{a..f}", r"\{a\.\.f\} is no range"),
        ("{a,}", r"\{a,\} is no range"),
        ("{0..10..2}", r"is no range"),
        ("{9..0}", r"\{9\.\.0\} runs backwards; write \{0\.\.9\}"),
        ("{a,a}", "names the same twice"),
        ("{0..999999999999999999}", f"the limit is {MAX_SHARDS}; give fewer"),
        ("{0..1000}{0..1000}", "braces stand for 1002001 names"),
    ],
)
def test_braces_that_are_refused(text, reason):
    with pytest.raises(DataError, match=reason):
        expanded_braces(text)


def test_shards_that_are_missing_or_none(tmp_path, files):
    in_four(tmp_path, files)
    with pytest.raises(DataError, match=r"2 of 6 shards are missing, the first: .*/0004\.tar; check the range"):
        open_shards(f"{tmp_path}/{{0000..0005}}.tar")
    with pytest.raises(DataError, match=r"x\.parquet\": the shard is missing"):
        open_shards(f"{tmp_path}/x.parquet")
    with pytest.raises(DataError, match=r'^no files match ".*/q\*\.parquet"$'):
        open_shards(f"{tmp_path}/q*.parquet")
    (tmp_path / "0.png").touch()
    with pytest.raises(DataError, match=r"0\.png is no shard; shards are \.tar, \.tar\.gz and the like, or \.parquet"):
        open_shards(f"{tmp_path}/{{0..0}}.png")
    with pytest.raises(SettingError, match="--column is for Parquet files; drop it"):
        open_shards(f"{tmp_path}/{{0000..0003}}.tar", "photo")
    os.mkfifo(tmp_path / "pipe.parquet")
    with pytest.raises(DataError, match=r"pipe\.parquet is not a regular file; give a tar archive or a Parquet file"):
        open_shards(f"{tmp_path}/pipe.parquet")
    with pytest.raises(DataError, match="is a folder; give its path without file://"):
        open_shards(f"file://{tmp_path}")
