"""Runs in partitions give the report of a run of one journal, and are continued from wherever they stopped."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from symmetry_audit.audit import _partition as partition_module
from symmetry_audit.audit import (
    _spread,
    make_settings,
    measure_parts,
    measure_source,
    merge_parts,
    open_run,
    partial_run,
)
from symmetry_audit.data import open_source
from symmetry_audit.errors import DataError, ReportError
from symmetry_audit.findings import build_report
from tests.conftest import save_photos

STRICT = make_settings(reg="tv,chiral", group="p4", scenario="sample_strict,dataset_strict")
FITTED = make_settings(reg="tv", group="p4", fit="joint", control_images=2)


@pytest.fixture(autouse=True)
def two_names(monkeypatch):
    monkeypatch.setattr(partition_module, "NAMES", 2)


@pytest.fixture
def photos(tmp_path, rng):
    return save_photos(tmp_path / "photos", rng, count=5)


def whole(folder: Path, photos, settings=STRICT) -> str:
    """The report of a run that has no parts."""
    source = open_source(str(photos))
    with open_run(folder, source, settings, resume=True, force=False) as journal:
        return build_report(source, settings, measure_source(source, settings, journal)).to_json()


def in_parts(folder: Path, photos, settings=STRICT, share=(1, 1), **options) -> str | None:
    source = open_source(str(photos))
    with open_run(folder, source, settings, resume=True, force=False) as journal:
        found = measure_parts(source, settings, journal, share=share, **options)
        return None if found is None else build_report(source, settings, found).to_json()


def here(function, tasks, apart):
    """A cluster of one process: this one."""
    return map(function, tasks)


def counted(monkeypatch) -> list[str]:
    """The names of the images that are measured from now on."""
    from symmetry_audit.audit import _measure_partition

    seen, measure = [], _measure_partition.measure_image
    monkeypatch.setattr(
        _measure_partition,
        "measure_image",
        lambda ref, *rest, **about: (seen.append(ref.key), measure(ref, *rest, **about))[1],
    )
    return seen


@pytest.mark.parametrize("settings", [STRICT, FITTED], ids=["strict", "fitted"])
@pytest.mark.parametrize("names", [1, 2, 3, 512])
def test_the_report_is_that_of_a_run_without_parts(tmp_path, photos, monkeypatch, settings, names):
    monkeypatch.setattr(partition_module, "NAMES", names)
    expected = whole(tmp_path / "whole", photos, settings)
    assert in_parts(tmp_path / "parts", photos, settings) == expected
    assert in_parts(tmp_path / "spread", photos, settings, spread=here) == expected
    parts = [sorted((tmp_path / run / "records").iterdir()) for run in ("parts", "spread")]
    assert [path.name for path in parts[0]] == [path.name for path in parts[1]]  # names hold hashes
    assert len(parts[0]) == -(-5 // names)


def test_a_finished_run_measures_nothing_again(tmp_path, photos, monkeypatch):
    expected = in_parts(tmp_path / "run", photos)
    seen = counted(monkeypatch)
    assert in_parts(tmp_path / "run", photos) == expected
    assert in_parts(tmp_path / "run", photos, spread=here) == expected
    assert seen == []


@pytest.mark.parametrize("count", range(1, 5))
def test_an_interrupted_run_loses_no_image(tmp_path, photos, monkeypatch, count):
    expected, seen = whole(tmp_path / "whole", photos), counted(monkeypatch)

    def stop(done, total):
        if done == count:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_parts(tmp_path / "run", photos, progress=stop)
    assert len(seen) >= count
    before = set(seen)
    seen.clear()
    assert in_parts(tmp_path / "run", photos) == expected
    kept = set(list(sorted(before))[:count])
    assert not kept & set(seen) or len(before) > count  # the image in work when it stopped may be measured twice


def test_a_journal_is_continued_in_parts_and_parts_without_a_cluster(tmp_path, photos, monkeypatch):
    expected = whole(tmp_path / "run", photos)
    seen = counted(monkeypatch)
    assert in_parts(tmp_path / "run", photos, spread=here) == expected
    assert seen == []
    assert (tmp_path / "run" / "journal.jsonl").read_bytes().count(b"\n") == 1  # the header: parts hold the rest


def test_a_new_image_costs_itself_though_all_behind_it_change_partitions(tmp_path, photos, rng, monkeypatch):
    in_parts(tmp_path / "run", photos)
    shutil.copy(save_photos(tmp_path / "more", rng, count=1) / "photo_0.png", photos / "a.png")
    expected, seen = whole(tmp_path / "whole", photos), counted(monkeypatch)
    assert in_parts(tmp_path / "run", photos, spread=here) == expected
    assert seen == ["a.png"]


def test_a_changed_image_costs_itself(tmp_path, photos, rng, monkeypatch):
    in_parts(tmp_path / "run", photos)
    shutil.copy(save_photos(tmp_path / "more", rng, count=1) / "photo_0.png", photos / "photo_3.png")
    expected, seen = whole(tmp_path / "whole", photos), counted(monkeypatch)
    assert in_parts(tmp_path / "run", photos) == expected
    assert seen == ["photo_3.png"]


def test_touched_and_moved_images_are_those_that_were_measured(tmp_path, photos, monkeypatch):
    expected = in_parts(tmp_path / "run", photos)
    os.utime(photos / "photo_1.png")
    seen = counted(monkeypatch)
    assert in_parts(tmp_path / "run", photos) == expected
    (tmp_path / "elsewhere").mkdir()
    moved = Path(shutil.move(photos, tmp_path / "elsewhere" / "photos"))
    assert in_parts(tmp_path / "run", moved).replace(str(moved), str(photos)) == expected
    assert seen == []


def test_other_images_do_not_take_over_a_folder(tmp_path, photos, rng):
    in_parts(tmp_path / "run", photos)
    other = save_photos(tmp_path / "other", rng, count=5)
    with pytest.raises(ReportError, match=r"holds a run of other images.*photo_0.png is another file"):
        in_parts(tmp_path / "run", other)


def test_an_image_that_cannot_be_measured_is_skipped_or_the_end(tmp_path, photos):
    (photos / "photo_2.png").write_bytes(b"no image")
    expected = whole(tmp_path / "whole", photos)
    assert in_parts(tmp_path / "run", photos, spread=here) == expected
    assert '"photo_2.png"' in expected
    with pytest.raises(DataError, match=r"photo_2\.png: .*--on-error skip"):
        in_parts(tmp_path / "fail", photos, spread=here, on_error="fail")


def test_a_folder_that_a_worker_does_not_see_is_no_reason_to_skip_its_images(tmp_path, photos):
    def elsewhere(function, tasks, apart):
        for task in tasks:
            photos.rename(tmp_path / "unmounted")
            yield function(task)

    with pytest.raises(DataError, match=r"photos is no longer there"):
        in_parts(tmp_path / "run", photos, spread=elsewhere)


def test_units_of_different_partitions_must_agree(tmp_path, photos):
    import numpy as np
    import tifffile

    tifffile.imwrite(photos / "z.tif", np.full((64, 64), -1000, "int16") + np.arange(64, dtype="int16"))
    with pytest.raises(DataError, match=r"photo_\d.png is in grey levels and z.tif in HU"):
        in_parts(tmp_path / "run", photos, spread=here)


def test_a_damaged_part_is_told_once_and_measured_again(tmp_path, photos, monkeypatch):
    expected = in_parts(tmp_path / "run", photos)
    path = sorted((tmp_path / "run" / "records").iterdir())[1]
    path.write_bytes(path.read_bytes()[:-40] + b"0" * 40)
    with pytest.raises(ReportError, match="was damaged, and was removed; the same command again"):
        in_parts(tmp_path / "run", photos)
    seen = counted(monkeypatch)
    assert in_parts(tmp_path / "run", photos) == expected
    assert sorted(seen) == ["photo_2.png", "photo_3.png"]


def test_a_driver_without_a_gpu_asks_workers_that_have_one(tmp_path, photos):
    expected = in_parts(tmp_path / "here", photos)

    def gpus(function, tasks, apart):
        for task in tasks:
            assert task.device == "cuda"
            yield function(replace(task, device="cpu"))  # there is none here

    assert in_parts(tmp_path / "run", photos, spread=gpus, device="cuda") == expected


# --- shares


@pytest.mark.parametrize("shares", [1, 2, 3, 5])
def test_shares_that_were_measured_apart_make_the_report_of_all(tmp_path, photos, shares):
    expected, source = whole(tmp_path / "whole", photos), open_source(str(photos))
    folders = [tmp_path / f"part{number}" for number in range(shares)]
    for number, folder in enumerate(folders):
        found = in_parts(folder, photos, share=(number + 1, shares))
        assert (found == expected) if shares == 1 else found is None
    runs = [partial_run(folder) for folder in folders if (folder / "parts.jsonl").exists()]
    assert sum(run.images for run in runs) == 5
    with open_run(tmp_path / "merged", source, STRICT, resume=True, force=False):
        merge_parts(runs[::-1], source, STRICT, tmp_path / "merged")
    assert in_parts(tmp_path / "merged", photos) == expected


def test_a_missing_share_is_named(tmp_path, photos):
    source = open_source(str(photos))
    in_parts(tmp_path / "a", photos, share=(2, 3))
    with (
        open_run(tmp_path / "merged", source, STRICT, resume=True, force=False),
        pytest.raises(DataError, match=r"of the 3 partitions of photos, 1, 3 are in none of these folders"),
    ):
        merge_parts([partial_run(tmp_path / "a")], source, STRICT, tmp_path / "merged")


def test_a_share_of_other_images_is_not_taken(tmp_path, photos):
    in_parts(tmp_path / "a", photos, spread=here)
    (photos / "photo_3.png").rename(photos / "photo_9.png")
    source = open_source(str(photos))
    with (
        open_run(tmp_path / "merged", source, STRICT, resume=True, force=False),
        pytest.raises(DataError, match=r"of the 3 partitions of photos, 2, 3 are"),
    ):
        merge_parts([partial_run(tmp_path / "a")], source, STRICT, tmp_path / "merged")


# --- a process that dies


def test_an_image_that_ends_processes_is_left_out_by_name(tmp_path, photos, monkeypatch):
    monkeypatch.setattr(_spread, "_measure", _deadly_measure)
    source = open_source(str(photos))
    with open_run(tmp_path / "run", source, STRICT, resume=True, force=False) as journal:
        found = measure_parts(source, STRICT, journal, spread=lambda function, tasks, apart: map(apart, tasks))
    assert found is not None and found.images == 4
    (left,) = found.skipped
    assert left.image == "photo_1.png"
    assert left.reason == "twice ended the process that measured it (signal 9): out of memory, or damaged"


def _deadly_measure(settings, device, given, masks):
    import os
    import signal

    from symmetry_audit.audit._measure_partition import Measure
    from symmetry_audit.audit._run import image_plans

    measure = Measure(settings, image_plans(settings, device, given)[1], masks)
    return lambda job: os.kill(os.getpid(), signal.SIGKILL) if job.key == "photo_1.png" else measure(job)
