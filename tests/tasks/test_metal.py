"""The task "mar": its scans against the tomography package, what networks see of them, its scores and its refusals."""

import numpy as np
import pytest
import tifffile

from symmetry_audit.errors import DataError, SettingError
from symmetry_audit.inference import evaluate
from symmetry_audit.metrics import MAR_PROTOCOLS
from symmetry_audit.tasks import PatchCache, PatchSampler, evaluation_items, make_task, open_pairs

SIDE, VIEWS = 32, 16
MAR = make_task("mar", ct_side=SIDE, views=VIEWS, scans=2)
GIVEN = make_task("mar", ct_side=SIDE, views=VIEWS, metal_place="given")


def body(radius: float) -> np.ndarray:
    """A disc of water with a ring of bone in air, int16 HU."""
    away = np.hypot(*(np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2))
    return np.select([away < radius - 2, away < radius], [0, 1200], -1000).astype(np.int16)


@pytest.fixture
def slices(tmp_path):
    (tmp_path / "ct").mkdir()
    for name, radius in (("a", 13), ("b", 11)):
        tifffile.imwrite(tmp_path / "ct" / f"{name}.tif", body(radius))
    return tmp_path / "ct"


@pytest.fixture
def masks(tmp_path):
    """Two masks: a square in the middle, and one beside it."""
    stack = np.zeros((2, SIDE, SIDE), np.uint8)
    stack[0, 14:18, 14:18] = stack[1, 10:13, 15:18] = 255
    np.save(tmp_path / "metal.npy", stack)
    return str(tmp_path / "metal.npy")


def test_pairs_are_slices_times_scans(slices, masks):
    pairs = open_pairs(str(slices), MAR, inputs=masks)
    assert [pair.key for pair in pairs.refs] == ["a.tif#1", "a.tif#2", "b.tif#1", "b.tif#2"]
    assert [pair.number for pair in pairs.refs] == [1, 2, 1, 2]
    assert len(open_pairs(str(slices), MAR, inputs=masks, limit=1).refs) == 2


def test_what_a_network_gets(slices, masks):
    """The clean slice by hand, and every scan another metal that lies in the body."""
    items = {item.key: item for item in evaluation_items(open_pairs(str(slices), MAR, inputs=masks), MAR, 0)}
    for name, radius in (("a", 13), ("b", 11)):
        mu = 0.192 * (1 + body(radius) / 1000)
        for number in (1, 2):
            item = items[f"{name}.tif#{number}"]
            np.testing.assert_allclose(item.clean[..., 0], 255 * mu, rtol=1e-5)
            known = item.input[..., 2]
            assert set(np.unique(known)) == {0, 1} and (mu[known == 0] > 0.1).all()
            assert item.input.min() >= 0 and item.input.max() <= 255 and item.input.shape == (SIDE, SIDE, 3)
            assert np.abs(item.input[..., 0] - item.clean[..., 0]).max() > 20  # metal leaves streaks
    assert not np.array_equal(items["a.tif#1"].input, items["a.tif#2"].input)


def test_scans_are_the_same_whenever_they_are_made(slices, masks, tmp_path):
    pairs = open_pairs(str(slices), MAR, inputs=masks)
    first = [item.input for item in evaluation_items(pairs, MAR, 0)]
    cache = PatchCache(pairs, MAR, tmp_path / "cache")
    for given, (degraded, clean) in zip(first, cache, strict=True):
        np.testing.assert_array_equal(given, degraded)
        assert degraded.dtype == clean.dtype == np.float32
    x, target = PatchSampler(cache, MAR, 16, 0, "flips").batch(0, 3)
    assert x.shape == (3, 3, 16, 16) and target.shape == (3, 1, 16, 16)


def test_given_masks_stay_where_they_are(slices, masks):
    stack = np.load(masks) > 0
    found = [
        item.input[..., 2] == 0 for item in evaluation_items(open_pairs(str(slices), GIVEN, inputs=masks), GIVEN, 0)
    ]
    assert all(any(np.array_equal(metal, one) for one in stack) for metal in found)


def test_scores_of_baselines_are_those_of_the_protocols(slices, masks):
    """The input, LI and NMAR; the metal does not count, and the error is in HU."""
    pairs = open_pairs(str(slices), MAR, inputs=masks)
    items = {item.key: item for item in evaluation_items(pairs, MAR, 0)}
    found = evaluate("li", pairs, MAR)
    for score in found.images:
        item = items[score.image]
        clean, li, corrupted = item.clean[..., 0] / 255.0, item.input[..., 1] / 255.0, item.input[..., 0] / 255.0
        metal = item.input[..., 2] == 0
        own, before = (MAR_PROTOCOLS["mar"].score(image, clean, metal) for image in (li, corrupted))
        assert (score.psnr, score.ssim, score.input_psnr) == pytest.approx((own.psnr, own.ssim, before.psnr))
        rmse = np.sqrt(np.mean((li - clean)[~metal] ** 2)) * 1000 / 0.192
        (hu,) = (one for one in score.further if one.name == "RMSE")
        assert (hu.unit, hu.protocol) == ("HU", "mar") and hu.value == pytest.approx(rmse, rel=1e-5)
    assert {(one.protocol, one.name) for one in found.further} == {
        ("mar", "RMSE"),
        *((name, kind) for name in ("mar-statistic", "mar-window") for kind in ("PSNR", "SSIM")),
    }
    assert found.psnr > found.input_psnr and evaluate("nmar", pairs, MAR).psnr > found.input_psnr
    assert evaluate("identity", pairs, MAR).psnr == found.input_psnr


def test_refusals(slices, masks, tmp_path):
    with pytest.raises(SettingError, match=r"mar needs masks: give a \.npy or \.mat file or a folder"):
        open_pairs(str(slices), MAR)
    with pytest.raises(DataError, match=r'no such masks: "nowhere\.npy"'):
        open_pairs(str(slices), MAR, inputs="nowhere.npy")
    (tmp_path / "text.npy").write_text("no masks")
    with pytest.raises(DataError, match="cannot read the masks"):
        open_pairs(str(slices), MAR, inputs=str(tmp_path / "text.npy"))
    with pytest.raises(DataError, match=r"cannot read the masks in .*ct: a\.tif: holds int16 samples"):
        open_pairs(str(slices), MAR, inputs=str(slices))
    with pytest.raises(SettingError, match="--ct-side takes a whole number from 32 to 2048, got 8"):
        make_task("mar", ct_side=8)
    with pytest.raises(SettingError, match="--views takes a whole number from 8 to 2048, a multiple of 8, got 12"):
        make_task("mar", views=12)
    with pytest.raises(SettingError, match="--metal-place is random or given"):
        make_task("mar", metal_place="nowhere")
    pairs = open_pairs(str(slices), MAR, inputs=masks)
    with pytest.raises(SettingError, match='unknown protocol "rgb" for mar'):
        evaluate("li", pairs, MAR, protocol="rgb")
    with pytest.raises(SettingError, match=r"bicubic is not a baseline for metal artefact reduction.*; use identity"):
        evaluate("bicubic", pairs, MAR)


def test_what_is_no_slice_in_hu_is_named(tmp_path, masks):
    (tmp_path / "grey").mkdir()
    tifffile.imwrite(tmp_path / "grey" / "a.tif", np.zeros((SIDE, SIDE), np.uint8))
    with pytest.raises(DataError, match=r"a\.tif#1: .*not in HU; give CT slices"):
        list(evaluation_items(open_pairs(str(tmp_path / "grey"), MAR, inputs=masks), MAR, 0))
