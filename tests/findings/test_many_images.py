"""Reports of more images than are drawn apart: made-up records, every number against numpy, and the memory."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from symmetry_audit.audit import ImageRecord, Measurements, make_settings
from symmetry_audit.audit._plan import strict_bank
from symmetry_audit.data import ImageSource
from symmetry_audit.findings import _folders, _second_pass, _singles, _totals, build_report
from symmetry_audit.findings._file_notes import FileNotes
from symmetry_audit.findings._singles import Deformations, SingleEpsilons
from symmetry_audit.findings._some import Kinds
from symmetry_audit.findings._sums import ExactSum
from symmetry_audit.findings._twins import Twins
from symmetry_audit.groups import Group
from symmetry_audit.reports import ResponseWriter, direction_rows, drawn_limit, mean_profiles
from symmetry_audit.reports.audits import _directions
from symmetry_audit.results import AuditReport, SkippedImage
from symmetry_audit.verbs._advice import report_advice
from tests.oracles import groups as oracle
from tests.oracles import statistics as slow

IMAGES, LIMIT = 500, 64
BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "reduction.py"


def made_up(images: int, kernels: int) -> list[ImageRecord]:
    """Records with a common direction; the last tenth are copies of the first ones."""
    rng, theta = np.random.default_rng(3), np.linspace(0, 2 * np.pi, kernels, endpoint=False)
    records = []
    for n in range(images):
        own = rng.rayleigh(0.1) * np.cos(2 * (theta - rng.uniform(0, np.pi)))
        arrays = {
            "strict": rng.lognormal(2, 0.5) * (1 + 0.05 * np.cos(2 * theta) + own)[None],
            "spectrum": np.ones((1, 64)) / np.arange(1, 65),
            "flips": rng.uniform(9, 11, (1, 8)),
        }
        text = f"{hash_of(n)}"
        record = ImageRecord(
            image=f"folder{n % 7}/{n:04d}.png",
            stamp="",
            sha256=text,
            pixel_sha256=text,
            width=40 + n % 9,
            height=40,
            depth="8-bit",
            turned=n % 3 == 0,
            left_out=0.1 * (n % 2),
            arrays=arrays,
        )
        first = records[n - images * 9 // 10] if n >= images * 9 // 10 else record
        records.append(replace(first, image=record.image))
    return sorted(records, key=lambda record: record.image)


def hash_of(number: int) -> str:
    return np.random.default_rng([7, number]).bytes(32).hex()


def reduce(folder: Path, limit: int | None, images: int = IMAGES, **asked: object) -> AuditReport:
    settings = make_settings(**{"reg": "tv,sobel", "group": "p8", "scenario": "sample_strict,dataset_strict"} | asked)
    banks = (strict_bank(settings, settings.models[0]),)
    records = made_up(images, sum(len(kernels) for kernels in banks[0].kernels))
    skipped = tuple(SkippedImage(f"bad{n:04d}.png", f"reason {n % 3}") for n in range(1500))
    found = Measurements(banks, images, 0, skipped, "grey levels", ("made up",), lambda: iter(records))
    folder.mkdir(exist_ok=True)
    with ResponseWriter(folder / "responses.parquet", settings.group) as writer:
        report = build_report(ImageSource("made up", "made up", ()), settings, found, writer.extend, limit=limit)
    (folder / "report.json").write_text(report.to_json(), encoding="utf-8")
    return AuditReport.load(folder)


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> tuple[AuditReport, AuditReport]:
    """The same images drawn in groups and apart."""
    folder = tmp_path_factory.mktemp("many")
    return reduce(folder / "groups", LIMIT), reduce(folder / "apart", None)


def tables(report: AuditReport, regularizer: str) -> tuple[list[str], np.ndarray]:
    """Hashes and strict profiles (N, T) from the file."""
    rows = pq.read_table(report.folder / "responses.parquet").to_pylist()
    own = [row for row in rows if (row["regularizer"], row["scenario"]) == (regularizer, "dataset_strict")]
    return [row["pixel_sha256"] for row in own], np.array([row["response"] for row in own])


RESAMPLED = ("ci_low", "ci_high", "relative_ci_low", "relative_ci_high", "null_epsilon", "relative_null", "p_value")


def test_only_what_is_resampled_differs(reports):
    for one, other in zip(*(report.results for report in reports), strict=True):
        for name, value in one.to_dict().items():
            if name not in (*RESAMPLED, "excess"):
                assert value == other.to_dict()[name], name
    grouped, apart = reports
    assert grouped.dataset == apart.dataset
    assert grouped.analyses["leverage"] == apart.analyses["leverage"]
    assert grouped.analyses["folders"] == apart.analyses["folders"]
    told = [warning for warning in grouped.warnings if warning not in apart.warnings]
    assert len(told) == 1
    assert told[0].startswith(f"above {LIMIT} images, intervals, tests and null levels draw random groups")


def test_intervals_and_null_levels_against_loops_over_groups(reports, rng):
    report = reports[0]
    for row in report.results:
        if row.scenario != "dataset_strict":
            continue
        hashes, profiles = tables(report, row.regularizer)
        groups = oracle.groups_of_images(hashes, LIMIT)
        resampled = [slow.relative(mean) for mean in oracle.bootstrap_means(profiles, groups, 2000, rng)]
        for end, share in ((row.relative_ci_low, 0.025), (row.relative_ci_high, 0.975)):
            below = np.mean(np.array(resampled) < end)
            assert abs(below - share) < 5 * (0.025 * 0.975 * (1 / 1000 + 1 / 2000)) ** 0.5
        turned = [slow.relative(mean) for mean in oracle.rotated_means(profiles, groups, 1000, rng)]
        assert row.relative_null == pytest.approx(np.mean(turned), abs=5 * np.std(turned) * (2 / 1000) ** 0.5)


def test_readers_of_the_file_draw_the_same_groups(reports, monkeypatch):
    monkeypatch.setattr(_directions, "drawn_limit", lambda path, group: LIMIT)
    report = reports[0]
    assert direction_rows(report.folder, report) == [{**row, "floor": None} for row in report.analyses["directions"]]
    assert mean_profiles(report.folder, report)


def test_a_file_without_hashes_is_of_a_run_that_drew_all_apart(reports, tmp_path):
    report = reports[1]
    path = tmp_path / "responses.parquet"
    group = Group.parse("p8")
    assert drawn_limit(report.folder / path.name, group) == 4096
    pq.write_table(pq.read_table(report.folder / path.name).drop_columns(["pixel_sha256"]), path)
    assert drawn_limit(path, group) is None
    expected = [{**row, "floor": None} for row in report.analyses["directions"]]
    assert direction_rows(tmp_path, report) == expected


def test_advice_from_the_file_is_that_of_the_report(reports, monkeypatch):
    monkeypatch.setattr(_directions, "drawn_limit", lambda path, group: LIMIT)
    report = reports[0]
    _, found = report_advice(replace(report, recommendation=None))
    assert found.group == report.recommendation.group
    for one, other in zip(found.candidates, report.recommendation.candidates, strict=True):
        assert [value.ci_low for value in one.values] == [value.ci_low for value in other.values]
        assert [value.null_epsilon for value in one.values] == [value.null_epsilon for value in other.values]


def test_subsets_are_of_images_and_of_groups(reports):
    for entry in reports[0].analyses["subsets"]:
        sizes = entry["sizes"]
        assert sizes == sorted(set(sizes)) and sizes[0] == 5 and sizes[-1] == IMAGES
        assert entry["enough"] in sizes


def test_clusters_of_copies_are_drawn_in_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(_directions, "drawn_limit", lambda path, group: LIMIT)
    report = reduce(tmp_path / "run", LIMIT, clusters="duplicates")
    hashes, profiles = tables(report, "tv")
    groups = oracle.groups_of_clusters(hashes, LIMIT)
    row = next(row for row in report.results if (row.regularizer, row.scenario) == ("tv", "dataset_strict"))
    rng = np.random.default_rng(1)
    resampled = [slow.epsilon(mean) for mean in oracle.bootstrap_means(profiles, groups, 2000, rng)]
    low, high = np.quantile(resampled, (0.025, 0.975))
    assert (row.ci_low, row.ci_high) == pytest.approx((low, high), abs=0.12 * (high - low))
    assert direction_rows(report.folder, report) == [{**row, "floor": None} for row in report.analyses["directions"]]


def test_a_sample_gives_quantiles_and_all_images_the_means(tmp_path, monkeypatch, reports):
    monkeypatch.setattr(_singles.SingleEpsilons.__init__, "__defaults__", (100,))
    sampled, whole = reduce(tmp_path / "run", LIMIT), reports[0]
    for one, other in zip(sampled.results, whole.results, strict=True):
        assert one.epsilon == pytest.approx(other.epsilon, rel=1e-12)
        if one.scenario == "sample_strict":
            hashes, profiles = tables(whole, one.regularizer)
            least = sorted(range(IMAGES), key=lambda n: (int(hashes[n][:16], 16), n))[:100]
            single = [slow.epsilon(profiles[n]) for n in least]
            assert (one.q25, one.median, one.q75) == pytest.approx(np.percentile(single, (25, 50, 75)), rel=1e-12)
            assert one.normalized_epsilon == pytest.approx(other.normalized_epsilon, rel=1e-12)


def test_folders_beyond_the_first_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(_folders.FolderTotals.__init__, "__defaults__", (3,))
    report = reduce(tmp_path / "run", LIMIT, images=70)
    assert sorted({entry["folder"] for entry in report.analyses["folders"]}) == ["folder0", "folder1", "folder2"]
    assert "only the first 3 sub-folders have numbers of their own; 40 images are in others" in report.warnings


def test_skipped_images_beyond_the_first_are_counted(reports):
    report = reports[0]
    assert len(report.skipped) == 1000 and report.skipped_unnamed == 500 and report.skipped_count == 1500
    assert report.skipped_reasons == {f"reason {n}": 500 for n in range(3)}


# --- the parts


def test_sums_without_rounding():
    total = ExactSum()
    values = [1e16, 1.0, -1e16, 1e-9, 0.1, 0.2] * 50
    for value in values:
        total.add(value)
    assert total.value() == float(sum(map(Fraction, values)))


@pytest.mark.parametrize("held", [1000, 7, 64])
def test_twins_against_a_dictionary(held: int, rng: np.random.Generator) -> None:
    pixels, files = rng.integers(60, size=200).tolist(), rng.integers(2, size=200).tolist()
    by_bytes, by_pixels = Twins(held), Twins(held)
    groups: dict[tuple, list[int]] = {}
    for at, (pixel, file) in enumerate(zip(pixels, files, strict=True)):
        by_bytes.add(hash_of(1000 + 2 * pixel + file))
        by_pixels.add(hash_of(pixel), hash_of(1000 + 2 * pixel + file))
        groups.setdefault((pixel, file), []).append(at)
    same = [group for group in groups.values() if len(group) > 1]
    merged: dict[int, list[list[int]]] = {}
    for (pixel, _), group in groups.items():
        merged.setdefault(pixel, []).append(group)
    differing = sorted(sorted(chain.from_iterable(parts)) for parts in merged.values() if len(parts) > 1)
    for found, expected in ((by_bytes.found(5), same), (by_pixels.found(5, differing=True), differing)):
        expected = sorted(expected)
        assert found.groups == len(expected)
        assert found.extra == sum(len(group) - 1 for group in expected)
        assert found.first == [group[:5] for group in expected[:5]]


def test_no_images_have_no_twins():
    assert Twins(4).found(5).groups == 0


def test_kinds_beyond_the_most_are_told():
    kinds, names = Kinds(3), ["a", "b", "a", "c", "d", "a", "e"]
    for name in names:
        kinds.add(name)
    counts = Counter(name for name in names if name in "abc")
    assert str(kinds) == f"a ({counts['a']}), b (1), c (1), and others"


def test_notes_hold_few_names(rng):
    """Ten thousand turned images of different sizes: a handful of names stay."""
    notes = FileNotes()
    record = made_up(10, 8)[0]
    for n in range(10_000):
        notes.add(replace(record, image=f"{n}.png", sha256=hash_of(n), turned=True, remarks=(f"remark {n}",)), False)
    notes.find_twins()
    found = notes.warnings()
    assert "EXIF orientation applied to 10000 images: 0.png, 1.png, 2.png, 3.png, 4.png and 9995 more" in found
    assert sum(warning.startswith("remark ") for warning in found) == 1000
    assert any(warning.startswith("other remarks than these, in 9000 images: 1000.png") for warning in found)


def test_deformations_of_a_sample(rng):
    points = rng.normal(0, 0.3, (300, 1, 2, 2))
    points[::7, 0, 1] = np.nan
    whole, part = Deformations(1000), Deformations(50)
    for at, each in enumerate(points):
        for found in (whole, part):
            found.add(at * 7919 % 300, each)
    ratios = [np.exp(np.hypot(*point)) for point in points[:, 0, 1] if not np.isnan(point[0])]
    assert whole.mean_ratio(0, 1) == pytest.approx(np.mean(ratios)) == part.mean_ratio(0, 1)
    assert len(part.points(0, 0)) == 50 and part.binned(0, 1) == whole.binned(0, 1)
    assert part.binned(0, 1).total() == 300


def test_single_epsilons_within_the_limit_of_fits(rng):
    epsilons, inside = rng.uniform(1, 2, (200, 1, 1)), rng.random((200, 1, 1)) < 0.6
    whole, part = SingleEpsilons(1000), SingleEpsilons(20)
    for at in range(200):
        for found in (whole, part):
            found.add(at * 7919 % 211, epsilons[at], epsilons[at], inside[at])
    expected = epsilons[inside].mean()
    assert whole.mean_within((0, 0)) == pytest.approx(expected) == part.mean_within((0, 0))
    assert part.mean((0, 0)) == pytest.approx(epsilons.mean()) == float(part.means()[0, 0])


def peaks(sizes: tuple[int, ...]) -> Iterator[float]:
    """The largest resident memory of the reduction of so many records, MiB."""
    for size in sizes:
        command = [sys.executable, str(BENCHMARK), str(size)]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        yield float(re.search(r"peak +([0-9.]+) MiB", text)[1])


@pytest.mark.slow
def test_memory_does_not_grow_with_the_images():
    few, many = peaks((10_000, 50_000))
    assert many < 1.15 * few


def test_the_size_of_blocks_changes_no_bit(tmp_path, monkeypatch, reports):
    for module in (_totals, _second_pass):
        monkeypatch.setattr(module, "BLOCK", 7)
    again = reduce(tmp_path / "run", LIMIT)
    assert again.to_json() == reports[0].to_json()
    one, other = (pq.read_table(report.folder / "responses.parquet") for report in (again, reports[0]))
    assert one.equals(other)
