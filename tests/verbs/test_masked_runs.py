"""Runs with masks: what the report says, and that they can be continued and verified."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from symmetry_audit import fit_affine, measure, verify
from symmetry_audit.errors import ReportError
from symmetry_audit.results import AuditReport
from tests.conftest import save_photos, smooth_noise

ASKED = {"reg": "tv", "group": "p4", "scenario": "dataset_strict", "workers": 1}


def masked_photos(folder: Path, rng: np.random.Generator) -> tuple[Path, Path]:
    """Three photographs, and masks for two of them: all pixels, and all but the rows below the 50th."""
    photos, masks = save_photos(folder / "photos", rng, count=3, size=(80, 70)), folder / "masks"
    masks.mkdir()
    for number, kept in enumerate((80, 50)):
        Image.fromarray(np.indices((80, 70))[0] < kept).save(masks / f"photo_{number}.png")
    return photos, masks


def test_a_run_with_masks_says_how_much_it_left_out_and_can_be_verified(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    photos, masks = masked_photos(tmp_path, rng)
    report = measure(photos, mask=masks, out=tmp_path / "run", **ASKED)
    share = 30 / (80 - 26)  # V of 24 rows in place of 54
    assert report.left_out.image == "photo_1.png"
    assert report.left_out.largest == pytest.approx(share) and report.left_out.mean == pytest.approx(share / 2)
    assert report.skipped[0].image == "photo_2.png" and "has no mask" in report.skipped[0].reason
    assert report.warnings[0].endswith(f"{100 * share:.3g} % at most, of photo_1.png")
    assert AuditReport.load(tmp_path / "run").left_out == report.left_out
    again = measure(photos, mask=masks, out=tmp_path / "run", resume=True, **ASKED)
    assert again.results == report.results
    assert verify(tmp_path / "run") == ()
    masks.rename(tmp_path / "elsewhere")
    with pytest.raises(ReportError, match="give their place now with --mask"):
        verify(tmp_path / "run")
    assert verify(tmp_path / "run", mask=tmp_path / "elsewhere") == ()
    Image.new("1", (70, 80), 1).save(tmp_path / "elsewhere" / "photo_1.png")
    with pytest.raises(ReportError, match="the masks are not those"):
        verify(tmp_path / "run", mask=tmp_path / "elsewhere")
    with pytest.raises(ReportError, match="other settings"):
        measure(photos, mask=tmp_path / "elsewhere", out=tmp_path / "run", resume=True, **ASKED)


def test_without_padding_nothing_is_left_out(tmp_path: Path, rng: np.random.Generator) -> None:
    report = measure(save_photos(tmp_path, rng, count=2), **ASKED)
    assert (report.left_out.mean, report.left_out.largest, report.left_out.image) == (0, 0, None)
    assert "padding" not in " ".join(report.warnings)


def test_bars_change_no_bit(tmp_path: Path, rng: np.random.Generator) -> None:
    """Pictures in bars are measured as if they had been cropped, and fitted so."""
    for number in range(2):
        picture = np.clip(smooth_noise(rng, 90, 80), 20, 235).round().astype(np.uint8)
        for name, saved in (("plain", picture), ("barred", np.pad(picture, ((31, 30), (0, 0))))):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(saved).save(tmp_path / name / f"{number}.png")
    plain, barred = (measure(tmp_path / name, **ASKED) for name in ("plain", "barred"))
    assert plain.results == barred.results and barred.left_out.mean > 0
    ours, theirs = (fit_affine(tmp_path / name, reg="tv", group="p8", workers=1) for name in ("plain", "barred"))
    assert [(fit.a, fit.b) for fit in ours] == [(fit.a, fit.b) for fit in theirs]


def test_an_array_may_have_a_mask_too(tmp_path: Path, rng: np.random.Generator) -> None:
    image = smooth_noise(rng, 90, 80)
    Image.fromarray(np.indices((90, 80))[1] < 60).save(tmp_path / "mask.png")
    masked, cut = (
        fit_affine(array, reg="tv", group="p8", **asked)
        for array, asked in ((image, {"mask": tmp_path / "mask.png"}), (image[:, :60], {}))
    )
    assert [(fit.a, fit.b) for fit in masked] == [(fit.a, fit.b) for fit in cut]
