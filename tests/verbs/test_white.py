"""One set of pictures stored in many ways: the numbers of every verb are those of its 8-bit files, or none."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from symmetry_audit.errors import DataError
from symmetry_audit.verbs import FitRequest, align, degrade, evaluate, measure, plan_fit, restore, train, verify
from tests.conftest import smooth_noise

SIDE = 48
FAST = {"reg": "tv", "group": "p4", "scenario": "dataset_strict", "workers": 1}
WAYS = {  # a picture of 8 bits as it is stored, and the white level
    "12 in 16": (lambda eight: eight.astype(np.uint16) * 16, 4080),
    "8 in 16": (lambda eight: eight.astype(np.uint16), 255),
    "float": (lambda eight: (eight / 255).astype(np.float32), 1),
}


@pytest.fixture
def pictures(tmp_path):
    """Two pictures as PNG of 8 bits, with a black and a white pixel, and their pixels."""
    rng, found = np.random.default_rng(4), {}
    (tmp_path / "eight").mkdir()
    for number in range(2):
        pixels = np.stack([smooth_noise(rng, SIDE, SIDE) for _ in range(3)], axis=-1).astype(np.uint8)
        pixels[0, 0], pixels[0, 1] = 0, 255
        found[number] = pixels
        Image.fromarray(pixels).save(tmp_path / f"eight/{number}.png")
    return found


def stored(folder, pictures, way):
    folder.mkdir()
    for number, pixels in pictures.items():
        tifffile.imwrite(folder / f"{number}.tif", WAYS[way][0](pixels), photometric="rgb", metadata=None)
    return folder


def epsilons(report):
    return [row.epsilon for row in report.results]


@pytest.mark.parametrize("way", WAYS)
def test_numbers_are_those_of_8_bits_under_a_named_white(pictures, tmp_path, way):
    eight, folder, white = tmp_path / "eight", stored(tmp_path / "other", pictures, way), WAYS[way][1]
    assert epsilons(measure(folder, white=white, **FAST)) == pytest.approx(epsilons(measure(eight, **FAST)), rel=1e-6)
    first, second = (
        evaluate("bicubic", data=place, scale=2, **more) for place, more in ((eight, {}), (folder, {"white": white}))
    )
    assert [item.psnr for item in second.images] == [item.psnr for item in first.images]


def test_measure_says_what_it_takes_for_white(pictures, tmp_path):
    eight, folder = tmp_path / "eight", stored(tmp_path / "other", pictures, "8 in 16")
    report = measure(folder, **FAST)
    found = "the largest sample of 2 images of 16 bits is 255 (in 0.tif), as of 8 bits, so white is taken as 255"
    assert report.warnings[0] == f"{found}; --white 65535 if the pictures are dark"
    assert epsilons(report) == epsilons(measure(eight, **FAST))
    dark = measure(folder, white=65535, **FAST)
    assert not [line for line in dark.warnings if "white is taken" in line]
    assert epsilons(dark) == pytest.approx([value / 257 for value in epsilons(report)], rel=1e-5)


def test_fits_take_the_same_white(pictures, tmp_path):
    said = []
    plan = plan_fit(FitRequest(stored(tmp_path / "other", pictures, "8 in 16"), say=said.append))
    assert {ref.white for ref in plan.source.refs} == {255} and "so white is taken as 255" in said[0]


def test_a_set_that_grows_brighter_is_measured_again(pictures, tmp_path):
    """The guess of the whole set changes, and with it every image of the journal; a check of the run guesses alike."""
    folder = stored(tmp_path / "other", {0: pictures[0]}, "8 in 16")
    measure(folder, out=tmp_path / "run", **FAST)
    tifffile.imwrite(folder / "1.tif", pictures[1].astype(np.uint16) * 16, photometric="rgb", metadata=None)
    again = measure(folder, out=tmp_path / "run", **FAST)
    assert "is 4080 (in 1.tif), as of 12 bits" in again.warnings[0]
    assert verify(tmp_path / "run") == ()


def test_networks_and_scores_refuse_a_guess(pictures, tmp_path):
    folder = stored(tmp_path / "other", pictures, "8 in 16")
    task = {"task": "denoise", "sigma": 25}
    for run in (
        lambda: evaluate("bicubic", data=folder, scale=2),
        lambda: align("torch.nn:Identity", data=folder, group="p4", **task),
        lambda: train(data=folder, valid=tmp_path / "eight", out=tmp_path / "run", **task),
        lambda: degrade(folder, out=tmp_path / "noisy", **task),
    ):
        with pytest.raises(DataError, match=r"is 255 \(in 0.tif\).*; say what white is: --white 255, or --white 65535"):
            run()


def test_a_mixed_set_is_refused_under_either_white(pictures, tmp_path):
    folder = stored(tmp_path / "other", pictures, "8 in 16")
    tifffile.imwrite(folder / "2.tif", pictures[0] * np.uint16(257), photometric="rgb", metadata=None)
    with pytest.raises(DataError, match=r"2 of 3 images of 16 bits have no sample above 255.*a run of their own"):
        evaluate("bicubic", data=folder, scale=2)
    with pytest.raises(DataError, match=r"2\.tif: holds samples up to 65535, above the white level 255"):
        evaluate("bicubic", data=folder, scale=2, white=255)
    assert "have no sample above 255" in measure(folder, **FAST).warnings[0]


@pytest.mark.parametrize("way", WAYS)
def test_results_are_written_in_the_white_level_of_the_input(pictures, tmp_path, way):
    """As the same network restores the 8-bit files, to the step of the samples."""
    folder, white = stored(tmp_path / "other", pictures, way), WAYS[way][1]
    network = train(
        data=tmp_path / "eight",
        valid=tmp_path / "eight",
        task="denoise",
        sigma=25,
        preset="tiny",
        steps=1,
        batch=1,
        patch=16,
        out=tmp_path / "run",
        cache_folder=tmp_path / "cache",
        allow_leak=True,
    ).folder
    restore(network, tmp_path / "eight", out=tmp_path / "a")
    restore(network, folder, out=tmp_path / "b", white=white)
    for number in pictures:
        levels = np.asarray(Image.open(tmp_path / f"a/{number}.png")).astype(float)
        samples = tifffile.imread(tmp_path / f"b/{number}.tif")
        assert samples.dtype == tifffile.imread(folder / f"{number}.tif").dtype and samples.max() <= white
        np.testing.assert_allclose(samples * (255 / white), levels, atol=0.51)
    assert json.loads((tmp_path / "b/restoration.json").read_text())["white"] == white


def test_a_sample_has_the_white_level_of_its_own_images(pictures, tmp_path):
    """One picture of 12 bits is drawn from a set with one of 16 bits; to verify it, the same is read the same way."""
    from symmetry_audit.data import sampled

    folder = stored(tmp_path / "set", pictures, "12 in 16")
    seed = next(seed for seed in range(99) if sampled(["0.tif", "1.tif"], 1, seed) == {"0.tif"})
    tifffile.imwrite(folder / "1.tif", pictures[1].astype(np.uint16) * 257, photometric="rgb", metadata=None)
    drawn = measure(folder, **FAST, sample=1, seed=seed, out=tmp_path / "run")
    alone = measure([folder / "0.tif"], **FAST, seed=seed)
    assert any("white is taken as 4095" in text for text in drawn.warnings)
    assert epsilons(drawn) == epsilons(alone)
    assert verify(tmp_path / "run") == ()
