"""Fits from a file: what is read from which table, and what is said of a table that cannot be used."""

from __future__ import annotations

import hashlib
import shutil
from math import log

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from symmetry_audit import measure
from symmetry_audit.audit import by_name, fits_digest, given_fits, make_settings
from symmetry_audit.data import ImageRef, load_image
from symmetry_audit.errors import DataError, ReportError, SettingError
from symmetry_audit.reports import RESPONSES_FILE, mean_profiles
from symmetry_audit.results import AuditReport
from symmetry_audit.synth import SynthSettings, write_dataset
from tests.conftest import save_photos
from tests.oracles import affine as oracle

ASKED = {"reg": "tv,laplacian", "group": "p8"}
SETTINGS = make_settings(**ASKED)  # its sources are tv and joint
IMAGES = ("a.png", "b.png")


def write(tmp_path, name="fits.csv", **columns):
    """A table of fits; ``columns`` are lists of equal length."""
    path = tmp_path / name
    table = pd.DataFrame(columns)
    table.to_csv(path, index=False) if path.suffix == ".csv" else table.to_parquet(path)
    return path


# --- what is read


@pytest.mark.parametrize("name", ["fits.csv", "fits.parquet"])
def test_a_row_without_regularizer_and_scale_counts_for_all(tmp_path, name):
    path = write(tmp_path, name, image=IMAGES, a=[0.1, -0.2], b=[0.3, 0.0])
    found = given_fits(path, make_settings(**ASKED, sigma=(1.5, 2), downscale=2))
    assert {image: points.shape for image, points in found.items()} == dict.fromkeys(IMAGES, (4, 2, 2))
    assert (found["a.png"] == [0.1, 0.3]).all()
    assert (found["b.png"] == [-0.2, 0.0]).all()


@pytest.mark.parametrize(
    "angle", [{"alpha_deg": [30.0, 200.0]}, {"alpha": [np.pi / 6, np.pi * 10 / 9]}], ids=["degrees", "radians"]
)
def test_axes_become_smooth_coordinates(tmp_path, angle):
    path = write(tmp_path, image=IMAGES, ratio=[1.5, 1.2], **angle)
    found = given_fits(path, SETTINGS)
    assert found["a.png"][0, 0] == pytest.approx(oracle.to_ab(np.pi / 6, 1.5), rel=1e-12)
    assert found["b.png"][0, 1] == pytest.approx(oracle.to_ab(np.pi / 9, 1.2), rel=1e-12)


def test_smooth_coordinates_go_before_axes(tmp_path):
    path = write(tmp_path, image=["a.png"], a=[0.1], b=[0.2], ratio=[1.9], alpha_deg=[10.0])
    assert (given_fits(path, SETTINGS)["a.png"] == [0.1, 0.2]).all()


def test_rows_count_for_their_regularizer_and_scale(tmp_path):
    rows = [(name, sigma, factor) for name in ("tv", "joint") for sigma in (1.5, 2.0) for factor in (1, 2)]
    names, sigmas, factors = zip(*rows, strict=True)
    path = write(
        tmp_path,
        image=["a.png"] * 8,
        regularizer=names,
        sigma=sigmas,
        downscale=factors,
        a=np.arange(8) / 20,
        b=[0] * 8,
    )
    found = given_fits(path, make_settings(**ASKED, sigma=(1.5, 2), downscale=2))["a.png"]
    # (scales, sources): sigma slowest
    assert (found[..., 0] * 20).round(9).tolist() == [[0, 4], [1, 5], [2, 6], [3, 7]]


def test_a_failed_fit_and_a_source_that_is_not_there_are_nan(tmp_path):
    path = write(tmp_path, image=["a.png"] * 2, regularizer=["laplacian", "tv"], a=[None, 0.1], b=[None, 0.2])
    found = given_fits(path, make_settings(reg="tv", group="p8"))["a.png"]
    assert found[0, 0].tolist() == [0.1, 0.2]
    assert np.isnan(found[0, 1]).all()  # joint
    failed = write(tmp_path, image=IMAGES, a=[None, 0.1], b=[None, 0.2])
    found = given_fits(failed, SETTINGS)
    assert np.isnan(found["a.png"]).all()
    assert set(found) == set(IMAGES)


def test_rows_of_the_same_pixels_must_say_the_same(tmp_path):
    """Two images with the same pixels have a row each; a user who changed one of them is asked which counts."""
    same = {"image": IMAGES, "pixel_sha256": ["0" * 64] * 2, "b": [0.0, 0.0]}
    assert (given_fits(write(tmp_path, a=[0.1, 0.1], **same), SETTINGS)["0" * 64] == [0.1, 0.0]).all()
    with pytest.raises(SettingError, match=r"fits\.csv has 2 fits for a\.png that differ; keep one of them"):
        given_fits(write(tmp_path, a=[0.1, 0.2], **same), SETTINGS)


def test_names_that_look_like_numbers_stay_names(tmp_path):
    path = write(tmp_path, image=["007"], a=[0.1], b=[0.2])
    assert set(given_fits(path, SETTINGS)) == {"007"}


def test_the_digest_is_that_of_sha256sum(tmp_path):
    path = write(tmp_path, image=["a.png"], a=[0.1], b=[0.2])
    assert fits_digest(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_ratio_of_two_may_be_written_with_a_few_digits(tmp_path):
    path = write(tmp_path, image=["a.png"], a=[0.693147], b=[0.0])
    assert given_fits(path, SETTINGS)["a.png"][0, 0, 0] == 0.693147
    path = write(tmp_path, image=["a.png"], a=[log(2) + 9e-7], b=[0.0])
    assert given_fits(path, SETTINGS)["a.png"][0, 0, 0] > log(2)


# --- what is refused


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"picture": ["a.png"], "a": [0.1], "b": [0.2]},
            r'has no column "image"; a table of fits needs image, a and b$',
        ),
        ({"image": ["a.png"], "a": [0.1]}, "has neither columns a and b nor ratio and alpha_deg$"),
        ({"image": ["a.png"], "ratio": [1.5]}, "has neither columns a and b nor ratio and alpha_deg$"),
        ({"image": ["a.png"], "alpha": [1.5]}, "has neither columns a and b nor ratio and alpha_deg$"),
        (
            {"image": IMAGES, "a": [0.1, 0.5], "b": [0.2, 0.5]},
            r": the ratio 2\.028 of b\.png exceeds 2, the largest that windows and margins leave room for$",
        ),
        ({"image": ["a.png"], "ratio": [2.1], "alpha": [0.0]}, r": the ratio 2\.1 of a\.png exceeds 2, "),
        ({"image": ["a.png"], "a": [np.inf], "b": [0.0]}, r": the ratio inf of a\.png exceeds 2, "),
        ({"image": ["a.png"], "ratio": [-1.5], "alpha": [0.0]}, r": a ratio must be positive, got -1\.5$"),
        ({"image": ["a.png"], "ratio": [0], "alpha": [0.0]}, ": a ratio must be positive, got 0$"),
        ({"image": ["a.png"], "a": ["much"], "b": [0.0]}, r": numeric columns must contain only numbers \(.*much.*\)$"),
        (
            {"image": ["a.png"], "a": [0.1], "b": [0.2], "regularizer": ["sobel"]},
            "has no fits for regularizer tv, only for sobel; --fit chooses another$",
        ),
        (
            {"image": ["a.png"], "a": [0.1], "b": [0.2], "sigma": [2]},
            r"has no fits for sigma 1\.5, only for 2\.0; measure at these only$",
        ),
        (
            {"image": ["a.png"], "a": [0.1], "b": [0.2], "downscale": [3]},
            r"has no fits for downscale 1, only for 3\.0; measure at these only$",
        ),
    ],
)
@pytest.mark.parametrize("name", ["fits.csv", "fits.parquet"])
def test_a_table_that_cannot_be_used_is_one_line(tmp_path, name, columns, message):
    path = write(tmp_path, name, **columns)
    with pytest.raises(SettingError, match=message) as caught:
        given_fits(path, SETTINGS)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["fits.csv", "fits.parquet", "fits"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00\n\n", b"PAR1 and no more"])
def test_a_file_that_is_no_table_is_one_line(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    message = r'is not a table of fits \(.+\); give an affine\.parquet or a \.csv$|has no column "image"'
    with pytest.raises(SettingError, match=message) as caught:
        given_fits(tmp_path / name, SETTINGS)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SettingError, match=r"^cannot read the fits in \S+none\.csv: No such file or directory$"):
        fits_digest(tmp_path / "none.csv")
    with pytest.raises(SettingError, match=r"^cannot read the fits in \S+: Is a directory$"):
        measure(tmp_path, affine=tmp_path)


# --- runs


@pytest.fixture(scope="module")
def fitted(tmp_path_factory) -> AuditReport:
    """A run that fitted its own w."""
    folder = tmp_path_factory.mktemp("given")
    save_photos(folder / "photos", np.random.default_rng(8), count=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("symmetry_audit.reports.render", lambda folder: ())
        return measure(folder / "photos", **ASKED, out=folder / "run")


def adaptive(report: AuditReport) -> list:
    return [row for row in report.results if row.scenario == "dataset_adaptive"]


SAME = ("epsilon", "relative_epsilon", "normalized_epsilon", "mean_response", "ci_low", "ci_high", "gain", "gain_low")


@pytest.mark.parametrize("name", ["affine.parquet", "affine.csv"])
def test_the_fits_of_another_run_give_its_adaptive_rows_to_the_last_bit(fitted, name, tmp_path, monkeypatch):
    monkeypatch.setattr("symmetry_audit.reports.render", lambda folder: ())
    again = measure(fitted.dataset.source, **ASKED, affine=fitted.folder / name, out=tmp_path / "again")
    assert again.settings["affine"] == fits_digest(fitted.folder / name)
    for old, new in zip(adaptive(fitted), adaptive(again), strict=True):
        assert [getattr(new, field) for field in SAME] == [getattr(old, field) for field in SAME]
        assert (new.fit, new.images_at_limit, new.worst_element) == (old.fit, old.images_at_limit, old.worst_element)
    assert [row.epsilon for row in again.results] == [row.epsilon for row in fitted.results]
    assert again.analyses["transfer"] == fitted.analyses["transfer"]
    for key, profile in mean_profiles(again.folder, again).items():
        assert (profile == mean_profiles(fitted.folder, fitted)[key]).all(), key
    # and the fits that it writes are those that it was given
    columns = ["image", "regularizer", "a", "b", "ratio", "proxy_before", "proxy_after", "epsilon_after"]
    pd.testing.assert_frame_equal(again.affine[columns], fitted.affine[columns], check_exact=True)


def test_without_new_fits_nothing_is_known_that_takes_them(fitted, tmp_path):
    again = measure(fitted.dataset.source, **ASKED, affine=fitted.folder / "affine.parquet")
    given = "w was given, not fitted"
    for row in adaptive(again):
        assert row.random_epsilon is not None
        assert row.reasons["p_value"] == row.reasons["null_epsilon"] == row.reasons["held_out_epsilon"] == given
        assert (row.null_epsilon, row.held_out_epsilon, row.held_out_p_value) == (None, None, None)
    assert not any(fit.iterations for fit in again.fits if fit)


def test_the_known_deformations_of_a_synthetic_dataset_level_its_responses(tmp_path):
    """truth.csv needs no editing: image, ratio, alpha_deg; nothing about regularizers."""
    settings = SynthSettings(n=8, size=192, ratio=1.6, angle=10.0, slope=0.5)
    truth = write_dataset(tmp_path / "synth", settings)
    assert "regularizer" not in pd.read_csv(truth)
    report = measure(tmp_path / "synth", reg="tv,sobel", group="p8", affine=truth)
    for row in adaptive(report):
        strict = next(
            other
            for other in report.results
            if (other.scenario, other.regularizer) == ("dataset_strict", row.regularizer)
        )
        assert row.relative_epsilon < 0.35 * strict.relative_epsilon
        assert row.epsilon < 0.6 * row.random_epsilon
        assert row.gain == pytest.approx(strict.epsilon - row.epsilon, rel=1e-12)
    assert [fit.alpha_deg for fit in report.fits] == pytest.approx([10] * len(report.fits))
    ratios = tmp_path / "ratios.csv"
    pd.read_csv(truth)[["image", "ratio", "alpha_deg"]].to_csv(ratios, index=False)
    short = measure(tmp_path / "synth", reg="tv,sobel", group="p8", affine=ratios)
    for old, new in zip(adaptive(report), adaptive(short), strict=True):
        assert new.epsilon == pytest.approx(old.epsilon, rel=1e-6)


def test_sources_that_were_not_given_have_no_transfer(photos, tmp_path):
    path = write(tmp_path, image=[f"photo_{n}.png" for n in range(4)], regularizer=["tv"] * 4, a=[0.1] * 4, b=[0.2] * 4)
    report = measure(photos, reg="tv", group="p8", affine=path)
    assert [entry["fit"] for entry in report.analyses["transfer"]] == ["tv"]
    reasons = {fit.regularizer: getattr(fit, "reason", None) for fit in report.fits}
    assert reasons == {"tv": None, "joint": "the table of fits has none; measured under strict rotations"}


def test_fits_belong_to_pixels_not_to_names(photos, tmp_path):
    """The w of one image is not that of another one of its name, and is that of its copy under another name."""
    first = measure(photos, **ASKED, out=tmp_path / "first")
    table = pd.read_parquet(tmp_path / "first" / "affine.parquet")
    hashes = dict(zip(table["image"], table["pixel_sha256"], strict=True))
    assert hashes == {path.name: load_image(ImageRef(path.name, path)).pixel_sha256 for path in photos.iterdir()}
    swapped = tmp_path / "swapped"
    swapped.mkdir()
    for at in range(3):
        shutil.copy(photos / f"photo_{at}.png", swapped / f"photo_{at + 1}.png")
    Image.fromarray(np.full((90, 100), 128, np.uint8) + np.arange(100, dtype=np.uint8)).save(swapped / "photo_0.png")
    again = measure(swapped, **ASKED, affine=tmp_path / "first" / "affine.parquet")
    assert [item.image for item in again.skipped] == ["photo_0.png"]

    def axes(report):
        return {(fit.image, fit.regularizer): (fit.a, fit.b) for fit in report.fits if fit}

    known = {(row.image, row.regularizer): (row.a, row.b) for row in table.itertuples() if row.a == row.a}
    found = axes(again)
    assert found and all(
        known[f"photo_{int(image[6]) - 1}.png", name] == value for (image, name), value in found.items()
    )
    assert first.dataset.images == 4


def test_a_table_without_hashes_is_matched_by_name_and_says_so(photos, tmp_path):
    path = write(tmp_path, image=[f"photo_{n}.png" for n in range(4)], a=[0.1] * 4, b=[0.2] * 4)
    said = []
    measure(photos, **ASKED, affine=path, say=said.append)
    assert said == [f"Note: {path} has no column pixel_sha256; its fits find their images by name"]
    mixed = write(tmp_path, image=["a.png", "b.png"], pixel_sha256=["0" * 64, None], a=[0.1] * 2, b=[0.2] * 2)
    found = given_fits(mixed, SETTINGS)
    assert list(found) == ["0" * 64, "b.png"] and by_name(found)
    assert not by_name({"0" * 64: found["b.png"]})


def test_images_without_a_row_are_left_out(photos, tmp_path):
    path = write(tmp_path, image=["photo_0.png", "photo_2.png"], a=[0.1, None], b=[0.2, None])
    report = measure(photos, **ASKED, affine=path)
    assert report.dataset.images == 2
    assert [(item.image, item.reason) for item in report.skipped] == [
        (f"photo_{n}.png", "the table of fits has no row for this image: neither for its pixels nor for its name")
        for n in (1, 3)
    ]
    reasons = [getattr(fit, "reason", None) for fit in report.fits if fit.regularizer == "tv"]
    assert reasons == [None, "the table of fits has none; measured under strict rotations"]
    other = write(tmp_path, image=["x.png"], a=[0.1], b=[0.2])
    with pytest.raises(
        DataError, match=r"^none of the 4 images could be measured; photo_0\.png: the table of fits has"
    ):
        measure(photos, **ASKED, affine=other)


def test_another_table_cannot_land_in_the_same_folder(photos, tmp_path, monkeypatch):
    monkeypatch.setattr("symmetry_audit.reports.render", lambda folder: ())
    images = [f"photo_{n}.png" for n in range(4)]
    paths = [write(tmp_path, f"{a}.csv", image=images, a=[a] * 4, b=[0] * 4) for a in (0.1, 0.2)]
    first = measure(photos, **ASKED, affine=paths[0], out=tmp_path / "run")
    (tmp_path / "moved.csv").write_bytes(paths[0].read_bytes())  # the content counts, not the name
    assert measure(photos, **ASKED, affine=tmp_path / "moved.csv", out=tmp_path / "run") == first
    with pytest.raises(ReportError, match="holds a run with other settings \\(affine"):
        measure(photos, **ASKED, affine=paths[1], out=tmp_path / "run")
    assert (tmp_path / "run" / RESPONSES_FILE).exists()
