"""Parts: records come back as they were, and a damaged file never passes for a whole one."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from symmetry_audit.audit._image import ImageRecord
from symmetry_audit.audit._parts import part_bytes, read_records, read_skipped
from symmetry_audit.audit._store import PartEntry, Store
from symmetry_audit.errors import ReportError
from symmetry_audit.results import SkippedImage


def record(name: str, rng: np.random.Generator, **changed) -> ImageRecord:
    arrays = {"strict": rng.normal(size=(2, 7)), "flips": rng.normal(size=(1, 8)), "scalar": np.array(0.1)}
    whole = ImageRecord(
        image=name,
        stamp="12-34-56",
        sha256=rng.bytes(32).hex(),
        pixel_sha256=rng.bytes(32).hex(),
        width=64,
        height=48,
        depth="8-bit RGB",
        turned=False,
        left_out=0.125,
        arrays=arrays,
    )
    return replace(whole, **changed)


def same(one: ImageRecord, other: ImageRecord) -> None:
    for item in fields(ImageRecord):
        if item.name != "arrays":
            assert getattr(one, item.name) == getattr(other, item.name), item.name
    assert one.arrays.keys() == other.arrays.keys()
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[name])
        assert other.arrays[name].shape == array.shape


def test_records_come_back_to_the_bit(rng: np.random.Generator) -> None:
    odd = {"strict": np.array([[np.nan, -0.0, np.inf, 5e-324]]), "empty": np.zeros((0, 3))}
    records = [
        record("a.png", rng),
        record("b 森.png", rng, spacing=(0.5, 0.7), series="scan", remarks=("one", "two"), unit="HU", turned=True),
        record("c.png", rng, arrays=odd),
    ]
    skipped = [SkippedImage("d.png", "cannot be read (é)")]
    data = part_bytes(records, skipped)
    for written, read in zip(records, read_records(data), strict=True):
        same(written, read)
    assert np.signbit(list(read_records(data))[2].arrays["strict"][0, 1])
    assert read_skipped(data) == skipped
    assert part_bytes(records, skipped) == data


def test_records_are_read_a_group_at_a_time_in_their_order(rng: np.random.Generator) -> None:
    records = [record(f"{number:05d}.png", rng) for number in range(1100)]
    data = part_bytes(records, [])
    assert [item.image for item in read_records(data)] == [item.image for item in records]
    same(records[1050], list(read_records(data))[1050])


def test_a_part_without_images_holds_its_skipped_ones() -> None:
    data = part_bytes([], [SkippedImage("a.png", "broken")])
    assert list(read_records(data)) == []
    assert read_skipped(data) == [SkippedImage("a.png", "broken")]


# --- the store


def entry_of(number: int, data: bytes, stamp: str = "s") -> PartEntry:
    import hashlib

    names = [item.image for item in read_records(data)]
    first, last = (names[0], names[-1]) if names else (None, None)
    digest = hashlib.sha256(data).hexdigest()
    return PartEntry(number, stamp, digest, len(names), 0, len(read_skipped(data)), first, last, "grey levels", "names")


def filled(folder, rng, parts: int = 3, stamp: str = "s") -> Store:
    store = Store(folder)
    for number in range(parts):
        data = part_bytes([record(f"{number}-{item}.png", rng) for item in range(4)], [])
        store.put(entry_of(number, data, stamp), data)
    return store


def test_a_store_is_found_again(tmp_path, rng) -> None:
    store = filled(tmp_path, rng)
    again = Store(tmp_path)
    assert [again.has(number, "s") for number in range(4)] == [True, True, True, False]
    assert not again.has(1, "other")
    assert [item.image for item in again.read(1)] == [f"1-{item}.png" for item in range(4)]
    assert list(again.entries()) == list(store.entries())
    assert again.known("0-3.png", "1-0.png").keys() >= {"0-3.png", "1-0.png"}
    assert "2-0.png" not in again.known("0-3.png", "1-0.png")


def test_a_torn_last_line_is_dropped_without_a_word(tmp_path, rng) -> None:
    filled(tmp_path, rng)
    whole = (tmp_path / "parts.jsonl").read_bytes()
    (tmp_path / "parts.jsonl").write_bytes(whole[:-9])
    again = Store(tmp_path)
    assert [again.has(number, "s") for number in range(3)] == [True, True, False]
    filled(tmp_path, rng)  # and what is appended then is not glued to it
    assert len(Store(tmp_path)) == 3


def test_a_changed_line_is_told_once_and_its_part_is_missing(tmp_path, rng) -> None:
    filled(tmp_path, rng)
    whole = (tmp_path / "parts.jsonl").read_bytes()
    (tmp_path / "parts.jsonl").write_bytes(whole.replace(b'"number": 1', b'"number": 7'))
    with pytest.raises(ReportError, match="1 line did not agree with its checksum"):
        Store(tmp_path)
    assert [Store(tmp_path).has(number, "s") for number in range(3)] == [True, False, True]


@pytest.mark.parametrize("at", [10, 400, -20])
def test_a_damaged_part_is_removed_and_told(tmp_path, rng, at) -> None:
    filled(tmp_path, rng)
    store = Store(tmp_path)
    path = sorted((tmp_path / "records").iterdir())[1]
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(ReportError, match="was damaged, and was removed; the same command again"):
        list(store.read(1))
    assert not Store(tmp_path).has(1, "s")
    assert len(list(Store(tmp_path).read(2))) == 4


def test_what_is_superseded_stays_until_the_run_is_done(tmp_path, rng) -> None:
    """Images that move from one part to the next are found in the older one."""
    filled(tmp_path, rng)
    store = Store(tmp_path)
    for number in range(2):
        data = part_bytes([record(f"x{number}.png", rng)], [])
        store.put(entry_of(number, data, "new"), data)
    assert store.known("0-1.png", "0-1.png").keys() >= {"0-1.png"}
    assert len(list((tmp_path / "records").iterdir())) == 5
    store.finish(2)
    assert len(list((tmp_path / "records").iterdir())) == 2
    assert [entry.number for entry in Store(tmp_path).entries()] == [0, 1]
