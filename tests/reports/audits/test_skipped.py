"""Skipped images beyond those that report.json names: a file of their own, read as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from symmetry_audit.cli.options import print_skipped
from symmetry_audit.errors import ReportError
from symmetry_audit.reports import mean_profiles, skipped_images, write_skipped
from symmetry_audit.results import AuditReport, SkippedImage, SkippedSummary
from symmetry_audit.verification import differences


class Stream:
    """Skipped images that can be read several times and are never all in memory."""

    def __init__(self, images: int) -> None:
        self.images = images

    def __iter__(self) -> Iterator[SkippedImage]:
        return (SkippedImage(f"bad{n:05d}.png", f"reason {n % 150}") for n in range(self.images))


def reported(report: AuditReport, stream: Stream) -> AuditReport:
    found = SkippedSummary.of(stream)
    rest = found.count - len(found.first)
    return replace(report, skipped=tuple(found.first), skipped_unnamed=rest, skipped_reasons=dict(found.reasons))


def test_a_summary_is_bounded_and_counts_all():
    found = SkippedSummary.of(Stream(5000))
    assert found.count == 5000 == found.reasons.total()
    assert [item.image for item in found.first] == [f"bad{n:05d}.png" for n in range(1000)]
    assert found.reasons["reason 7"] == 34  # 7, 157, ..., 4957
    assert len(found.reasons) == 101
    assert found.reasons["other reasons"] == 5000 - sum(len(range(n, 5000, 150)) for n in range(100))


@pytest.mark.parametrize("images", [1001, 9000])
def test_all_are_in_the_file_where_the_report_names_some(write_run, images):
    run, stream = write_run(), Stream(images)
    report = replace(reported(run.report, stream), folder=run.folder)
    write_skipped(run.folder, report, stream)
    assert list(skipped_images(report)) == list(stream)
    file = pq.ParquetFile(run.folder / "skipped.parquet")
    assert max(file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)) <= 4096
    (run.folder / "report.json").write_text(report.to_json())
    again = AuditReport.load(run.folder)
    assert again == report
    assert (again.skipped_count, len(again.skipped)) == (images, 1000)
    assert again.to_dict()["skipped_count"] == images


def test_few_have_no_file_and_an_old_one_goes(write_run):
    run = write_run()
    report = replace(reported(run.report, Stream(3)), folder=run.folder)
    (run.folder / "skipped.parquet").write_bytes(b"old")
    write_skipped(run.folder, report, Stream(3))
    assert not (run.folder / "skipped.parquet").exists()
    assert list(skipped_images(report)) == list(report.skipped) == list(Stream(3))


def test_a_lost_file_is_named(write_run):
    run = write_run()
    report = replace(reported(run.report, Stream(1200)), folder=run.folder)
    with pytest.raises(ReportError, match=r"cannot read .*skipped\.parquet.*measure again with --force"):
        list(skipped_images(report))


def test_the_command_line_counts_all(capsys):
    found = SkippedSummary.of(Stream(1500))
    print_skipped(found.first, verbose=False, unnamed=500)
    assert capsys.readouterr().err.splitlines()[-1] == "... and 1490 more, see skipped.parquet"
    print_skipped(found.first, verbose=True, unnamed=500)
    assert capsys.readouterr().err.splitlines()[-1] == "... and 500 more, see skipped.parquet"
    print_skipped(found.first[:12], verbose=False)
    assert capsys.readouterr().err.splitlines()[-1] == "... and 2 more, see report.json or -v"


def test_verify_compares_the_count_of_all(write_run):
    run = write_run()
    one, other = (reported(run.report, Stream(images)) for images in (1200, 1300))
    found = differences(one, other, mean_profiles(run.folder, run.report))
    assert found[0] == "the skipped images are not the report's: 1300 now, 1200 in the report"
