"""responses.parquet: what is written, and what is refused when it is read."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from symmetry_audit.errors import ReportError
from symmetry_audit.groups import Group
from symmetry_audit.reports import ResponseWriter, mean_profiles
from symmetry_audit.reports.audits._checked import ProfileKey, checked
from symmetry_audit.reports.audits._responses import image_profiles
from symmetry_audit.results import AuditReport, DatasetInfo, ResultRow

PARQUET = "responses.parquet"


HASHES = [None if n % 5 == 4 else f"{n:02x}" * 32 for n in range(20)]


def test_written_file_has_the_documented_schema(tmp_path):
    group, path = Group.parse("p4m"), tmp_path / PARQUET
    rows = [(f"{i}.png", "tv", "dataset_strict", 1.5 if i % 2 else None, 1 + i % 3) for i in range(20)]
    leverages = [0.1 * i - 1 for i in range(20)]
    values = np.random.default_rng(0).normal(size=(20, 8))
    with ResponseWriter(path, group, rows_per_group=7) as writer:
        for n, (row, value, leverage) in enumerate(zip(rows, values, leverages, strict=True)):
            writer.append(*row, value, leverage, HASHES[n])
            assert not path.exists()
    file = pq.ParquetFile(path)
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [7, 7, 6]
    assert {file.metadata.row_group(0).column(i).compression for i in range(7)} == {"ZSTD"}
    assert json.loads(file.schema_arrow.metadata[b"symaudit"]) == {
        "schema": "symaudit.responses/2",
        "group": "p4m",
        "elements": ["A0", "A1", "A2", "A3", "A0M", "A1M", "A2M", "A3M"],
        "angles_deg": [0.0, 90.0, 180.0, 270.0] * 2,
    }
    types = {"image": pa.string(), "regularizer": pa.string(), "scenario": pa.string(), "sigma": pa.float64()}
    types |= {
        "downscale": pa.int64(),
        "leverage": pa.float64(),
        "response": pa.list_(pa.float64(), 8),
        "pixel_sha256": pa.string(),
    }
    table = file.read()
    assert dict(zip(table.schema.names, table.schema.types, strict=True)) == types
    assert list(zip(*(table[name].to_pylist() for name in table.schema.names[:5]), strict=True)) == rows
    assert table["leverage"].to_pylist() == leverages
    assert table["pixel_sha256"].to_pylist() == HASHES
    np.testing.assert_array_equal(table["response"].to_pylist(), values)


def test_an_interrupted_writer_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / PARQUET
    path.write_bytes(b"old")

    def interrupted():
        with ResponseWriter(path, Group.parse("p2"), rows_per_group=1) as writer:
            writer.append("a", "tv", "dataset_strict", None, 1, np.ones(2), 0.0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == [PARQUET]


def test_the_file_takes_its_name_in_one_step(tmp_path, monkeypatch):
    path = tmp_path / PARQUET
    path.write_bytes(b"old")

    def full(source, target):
        assert pq.read_table(source)["image"].to_pylist() == ["a"]
        assert target == path
        raise OSError(28, "No space left on device")

    def write():
        with ResponseWriter(path, Group.parse("p2")) as writer:
            writer.append("a", "tv", "dataset_strict", None, 1, np.ones(2), 0.0)

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        write()
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == [PARQUET]


def test_a_run_without_rows_is_a_valid_file(tmp_path):
    with ResponseWriter(tmp_path / PARQUET, Group.parse("p2")):
        pass
    assert pq.read_table(tmp_path / PARQUET).num_rows == 0


@pytest.mark.parametrize("bad", [np.ones(3), np.ones((1, 4)), [1, 2, 3, np.nan], [1, 2, np.inf, 4]])
def test_a_response_that_does_not_fit_is_refused(tmp_path, bad):
    with (
        pytest.raises(ReportError, match=r"tv response of a\.png must be 4 finite values for p4"),
        ResponseWriter(tmp_path / PARQUET, Group.parse("p4")) as writer,
    ):
        writer.append("a.png", "tv", "dataset_strict", 1.5, 1, bad, 0.0)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    with (
        pytest.raises(ReportError, match=r"cannot write .*nowhere.*give a folder you can write"),
        ResponseWriter(tmp_path / "nowhere" / PARQUET, Group.parse("p4")),
    ):
        pass


@pytest.mark.parametrize("group", ["p1", "p8", "p32", "p8m"])
@pytest.mark.parametrize("scales", [{}, {"sigma": (None,)}, {"sigma": (1.0, 2.0), "downscale": (1, 2)}])
def test_profiles_are_the_mean_over_images_or_the_selected_image(write_run, group, scales):
    run = write_run(group=group, scenarios=("sample_strict", "dataset_strict", "dataset_adaptive"), **scales)
    profiles = mean_profiles(run.folder, run.report)
    assert list(profiles) == [ProfileKey(*key) for key in run.responses]
    for key, profile in profiles.items():
        values = run.responses[key]
        expected = values[0] if key.scenario == "sample_strict" else values.mean(axis=0)
        np.testing.assert_allclose(profile, expected, rtol=1e-13)


PEAK = """
import sys, pyarrow
from symmetry_audit.reports import mean_profiles
from symmetry_audit.results import AuditReport
mean_profiles(sys.argv[1], AuditReport.load(sys.argv[1]))
print(pyarrow.default_memory_pool().max_memory())
"""


def test_reading_takes_constant_memory(tmp_path):
    group, peaks = Group.parse("p32"), {}
    for images in (8_000, 64_000):
        folder = tmp_path / str(images)
        folder.mkdir()
        values = np.random.default_rng(0).normal(10, 1, (images, group.order))  # does not compress
        with ResponseWriter(folder / PARQUET, group) as writer:
            for number, value in enumerate(values):
                writer.append(f"{number}.png", "tv", "dataset_strict", 1.5, 1, value, 0.0)
        (folder / "report.json").write_text(_one_row_report(values).to_json(), encoding="utf-8")
        peaks[images] = int(subprocess.check_output([sys.executable, "-c", PEAK, folder], timeout=60))
    assert 0 < peaks[64_000] < 1.3 * peaks[8_000]
    assert peaks[64_000] < 0.7 * (tmp_path / "64000" / PARQUET).stat().st_size


def _one_row_report(values):
    mean = values.mean(axis=0)
    row = ResultRow(
        regularizer="tv",
        scenario="dataset_strict",
        group="p32",
        sigma=1.5,
        downscale=1,
        epsilon=float(np.abs(mean - mean[0]).max()),
        relative_epsilon=None,
        normalized_epsilon=None,
        mean_response=float(mean.mean()),
        identity_response=float(mean[0]),
        worst_element=0,
        worst_angle_deg=0.0,
        tested=True,
        visible_elements=30,
        images=len(values),
    )
    settings = {"group": "p32", "regularizers": [{"name": "tv", "title": "TV"}], "kernel": "gaussian", "margin": 15}
    settings |= {"sigma": [1.5], "scenarios": ["dataset_strict"], "downscale": [1], "response": "abs"}
    return AuditReport(DatasetInfo("x", "x", len(values), ""), settings, (row,))


# --- what is refused


def refused(run, match, report=None):
    with pytest.raises(ReportError, match=match) as caught:
        mean_profiles(run.folder, report or run.report)
    message = str(caught.value)
    assert "\n" not in message
    assert str(run.folder) in message
    assert "measure again with --force" in message


def test_a_missing_file(write_run):
    run = write_run()
    (run.folder / PARQUET).unlink()
    refused(run, r"responses\.parquet is missing")


def _overwrite(content, start, length):
    return content[:start] + b"\xff" * length + content[start + length :]


@pytest.mark.parametrize(
    "harm",
    [
        lambda content: b"",
        lambda content: b"PAR1 or so",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: _overwrite(content, 0, len(content) // 3),
        lambda content: _overwrite(content, len(content) - 300, 200),
    ],
    ids=["empty", "text", "half", "one byte short", "pages overwritten", "footer overwritten"],
)
def test_a_damaged_file(write_run, harm):
    run = write_run(group="p32")
    path = run.folder / PARQUET
    path.write_bytes(harm(path.read_bytes()))
    refused(run, "is damaged or not a Parquet file")


def test_no_flipped_bit_becomes_a_number(write_run):
    run = write_run(group="p4")
    path = run.folder / PARQUET
    good, expected = path.read_bytes(), _rows_of(run)
    said = 0
    for bit in range(37, 8 * len(good), len(good) // 8):
        harmed = bytearray(good)
        harmed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(harmed)
        try:
            assert _rows_of(run) == expected
        except ReportError:
            said += 1
    assert said > 20


def _rows_of(run):
    """Everything that is read from the file."""
    found = checked(AuditReport.load(run.folder))
    each = image_profiles(run.folder / PARQUET, found.group, tuple(found.rows))
    return [(image, profiles.tolist()) for image, profiles in each]


def _about(table, **changes):
    about = json.loads(table.schema.metadata[b"symaudit"]) | changes
    return table.replace_schema_metadata({b"symaudit": json.dumps(about).encode()})


def _column(table, name, values):
    field = pa.field(name, values.type)
    return table.set_column(table.schema.get_field_index(name), field, values)


def _nulls(table, name):
    return _column(table, name, pc.if_else(pc.equal(table["downscale"], 1), None, table[name]))


def _scaled(table):
    values = table["response"].combine_chunks().flatten().to_numpy() * 1.5
    return _column(table, "response", pa.FixedSizeListArray.from_arrays(pa.array(values), 8))


TAMPERED = {
    "no metadata": (lambda t: t.replace_schema_metadata(None), 'has schema "None", expected "symaudit.responses/2"'),
    "not json": (lambda t: t.replace_schema_metadata({b"symaudit": b"\xff{"}), 'has schema "None"'),
    "json list": (lambda t: t.replace_schema_metadata({b"symaudit": b"[]"}), 'has schema "None"'),
    "other group": (lambda t: _about(t, group="p4m"), 'is for group "p4m", report.json for "p8"'),
    "column gone": (lambda t: t.drop_columns("sigma"), 'column "sigma" is missing or of another type'),
    "column type": (lambda t: _column(t, "downscale", t["downscale"].cast("float64")), 'column "downscale" is missing'),
    "image gone": (lambda t: t.filter(pc.not_equal(t["image"], "images/0003.png")), "5 images, report.json says 6"),
    "all gone": (lambda t: t.slice(0, 0), "0 images, report.json says 6"),
    "image twice": (lambda t: pa.concat_tables([t, t.slice(0, 1)]), "7 images, report.json says 6"),
    "not selected": (
        lambda t: _column(t, "image", pc.replace_substring(t["image"], "0000", "9999")),
        'no image "images/0000.png", which report.json selects',
    ),
    "unknown key": (
        lambda t: _column(t, "regularizer", pc.replace_substring(t["regularizer"], "sobel", "mine")),
        "holds mine sample_strict sigma 1.5 downscale 1, which report.json does not",
    ),
    "other sigma": (lambda t: _column(t, "sigma", pc.add(t["sigma"], 1.0)), "holds tv sample_strict sigma 2.5"),
    "other values": (_scaled, r"tv sample_strict sigma 1.5 downscale 1 has epsilon [0-9.]+, report.json says"),
    "null values": (lambda t: _nulls(t, "response"), "is damaged.*null values"),
    "older": (lambda t: _about(t, schema="symaudit.responses/1"), 'has schema "symaudit.responses/1"'),
    "leverage gone": (lambda t: t.drop_columns("leverage"), 'column "leverage" is missing or of another type'),
    "null leverage": (lambda t: _nulls(t, "leverage"), "is damaged.*null values"),
    "null names": (lambda t: _nulls(t, "regularizer"), "is damaged.*null values"),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_a_file_that_does_not_belong_to_the_report(write_run, case):
    run, (tamper, match) = write_run(), TAMPERED[case]
    path = run.folder / PARQUET
    table = pq.read_table(path)
    pq.write_table(tamper(table), path)
    refused(run, match)


def test_a_file_of_a_newer_version(write_run):
    run = write_run()
    table = _about(pq.read_table(run.folder / PARQUET), schema="symaudit.responses/9")
    pq.write_table(table, run.folder / PARQUET)
    expected = (
        r'has schema "symaudit.responses/9", which this version does not know: it was written by a newer symaudit'
    )
    with pytest.raises(ReportError, match=expected):
        mean_profiles(run.folder, run.report)


def test_a_rewritten_file_with_other_columns_too_is_read(write_run):
    run = write_run()
    expected = mean_profiles(run.folder, run.report)
    table = pq.read_table(run.folder / PARQUET).append_column("extra", pa.nulls(60))
    pq.write_table(table, run.folder / PARQUET)
    for key, profile in mean_profiles(run.folder, run.report).items():
        np.testing.assert_array_equal(profile, expected[key])


def test_the_dataset_epsilon_of_the_report_is_checked_too(write_run):
    run = write_run()
    rows = tuple(
        replace(row, epsilon=row.epsilon * 1.01) if row.scenario == "dataset_strict" else row
        for row in run.report.results
    )
    refused(run, "tv dataset_strict sigma 1.5 downscale 1 has epsilon", replace(run.report, results=rows))
