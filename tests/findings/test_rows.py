"""The statistics of rows against slow re-implementations fed with responses.parquet, and a reason for every null."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from symmetry_audit import measure
from symmetry_audit.audit import AuditSettings, measure_source, open_run, stored_fits
from symmetry_audit.data import open_source
from symmetry_audit.findings import _control_numbers as controls
from symmetry_audit.findings import _rows
from symmetry_audit.results import AuditReport, ResultRow
from tests.conftest import save_photos
from tests.oracles import affine as oracle
from tests.oracles import statistics as slow
from tests.oracles import symmetry

ASKED = {"reg": "tv,chiral", "group": "p4m"}
IMAGES = 12
RESAMPLES, DRAWS = 1000, 999  # of the project
NAIVE = 2000  # of the oracle
SIGMAS = 4  # of Monte-Carlo error: one comparison in 16,000 fails by chance

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> AuditReport:
    """Twelve images in two sub-folders and at the top, under a group with mirrors."""
    folder = tmp_path_factory.mktemp("rows")
    for number, (name, count) in enumerate({"": 2, "a": 4, "b/c": 6}.items()):
        save_photos(folder / "photos" / name, np.random.default_rng(number), count=count)
    return measure(folder / "photos", **ASKED, out=folder / "run")


@pytest.fixture(scope="module")
def tables(report) -> dict[tuple[str, str], np.ndarray]:
    """Profiles (N, T) by regularizer and name: those of the parquet file, and the held-out ones of the journal."""
    rows = pq.read_table(report.folder / "responses.parquet").to_pylist()
    found = {
        (name, scenario): np.array(
            [row["response"] for row in rows if (row["regularizer"], row["scenario"]) == (name, scenario)]
        )
        for name in ("tv", "chiral")
        for scenario in ("sample_strict", "dataset_strict", "dataset_adaptive")
    }
    settings, source = AuditSettings.from_dict(report.settings), open_source(report.dataset.source)
    with open_run(report.folder, source, settings, resume=True, force=False) as journal:
        kept = [held for _, held, _ in stored_fits(settings, measure_source(source, settings, journal))]
    for at, name in enumerate(("tv", "chiral")):
        for part in ("held_out", "strict_held_out"):
            found[name, part] = np.stack([held.profiles[part][0, at] for held in kept])
    return found


def rows_of(report: AuditReport, scenario: str) -> list[ResultRow]:
    return [row for row in report.results if row.scenario == scenario]


def value(table: np.ndarray) -> float:
    """Eq. (8) of a table (N, T)."""
    return slow.epsilon(table.mean(0))


def relative(table: np.ndarray) -> float:
    """Relative epsilon of a table (N, T)."""
    return slow.relative(table.mean(0))


def check_interval(low: float, high: float, values: np.ndarray) -> None:
    """The project's percentiles are those of the naive resamples, up to the Monte-Carlo error of both."""
    allowed = SIGMAS * np.sqrt(0.025 * 0.975 * (1 / RESAMPLES + 1 / len(values)))
    assert low <= high
    assert abs((values < low).mean() - 0.025) < allowed
    assert abs((values > high).mean() - 0.025) < allowed


# --- intervals


def test_intervals_of_dataset_rows_are_those_of_a_naive_bootstrap(report, tables):
    rng = np.random.default_rng(1)
    indices = rng.integers(0, IMAGES, (NAIVE, IMAGES))
    for scenario in ("dataset_strict", "dataset_adaptive"):
        for row in rows_of(report, scenario):
            naive = oracle.bootstrap_values(tables[row.regularizer, scenario], indices, value)
            check_interval(row.ci_low, row.ci_high, naive)
            naive = oracle.bootstrap_values(tables[row.regularizer, scenario], indices, relative)
            check_interval(row.relative_ci_low, row.relative_ci_high, naive)


def test_intervals_of_sample_rows_are_those_of_a_mean(report, tables):
    indices = np.random.default_rng(2).integers(0, IMAGES, (NAIVE, IMAGES))
    for row in rows_of(report, "sample_strict"):
        single = np.array([slow.epsilon(profile) for profile in tables[row.regularizer, "sample_strict"]])
        check_interval(row.ci_low, row.ci_high, single[indices].mean(1))
        table = tables[row.regularizer, "sample_strict"]
        naive = oracle.bootstrap_values(table, indices, slow.relative_of_single_images)
        check_interval(row.relative_ci_low, row.relative_ci_high, naive)
        assert row.relative_epsilon == pytest.approx(slow.relative_of_single_images(table), rel=1e-12)


@pytest.mark.parametrize(
    ("strict", "adaptive", "prefix"),
    [("dataset_strict", "dataset_adaptive", "gain"), ("strict_held_out", "held_out", "held_out_gain")],
)
def test_intervals_of_gains_are_paired(report, tables, strict, adaptive, prefix):
    """Both epsilons of a difference are those of the same resampled images."""
    indices = np.random.default_rng(3).integers(0, IMAGES, (NAIVE, IMAGES))
    for row in rows_of(report, "dataset_adaptive"):
        pair = [tables[row.regularizer, name] for name in (strict, adaptive)]
        naive = np.array([value(pair[0][list(drawn)]) - value(pair[1][list(drawn)]) for drawn in indices])
        assert getattr(row, prefix) == pytest.approx(value(pair[0]) - value(pair[1]), rel=1e-9)
        check_interval(getattr(row, f"{prefix}_low"), getattr(row, f"{prefix}_high"), naive)
        if prefix == "held_out_gain":
            naive = np.array([relative(pair[0][list(drawn)]) - relative(pair[1][list(drawn)]) for drawn in indices])
            assert row.relative_held_out_gain == pytest.approx(relative(pair[0]) - relative(pair[1]), rel=1e-9)
            check_interval(row.relative_held_out_gain_low, row.relative_held_out_gain_high, naive)


def test_where_both_epsilons_are_the_same_so_are_their_resamples(report, tmp_path):
    """w = identity: an unpaired interval would be as wide as both of its epsilons' are."""
    images = [ref.key for ref in open_source(report.dataset.source).refs]
    (tmp_path / "identity.csv").write_text("image,a,b\n" + "".join(f"{image},0,0\n" for image in images))
    found = measure(report.dataset.source, **ASKED, affine=tmp_path / "identity.csv")
    for row in rows_of(found, "dataset_adaptive"):
        assert row.ci_high - row.ci_low > 0.01 * row.mean_response
        for value in (row.gain, row.gain_low, row.gain_high):
            assert value == pytest.approx(0, abs=1e-4 * row.mean_response)


# --- the invariance test


def check_test(p: float, null: float | None, table: np.ndarray, seed: int) -> None:
    choices = np.random.default_rng(seed).integers(0, 8, (NAIVE, IMAGES))
    draws = oracle.shifted_epsilons(table, symmetry.group_matrices("p4m"), choices)
    naive = slow.p_value(value(table) * (1 - 1e-12), draws.tolist())
    spread = SIGMAS * np.sqrt(max(naive * (1 - naive), 1 / NAIVE) * (1 / DRAWS + 1 / NAIVE))
    assert abs(p - naive) < spread + 1 / DRAWS
    if null is not None:
        assert null == pytest.approx(draws.mean(), abs=SIGMAS * draws.std() * np.sqrt(1 / DRAWS + 1 / NAIVE))


def test_p_values_and_null_levels_are_those_of_naive_shifts(report, tables):
    for row in rows_of(report, "dataset_strict"):
        check_test(row.p_value, row.null_epsilon, tables[row.regularizer, "dataset_strict"], seed=4)
        choices = np.random.default_rng(7).integers(0, 8, (200, IMAGES))
        matrices = symmetry.group_matrices("p4m")
        table = tables[row.regularizer, "dataset_strict"]
        draws = np.array([slow.relative(slow.shifted_mean(table, chosen, matrices)) for chosen in choices])
        allowed = SIGMAS * draws.std() * np.sqrt(1 / DRAWS + 1 / len(choices))
        assert row.relative_null == pytest.approx(draws.mean(), abs=allowed)
        assert row.excess == row.epsilon - row.null_epsilon
        assert row.p_value * (DRAWS + 1) == pytest.approx(round(row.p_value * (DRAWS + 1)))


def test_the_held_out_p_value_is_that_of_the_held_out_profiles(report, tables):
    for row in rows_of(report, "dataset_adaptive"):
        assert row.held_out_epsilon == pytest.approx(value(tables[row.regularizer, "held_out"]), rel=1e-12)
        assert row.relative_held_out == pytest.approx(relative(tables[row.regularizer, "held_out"]), rel=1e-12)
        check_test(row.held_out_p_value, None, tables[row.regularizer, "held_out"], seed=5)


# --- leverage


def leverages(folder: Path) -> dict[tuple[str, str, str], float]:
    rows = pq.read_table(folder / "responses.parquet").to_pylist()
    return {(row["scenario"], row["regularizer"], row["image"]): row["leverage"] for row in rows}


def test_leverage_is_what_leaving_the_image_out_changes(report, tables):
    found = leverages(report.folder)
    images = [ref.key for ref in open_source(report.dataset.source).refs]
    for (name, scenario), table in tables.items():
        if "held_out" in scenario:
            continue
        for at, image in enumerate(images):
            if scenario == "sample_strict":
                single = [slow.epsilon(profile) for profile in table]
                expected = np.mean(single) - np.mean(np.delete(single, at))
            else:
                expected = slow.leave_one_out(table, at)
            assert found[scenario, name, image] == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_leverage_is_what_measuring_without_the_image_gives(report, tmp_path):
    photos = shutil.copytree(report.dataset.source, tmp_path / "photos")
    found = leverages(report.folder)
    (photos / "a/photo_3.png").unlink()
    without = measure(photos, **ASKED, controls=False)
    for row, other in zip(report.results, without.results, strict=True):
        leverage = found[row.scenario, row.regularizer, "a/photo_3.png"]
        assert row.epsilon - other.epsilon == pytest.approx(leverage, rel=1e-6, abs=1e-12)


def test_the_images_that_matter_most_are_listed_the_strongest_first(report):
    found = leverages(report.folder)
    listed = report.analyses["leverage"]
    assert [(entry["scenario"], entry["regularizer"]) for entry in listed] == [
        (row.scenario, row.regularizer) for row in report.results
    ]
    for entry in listed:
        known = {
            image: leverage
            for (scenario, name, image), leverage in found.items()
            if (scenario, name) == (entry["scenario"], entry["regularizer"])
        }
        strongest = sorted(known, key=lambda image, known=known: -abs(known[image]))[:10]
        assert [item["image"] for item in entry["images"]] == strongest
        assert [item["leverage"] for item in entry["images"]] == [known[image] for image in strongest]


# --- folders, subsets, clusters


def test_every_folder_is_measured_on_its_own(report):
    entries = report.analyses["folders"]
    assert {(entry["folder"], entry["images"]) for entry in entries} == {("", 2), ("a", 4), ("b/c", 6)}
    alone = measure(Path(report.dataset.source) / "b/c", **ASKED, controls=False)
    for entry in entries:
        if entry["folder"] != "b/c":
            continue
        (row,) = (row for row in rows_of(alone, entry["scenario"]) if row.regularizer == entry["regularizer"])
        assert entry["epsilon"] == pytest.approx(row.epsilon, rel=1e-12)
        assert entry["relative_epsilon"] == pytest.approx(row.relative_epsilon, rel=1e-12)


def test_one_folder_is_no_breakdown(photos):
    assert measure(photos, reg="tv", group="p4", scenario="dataset_strict").analyses["folders"] == []


def test_subsets_end_at_the_whole_set(report, tables):
    entries = report.analyses["subsets"]
    assert [(entry["scenario"], entry["regularizer"]) for entry in entries] == [
        (scenario, name) for scenario in ("dataset_strict", "dataset_adaptive") for name in ("tv", "chiral")
    ]
    for entry in entries:
        (row,) = (row for row in rows_of(report, entry["scenario"]) if row.regularizer == entry["regularizer"])
        assert entry["sizes"][0] == 5
        assert entry["sizes"][-1] == IMAGES
        assert entry["mean"][-1] == pytest.approx(row.epsilon, rel=1e-12)
        assert entry["deviation"][-1] == pytest.approx(0, abs=1e-12)
        assert entry["enough"] == slow.enough(entry["sizes"], entry["mean"], 0.1)
        # 20 random fives among the 792: their mean is that of many more up to its error
        table = tables[entry["regularizer"], entry["scenario"]]
        rng = np.random.default_rng(6)
        naive = np.array([value(table[rng.choice(IMAGES, 5, replace=False)]) for _ in range(NAIVE)])
        assert abs(entry["mean"][0] - naive.mean()) < SIGMAS * naive.std() / np.sqrt(20)


def naive_clusters(table: np.ndarray, labels: list, seed: int) -> np.ndarray:
    """Epsilons of resamples that draw whole clusters."""
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero([label == one for label in labels]) for one in dict.fromkeys(labels)]
    drawn = rng.integers(0, len(members), (NAIVE, len(members)))
    return np.array([value(table[np.concatenate([members[at] for at in row])]) for row in drawn])


def test_the_bootstrap_draws_folders_on_request(report, tables):
    found = measure(report.dataset.source, **ASKED, controls=False, clusters="folder")
    labels = [str(Path(ref.key).parent) for ref in open_source(report.dataset.source).refs]
    assert len(set(labels)) == 3
    for scenario in ("dataset_strict", "dataset_adaptive"):
        for row in rows_of(found, scenario):
            naive = naive_clusters(tables[row.regularizer, scenario], labels, seed=7)
            # three folders give few distinct values: no percentile is told more finely than these
            low, high = np.quantile(naive, (0.025, 0.975))
            assert (row.ci_low, row.ci_high) == pytest.approx((low, high), rel=1e-6)
            (other,) = (other for other in rows_of(report, scenario) if other.regularizer == row.regularizer)
            assert (row.epsilon, row.p_value) == (other.epsilon, other.p_value)


def test_the_bootstrap_draws_copies_together_on_request(tmp_path, rng):
    folder = save_photos(tmp_path / "photos", rng, count=4)
    for copy in range(8):
        shutil.copy(folder / "photo_0.png", folder / f"photo_0_{copy}.png")
    asked = {"reg": "tv", "group": "p4", "scenario": "dataset_strict", "out": tmp_path / "run"}
    (alone,) = measure(folder, **asked).results
    (together,) = measure(folder, **asked, clusters="duplicates", force=True).results
    table = np.array(pq.read_table(tmp_path / "run/responses.parquet")["response"].to_pylist())
    labels = [ref.key[:7] for ref in open_source(str(folder)).refs]
    assert len(set(labels)) == 4
    check_interval(together.ci_low, together.ci_high, naive_clusters(table, labels, seed=8))
    assert together.ci_high - together.ci_low > alone.ci_high - alone.ci_low
    assert (together.epsilon, together.p_value) == (alone.epsilon, alone.p_value)


# --- a reason for every null


def photographs(folder: Path, count: int) -> None:
    save_photos(folder, np.random.default_rng(count), count=count)


def walls(folder: Path, count: int) -> None:
    folder.mkdir()
    for grey in range(count):
        Image.new("L", (40, 40), grey).save(folder / f"{grey:03}.png")


SITUATIONS: dict[str, tuple[Callable[[Path, int], None], int, dict, set[str]]] = {
    "one image": (photographs, 1, {}, {_rows.ONE, _rows.FEW, controls.ONE, controls.FEW}),
    "five images": (photographs, 5, {}, {_rows.FEW, controls.FEW}),
    "one image with controls": (photographs, 12, {"control_images": 1}, {controls.ONE, controls.FEW}),
    "five images with controls": (photographs, 12, {"control_images": 5}, {controls.FEW}),
    "twelve images": (photographs, 12, {}, set()),
    "no controls": (photographs, 2, {"controls": False}, {controls.NO_CONTROLS, _rows.FEW}),
    "the trivial group": (photographs, 12, {"group": "p1", "reg": "tv"}, {_rows.TRIVIAL}),
    "strict rows alone": (
        *(photographs, 12, {"scenario": "sample_strict,dataset_strict"}),
        {"no image was fitted"},
    ),
    "adaptive rows alone": (photographs, 2, {"scenario": "dataset_adaptive"}, {controls.FEW}),
    "one folder as cluster": (
        *(photographs, 12, {"clusters": "folder"}),
        {_rows.ONE_CLUSTER, controls.ONE_CLUSTER},
    ),
    "flat images": (
        *(walls, 3, {}),
        {_rows.FLAT, _rows.FEW, controls.FEW},
    ),
    "many flat images": (walls, 11, {}, {_rows.FLAT}),
}
ALWAYS = {
    "sample_strict": {_rows.SINGLE},
    "dataset_adaptive": {_rows.SAME_IMAGE},
}


def check_reasons(report: AuditReport) -> set[str]:
    """Null values and reasons are the same fields in every row; return the reasons."""
    found = set()
    for row in report.results:
        nulls = {name for name, value in row.to_dict().items() if value is None}
        assert set(row.reasons) == nulls, (row.scenario, row.regularizer)
        assert all(reason and "\n" not in reason for reason in row.reasons.values())
        found |= set(row.reasons.values()) - ALWAYS.get(row.scenario, set())
    return found


@pytest.mark.parametrize("case", SITUATIONS)
def test_every_null_has_its_reason_and_nothing_else_has_one(case, tmp_path):
    make, count, changes, expected = SITUATIONS[case]
    make(tmp_path / "images", count)
    report = measure(tmp_path / "images", **{"reg": "tv,laplacian", "group": "p8"} | changes)
    assert check_reasons(report) == expected
    scenarios = set(report.settings["scenarios"])
    assert {row.scenario for row in report.results} == scenarios
    assert AuditReport.from_dict(report.to_dict()) == report
    assert "NaN" not in report.to_json()


def test_every_null_has_its_reason_under_given_fits(photos, tmp_path):
    (tmp_path / "given.csv").write_text("image,a,b\n" + "".join(f"photo_{n}.png,0.1,0.2\n" for n in range(4)))
    for with_controls in (True, False):
        report = measure(photos, reg="tv", group="p8", affine=tmp_path / "given.csv", controls=with_controls)
        expected = {_rows.FEW, _rows.GIVEN} | (set() if with_controls else {controls.NO_CONTROLS})
        assert check_reasons(report) == expected


def test_one_flat_image_among_few_is_no_nan(tmp_path):
    """Some resamples draw nothing but the flat image."""
    photographs(tmp_path / "images", 1)
    Image.new("L", (64, 64), 7).save(tmp_path / "images/wall.png")
    report = measure(tmp_path / "images", reg="tv", group="p8")
    check_reasons(report)
    row = report.results[-1]
    assert row.ci_low == row.relative_ci_low == 0
    assert row.ci_high > row.epsilon
    for candidate in report.recommendation.candidates:
        for held in candidate.values:
            assert held.held_out_gain_low is None or abs(held.held_out_gain_low) < 1
    assert report.to_json().count("NaN") == 0


@pytest.mark.parametrize("flipped", [False, True])
def test_an_image_flat_in_its_held_out_half_is_no_nan(tmp_path, rng, flipped):
    (tmp_path / "images").mkdir()
    picture = np.full((120, 64), 100, np.uint8)
    picture[:50] = rng.integers(0, 256, (50, 64))
    Image.fromarray(picture[::-1] if flipped else picture).save(tmp_path / "images/half.png")
    report = measure(tmp_path / "images", reg="tv", group="p8")
    check_reasons(report)
    assert report.results[-1].held_out_strict_epsilon >= 0
    assert "NaN" not in report.to_json()
