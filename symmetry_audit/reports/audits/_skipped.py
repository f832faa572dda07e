"""``skipped.parquet``: every skipped image with the reason, where there are too many for report.json."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from symmetry_audit.errors import ReportError, one_line
from symmetry_audit.files import replacing
from symmetry_audit.results import SKIPPED_FILE, AuditReport, SkippedImage

__all__ = ["skipped_images", "write_skipped"]

SCHEMA = pa.schema([("image", pa.string()), ("reason", pa.string())])
ROWS_PER_GROUP = 4096


def write_skipped(folder: Path, report: AuditReport, skipped: Iterable[SkippedImage]) -> None:
    """Write ``skipped`` into ``folder`` as a stream where ``report`` does not name them all; remove the file of an
    earlier run elsewhere. Raises ReportError."""
    path, items = folder / SKIPPED_FILE, iter(skipped)
    try:
        if not report.skipped_unnamed:
            path.unlink(missing_ok=True)
            return
        with (
            replacing(path) as partial,
            pq.ParquetWriter(partial, SCHEMA, compression="zstd", write_page_checksum=True) as file,
        ):
            while rows := [{"image": item.image, "reason": item.reason} for item in islice(items, ROWS_PER_GROUP)]:
                file.write_batch(pa.RecordBatch.from_pylist(rows, schema=SCHEMA))
    except OSError as error:
        raise ReportError(f"cannot write {path}: {error}; give a folder you can write") from None


def skipped_images(report: AuditReport) -> Iterator[SkippedImage]:
    """All skipped images of ``report``, from its folder where it does not name them all.

    Raises ReportError where their file is missing or damaged.
    """
    if report.folder is None or not report.skipped_unnamed:
        yield from report.skipped
        return
    path = report.folder / SKIPPED_FILE
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for batch in file.iter_batches(ROWS_PER_GROUP, columns=SCHEMA.names):
                yield from (SkippedImage(**row) for row in batch.to_pylist())
    except (pa.ArrowException, OSError) as error:
        raise ReportError(f"cannot read {path} ({one_line(error)}); measure again with --force") from None
