"""Scores of networks whose output is known by hand, of baselines against published figures, and leaks."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from dataclasses import replace
from statistics import fmean

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from symmetry_audit.checkpoints import Checkpoint, load_checkpoint
from symmetry_audit.errors import DataError, ModelError, SettingError
from symmetry_audit.inference import as_samples, describe, evaluate, leaked
from symmetry_audit.metrics import PROTOCOLS
from symmetry_audit.reports.networks._evaluation import evaluation_text
from symmetry_audit.tasks import make_task, open_pairs
from tests.inference.models import save_checkpoint

RAIN, LARGE, NOISE = make_task("derain"), make_task("sr", scale=2), make_task("denoise", sigma=20.0)


class Brighter(nn.Module):
    """Adds a constant to all channels."""

    scale = 1

    def __init__(self, levels: float) -> None:
        super().__init__()
        self.levels = nn.Parameter(torch.tensor(levels))

    def forward(self, x):
        return x + self.levels


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def rainy(tmp_path, rng):
    """Three pairs whose rainy image is the clean one, within 30..220."""
    for name in ("b", "a", "c"):
        pixels = rng.integers(30, 221, (24, 31, 3), dtype=np.uint8)
        for folder in ("rain", "norain"):
            save(tmp_path / "set" / folder / f"{name}.png", pixels)
    return tmp_path / "set"


def of_luma(levels):
    """PSNR by hand where all channels are off by ``levels``: the weights of luma sum up to 219/255."""
    return 20 * math.log10(255 / (levels * 219 / 255))


def test_a_constant_error_by_hand(rainy):
    found = evaluate(Brighter(10.0), open_pairs(str(rainy), RAIN), RAIN)
    assert [item.image for item in found.images] == ["a.png", "b.png", "c.png"]
    for item in found.images:
        assert item.psnr == pytest.approx(of_luma(10), abs=1e-9)
        assert item.input_psnr == math.inf and item.input_ssim == 1.0
        assert 0 < item.ssim < 1 and item.seconds > 0
    assert found.psnr == pytest.approx(of_luma(10))
    assert (found.protocol, found.task_text, found.seed) == ("derain-y", "deraining", 0)
    assert found.model.parameters == 1 and found.data.images == 3
    assert found.settings == {"self_ensemble": False, "tile": None, "overlap": 32, "device": "cpu"}


def test_outputs_are_rounded_and_clipped_as_files_are(rainy):
    pairs = open_pairs(str(rainy), RAIN)
    assert evaluate(Brighter(10.4), pairs, RAIN).psnr == evaluate(Brighter(10.0), pairs, RAIN).psnr
    assert evaluate(Brighter(0.4), pairs, RAIN).psnr == math.inf
    white = evaluate(Brighter(1000.0), pairs, RAIN)
    clean = np.asarray(Image.open(rainy / "norain" / "a.png"), dtype=np.float64)
    luma = 219 - clean @ (np.array([65.481, 128.553, 24.966]) / 255)
    assert white.images[0].psnr == pytest.approx(10 * math.log10(255**2 / np.mean(luma**2)))


def test_means_are_those_of_the_images(rainy):
    found = evaluate(Brighter(3.0), open_pairs(str(rainy), RAIN), RAIN)
    assert found.psnr == fmean(item.psnr for item in found.images)
    assert found.ssim == fmean(item.ssim for item in found.images)


class ChannelMean(nn.Module):
    """No spatial filter: on one channel it is the identity."""

    def forward(self, x):
        return x.mean(1, keepdim=True).expand_as(x)


def test_the_mean_of_the_channels_gains_nothing_on_a_grey_file(tmp_path, rng):
    """Clipping gains nothing either: the degraded picture is scored as a file holds it."""
    Image.fromarray(rng.integers(0, 256, (64, 64), dtype=np.uint8)).save(tmp_path / "grey.png")
    found = evaluate(ChannelMean(), open_pairs(str(tmp_path), NOISE), NOISE)
    assert found.psnr == found.input_psnr == evaluate("identity", open_pairs(str(tmp_path), NOISE), NOISE).psnr


def test_a_grey_file_is_scored_as_restore_writes_it(tmp_path, rng):
    """Brighter by 0, 3 and 6 levels in the channels is brighter by 3 in the file."""
    clean = rng.integers(30, 200, (64, 64), dtype=np.uint8)
    for side, pixels in (("norain", clean), ("rain", clean)):
        (tmp_path / side).mkdir()
        Image.fromarray(pixels).save(tmp_path / side / "grey.png")

    class Uneven(nn.Module):
        def forward(self, x):
            return x + torch.tensor([0.0, 3.0, 6.0]).view(1, 3, 1, 1)

    found = evaluate(Uneven(), open_pairs(str(tmp_path), RAIN), RAIN, protocol="rgb")
    assert found.psnr == pytest.approx(20 * math.log10(255 / 3))


def test_another_protocol_and_another_task(rainy):
    pairs = open_pairs(str(rainy / "norain"), NOISE)
    found = evaluate(Brighter(0.0), pairs, NOISE)
    assert found.protocol == "rgb"
    assert found.input_psnr == pytest.approx(20 * math.log10(255 / 20), abs=0.25)
    # rounding adds a twelfth of a squared level, clipping takes little in 30..220
    assert found.psnr == pytest.approx(found.input_psnr, abs=0.1)
    assert evaluate("identity", pairs, NOISE).psnr == found.input_psnr
    luma = evaluate(Brighter(0.0), pairs, NOISE, protocol="derain-y")
    assert luma.protocol == "derain-y" and luma.psnr > found.psnr + 3
    with pytest.raises(SettingError, match=r'unknown protocol "rbg".*Did you mean "rgb"'):
        evaluate(Brighter(0.0), pairs, NOISE, protocol="rbg")


def test_noise_is_that_of_the_seed(rainy):
    pairs = open_pairs(str(rainy / "norain"), NOISE)
    first, again, other = (evaluate("identity", pairs, NOISE, seed=seed) for seed in (0, 0, 1))
    assert first.psnr == again.psnr != other.psnr
    few = evaluate("identity", open_pairs(str(rainy / "norain"), NOISE, limit=2), NOISE)
    assert [item.psnr for item in few.images] == [item.psnr for item in first.images[:2]]


def test_the_fingerprint_is_that_of_what_scores_rest_on(rainy):
    def run(task=RAIN, source=rainy):
        return evaluate("identity", open_pairs(str(source), task), task).data.fingerprint

    first = run()
    assert run() == first and run(source=shutil.copytree(rainy, rainy.parent / "copy")) == first
    shutil.copy(rainy / "rain" / "a.png", rainy / "rain" / "b.png")
    assert run() != first
    clean = run(NOISE, rainy / "norain")
    files = sorted((rainy / "norain").glob("*.png"))
    lines = []
    for file in files:
        pixels = np.asarray(Image.open(file))
        digest = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()
        lines.append(f"{digest}  {file.name}\n")
    assert clean == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_progress_and_what_the_source_left_out(rainy):
    seen = []
    evaluate("identity", open_pairs(str(rainy), RAIN), RAIN, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_tiles_and_the_self_ensemble_are_passed_on(rainy):
    network = nn.Conv2d(3, 3, 3, padding=1)
    pairs = open_pairs(str(rainy), RAIN)
    whole, tiled = evaluate(network, pairs, RAIN), evaluate(network, pairs, RAIN, tile=8, overlap=1)
    torn, turned = evaluate(network, pairs, RAIN, tile=8, overlap=0), evaluate(network, pairs, RAIN, self_ensemble=True)
    assert tiled.psnr == pytest.approx(whole.psnr, abs=1e-3)
    assert abs(torn.psnr - whole.psnr) > 1e-3 and abs(turned.psnr - whole.psnr) > 1e-3
    assert turned.settings["self_ensemble"] and torn.settings["overlap"] == 0


def test_refusals(rainy, tmp_path):
    pairs = open_pairs(str(rainy), RAIN)
    with pytest.raises(SettingError, match="bicubic is not a baseline for deraining; use identity"):
        evaluate("bicubic", pairs, RAIN)
    large = open_pairs(str(rainy / "norain"), LARGE)
    with pytest.raises(SettingError, match="identity is not a baseline for super-resolution x2; use bicubic"):
        evaluate("identity", large, LARGE)
    with pytest.raises(SettingError, match='"lanczos" is not a baseline; the baselines are bicubic and identity'):
        evaluate("lanczos", large, LARGE)
    with pytest.raises(ModelError, match="the network returned NaN or infinite values"):
        evaluate(Brighter(float("nan")), pairs, RAIN)
    with pytest.raises(SettingError, match=r"a\.png: the restored image must have the shape of the clean one"):
        evaluate(nn.Upsample(scale_factor=3), large, LARGE)
    (rainy / "rain" / "b.png").write_bytes(b"\x89PNG")
    with pytest.raises(DataError, match=r"b\.png: not a readable"):
        evaluate("identity", open_pairs(str(rainy), RAIN), RAIN)


def test_samples_of_8_and_16_bits():
    values = np.array([[-3.0, 0.4, 0.5, 1.5, 254.6, 300.0]], dtype=np.float32)
    np.testing.assert_array_equal(as_samples(values), [[0, 0, 0, 2, 255, 255]])
    np.testing.assert_array_equal(as_samples(values, np.uint16), [[0, 103, 128, 386, 65432, 65535]])
    assert as_samples(values).dtype == np.uint8
    for bad in (np.nan, np.inf):
        with pytest.raises(ModelError, match="the network returned NaN or infinite values; train it again"):
            as_samples(np.array([1.0, bad]))


def test_a_checkpoint_is_described(tmp_path):
    checkpoint = load_checkpoint(save_checkpoint(tmp_path / "run", method="fconv"))
    network = checkpoint.network()
    info = describe(checkpoint, network, "runs/x")
    assert (info.name, info.method, info.group, info.backbone) == ("runs/x", "F-Conv", "p8", "edsr")
    assert (info.preset, info.step) == ("tiny", 1234)
    assert info.parameters == sum(math.prod(weight.shape) for weight in dict(network.named_parameters()).values())


def test_soft_ways_to_a_group_are_named(tmp_path):
    relaxed = load_checkpoint(save_checkpoint(tmp_path / "relaxed", method="gcnn", relaxed=True))
    assert describe(relaxed, relaxed.network(), "a").method == "G-CNN, relaxed"
    plain = load_checkpoint(save_checkpoint(tmp_path / "plain"))
    card = plain.card.model_copy(update={"settings": {"eq_reg": 0.1, "relax": None}})
    taught = Checkpoint(card, plain.weights)
    assert describe(plain, plain.network(), "a").method == "CNN"
    assert describe(taught, taught.network(), "a").method == "CNN + EQ-Reg"


def test_images_trained_on_are_found(tmp_path, shared_data):
    seen = tmp_path / "train"
    seen.mkdir()
    names = [f"img_00{at}.png" for at in (1, 2, 3)]
    for name in names[:2]:
        shutil.copy(shared_data / "Set5" / "HR" / name, seen / f"train_{name}")
    test = tmp_path / "test"
    test.mkdir()
    shutil.copy(shared_data / "Set5" / "HR" / names[0], test)
    Image.open(shared_data / "Set5" / "HR" / names[1]).convert("RGB").save(test / "again.jpg", quality=60)
    shutil.copy(shared_data / "Set5" / "HR" / names[2], test)
    checkpoint = load_checkpoint(save_checkpoint(tmp_path / "run", seen=seen))
    assert leaked(checkpoint, open_pairs(str(test), LARGE)) == [
        ("again.jpg", "train_img_002.png", "near"),
        ("img_001.png", "train_img_001.png", "exact"),
    ]
    assert leaked(load_checkpoint(save_checkpoint(tmp_path / "other")), open_pairs(str(test), LARGE)) == []


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "psnr", "ssim"),
    [
        ("Set5", 33.682, 0.9305),
        pytest.param("Set14", 30.330, 0.8700, marks=pytest.mark.slow),
        pytest.param("BSD100", 29.565, 0.8436, marks=pytest.mark.slow),
    ],
)
def test_bicubic_interpolation_has_its_published_score(shared_data, name, psnr, ssim):
    found = evaluate("bicubic", open_pairs(str(shared_data / name / "HR"), LARGE), LARGE)
    assert found.psnr == pytest.approx(psnr, abs=6e-4) and found.ssim == pytest.approx(ssim, abs=6e-5)
    assert (found.input_psnr, found.input_ssim) == (found.psnr, found.ssim)


@pytest.mark.data
def test_an_untrained_network_scores_as_the_interpolation_it_starts_from(shared_data, tmp_path):
    network = load_checkpoint(save_checkpoint(tmp_path / "run", method="fconv")).network()
    found = evaluate(network, open_pairs(str(shared_data / "Set5" / "HR"), LARGE, limit=1), LARGE)
    assert found.psnr == pytest.approx(found.input_psnr, abs=0.2)


def test_further_protocols_and_what_is_not_rounded(rainy, monkeypatch):
    """0.25 levels are lost in rounding to 8 bits, and kept by a protocol that scores images as they are."""
    monkeypatch.setitem(PROTOCOLS, "as-is", replace(PROTOCOLS["rgb"], name="as-is", rounded=False))
    monkeypatch.setattr(type(RAIN), "further", ("as-is",))
    found = evaluate(Brighter(0.25), open_pairs(str(rainy), RAIN), RAIN, protocol="rgb")
    assert found.psnr == math.inf
    psnr, ssim = found.further
    assert (psnr.protocol, psnr.name, psnr.unit) == ("as-is", "PSNR", "dB")
    assert psnr.value == pytest.approx(20 * math.log10(255 / 0.25), abs=1e-4) and psnr.input_value == math.inf
    assert ssim.value == pytest.approx(1, abs=1e-4) and ssim.input_value == 1
    again = type(found).from_dict(json.loads(found.to_json()))
    assert again.further == found.further and again.to_dict() == found.to_dict()
    assert "as-is: mean PSNR 60.17 dB (input inf)" in " ".join(evaluation_text(found).split())


def test_an_error_in_hu_is_beside_the_scores(rainy, monkeypatch):
    def scored(task, way, restored, clean, degraded):
        return replace(way.score(restored, clean), rmse_hu=float(abs(restored - clean.astype(float)).mean()))

    monkeypatch.setattr(type(RAIN), "scored", scored)
    found = evaluate(Brighter(3.0), open_pairs(str(rainy), RAIN), RAIN, protocol="rgb")
    assert [(one.protocol, one.name, one.unit, one.value) for one in found.further] == [("rgb", "RMSE", "HU", 3.0)]
