"""Runs of shards: the numbers of the same images in a folder, one reading of each shard, and nothing measured twice."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from symmetry_audit.audit import _measure_partition, make_settings, measure_parts, measure_source, open_run
from symmetry_audit.audit._control_images import controls_of_shards
from symmetry_audit.audit._store import Store
from symmetry_audit.data import open_shards, open_source
from symmetry_audit.errors import DataError, ReportError
from symmetry_audit.findings import build_report
from symmetry_audit.results import AuditReport
from tests.conftest import save_photos
from tests.data.shard_files import MARK, embedded, parquet_of, tar_of

STRICT = make_settings(reg="tv,chiral", group="p4", scenario="sample_strict,dataset_strict")
FITTED = make_settings(reg="tv", group="p4", fit="joint", control_images=3)
IMAGES, SHARDS = 8, 4


@pytest.fixture
def files(tmp_path, rng) -> list[tuple[str, bytes]]:
    photos = save_photos(tmp_path / "photos", rng, count=IMAGES)
    return [(path.name, path.read_bytes()) for path in sorted(photos.iterdir())]


@pytest.fixture
def shards(tmp_path, files) -> str:
    (tmp_path / "shards").mkdir()
    for number in range(SHARDS):
        # backwards: an archive has an order of its own
        tar_of(tmp_path / "shards" / f"{number:04d}.tar", files[2 * number : 2 * number + 2][::-1])
    return f"{tmp_path}/shards/{{0000..{SHARDS - 1:04d}}}.tar"


def here(function, tasks, apart):
    """A cluster of one process: this one."""
    return map(function, tasks)


def run(folder: Path, text: str, settings=STRICT, **options) -> AuditReport:
    source = open_shards(text)
    assert source is not None
    with open_run(folder, source, settings, resume=True, force=False) as journal:
        found = measure_parts(source, settings, journal, **options)
        assert found is not None
        return build_report(source, settings, found)


def of_folder(folder: Path, text: str, settings=STRICT) -> AuditReport:
    source = open_source(text)
    with open_run(folder, source, settings, resume=True, force=False) as journal:
        return build_report(source, settings, measure_source(source, settings, journal))


def profiles(folder: Path) -> dict[str, bytes]:
    """The responses of each image, by the last part of its name."""
    store = Store(folder)
    records = [record for number in range(len(store)) for record in store.read(number)]
    assert [record.image for record in records] == sorted(record.image for record in records)
    return {record.image.rpartition("/")[2]: record.arrays["strict"].tobytes() for record in records}


def counted(monkeypatch) -> list[str]:
    seen, measure = [], _measure_partition.measure_image

    def noted(ref, *rest, **about):
        seen.append(ref.key)
        return measure(ref, *rest, **about)

    monkeypatch.setattr(_measure_partition, "measure_image", noted)
    return seen


def test_shards_have_the_numbers_of_a_folder(tmp_path, shards, files):
    report, folder = run(tmp_path / "run", shards), of_folder(tmp_path / "plain", str(tmp_path / "photos"))
    assert report.results[0].images == IMAGES
    # the image that is picked to be shown depends on the number of images alone
    for row, other in zip(report.results, folder.results, strict=True):
        assert (row.epsilon, row.ci_low, row.p_value) == (other.epsilon, other.ci_low, other.p_value)


def test_shards_are_those_of_the_same_archives_in_a_folder(tmp_path, shards):
    """A folder of archives is listed before; names, fingerprint and every number are the same."""
    listed = of_folder(tmp_path / "listed", str(tmp_path / "shards"))
    report = run(tmp_path / "run", shards)
    assert report.dataset.fingerprint == listed.dataset.fingerprint
    assert [row.to_dict() for row in report.results] == [row.to_dict() for row in listed.results]


@pytest.mark.parametrize("settings", [STRICT, FITTED], ids=["strict", "fitted"])
def test_a_cluster_gives_the_report_of_threads(tmp_path, shards, settings):
    expected = run(tmp_path / "threads", shards, settings, workers=2)
    assert run(tmp_path / "spread", shards, settings, spread=here).to_json() == expected.to_json()
    assert run(tmp_path / "one", shards, settings, workers=1).to_json() == expected.to_json()


def test_parquet_has_the_numbers_of_tar(tmp_path, shards, files):
    run(tmp_path / "tar", shards)
    parquet = parquet_of(tmp_path / "all.parquet", {"photo": embedded(data for _, data in files)}, MARK)
    run(tmp_path / "parquet", str(parquet))
    assert list(profiles(tmp_path / "parquet").values()) == [profiles(tmp_path / "tar")[name] for name, _ in files]


def test_a_folder_does_not_take_over_the_run_of_another_pattern(tmp_path, shards, files):
    run(tmp_path / "run", shards)
    shutil.copytree(tmp_path / "shards", tmp_path / "others")
    with pytest.raises(ReportError, match="holds a run of other images"):
        run(tmp_path / "run", shards.replace("/shards/", "/others/"))


# --- measured once


def test_a_shard_that_changes_is_measured_again_and_no_other(tmp_path, shards, files, monkeypatch, rng):
    run(tmp_path / "run", shards)
    other = save_photos(tmp_path / "other", rng, count=1)
    changed = [files[4], ("new.png", (other / "photo_0.png").read_bytes())]
    tar_of(tmp_path / "shards" / "0002.tar", changed)
    expected, seen = run(tmp_path / "again", shards), counted(monkeypatch)
    assert run(tmp_path / "run", shards).to_json() == expected.to_json()
    assert seen == ["0002.tar/new.png"]  # what else the shard holds is known by its content


def test_a_new_time_of_a_shard_measures_nothing(tmp_path, shards, monkeypatch):
    expected = run(tmp_path / "run", shards)
    for path in (tmp_path / "shards").iterdir():
        os.utime(path, (1e9, 1e9))
    seen = counted(monkeypatch)
    assert run(tmp_path / "run", shards, spread=here).to_json() == expected.to_json()
    assert seen == []


def test_an_interrupted_shard_loses_no_image(tmp_path, shards, monkeypatch):
    expected = run(tmp_path / "whole", shards)

    def stop(done, total):
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", shards, progress=stop)
    assert len(Store(tmp_path / "run")) == 2
    seen = counted(monkeypatch)
    assert run(tmp_path / "run", shards).to_json() == expected.to_json()
    assert len(seen) == IMAGES - 5


def test_a_new_shard_before_the_others_costs_itself(tmp_path, shards, files, monkeypatch):
    pattern = f"{tmp_path}/shards/{{0001,0002,0003}}.tar"
    run(tmp_path / "run", pattern)
    source = open_shards(shards)
    assert source is not None
    seen = counted(monkeypatch)
    with open_run(tmp_path / "run", open_shards(pattern), STRICT, resume=True, force=False) as journal:
        measure_parts(source, STRICT, journal)
    assert sorted(seen) == ["0000.tar/photo_0.png", "0000.tar/photo_1.png"]


def test_a_part_that_is_gone_costs_its_shard(tmp_path, shards, monkeypatch):
    expected = run(tmp_path / "run", shards)
    sorted((tmp_path / "run" / "records").iterdir())[1].unlink()
    seen = counted(monkeypatch)
    assert run(tmp_path / "run", shards).to_json() == expected.to_json()
    assert sorted(seen) == ["0001.tar/photo_2.png", "0001.tar/photo_3.png"]


# --- controls


def test_controls_are_drawn_by_stratum(tmp_path, shards):
    report = run(tmp_path / "run", shards, FITTED)
    store = Store(tmp_path / "run")
    assert [entry.controlled for entry in store.entries()] == controls_of_shards(
        [f"{number:04d}.tar" for number in range(SHARDS)], FITTED
    )
    assert sum(entry.controlled for entry in store.entries()) == 3
    assert report.results[0].images == IMAGES


@pytest.mark.parametrize(("wanted", "shards", "each"), [(64, 10, {6, 7}), (3, 10, {0, 1}), (20, 10, {2})])
def test_shares_of_the_controls_differ_by_one_at_most(wanted, shards, each):
    names, settings = [f"{number:04d}.tar" for number in range(shards)], make_settings(control_images=wanted)
    found = controls_of_shards(names, settings)
    assert (sum(found), set(found)) == (wanted, each)
    chosen = np.mean(
        [controls_of_shards(names, make_settings(control_images=wanted, seed=seed)) for seed in range(400)], axis=0
    )
    # each shard is as likely as any other: the standard error of a mean of 400 is at most 0.025
    assert np.abs(chosen - wanted / shards).max() < 0.1


def test_all_images_of_shards_have_controls_where_all_are_asked_for(tmp_path, shards):
    settings = make_settings(reg="tv", group="p4", fit="joint", control_images="all")
    run(tmp_path / "run", shards, settings)
    assert [entry.controlled for entry in Store(tmp_path / "run").entries()] == [2] * SHARDS


# --- what is wrong with a shard


def test_a_truncated_shard_ends_the_run_by_name_and_others_are_kept(tmp_path, shards):
    path = tmp_path / "shards" / "0002.tar"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(DataError, match=r"0002\.tar"):
        run(tmp_path / "run", shards)
    assert len(Store(tmp_path / "run")) == 2
    path.write_bytes(whole)
    assert run(tmp_path / "run", shards).results[0].images == IMAGES


def test_what_lies_beside_images_in_shards_is_told(tmp_path, shards, files):
    tar_of(
        tmp_path / "shards" / "0001.tar", [*files[2:4], ("clip.mp4", b"film"), ("twice.png", b""), ("twice.png", b"")]
    )
    report = run(tmp_path / "run", shards)
    assert "1 file of other kinds beside the images: .mp4 1" in report.warnings
    assert {item.image for item in report.skipped} == {"0001.tar/twice.png"}
    assert len(report.skipped) == 2  # it is empty, and it occurs twice


def test_a_limit_is_refused_and_a_sample_draws_whole_shards(tmp_path, shards):
    from symmetry_audit import measure
    from symmetry_audit.errors import SettingError

    quick = {"reg": "tv", "group": "p4", "scenario": "dataset_strict"}
    with pytest.raises(SettingError, match="--limit counts images"):
        measure(shards, limit=3, **quick)
    report = measure(shards, sample=2, **quick)
    assert report.dataset.images == 4
    assert report.settings["clusters"] == "folder"
    assert "a random sample of 2 of 4 shards was measured, drawn by their names with seed 0" in report.warnings
