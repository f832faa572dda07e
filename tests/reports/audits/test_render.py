"""render(): which files, the same bytes every time, and never half a file."""

import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from symmetry_audit.errors import ReportError, SettingError
from symmetry_audit.reports import render, table1_csv, table1_markdown, table1_tex
from symmetry_audit.reports.audits._details import details_markdown
from symmetry_audit.results import SCENARIOS

TABLES = ["table1.csv", "table1.md", "table1.tex"]
FIGURES = ["figure2.png", "figure2.svg", "figure2.pdf"]
DETAILS = ["details.md", "subsets.png", "subsets.svg", "subsets.pdf"]
DIRECTIONS = ["directions.png", "directions.svg", "directions.pdf"]
FEW = {"tv": "TV", "sobel": "Sobel"}
RENDER = "import sys; from symmetry_audit.reports import render; render(sys.argv[1])"


def test_all_files_lie_in_the_folder(write_run):
    run = write_run()
    before = {path.name for path in run.folder.iterdir()}
    files = render(run.folder)
    assert [path.name for path in files] == TABLES + FIGURES + DETAILS + DIRECTIONS
    assert {path.parent for path in files} == {run.folder}
    assert {path.name for path in run.folder.iterdir()} == before | {*TABLES, *FIGURES, *DETAILS, *DIRECTIONS}
    contents = [writer(run.report) for writer in (table1_csv, table1_markdown, table1_tex)]
    assert [path.read_bytes().decode() for path in files[:3]] == contents


def test_one_format_alone(write_run):
    run = write_run(titles=FEW)
    assert [path.name for path in render(str(run.folder), ["figure2"])] == FIGURES
    (run.folder / "responses.parquet").unlink()
    assert [path.name for path in render(run.folder, ("table1",))] == TABLES
    assert [path.name for path in render(run.folder, ("details",))] == DETAILS
    assert (run.folder / "details.md").read_text(encoding="utf-8") == details_markdown(run.report)


def test_two_processes_write_the_same_bytes(write_run, tmp_path):
    """Other hash seeds, time zones, dates and matplotlib settings change nothing."""
    run = write_run(group="p8m", scenarios=SCENARIOS, name="a_$b", full=True, titles=FEW)
    rc = tmp_path / "matplotlibrc"
    rc.write_text("font.size: 20\naxes.grid: True\nsavefig.dpi: 33\nsvg.fonttype: none\npdf.compression: 0\n")
    odd = {
        "PYTHONHASHSEED": "2",
        "SOURCE_DATE_EPOCH": "1",
        "TZ": "Asia/Tokyo",
        "MATPLOTLIBRC": str(rc),
        "MPLBACKEND": "svg",
    }
    seen = [{path.name: path.read_bytes() for path in render(run.folder)}]
    time.sleep(1.1)  # a time stamp would differ
    subprocess.run([sys.executable, "-c", RENDER, run.folder], env=os.environ | odd, check=True, timeout=120)
    seen.append({name: (run.folder / name).read_bytes() for name in seen[0]})
    assert list(seen[0]) == TABLES + FIGURES + DETAILS + DIRECTIONS
    assert all(seen[0].values())
    assert [name for name in seen[0] if seen[0][name] != seen[1][name]] == []


def test_other_numbers_give_other_files(write_run):
    one, other = (write_run(name, full=True, scale=scale, titles=FEW) for name, scale in (("one", 1), ("other", 1.1)))
    formats = ("table1", "figure2")
    for first, second in zip(render(one.folder, formats), render(other.folder, formats), strict=True):
        assert first.read_bytes() != second.read_bytes()


def test_the_regularizer_changes_the_figure_alone(write_run):
    run = write_run(titles=FEW)
    first = {path.name: path.read_bytes() for path in render(run.folder)}
    figures = {name: first[name] for name in FIGURES}
    assert {path.name: path.read_bytes() for path in render(run.folder, ["figure2"], "tv")} == figures
    other = {path.name: path.read_bytes() for path in render(run.folder, regularizer="sobel")}
    assert {name for name in first if first[name] != other[name]} == set(FIGURES)


def test_unknown_names_are_usage_errors(write_run):
    run = write_run()
    with pytest.raises(SettingError, match=r'"tabel1" is not a format. Did you mean "table1"\?'):
        render(run.folder, ("tabel1",))
    with pytest.raises(SettingError, match=r'"soble" is not a regularizer of this run. Did you mean "sobel"\?'):
        render(run.folder, ("table1",), "soble")
    assert not (run.folder / "table1.csv").exists()


def test_nothing_is_written_when_the_figure_cannot_be_drawn(write_run):
    run = write_run()
    (run.folder / "responses.parquet").unlink()
    with pytest.raises(ReportError, match=r"responses\.parquet is missing"):
        render(run.folder)
    assert [path.name for path in run.folder.iterdir()] == ["report.json"]


def test_a_failed_write_leaves_the_old_file_whole(write_run, monkeypatch):
    run = write_run(titles=FEW)
    old = {path.name: path.read_bytes() for path in render(run.folder)}
    changed = replace(run.report, dataset=replace(run.report.dataset, name="other"))
    (run.folder / "report.json").write_text(changed.to_json(), encoding="utf-8")

    def full(source, target):
        assert str(source) != str(target)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ReportError, match=r"cannot write .*table1\.csv: No space left on device"):
        render(run.folder)
    left = {path.name for path in run.folder.iterdir()}
    assert left == {*old, "report.json", "responses.parquet"}
    assert {name: (run.folder / name).read_bytes() for name in old} == old


def test_a_folder_without_a_report(tmp_path):
    with pytest.raises(ReportError, match="give the folder that `symaudit measure` wrote"):
        render(tmp_path)


def test_neither_torch_nor_pyplot_is_imported(write_run):
    code = f"{RENDER}; print(sorted({{'torch', 'matplotlib.pyplot'}} & set(sys.modules)), 'matplotlib' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code, write_run(titles=FEW).folder], capture_output=True, text=True, check=True
    )
    assert run.stdout.split("\n")[0] == "[] True"


def test_importing_results_and_reports_leaves_matplotlib_and_torch_out():
    code = "import sys, symmetry_audit.results as r; first = set(sys.modules); import symmetry_audit.reports\n"
    code += "print(sorted({'numpy', 'pandas', 'pyarrow', 'torch'} & first), "
    code += "sorted({'matplotlib', 'torch', 'pandas'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[] []\n"
