"""``responses.parquet``, read as a stream in constant memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import isclose
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from symmetry_audit.errors import ReportError
from symmetry_audit.groups import Group
from symmetry_audit.reports.audits._checked import CheckedReport, ProfileKey, checked
from symmetry_audit.reports.audits._response_writer import (
    METADATA_KEY,
    NULLABLE,
    PIXELS,
    RESPONSES_FILE,
    RESPONSES_SCHEMA,
    ROWS_PER_GROUP,
    responses_schema,
)
from symmetry_audit.results import SAMPLE_STRICT, AuditReport, Origin, ResultRow
from symmetry_audit.statistics import UNITS, symmetry_error
from symmetry_audit.wording import printable

__all__ = ["RESPONSES_FILE", "drawn_limit", "image_names", "image_profiles", "image_rows", "mean_profiles"]

AGREEMENT = 1e-6  # of the mean response: far above summation order, far below any finding


def _numbers(column: pa.Array) -> np.ndarray:
    """A column without nulls as an array; its own ``to_numpy`` would import pandas."""
    return np.from_dlpack(column)


@dataclass
class _Mean:
    """Running sums of the profiles of one result row."""

    row: ResultRow
    total: np.ndarray
    count: int = 0
    epsilons: float = 0.0
    selected: np.ndarray | None = None

    def update(self, images: np.ndarray, profiles: np.ndarray) -> None:
        """Add ``profiles`` of shape (rows, order); ``images`` names them."""
        self.count += len(profiles)
        self.total += profiles.sum(axis=0)
        self.epsilons += symmetry_error(profiles)[0].sum()
        if (chosen := np.flatnonzero(images == self.row.selected_image)).size:
            self.selected = profiles[chosen[0]].copy()

    def problem(self) -> str | None:
        """What does not agree with the row of report.json, None where all does."""
        row, single = self.row, self.row.scenario == SAMPLE_STRICT.name
        if self.count != row.images:
            return f"{self.count} images, report.json says {row.images}"
        if single and self.selected is None:
            return f'no image "{printable(str(row.selected_image))}", which report.json selects'
        mean = self.total / self.count
        epsilon = self.epsilons / self.count if single else symmetry_error(mean)[0]
        if not isclose(epsilon, row.epsilon, rel_tol=AGREEMENT, abs_tol=AGREEMENT * abs(mean.mean())):
            return f"epsilon {epsilon:.6g}, report.json says {row.epsilon:.6g}"
        return None

    def profile(self) -> np.ndarray:
        return self.total / self.count if self.selected is None else self.selected


def mean_profiles(folder: str | Path, report: AuditReport | CheckedReport) -> dict[ProfileKey, np.ndarray]:
    """The profile f_A, shape (order,), behind every row of ``report``, from ``folder/responses.parquet``.

    Dataset scenarios: the mean over images; ``sample_strict``: that of the selected image. Reads a stream of
    record batches. Raises ReportError where the file is missing, damaged, of another schema, or does not
    agree with ``report`` (group, rows, number of images, epsilon).
    """
    path, run = Path(folder) / RESPONSES_FILE, checked(report)
    means = {key: _Mean(row, np.zeros(run.group.order)) for key, row in run.rows.items()}
    for batch in _batches(path, run.group):
        _update(means, batch, path)
    for key, mean in means.items():
        if problem := mean.problem():
            raise ReportError(f"{path}: {_words(key)} has {problem}; measure again with --force")
    return {key: mean.profile() for key, mean in means.items()}


def drawn_limit(path: Path, group: Group) -> int | None:
    """How many images or clusters the run of responses.parquet drew apart (UnitSums): all of them, None, where it
    wrote no hashes of the pixels, as before there were groups. Raises ReportError."""
    first = next(_profiles(path, group), None)
    return None if first is None or first[1] is None else UNITS


def image_names(path: Path, group: Group) -> list[str]:
    """The images of responses.parquet in the order of the run, each once. Raises ReportError."""
    return list(dict.fromkeys(name for batch in _batches(path, group) for name in batch.column("image").to_pylist()))


def image_profiles(path: Path, group: Group, keys: Sequence[ProfileKey]) -> Iterator[tuple[str, np.ndarray]]:
    """Every image with its profiles (K, T), one by one, in the order of ``keys``; other rows are left out.

    Rows of one image follow each other, as a run writes them. Raises ReportError where they do not.
    """
    return ((image, table) for image, _, table in image_rows(path, group, keys))


def image_rows(path: Path, group: Group, keys: Sequence[ProfileKey]) -> Iterator[tuple[str, str | None, np.ndarray]]:
    """As ``image_profiles``, each with the hash of its pixels, None in older files."""
    places = {key: at for at, key in enumerate(keys)}
    name, found, table = None, set(), np.empty((len(keys), group.order))
    for image, pixels, key, profile in _profiles(path, group):
        if image != name:
            found = set()
        name = image
        if key not in places:
            continue
        table[places[key]] = profile
        found.add(key)
        if len(found) == len(keys):
            yield image, pixels, table.copy()
            found = set()
    if found:
        raise ReportError(f"{path}: rows of {printable(str(name))} are out of order; measure again with --force")


def _profiles(path: Path, group: Group) -> Iterator[tuple[str, str | None, ProfileKey, np.ndarray]]:
    for batch in _batches(path, group):
        columns = [batch.column(name).to_pylist() for name in ("image", *ProfileKey._fields)]
        responses = batch.column("response")
        profiles = _numbers(responses.flatten()).reshape(len(batch), -1)
        known = PIXELS in batch.schema.names
        pixels = batch.column(PIXELS).to_pylist() if known else [None] * len(batch)
        for image, *key, own, profile in zip(*columns, pixels, profiles, strict=True):
            yield image, own, ProfileKey(*key), profile


def _batches(path: Path, group: Group) -> Iterator[pa.RecordBatch]:
    """The record batches of ``path`` once its header fits ``group``. Raises ReportError."""
    again = "measure again with --force"
    if not path.is_file():
        raise ReportError(f"{path} is missing; `symaudit measure` writes it beside report.json: {again}")
    try:
        # pre_buffer would hold the whole file in memory
        with pq.ParquetFile(path, pre_buffer=False, page_checksum_verification=True) as file:
            names = _check_header(file.schema_arrow, group, path)
            for batch in file.iter_batches(ROWS_PER_GROUP, columns=names):
                batch.validate(full=True)
                if any(batch.column(name).null_count for name in names if name not in NULLABLE):
                    raise pa.ArrowInvalid("null values")
                yield batch
    except (pa.ArrowException, OSError, ValueError) as error:  # ValueError: names that are no UTF-8
        reason = str(error).partition("\n")[0]
        raise ReportError(f"{path} is damaged or not a Parquet file ({reason}); {again}") from None


def _check_header(schema: pa.Schema, group: Group, path: Path) -> list[str]:
    """The names of our columns, once they are there. Raises ReportError."""
    about: dict = {}
    with suppress(ValueError, RecursionError):
        about = json.loads((schema.metadata or {}).get(METADATA_KEY, b"{}"))
    Origin(str(path), "measure again with --force").check_schema(about, RESPONSES_SCHEMA)
    if about.get("group") != str(group):
        problem = f'is for group "{about.get("group")}", report.json for "{group}"'
        raise ReportError(f"{path} {problem}; measure again with --force")
    expected = [field for field in responses_schema(group) if field.name != PIXELS or PIXELS in schema.names]
    wrong = [field.name for field in expected if field.name not in schema.names]
    wrong = wrong or [field.name for field in expected if schema.field(field.name).type != field.type]
    if wrong:
        raise ReportError(f'{path}: column "{wrong[0]}" is missing or of another type; measure again with --force')
    return [field.name for field in expected]


def _update(means: Mapping[ProfileKey, _Mean], batch: pa.RecordBatch, path: Path) -> None:
    """Add each row of ``batch`` to the mean of its key. Raises ReportError for a key that has none."""
    columns = [batch.column(name).dictionary_encode("encode") for name in ProfileKey._fields]
    codes = np.stack([_numbers(column.indices) for column in columns], axis=1)
    distinct, inverse = np.unique(codes, axis=0, return_inverse=True)
    images = np.array(batch.column("image").to_pylist(), dtype=object)
    responses = batch.column("response")
    profiles = _numbers(responses.flatten()).reshape(-1, responses.type.list_size)
    for number, code in enumerate(distinct):
        key = ProfileKey(*(column.dictionary[at].as_py() for column, at in zip(columns, code.tolist(), strict=True)))
        if key not in means:
            problem = f"holds {_words(key)}, which report.json does not"
            raise ReportError(f"{path} {problem}; measure again with --force")
        chosen = inverse == number
        means[key].update(images[chosen], profiles[chosen])


def _words(key: ProfileKey) -> str:
    sigma = "" if key.sigma is None else f" sigma {key.sigma:g}"
    return f"{printable(key.regularizer)} {key.scenario}{sigma} downscale {key.downscale}"
