"""Runs are crash-only: whatever stops one, the same command continues it, and nothing else may land in its folder."""

from __future__ import annotations

import json
import os
import resource
import shutil
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from PIL import Image

from symmetry_audit.audit import make_settings, measure_source, open_run
from symmetry_audit.data import open_source
from symmetry_audit.errors import DataError, ReportError
from symmetry_audit.findings import build_report
from tests.conftest import save_photos

STRICT = "sample_strict,dataset_strict"
SETTINGS = make_settings(reg="tv,chiral", group="p4", scenario=STRICT)


def run(folder, source, settings=SETTINGS, *, resume=True, force=False, **options):
    """One audit without files of its own but the journal: the report, and how many images were there before."""
    seen = []
    opened = open_source(str(source)).limited(settings.limit)
    with open_run(Path(folder), opened, settings, resume=resume, force=force) as journal:
        found = measure_source(opened, settings, journal, progress=lambda done, total: seen.append(done), **options)
        return build_report(opened, settings, found), seen[0]


def stop_after(count: int, error: type[BaseException]):
    def progress(done: int, total: int) -> None:
        if done == count:
            raise error

    return progress


def interrupt(folder, source, count, error=KeyboardInterrupt, workers=1):
    opened = open_source(str(source))
    with open_run(folder, opened, SETTINGS, resume=True, force=False) as journal, pytest.raises(error):
        measure_source(opened, SETTINGS, journal, workers=workers, progress=stop_after(count, error))


def journal_lines(folder) -> list[bytes]:
    return (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)


# --- continuing


@pytest.mark.parametrize("count", range(5))
def test_an_interrupted_run_continues_to_the_same_report(tmp_path, photos, count):
    expected, before = run(tmp_path / "whole", photos)
    assert before == 0
    interrupt(tmp_path / "run", photos, count)
    assert len(journal_lines(tmp_path / "run")) == 1 + count  # the header, then a line per image
    report, before = run(tmp_path / "run", photos)
    assert before == count
    assert report.to_json() == expected.to_json()


def test_a_finished_run_measures_nothing_again(tmp_path, photos):
    first, _ = run(tmp_path / "run", photos)
    lines = journal_lines(tmp_path / "run")
    again, before = run(tmp_path / "run", photos)
    assert (before, again.to_json()) == (4, first.to_json())
    assert journal_lines(tmp_path / "run") == lines


def test_a_torn_last_line_is_cut_wherever_it_broke(tmp_path, photos):
    expected, _ = run(tmp_path / "run", photos)
    *whole, last = journal_lines(tmp_path / "run")
    for length in (1, len(last) // 2, len(last) - 1):
        (tmp_path / "run/journal.jsonl").write_bytes(b"".join(whole) + last[:length])
        report, before = run(tmp_path / "run", photos)
        assert (before, report.to_json()) == (3, expected.to_json())
        assert journal_lines(tmp_path / "run") == [*whole, last]


@pytest.mark.parametrize("damage", ["a bit of a number", "zeros", "no checksum"])
def test_damage_is_said_once_and_only_the_damaged_record_is_measured_again(tmp_path, photos, damage):
    expected, _ = run(tmp_path / "run", photos)
    lines = journal_lines(tmp_path / "run")
    record = bytearray(lines[2])
    record[record.index(b'"strict"') + 25] ^= 1
    plain = json.dumps({name: value for name, value in json.loads(lines[2]).items() if name != "crc32"}).encode()
    lines[2] = {"a bit of a number": bytes(record), "zeros": b"\0" * 40 + b"\n", "no checksum": plain + b"\n"}[damage]
    (tmp_path / "run/journal.jsonl").write_bytes(b"".join(lines))
    with pytest.raises(ReportError, match=r"damaged: 1 line did not agree with its checksum and was dropped, 3 images"):
        run(tmp_path / "run", photos)
    report, before = run(tmp_path / "run", photos)
    assert (before, report.to_json()) == (3, expected.to_json())


def test_a_damaged_header_is_refused_and_nothing_is_lost(tmp_path, photos):
    run(tmp_path / "run", photos)
    path = tmp_path / "run/journal.jsonl"
    damaged = path.read_bytes().replace(b'"seed": 0', b'"seed": 1', 1)
    path.write_bytes(damaged)
    with pytest.raises(ReportError, match=r"journal\.jsonl is damaged: its first line does not agree with its che"):
        run(tmp_path / "run", photos, make_settings(reg="tv,chiral", group="p4", scenario=STRICT, seed=1))
    assert path.read_bytes() == damaged


def test_a_touched_file_is_the_same_file_and_the_journal_does_not_grow(tmp_path, photos, rng):
    run(tmp_path / "run", photos)
    size = (tmp_path / "run/journal.jsonl").stat().st_size
    os.utime(photos / "photo_0.png", ns=(0, 0))
    assert run(tmp_path / "run", photos)[1] == 4
    for n in range(8):  # other pictures: what they replace goes
        save_photos(tmp_path / f"{n}", rng, count=1, size=(80, 80))
        (tmp_path / f"{n}/photo_0.png").replace(photos / "photo_0.png")
        assert run(tmp_path / "run", photos)[1] == 3
    assert (tmp_path / "run/journal.jsonl").stat().st_size < 2 * size + (1 << 17)


def test_the_number_of_workers_changes_no_bit(tmp_path, rng):
    photos = save_photos(tmp_path / "photos", rng, count=9, size=(90, 120))
    one, three = (run(tmp_path / f"run{n}", photos, workers=n)[0] for n in (1, 3))
    assert one.to_json() == three.to_json()


def test_a_changed_image_is_measured_again(tmp_path, photos, rng):
    before, _ = run(tmp_path / "run", photos)
    other = save_photos(tmp_path / "other", rng, count=1)  # the generator has moved on: another picture
    (other / "photo_0.png").replace(photos / "photo_2.png")
    after, known = run(tmp_path / "run", photos)
    assert known == 3
    assert after.dataset.fingerprint != before.dataset.fingerprint
    assert after.to_json() == run(tmp_path / "fresh", photos)[0].to_json()


def test_an_image_that_went_away_or_came_later_counts_as_the_source_is_now(tmp_path, photos, rng):
    run(tmp_path / "run", photos)
    (photos / "photo_0.png").unlink()
    save_photos(tmp_path / "more", rng, count=1)
    (tmp_path / "more/photo_0.png").rename(photos / "z.png")
    report, known = run(tmp_path / "run", photos)
    assert (known, report.dataset.images) == (3, 4)
    assert report.to_json() == run(tmp_path / "fresh", photos)[0].to_json()


def test_a_skipped_image_is_tried_again(tmp_path, photos):
    whole = (photos / "photo_1.png").read_bytes()
    (photos / "photo_1.png").write_bytes(whole[:200])
    report, _ = run(tmp_path / "run", photos)
    assert [item.image for item in report.skipped] == ["photo_1.png"]
    assert "damaged or truncated" in report.skipped[0].reason
    assert report.dataset.images == 3
    (photos / "photo_1.png").write_bytes(whole)
    report, known = run(tmp_path / "run", photos)
    assert (known, report.skipped, report.dataset.images) == (3, (), 4)


def test_an_image_that_broke_since_the_last_run_is_left_out(tmp_path, photos):
    run(tmp_path / "run", photos)
    (photos / "photo_3.png").write_bytes(b"")
    report, _ = run(tmp_path / "run", photos)
    assert [(item.image, item.reason) for item in report.skipped] == [("photo_3.png", "the file is empty (0 bytes)")]
    assert report.dataset.images == 3


# --- what cannot be measured


def test_on_error_fail_ends_the_run_at_a_bad_image_and_keeps_what_was_measured(tmp_path, photos):
    (photos / "photo_2.png").write_bytes(b"no image")
    message = r"^photo_2\.png: not a readable .* image; use --on-error skip to skip such images$"
    with pytest.raises(DataError, match=message):
        run(tmp_path / "run", photos, on_error="fail")
    measured = len(journal_lines(tmp_path / "run")) - 1
    assert 1 <= measured < 4
    report, known = run(tmp_path / "run", photos)
    assert (known, report.dataset.images) == (measured, 3)


def test_too_small_for_the_margin_is_said_with_the_size_needed(tmp_path, photos):
    Image.new("L", (27, 40)).save(photos / "small.png")
    report, _ = run(tmp_path / "run", photos)
    assert SETTINGS.margin == 15
    assert [item.reason for item in report.skipped] == [
        "27 x 40 px is too small for a margin of 15 px; at least 31 x 31 px is needed"
    ]


def test_no_image_at_all_is_an_error_that_names_one(tmp_path, photos):
    for file in photos.iterdir():
        file.write_bytes(b"")
    with pytest.raises(DataError, match=r"^none of the 4 images could be measured; photo_0\.png: the file is empty"):
        run(tmp_path / "run", photos)


# --- one folder, one run


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"group": "p8"}, r'other settings \(group: "p4", now "p8"\)'),
        ({"reg": "tv"}, r"other settings \(regularizers: tv,chiral, now tv\)"),
        ({"sigma": 2.0}, r"other settings \(sigma: \[1\.5\], now \[2\.0\]\)"),
        ({"margin": 20}, r"other settings \(margin: 15, now 20\)"),
        ({"limit": 2}, r"other settings \(limit: null, now 2\)"),
        ({"seed": 1}, r"other settings \(seed: 0, now 1\)"),
        ({"downscale": 2}, r"other settings \(downscale: \[1\], now \[1, 2\]\)"),
        ({"response": "energy"}, r'other settings \(response: "abs", now "energy"\)'),
        (
            {"scenario": "sample_strict"},
            r'other settings \(scenarios: \["sample_strict", "dataset_strict"\], now \["sample_strict"\]\)',
        ),
        ({"fit": "joint"}, r'other settings \(fit: "per-regularizer", now "joint"\)'),
        ({"controls": False}, r"other settings \(controls: true, now false\)"),
        ({"control_images": 9}, r"other settings \(control_images: 64, now 9\)"),
        ({"clusters": "folder"}, r'other settings \(clusters: "image", now "folder"\)'),
    ],
)
def test_another_configuration_cannot_land_in_the_same_folder(tmp_path, photos, changed, message):
    interrupt(tmp_path / "run", photos, 1)
    lines = journal_lines(tmp_path / "run")
    other = make_settings(**{"reg": "tv,chiral", "group": "p4", "scenario": STRICT} | changed)
    with pytest.raises(ReportError, match=rf"holds a run with {message}; choose another --out, or --force to start ov"):
        run(tmp_path / "run", photos, other)
    assert journal_lines(tmp_path / "run") == lines


def test_a_run_of_an_older_version_continues(tmp_path, photos):
    """One that did not know an option yet, and did what is the default now."""
    interrupt(tmp_path / "run", photos, 1)
    path = tmp_path / "run" / "journal.jsonl"
    header, *records = path.read_text(encoding="utf-8").splitlines()
    header = json.loads(header)
    for name in ("clusters", "unit", "window", "plane", "file_names"):
        del header["settings"][name]
    new = ("unit", "series", "spacing", "crc32")
    records = [{name: value for name, value in json.loads(line).items() if name not in new} for line in records]
    del header["place"], header["crc32"]
    path.write_text("\n".join([*map(json.dumps, (header, *records)), ""]), encoding="utf-8")
    report, before = run(tmp_path / "run", photos)
    assert (before, report) == (1, run(tmp_path / "whole", photos)[0])
    assert all(b'"crc32"' in line for line in journal_lines(tmp_path / "run"))  # from now on damage is noticed


def test_a_run_goes_on_where_its_images_moved(tmp_path, photos, monkeypatch):
    monkeypatch.chdir(tmp_path)
    interrupt(tmp_path / "run", "photos", 1)
    assert run(tmp_path / "run", photos)[1] == 1  # the same place in other words
    shutil.copytree(photos, tmp_path / "copies")  # other stamps, the same bytes
    photos.rename(tmp_path / "others")
    assert run(tmp_path / "run", tmp_path / "copies")[1] == 4
    report, before = run(tmp_path / "run", tmp_path / "others")
    assert (before, report.dataset.source) == (4, str(tmp_path / "others"))


@pytest.mark.parametrize("change", ["other bytes", "a name less"])
def test_a_run_of_other_images_in_a_folder_of_the_same_name_is_refused(tmp_path, photos, rng, monkeypatch, change):
    """Two folders called photos, each read as "photos" from its own place: the second must not replace the first."""
    two = tmp_path / "two" / "photos"
    shutil.copytree(photos, two)
    if change == "other bytes":
        save_photos(two, rng, count=1)
    else:
        (two / "photo_3.png").unlink()
    monkeypatch.chdir(tmp_path)
    run(tmp_path / "run", "photos")
    lines = journal_lines(tmp_path / "run")
    monkeypatch.chdir(tmp_path / "two")
    what = r"photo_0\.png is another file" if change == "other bytes" else r"photo_3\.png is missing"
    with pytest.raises(ReportError, match=rf'holds a run of other images, of "\S+/photos": in "\S+/two/photos" {what}'):
        run(tmp_path / "run", "photos")
    assert journal_lines(tmp_path / "run") == lines


def test_a_raised_limit_goes_on_and_a_lowered_one_is_refused(tmp_path, photos):
    def limited(limit):
        return make_settings(reg="tv,chiral", group="p4", scenario=STRICT, limit=limit)

    run(tmp_path / "run", photos, limited(1))
    assert run(tmp_path / "run", photos, limited(3))[1] == 1
    with pytest.raises(ReportError, match=r"other settings \(limit: 3, now 2\)"):
        run(tmp_path / "run", photos, limited(2))
    report, before = run(tmp_path / "run", photos)
    assert (before, report) == (3, run(tmp_path / "whole", photos)[0])


def test_a_folder_removed_in_mid_run_is_said_at_once(tmp_path, photos):
    opened, seen = open_source(str(photos)), []

    def progress(done, total):
        seen.append(done)
        if done == 1:
            shutil.rmtree(tmp_path / "run")

    with (
        open_run(tmp_path / "run", opened, SETTINGS, resume=True, force=False) as journal,
        pytest.raises(ReportError, match=r"cannot write to \S+journal\.jsonl: No such file or directory; fix that"),
    ):
        measure_source(opened, SETTINGS, journal, progress=progress)
    assert max(seen) == 1


def test_force_starts_over_and_is_again_continued(tmp_path, photos):
    run(tmp_path / "run", photos)
    before = [tmp_path / "run" / name for name in ("report.json", "affine.parquet", "affine.csv")]
    for path in before:
        path.write_text("of the run before")
    opened, other = open_source(str(photos)), make_settings(group="p2", scenario=STRICT)
    with open_run(tmp_path / "run", opened, other, resume=True, force=True):
        assert not any(path.exists() for path in before)
        assert len(journal_lines(tmp_path / "run")) == 1
    report, known = run(tmp_path / "run", photos, other)
    assert (known, report.settings["group"]) == (0, "p2")


def test_without_resume_a_run_is_not_touched(tmp_path, photos):
    run(tmp_path / "run", photos, resume=False)
    with pytest.raises(ReportError, match=r"already holds a run; --resume continues it, --force starts over$"):
        run(tmp_path / "run", photos, resume=False)
    assert run(tmp_path / "run", photos, resume=False, force=True)[1] == 0


def test_two_runs_at_once_the_second_is_told_and_harms_nothing(tmp_path, photos):
    interrupt(tmp_path / "run", photos, 2)
    lines = journal_lines(tmp_path / "run")
    for force in (False, True):
        with (
            FileLock(tmp_path / "run/.lock"),
            pytest.raises(ReportError, match=r"^another run is writing to \S+/run; wait for it or choose another"),
        ):
            run(tmp_path / "run", photos, force=force)
        assert journal_lines(tmp_path / "run") == lines
    assert run(tmp_path / "run", photos)[1] == 2


@pytest.mark.parametrize("lock", [False, True], ids=["bare", "with a .lock of its own"])
@pytest.mark.parametrize("force", [False, True])
def test_a_foreign_folder_is_refused_even_by_force(tmp_path, photos, lock, force):
    folder = tmp_path / "thesis"
    folder.mkdir()
    kept = {"chapter.tex"} | ({".lock"} if lock else set())
    for name in kept:
        (folder / name).touch()
    with pytest.raises(ReportError, match=r"thesis holds other files and no report; choose another --out$"):
        run(folder, photos, force=force)
    assert {path.name for path in folder.iterdir()} == kept


def test_a_report_without_its_journal_is_not_overwritten_but_by_force(tmp_path, photos):
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "report.json").write_text("{}")
    with pytest.raises(ReportError, match=r"holds a report but no journal to continue; choose another --out, or --f"):
        run(folder, photos)
    assert (folder / "report.json").read_text() == "{}"
    run(folder, photos, force=True)
    assert not (folder / "report.json").exists()


def test_an_empty_folder_and_missing_parents_are_taken(tmp_path, photos):
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty", photos)[1] == 0
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed/.lock").touch()  # as far as a run came that was killed at once
    assert run(tmp_path / "killed", photos)[1] == 0
    assert run(tmp_path / "a/b/c", photos)[1] == 0


@pytest.mark.parametrize("content", [b"my own notes\n", b"[1]\n", b'{"schema": "symaudit.journal/0"}\n'])
def test_a_journal_that_is_not_ours_is_refused_and_kept(tmp_path, photos, content):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/journal.jsonl").write_bytes(content)
    with pytest.raises(ReportError, match=r"journal\.jsonl is not a journal of this version; choose another --out"):
        run(tmp_path / "run", photos)
    assert (tmp_path / "run/journal.jsonl").read_bytes() == content


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("file", r"^\S+file is a file; choose another --out$"),
        ("file/below", r"^cannot write to \S+file/below: Not a directory; choose another --out$"),
        ("x" * 300, r"^cannot write to \S+: File name too long; choose another --out$"),
    ],
)
def test_a_place_that_can_be_no_folder_is_a_report_error(tmp_path, photos, place, message):
    (tmp_path / "file").touch()
    with pytest.raises(ReportError, match=message):
        run(tmp_path / place, photos)


def test_a_folder_without_permission_is_a_report_error(tmp_path, photos, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied", "run")

    monkeypatch.setattr(Path, "mkdir", refuse)  # root may write anywhere, so the refusal is acted
    with pytest.raises(ReportError, match=r"^cannot write to \S+run: Permission denied; choose another --out$"):
        run(tmp_path / "run", photos)


@contextmanager
def files_up_to(size: int):
    """No file of this process may grow beyond ``size`` bytes: a full disk, as far as a writer can see."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_reported_and_the_run_continues_when_there_is_room(tmp_path, photos):
    expected, _ = run(tmp_path / "whole", photos)
    room = sum(map(len, journal_lines(tmp_path / "whole")[:3])) + 20  # the third image no longer fits
    message = r"^cannot write to \S+journal\.jsonl: File too large; fix that and run the same command again$"
    with pytest.raises(ReportError, match=message), files_up_to(room):
        run(tmp_path / "run", photos)
    report, known = run(tmp_path / "run", photos)
    assert (known, report.to_json()) == (2, expected.to_json())


# --- torch


@pytest.mark.parametrize("error", [None, KeyboardInterrupt, RuntimeError])
def test_torch_is_left_as_it_was_found_and_no_thread_stays(tmp_path, photos, error):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    during = []
    opened = open_source(str(photos))

    def progress(done, total):
        during.append(torch.get_num_threads())
        if error and done == 2:
            raise error

    try:
        with open_run(tmp_path / "run", opened, SETTINGS, resume=True, force=False) as journal:
            if error:
                with pytest.raises(error) as caught:
                    measure_source(opened, SETTINGS, journal, workers=2, progress=progress)
                assert caught.tb  # the frames still live: nothing ended because it was collected
            else:
                measure_source(opened, SETTINGS, journal, workers=2, progress=progress)
        assert torch.get_num_threads() == 3
        assert during[-1] == 1
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("symaudit")]
    finally:
        torch.set_num_threads(before)


def test_file_descriptors_are_given_back(tmp_path, photos):
    run(tmp_path / "run", photos)
    before = len(os.listdir("/proc/self/fd"))
    for number in range(3):
        run(tmp_path / f"run{number}", photos)
        with pytest.raises(ReportError):
            run(tmp_path / f"run{number}", photos, make_settings(group="p2", scenario=STRICT))
    assert len(os.listdir("/proc/self/fd")) == before
