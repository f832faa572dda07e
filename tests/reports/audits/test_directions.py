"""The directions of single images: rows from responses.parquet, and the figure's points, means and words."""

from __future__ import annotations

import itertools
from dataclasses import replace

import matplotlib
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from symmetry_audit import measure
from symmetry_audit.errors import ReportError
from symmetry_audit.reports import direction_rows, render
from symmetry_audit.reports._style import STYLE
from symmetry_audit.reports.audits import _directions_figure
from symmetry_audit.reports.audits._checked import checked
from symmetry_audit.reports.audits._directions import image_directions
from tests.conftest import save_photos
from tests.oracles import statistics as oracle

TITLES = {"tv": "TV", "laplacian": "Laplacian"}


def drawn(run, layout=False):
    report = checked(run.report)
    with matplotlib.style.context("default"), matplotlib.rc_context(STYLE):
        figure = _directions_figure._drawn(report, image_directions(run.folder, report))
        if layout:
            figure.draw_without_rendering()
    return figure


def words(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Twelve photographs in two folders, two scales, bootstrapped over folders."""
    folder = tmp_path_factory.mktemp("measured")
    for at, part in enumerate(("a", "b", "c")):
        save_photos(folder / "photos" / part, np.random.default_rng(at), count=4, size=(80, 96))
    return measure(
        folder / "photos",
        **{"reg": "tv,laplacian,chiral", "group": "p16m", "downscale": 2, "clusters": "folder", "seed": -3},
        scenario="sample_strict,dataset_strict",
        workers=1,
        out=folder / "run",
    )


def test_old_files_give_the_rows_of_the_report_bit_for_bit(measured):
    rows = measured.analyses["directions"]
    assert len(rows) == 2 * 3 * 2
    assert direction_rows(measured.folder, measured) == [row | {"floor": None} for row in rows]
    without = replace(measured, analyses={})
    assert direction_rows(measured.folder, without) == direction_rows(measured.folder, measured)


def test_rows_against_loops_over_the_file(measured):
    table = pq.read_table(measured.folder / "responses.parquet").to_pylist()
    for row in measured.analyses["directions"]:
        keys = {name: row[name] for name in ("regularizer", "sigma", "downscale")} | {"scenario": "dataset_strict"}
        profiles = [item["response"][:16] for item in table if keys.items() <= item.items()]
        z = [oracle.direction(profile, row["harmonic"]) for profile in profiles]
        assert row["images"] == len(z) == 12
        if row["share"] is not None:
            assert row["amplitude"] == pytest.approx(abs(np.mean(z)), rel=1e-9)
            assert row["single_amplitude"] == pytest.approx(np.sqrt(np.mean(np.abs(z) ** 2)), rel=1e-9)
            assert 0 <= row["floor"] < 0.05
            angle = np.degrees(np.angle(np.mean(z))) / row["harmonic"] % (360 / row["harmonic"])
            assert row["direction_deg"] == pytest.approx(angle, abs=1e-6)


def test_sample_strict_alone_is_enough(write_run):
    rows = [direction_rows(run.folder, run.report) for run in (write_run("one"), write_run("other"))]
    run = write_run("alone", scenarios=("sample_strict",))
    assert [row["images"] for row in direction_rows(run.folder, run.report)] == [6] * 10
    assert rows[0] == rows[1]


def test_an_adaptive_run_has_no_directions(write_run):
    run = write_run(scenarios=("dataset_adaptive",), full=True)
    assert direction_rows(run.folder, run.report) == []
    assert render(run.folder, ["directions"]) == ()


def test_duplicates_are_not_in_the_files(write_run):
    run = write_run(clusters="duplicates", titles={"tv": "TV"})
    row = direction_rows(run.folder, run.report)[0]
    assert row["ci_low"] is None
    assert row["reason"] == "the report's files do not tell which images belong together"
    assert row["share"] is not None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda table: table.sort_by("regularizer"), "are out of order"),
        (lambda table: table.slice(0, len(table) - 1), "are out of order"),
        (lambda table: table.slice(0, 0), "has no rows"),
    ],
    ids=["sorted", "cut", "empty"],
)
def test_other_rows_are_named(write_run, change, problem):
    run = write_run(titles=TITLES)
    path = run.folder / "responses.parquet"
    table: pa.Table = pq.read_table(path)
    pq.write_table(change(table), path)
    with pytest.raises(ReportError, match=problem):
        direction_rows(run.folder, run.report)


# --- the figure


def test_points_and_means_are_those_of_the_file(write_run):
    run = write_run(titles=TITLES)
    figure = drawn(run)
    key = ("dataset_strict", "tv", 1.5, 1)
    z = np.array([oracle.direction(profile, 2) for profile in run.responses[key]])
    axes = figure.axes[0]
    assert axes.get_title("left") == "TV"
    (points,) = [one for one in axes.collections if len(one.get_offsets())]
    rim = _directions_figure._rim(z[:, None])
    expected = z * np.minimum(1, rim / np.abs(z))
    np.testing.assert_allclose(points.get_offsets(), np.stack([expected.real, expected.imag], 1), atol=1e-12)
    mean = axes.lines[-1].get_xydata()
    np.testing.assert_allclose(mean, [[0, 0], [z.mean().real, z.mean().imag]], atol=1e-12)
    row = direction_rows(run.folder, run.report)[0]
    assert f"R² = {max(row['share'], 0):.2f} ({row['ci_low']:.2f}–{row['ci_high']:.2f})" in words(axes)
    assert {"0°", "45°", "90°", "135°"} <= set(words(axes))


def test_the_region_holds_the_mean_in_95_of_100_sets(rng):
    """The ellipse around simulated means holds the true one."""
    from types import SimpleNamespace

    from symmetry_audit.groups import Group
    from symmetry_audit.statistics import CommonDirection, Member

    theta, sets = 2 * np.pi * np.arange(8) / 8, 400
    z = 0.1 * (0.5 + rng.normal(size=(50, 1, sets)) + 0.4j * rng.normal(size=(50, 1, sets)))
    shares = CommonDirection(Group(8), seed=1)
    for n, image in enumerate(z):
        shares.add(1 + np.real(np.conj(image)[..., None] * np.exp(2j * theta)), Member(n))
    found, inside = SimpleNamespace(shares=shares.found()), []
    axes = matplotlib.figure.Figure().add_subplot()
    for r in range(sets):
        _directions_figure._draw_mean(axes, found, r, "full", 1.0)
        inside.append(axes.patches[-1].get_path().contains_point((0.05, 0.0)))
    assert 0.9 <= np.mean(inside) <= 0.98


def test_a_regularizer_that_sees_no_direction_says_so(write_run):
    run = write_run(titles=TITLES)
    table = pq.read_table(run.folder / "responses.parquet").to_pandas()
    alike = table["regularizer"] == "laplacian"
    table.loc[alike, "response"] = table.loc[alike, "response"].map(lambda values: np.full(8, values[0]))
    metadata = pq.read_schema(run.folder / "responses.parquet")
    pq.write_table(pa.Table.from_pandas(table, schema=metadata, preserve_index=False), run.folder / "responses.parquet")
    assert words(drawn(run).axes[1]) == ["sees no direction"]


def test_quarter_turns_see_one_axis(write_run):
    run = write_run(group="p4", titles=TITLES)
    axes = drawn(run).axes[0]
    assert {"0°", "90°"} <= set(words(axes))
    assert not {"45°", "135°"} & set(words(axes))
    offsets = next(one for one in axes.collections if len(one.get_offsets())).get_offsets()
    assert len(np.unique(offsets[:, 1])) == 6  # spread across the line, so that equal images can be counted


def test_half_turns_see_nothing(write_run):
    assert words(drawn(write_run(group="p2", titles=TITLES)).axes[0]) == ["sees no direction"]


@pytest.mark.parametrize("images", [1, 5, 1200])
def test_any_number_of_images_fits(write_run, images):
    run = write_run(titles={f"r{at}": f"Regularizer {at}" for at in range(6)}, images=images)
    figure = drawn(run, layout=True)
    assert figure.legends[0].get_texts()[0].get_text() == f"each of {images:,} images"
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    canvas = figure.bbox
    for box in [*boxes, figure._suptitle.get_window_extent()]:
        assert canvas.x0 <= box.x0
        assert box.x1 <= canvas.x1


def test_far_points_stand_on_the_rim(rng):
    points = np.concatenate([0.1 * np.exp(1j * rng.uniform(0, 6, 999)), [1.0]])[:, None]
    assert _directions_figure._rim(points) == pytest.approx(0.1)
    assert _directions_figure._rim(np.full((3, 1), np.nan)) == 0.01
