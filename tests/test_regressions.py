"""What was once found wrong by using it, kept right."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from symmetry_audit import measure, reports
from symmetry_audit.audit import make_settings
from symmetry_audit.cli.main import main
from symmetry_audit.errors import ReportError, SettingError
from tests.conftest import save_photos

STRICT = "sample_strict,dataset_strict"


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out tables and figures, which take most of the time of a small run."""
    monkeypatch.setattr(reports, "render", lambda folder: ())


def test_every_worker_s_first_image_has_the_same_bits(tmp_path: Path, rng: np.random.Generator) -> None:
    """New threads once ran their first matrix product with another thread count."""
    folder = save_photos(tmp_path / "photos", rng, count=9, size=(90, 120))
    reports = {measure(folder, workers=workers, reg="tv,sobel", scenario=STRICT).to_json() for workers in (1, 2, 3)}
    assert len(reports) == 1


def test_a_flat_colour_image_does_not_enter_the_normalized_error(photos: Path) -> None:
    before = measure(photos, group="p8", scenario="dataset_strict")
    Image.new("RGB", (64, 64), (10, 200, 37)).save(photos / "flat.png")
    after = measure(photos, group="p8", scenario="dataset_strict")
    for old, new in zip(before.results, after.results, strict=True):
        assert new.normalized_epsilon == pytest.approx(old.normalized_epsilon, rel=1e-9)
    assert any("zero response" in warning and "flat.png" in warning for warning in after.warnings)


def test_spellings_of_one_folder_continue_one_run(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photos.parent)
    written = []
    for spelling in ("photos", "photos/", "./photos"):
        measure(spelling, group="p4", reg="tv", scenario=STRICT, out="out")
        written.append((photos.parent / "out" / "report.json").read_bytes())
    assert written[0] == written[1] == written[2]


def test_an_image_swapped_for_another_of_its_size_and_time_is_measured_again(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    epsilons = []
    for image in rng.integers(0, 256, (2, 80, 80), dtype=np.uint8):
        Image.fromarray(image).save(folder / "a.bmp")
        os.utime(folder / "a.bmp", (0, 0))
        epsilons.append(measure(folder, group="p4", reg="tv", scenario=STRICT, out=tmp_path / "out").results[0].epsilon)
    assert epsilons[0] != epsilons[1]


def test_a_journal_line_that_lacks_something_is_measured_again(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = measure(photos, group="p4", reg="tv", scenario=STRICT, out=out).to_json()
    journal = out / "journal.jsonl"
    entries = [json.loads(line) for line in journal.read_text().splitlines()]
    for entry in entries:
        del entry["crc32"]  # as an older version wrote them
    del entries[2]["arrays"]
    journal.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    again = partial(measure, photos, group="p4", reg="tv", scenario=STRICT, out=out)
    with pytest.raises(ReportError, match=r"1 line did not .* 3 images stayed"):
        again()
    assert again().to_json() == first


def test_fail_above_has_nothing_to_compare(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    arguments = ["measure", str(photos), "--group", "p2", "--reg", "tv", "--out", str(tmp_path / "out")]
    arguments += ["--scenario", STRICT]
    for threshold, code in (("0.1", 1), ("-1", 2), ("nan", 2)):
        with pytest.raises(SystemExit) as stop:
            main([*arguments, "--fail-above", threshold])
        assert stop.value.code == code, threshold
        if code == 1:
            assert "no element of the group was tested, so --fail-above has nothing to check" in capsys.readouterr().err


def test_interpolating_kernels_warn_of_the_pixel_grid(photos: Path) -> None:
    def warned(kernel: str) -> list[str]:
        report = measure(photos, group="p8", reg="tv,laplacian", kernel=kernel, scenario=STRICT)
        return [warning for warning in report.warnings if "pixel grid" in warning]

    assert len(warned("bicubic")) == 1
    assert "laplacian" in warned("bicubic")[0]
    assert warned("gaussian") == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": None}, "--seed takes a whole number, got None"),
        ({"limit": 2.5}, r"--limit takes a whole number, got 2\.5"),
        ({"margin": 20.5}, "--margin takes a whole number"),
        ({"max_pixels": float("inf")}, "--max-pixels takes a finite number, got inf"),
        ({"sigma": "a"}, '--sigma: "a" is not a number or a comma list of numbers'),
        ({"downscale": [None]}, r"--downscale takes a whole number, got \(None,\)"),
        ({"group": 8}, "--group takes a text, got 8"),
    ],
)
def test_python_arguments_of_the_wrong_kind(settings: dict, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        make_settings(**settings)


def test_python_numbers_of_any_kind_mean_the_same() -> None:
    assert make_settings(sigma=2) == make_settings(sigma=2.0) == make_settings(sigma=np.array([2.0]))
