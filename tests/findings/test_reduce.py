"""From records to report: every number against numpy on responses.parquet, and every warning."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import tifffile
from PIL import Image

from symmetry_audit import measure
from symmetry_audit.groups import Group
from symmetry_audit.results import AuditReport, ResultRow
from tests.conftest import save_photos, smooth_noise
from tests.oracles import statistics as slow

STRICT = "sample_strict,dataset_strict"
NOT_FITTED = dict.fromkeys(("images_at_limit", "epsilon_within_limit"), "no image was fitted")
NO_TEST = {
    "sample_strict": "the values are of single images, and the test needs many",
    "dataset_strict": "fewer than 10 images",
}


def reasons(scenario: str) -> dict[str, str]:
    """Why values of a strict row of fewer than ten images are null."""
    return dict.fromkeys(("p_value", "null_epsilon", "relative_null", "excess"), NO_TEST[scenario]) | NOT_FITTED


@pytest.fixture(scope="module")
def sweep(tmp_path_factory) -> AuditReport:
    """Five images, two regularizers, both strict scenarios, two sigmas, two scales, a group with mirrors."""
    folder = tmp_path_factory.mktemp("sweep")
    save_photos(folder / "photos", np.random.default_rng(7), count=5, size=(88, 96))
    settings = {"reg": "tv,chiral", "group": "p8m", "sigma": (0.8, 1.5), "downscale": 2, "seed": 3, "scenario": STRICT}
    return measure(folder / "photos", **settings, out=folder / "run")


def profiles(report: AuditReport, row: ResultRow) -> dict[str, np.ndarray]:
    """Response profile by image, read with pyarrow alone."""
    table = pq.read_table(report.folder / "responses.parquet").to_pylist()
    names = ("regularizer", "scenario", "sigma", "downscale")
    wanted = [getattr(row, name) for name in names]
    return {item["image"]: np.array(item["response"]) for item in table if [item[name] for name in names] == wanted}


def epsilon(profile: np.ndarray) -> float:
    return float(np.abs(profile[0] - profile).max())


# --- numbers


def test_rows_stand_in_a_fixed_order(sweep):
    keys = [(row.sigma, row.downscale, row.scenario, row.regularizer) for row in sweep.results]
    assert keys == [
        (sigma, downscale, scenario, regularizer)
        for sigma in (0.8, 1.5)
        for downscale in (1, 2)
        for scenario in ("sample_strict", "dataset_strict")
        for regularizer in ("tv", "chiral")
    ]


def test_sample_rows_against_numpy_on_the_parquet_file(sweep):
    rows = [row for row in sweep.results if row.scenario == "sample_strict"]
    assert len(rows) == 8
    for row in rows:
        found = profiles(sweep, row)
        single = np.array([epsilon(profile) for profile in found.values()])
        normalized = [epsilon(profile / profile.mean()) for profile in found.values()]
        assert len(single) == row.images == 5
        assert row.epsilon == pytest.approx(single.mean(), rel=1e-12)
        assert row.relative_epsilon == pytest.approx(slow.relative_of_single_images(found.values()), rel=1e-12)
        assert row.normalized_epsilon == pytest.approx(np.mean(normalized), rel=1e-12)
        assert (row.q25, row.median, row.q75) == pytest.approx(np.percentile(single, (25, 50, 75)), rel=1e-12)
        selected = found[row.selected_image]
        assert row.epsilon_selected == pytest.approx(epsilon(selected), rel=1e-12)
        assert np.abs(selected[0] - selected)[row.worst_element] == pytest.approx(epsilon(selected), rel=1e-9)


def test_dataset_rows_against_numpy_on_the_parquet_file(sweep):
    rows = [row for row in sweep.results if row.scenario == "dataset_strict"]
    assert len(rows) == 8
    for row in rows:
        found = np.stack(list(profiles(sweep, row).values()))
        mean = found.mean(0)
        normalized = (found / found.mean(1, keepdims=True)).mean(0)
        assert row.epsilon == pytest.approx(epsilon(mean), rel=1e-12)
        assert row.relative_epsilon == pytest.approx(slow.relative(mean), rel=1e-12)
        assert row.normalized_epsilon == pytest.approx(epsilon(normalized), rel=1e-12)
        assert np.abs(mean[0] - mean)[row.worst_element] == pytest.approx(epsilon(mean), rel=1e-9)
        assert (row.selected_image, row.epsilon_selected, row.median, row.q25, row.q75) == (None,) * 5


def test_what_all_rows_share(sweep):
    angles = Group.parse("p8m").angles_deg()
    for row in sweep.results:
        mean = np.mean(list(profiles(sweep, row).values()), axis=0)
        assert row.identity_response == pytest.approx(mean[0], rel=1e-12)
        assert row.mean_response == pytest.approx(mean.mean(), rel=1e-12)
        assert row.worst_angle_deg == angles[row.worst_element]
        assert (row.group, row.images, row.tested) == ("p8m", 5, True)
        assert row.reasons == reasons(row.scenario)
        # chiral sees all; tv is blind to half turns and to the mirrors that turn it into itself or its negative
        assert row.visible_elements == {"chiral": 15, "tv": 12}[row.regularizer]


def test_sums_run_in_the_order_of_the_images_so_that_the_bits_are_always_the_same(sweep):
    for row in sweep.results:
        found = profiles(sweep, row)
        assert list(found) == sorted(found)
        assert row.identity_response == sum(profile[0] for profile in found.values()) / 5


def test_the_seed_chooses_one_image_for_all_rows(tmp_path, photos):
    chosen = {}
    for seed in range(12):
        rows = measure(photos, reg="tv,sobel", group="p4", scenario="sample_strict", seed=seed).results
        (chosen[seed],) = {row.selected_image for row in rows}
    assert measure(photos, reg="tv", group="p4", seed=5, scenario=STRICT).results[0].selected_image == chosen[5]
    assert set(chosen.values()) == {f"photo_{number}.png" for number in range(4)}


def test_the_fingerprint_is_that_of_sha256sum(photos):
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(photos.iterdir())]
    report = measure(photos, reg="tv", group="p4", scenario=STRICT)
    assert report.dataset.fingerprint == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert (report.dataset.name, report.dataset.source, report.dataset.images) == ("photos", str(photos), 4)


def test_limit_takes_the_first_images_by_name(photos):
    asked = {"reg": "tv", "group": "p4", "scenario": STRICT}
    whole, limited = (measure(photos, **asked, limit=limit) for limit in (None, 2))
    (photos / "photo_2.png").unlink()
    (photos / "photo_3.png").unlink()
    two = measure(photos, **asked)
    assert limited.results == two.results
    assert limited.results != whole.results
    assert limited.dataset.fingerprint == two.dataset.fingerprint


# --- what no regularizer can see


@pytest.mark.parametrize(
    ("group", "reg", "tested", "blind"),
    [
        ("p2", None, False, "A1"),
        ("p2", "chiral", True, None),
        ("p2", "tv,tv2,sobel,laplacian,prewitt,chiral", True, None),
        ("p4", None, True, "A2"),
        ("p4", "laplacian", False, "A1, A2, A3"),
        ("p1", None, False, None),  # only the identity: nothing to be blind to
        ("p4m", "laplacian,tv", True, "A2, A0M, A2M"),
        ("p4m", "chiral", True, None),
    ],
)
def test_tested_is_false_where_nothing_but_the_identity_is_seen(photos, group, reg, tested, blind):
    # too narrow a margin for the responses that tell flips and half turns
    report = measure(photos, group=group, reg=reg, limit=1, scenario=STRICT, sigma=0.5, margin=4)
    assert not report.answers
    assert {row.tested for row in report.results} == {tested}
    assert len(report.warnings) == (1 if blind else 0)
    for warning in report.warnings:
        assert warning.startswith(f"no regularizer of this run can tell {blind} of {group} from the identity")
        assert "--response rectified" in warning
    if not tested:
        assert {row.epsilon for row in report.results} == {0.0}
        assert {row.visible_elements for row in report.results} == {0}


# --- files a careful analyst wants to hear about


def warnings_of(folder: Path) -> list[str]:
    """The warnings about files; chiral keeps those about the group away."""
    return list(measure(folder, reg="chiral", group="p4", scenario=STRICT).warnings)


def test_ordinary_photographs_give_no_warning(photos):
    assert warnings_of(photos) == []


def test_applied_exif_orientation_is_told(photos):
    turn = Image.Exif()
    turn[274] = 6
    Image.open(photos / "photo_1.png").save(photos / "photo_1.png", exif=turn)
    told, sizes = warnings_of(photos)
    assert told == "EXIF orientation applied to 1 image: photo_1.png"
    assert sizes == "mixed sizes: 56 x 64 (3), 64 x 56 (1)"


def test_hidden_pixels_are_told(photos):
    image = Image.open(photos / "photo_1.png").convert("RGBA")
    image.putpixel((0, 0), (9, 9, 9, 0))
    image.save(photos / "photo_1.png")
    assert "pixels left out that alpha or a mask inside the file makes fully transparent, in 1 image: photo_1.png" in (
        warnings_of(photos)
    )


def test_copies_are_told_by_bytes_and_by_pixels_but_not_twice(photos):
    shutil.copy(photos / "photo_0.png", photos / "a_copy.png")
    shutil.copy(photos / "photo_0.png", photos / "b_copy.png")
    Image.open(photos / "photo_3.png").save(photos / "c.bmp")
    assert warnings_of(photos) == [
        "2 images are byte-identical to another and counted again: a_copy.png = b_copy.png = photo_0.png",
        "1 image is pixel-identical to another and counted again: c.bmp = photo_3.png",
    ]


def test_a_copy_that_is_also_a_twin_in_another_format_is_told_as_both(photos):
    shutil.copy(photos / "photo_0.png", photos / "a_copy.png")
    Image.open(photos / "photo_0.png").save(photos / "z.bmp")
    assert warnings_of(photos) == [
        "1 image is byte-identical to another and counted again: a_copy.png = photo_0.png",
        "2 images are pixel-identical to another and counted again: a_copy.png = photo_0.png = z.bmp",
    ]


def test_mixed_sizes_and_depths_are_told_the_most_frequent_first(photos, rng):
    deep = (smooth_noise(rng, 64, 56) * 257).astype(np.uint16)
    Image.fromarray(deep).save(photos / "deep.png")
    Image.fromarray(smooth_noise(rng, 70, 90).astype(np.uint8)).save(photos / "large.png")
    assert warnings_of(photos) == [
        "mixed sizes: 56 x 64 (5), 90 x 70 (1)",
        "mixed bit depths: 8-bit (5), 16-bit (1)",
    ]


def test_float_files_are_reported(tmp_path, rng):
    (tmp_path / "floats").mkdir()
    for number in range(7):
        tifffile.imwrite(tmp_path / f"floats/{number}.tif", smooth_noise(rng, 40, 40).astype(np.float32))
    assert warnings_of(tmp_path / "floats") == [
        "samples used as they are, not scaled to 0-255, in 7 images: 0.tif, 1.tif, 2.tif, 3.tif, 4.tif and 2 more; "
        "--white scales them"
    ]


def test_a_flat_image_counts_in_epsilon_but_not_in_the_normalized_one(photos):
    before = measure(photos, reg="chiral", group="p4", scenario=STRICT)
    Image.new("RGB", (56, 64), (90, 90, 90)).save(photos / "wall.png")
    after = measure(photos, reg="chiral", group="p4", scenario=STRICT)
    assert list(after.warnings) == ["zero response, so ignored in the normalized epsilon, in 1 image: wall.png"]
    for old, new in zip(before.results, after.results, strict=True):
        assert new.epsilon == pytest.approx(old.epsilon * 4 / 5, rel=1e-12)
        assert new.normalized_epsilon == pytest.approx(old.normalized_epsilon, rel=1e-12)
        assert new.images == 5


def test_where_all_is_flat_null_stands_with_a_reason(tmp_path):
    (tmp_path / "walls").mkdir()
    for grey in (0, 255):
        Image.new("L", (40, 40), grey).save(tmp_path / f"walls/{grey}.png")
    report = measure(tmp_path / "walls", reg="chiral", group="p4", scenario=STRICT)
    names = ("relative_epsilon", "relative_ci_low", "relative_ci_high", "relative_floor", "normalized_epsilon", "floor")
    flat = dict.fromkeys(names, "the mean response is 0: every image is flat")
    for row in report.results:
        assert (row.epsilon, row.mean_response) == (0.0, 0.0)
        assert {getattr(row, name) for name in names} == {None}
        assert row.reasons == reasons(row.scenario) | flat
    assert AuditReport.from_dict(report.to_dict()) == report  # and it can be written: no NaN
    assert "NaN" not in report.to_json()
