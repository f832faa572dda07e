"""The cache of training images: what it holds, when it reads again, interrupted and parallel fills, its limit."""

import hashlib
import json
import multiprocessing
import os
import stat
from dataclasses import dataclass

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image
from scipy import ndimage

from symmetry_audit.data import _rgb as rgb_module
from symmetry_audit.errors import DataError, SettingError
from symmetry_audit.tasks import (
    TASKS,
    Option,
    PatchCache,
    Task,
    fingerprint,
    make_task,
    open_pairs,
    resize_8bit,
    source_fingerprint,
)
from symmetry_audit.tasks import _cache as cache_module
from tests.conftest import save_photos

SR, DENOISE, DERAIN = make_task("sr"), make_task("denoise", sigma=10), make_task("derain")
PHOTO = 64 * 56 * 3  # bytes of one of the photos


@pytest.fixture
def pairs(photos):
    return open_pairs(str(photos), SR)


@pytest.fixture
def decoded(monkeypatch) -> list[bytes]:
    """What is decoded from now on."""
    found, real = [], rgb_module.decode_rgb
    monkeypatch.setattr(rgb_module, "decode_rgb", lambda *data: (found.append(data), real(*data))[1])
    return found


def sets(folder) -> dict[str, int]:
    """The sets in a cache folder, and how many images each holds."""
    return {path.parent.name: len(path.read_text().splitlines()) for path in folder.glob("*/index.jsonl")}


def pixels(path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def assert_holds(cache, pairs) -> None:
    assert len(cache) == len(pairs.refs)
    for (given, clean), pair in zip(cache, pairs.refs, strict=True):
        np.testing.assert_array_equal(clean, pixels(pair.clean.path))
        np.testing.assert_array_equal(given, resize_8bit(clean, 0.5))


def test_images_are_prepared_as_the_task_says(pairs, tmp_path):
    cache = PatchCache(pairs, SR, tmp_path / "cache")
    assert_holds(cache, pairs)
    assert cache.keys == [f"photo_{at}.png" for at in range(4)]
    given, clean = cache[-1]
    assert given.dtype == clean.dtype == np.uint8
    assert not given.flags.writeable  # a view of the mapped file


def test_pixels_are_mapped_not_read(pairs, tmp_path):
    image = PatchCache(pairs, SR, tmp_path / "cache")[0][1]
    while image.base is not None and not isinstance(image, np.memmap):
        image = image.base
    assert isinstance(image, np.memmap)


def test_pairs_are_kept_side_by_side(tmp_path, rng):
    save_photos(tmp_path / "set" / "gt", rng)
    save_photos(tmp_path / "set" / "lq", rng)
    pairs = open_pairs(str(tmp_path / "set"), DERAIN)
    for (given, clean), pair in zip(PatchCache(pairs, DERAIN, tmp_path / "cache"), pairs.refs, strict=True):
        np.testing.assert_array_equal(given, pixels(pair.degraded.path))
        np.testing.assert_array_equal(clean, pixels(pair.clean.path))
        assert not np.array_equal(given, clean)


def test_images_that_are_their_own_input_are_kept_once(pairs, tmp_path, decoded):
    cache = PatchCache(pairs, DENOISE, tmp_path / "cache")
    (file,) = (tmp_path / "cache").glob("*/pixels.bin")
    assert file.stat().st_size == 4 * PHOTO
    assert cache[2][0] is cache[2][1]
    PatchCache(pairs, make_task("inpaint", missing=0.5), tmp_path / "cache")
    assert len(decoded) == 4  # other corruptions of the same pixels


def test_fingerprints_are_those_of_files_and_of_decoded_images(pairs, tmp_path):
    cache = PatchCache(pairs, SR, tmp_path / "cache")
    assert cache.fingerprint == source_fingerprint(pairs)
    expected = tuple((pair.key, fingerprint(pixels(pair.clean.path))) for pair in pairs.refs)
    assert cache.fingerprints == expected
    assert PatchCache(pairs, SR, tmp_path / "cache").fingerprints == expected


def test_fingerprints_are_of_images_before_they_are_cut(tmp_path, rng):
    save_photos(tmp_path / "odd", rng, 1, (41, 37))
    pairs = open_pairs(str(tmp_path / "odd"), SR)
    cache = PatchCache(pairs, SR, tmp_path / "cache")
    assert cache[0][1].shape == (40, 36, 3)
    assert cache.fingerprints[0][1] == fingerprint(pixels(tmp_path / "odd" / "photo_0.png"))


def test_archives_are_cached_in_key_order(photos, tmp_path):
    import tarfile

    with tarfile.open(tmp_path / "set.tar.gz", "w:gz") as archive:
        for path in sorted(photos.iterdir(), reverse=True):
            archive.add(path, path.name)
    cache = PatchCache(open_pairs(str(tmp_path / "set.tar.gz"), SR), SR, tmp_path / "cache")
    assert cache.keys == [f"photo_{at}.png" for at in range(4)]
    assert_holds(cache, open_pairs(str(photos), SR))


# --- used again


def test_later_runs_decode_nothing(pairs, tmp_path, decoded):
    PatchCache(pairs, SR, tmp_path / "cache")
    assert len(decoded) == 4
    assert_holds(PatchCache(pairs, SR, tmp_path / "cache"), pairs)
    assert len(decoded) == 4


def test_edited_images_are_decoded_again(pairs, photos, tmp_path, decoded):
    old = PatchCache(pairs, SR, tmp_path / "cache")
    before = np.array(old[1][1])
    path = photos / "photo_1.png"
    times = path.stat()
    Image.fromarray(255 - pixels(path)).save(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # an edit that hides its time
    cache = PatchCache(pairs, SR, tmp_path / "cache")
    assert len(decoded) == 5
    assert_holds(cache, pairs)
    assert cache.fingerprint == source_fingerprint(pairs) != old.fingerprint
    np.testing.assert_array_equal(old[1][1], before)  # a run that goes on keeps what it started with
    assert_holds(PatchCache(pairs, SR, tmp_path / "cache"), pairs)
    assert len(decoded) == 5


def test_other_scales_and_other_images_are_other_sets(pairs, photos, tmp_path):
    PatchCache(pairs, SR, tmp_path / "cache")
    PatchCache(pairs, make_task("sr", scale=4), tmp_path / "cache")
    PatchCache(open_pairs(str(photos), SR, limit=2), SR, tmp_path / "cache")
    assert sorted(sets(tmp_path / "cache").values()) == [2, 4, 4]


def test_the_users_cache_folder_is_the_default(pairs, tmp_path, monkeypatch):
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    PatchCache(pairs, SR)
    assert list(sets(tmp_path / "symaudit" / "patches").values()) == [4]


def test_progress_counts_what_is_there(pairs, photos, tmp_path):
    told = []
    PatchCache(pairs, SR, tmp_path / "cache", progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    os.utime(photos / "photo_3.png", ns=(1, 1))
    told.clear()
    PatchCache(pairs, SR, tmp_path / "cache", progress=lambda done, total: told.append((done, total)))
    assert told == [(3, 4), (4, 4)]


# --- interrupted, damaged, side by side


class Stop(Exception):
    """Where a run ends."""


def stop_after(count):
    def progress(done, total):
        if done == count:
            raise Stop

    return progress


def test_an_interrupted_fill_goes_on_where_it_was(pairs, tmp_path, decoded):
    with pytest.raises(Stop):
        PatchCache(pairs, SR, tmp_path / "cache", progress=stop_after(3))
    assert_holds(PatchCache(pairs, SR, tmp_path / "cache"), pairs)
    assert len(decoded) == 4


@pytest.mark.parametrize(
    ("name", "damage", "again"),
    [
        ("index.jsonl", lambda data: data[:-5], 1),  # killed while a line was written
        ("index.jsonl", lambda data: data + b'{"key": "x"}\n', 0),
        ("index.jsonl", lambda data: b"\xff\n" + data, 4),
        ("index.jsonl", lambda data: b"", 4),
        ("index.jsonl", lambda data: b"\n".join([*data.splitlines()[:2], b"?" * 2000, *data.splitlines()[2:], b""]), 2),
        ("pixels.bin", lambda data: data[:-1], 1),  # pixels that never reached the disk
        ("pixels.bin", lambda data: data + b"torn", 0),  # killed before the line was written
    ],
)
def test_what_is_not_whole_is_not_believed(pairs, tmp_path, decoded, name, damage, again):
    PatchCache(pairs, SR, tmp_path / "cache")
    (path,) = (tmp_path / "cache").glob(f"*/{name}")
    path.write_bytes(damage(path.read_bytes()))
    for _ in range(2):
        assert_holds(PatchCache(pairs, SR, tmp_path / "cache"), pairs)
        assert len(decoded) == 4 + again
    (index,) = (tmp_path / "cache").glob("*/index.jsonl")
    if again:  # what was not believed is gone
        keys = [json.loads(line)["key"] for line in index.read_text().splitlines()]
        assert keys == [f"photo_{at}.png" for at in range(4)]


def test_a_lost_file_means_a_new_fill(pairs, tmp_path, decoded):
    for name in ("index.jsonl", "pixels.bin"):
        PatchCache(pairs, SR, tmp_path / "cache")
        (path,) = (tmp_path / "cache").glob(f"*/{name}")
        path.unlink()
    assert_holds(PatchCache(pairs, SR, tmp_path / "cache"), pairs)
    assert len(decoded) == 12


def fill(source, folder, start) -> None:
    """One rank."""
    pairs = open_pairs(source, SR)
    start.wait(60)
    assert_holds(PatchCache(pairs, SR, folder), pairs)


def test_ranks_fill_one_cache_side_by_side(tmp_path, rng):
    save_photos(tmp_path / "photos", rng, 12)
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(3)
    ranks = [context.Process(target=fill, args=(str(tmp_path / "photos"), tmp_path / "cache", start)) for _ in range(3)]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join(90)
    assert [rank.exitcode for rank in ranks] == [0, 0, 0]
    assert list(sets(tmp_path / "cache").values()) == [12]  # every image was decoded once


# --- what cannot be used


def test_all_images_that_cannot_be_used_are_listed(pairs, photos, tmp_path, decoded):
    (photos / "photo_1.png").write_bytes(b"no picture")
    Image.new("RGB", (9, 1)).save(photos / "photo_2.png")
    expected = (
        "2 of 4 images cannot be used for training: photo_1.png: not a readable PNG, .*; "
        "photo_2.png: 9 x 1 px is less than one pixel after shrinking by 2; remove it .*; repair them, or remove"
    )
    for _ in range(2):
        with pytest.raises(DataError, match=expected):
            PatchCache(pairs, SR, tmp_path / "cache")
    assert len(decoded) == 4 + 2  # the others are kept meanwhile


def test_pairs_of_different_sizes_are_listed(tmp_path, rng):
    save_photos(tmp_path / "set" / "gt", rng)
    save_photos(tmp_path / "set" / "lq", rng, size=(56, 64))
    with pytest.raises(DataError, match=r"4 of 4 .* photo_0.png: derain needs .* of 56 x 64 px; it has 64 x 56"):
        PatchCache(open_pairs(str(tmp_path / "set"), DERAIN), DERAIN, tmp_path / "cache")


def test_a_folder_that_is_none(pairs, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(DataError, match=r"cannot write to .*cache: .*; choose another --cache-folder"):
        PatchCache(pairs, SR, tmp_path / "cache")


# --- the limit


def needed(task, pairs) -> int:
    return round(len(pairs.refs) * PHOTO * {"sr": 1.25, "denoise": 1, "derain": 2}[task.name])


@pytest.mark.parametrize("task", [SR, DENOISE], ids=str)
def test_a_set_that_fits_exactly_is_kept(pairs, tmp_path, task):
    size = needed(task, pairs)
    PatchCache(pairs, task, tmp_path / "cache", size)
    (file,) = (tmp_path / "cache").glob("*/pixels.bin")
    assert file.stat().st_size == size


@pytest.mark.parametrize("task", [SR, DENOISE], ids=str)
def test_a_set_that_does_not_fit_is_refused_at_once(pairs, tmp_path, decoded, task):
    expected = (
        rf'"{pairs.text}" takes .* GiB decoded, but the cache is limited to .* GiB; raise --cache-limit, or train on'
    )
    with pytest.raises(SettingError, match=expected):
        PatchCache(pairs, task, tmp_path / "cache", needed(task, pairs) - 1)
    assert decoded == []


def test_pairs_and_archives_are_counted_too(tmp_path, rng):
    import zipfile

    for side in ("gt", "lq"):
        save_photos(tmp_path / "set" / side, rng)
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in (tmp_path / "set").rglob("*.png"):
            archive.write(path, path.relative_to(tmp_path / "set"))
    for source in ("set", "set.zip"):
        pairs = open_pairs(str(tmp_path / source), DERAIN)
        with pytest.raises(SettingError, match="--cache-limit"):
            PatchCache(pairs, DERAIN, tmp_path / "cache", needed(DERAIN, pairs) - 1)
        PatchCache(pairs, DERAIN, tmp_path / "cache", needed(DERAIN, pairs) + 9999)


def three_sets(tmp_path, rng) -> list:
    """Sources of one photo each; their sets are used in this order."""
    found = []
    for at in range(3):
        save_photos(tmp_path / f"photos_{at}", rng, 1)
        found.append(open_pairs(str(tmp_path / f"photos_{at}"), DENOISE))
    for at, pairs in enumerate(found[:2]):
        PatchCache(pairs, DENOISE, tmp_path / "cache")
        os.utime(folder_of(pairs, tmp_path), ns=(at, at))
    return found


def folder_of(pairs, tmp_path):
    return tmp_path / "cache" / cache_module._identity(pairs, DENOISE)


ROOM_FOR_TWO = 2 * PHOTO + 1500  # pixels and index lines


def test_the_set_used_longest_ago_makes_room(tmp_path, rng):
    first, second, third = three_sets(tmp_path, rng)
    PatchCache(third, DENOISE, tmp_path / "cache", ROOM_FOR_TWO)
    assert set(sets(tmp_path / "cache")) == {folder_of(second, tmp_path).name, folder_of(third, tmp_path).name}
    assert not folder_of(first, tmp_path).exists()


def test_use_counts_not_age(tmp_path, rng):
    first, second, third = three_sets(tmp_path, rng)
    kept = PatchCache(first, DENOISE, tmp_path / "cache", ROOM_FOR_TWO)  # a set that is there is no reason to make room
    pixels_before = np.array(kept[0][0])
    PatchCache(third, DENOISE, tmp_path / "cache", ROOM_FOR_TWO)
    assert folder_of(first, tmp_path).exists() and not folder_of(second, tmp_path).exists()
    PatchCache(second, DENOISE, tmp_path / "cache", PHOTO + 1500)
    assert set(sets(tmp_path / "cache")) == {folder_of(second, tmp_path).name}
    np.testing.assert_array_equal(kept[0][0], pixels_before)  # mapped pixels outlive their file


def test_sets_in_work_are_left_alone(tmp_path, rng):
    first, second, third = three_sets(tmp_path, rng)
    with FileLock(f"{folder_of(first, tmp_path)}.lock"):
        PatchCache(third, DENOISE, tmp_path / "cache", ROOM_FOR_TWO)
    assert folder_of(first, tmp_path).exists() and not folder_of(second, tmp_path).exists()


def test_other_peoples_folders_are_left_alone(tmp_path, rng):
    *_, third = three_sets(tmp_path, rng)
    alike = tmp_path / "cache" / hashlib.sha256(b"x").hexdigest()[:32]
    for folder in (tmp_path / "cache" / "holiday", alike):
        folder.mkdir()
        (folder / "photo.jpg").write_bytes(b"x" * 10 * PHOTO)
    PatchCache(third, DENOISE, tmp_path / "cache", PHOTO + 1500)
    assert (alike / "photo.jpg").exists() and (tmp_path / "cache" / "holiday" / "photo.jpg").exists()
    assert len(sets(tmp_path / "cache")) == 1


def test_a_set_that_another_process_gave_up_is_made_again(pairs, tmp_path, decoded):
    PatchCache(pairs, SR, tmp_path / "cache")
    (folder,) = (path for path in (tmp_path / "cache").iterdir() if path.is_dir())
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert_holds(PatchCache(pairs, SR, tmp_path / "cache"), pairs)
    assert len(decoded) == 8
    assert stat.S_ISDIR(folder.stat().st_mode)


# --- tasks with a preparation of their own


@dataclass(frozen=True, kw_only=True)
class Deblurring(Task):
    """A made-up task: ``blur`` decides what the pixels of the input are."""

    name = "deblur"
    options = (Option("blur", int, examples=("3",)),)

    blur: int = 3

    def prepare(self, clean, degraded=None):
        return ndimage.uniform_filter(clean, (self.blur, self.blur, 1)), clean


def test_a_new_task_never_sees_the_pixels_of_another(photos, tmp_path, monkeypatch):
    """Denoising filled the folder first; deblurring of two strengths must not train on what lies there."""
    monkeypatch.setitem(TASKS, "deblur", Deblurring)
    pairs = open_pairs(str(photos), DENOISE)
    PatchCache(pairs, DENOISE, tmp_path / "cache")
    for blur in (3, 5):
        task = make_task("deblur", blur=blur)
        for given, clean in PatchCache(pairs, task, tmp_path / "cache"):
            np.testing.assert_array_equal(given, task.prepare(clean)[0])
            assert not np.array_equal(given, clean)
    assert sorted(sets(tmp_path / "cache").values()) == [4, 4, 4]
    assert Task.from_dict(json.loads(json.dumps(task.to_dict()))) == task


def test_what_a_new_task_needs_is_foreseen(photos, tmp_path, monkeypatch):
    """Its input takes room beside the clean image."""
    monkeypatch.setitem(TASKS, "deblur", Deblurring)
    with pytest.raises(SettingError, match="raise --cache-limit"):
        PatchCache(open_pairs(str(photos), DENOISE), Deblurring(), tmp_path / "cache", limit_bytes=7 * PHOTO)


def test_tasks_without_a_preparation_share_their_pixels():
    assert DENOISE.preparation == make_task("inpaint", missing=0.5).preparation == {"paired": False}
    assert DERAIN.preparation != DENOISE.preparation != SR.preparation != make_task("sr", scale=3).preparation
