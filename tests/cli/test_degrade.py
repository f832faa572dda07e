"""`symaudit degrade`: files that hold what an evaluation would give to the network, clipped and rounded."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from symmetry_audit.data import open_source
from symmetry_audit.tasks import evaluation_items, imresize, make_task, open_pairs
from tests.cli.conftest import one_document
from tests.conftest import save_photos
from tests.inference.models import save_checkpoint


@pytest.fixture
def few(call, tmp_path, rng):
    return save_photos(tmp_path / "in", rng, count=2, size=(40, 36))


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_noise_is_that_of_an_evaluation(call, few, tmp_path):
    code, out, err = call("degrade", "in", "--task", "denoise", "--sigma", "50", "-o", "noisy")
    said = "Degraded 2 images into noisy (denoising, Gaussian noise of sigma 50)\n"
    assert (code, out, err) == (0, said, "")
    task = make_task(name="denoise", sigma=50.0)
    for item in evaluation_items(open_pairs(open_source(str(few)), task), task, 0):
        found = pixels(tmp_path / "noisy" / item.key)
        np.testing.assert_array_equal(found, np.rint(np.clip(item.input, 0, 255)))
        assert 30 < (item.input - pixels(few / item.key)).std() < 70


def test_a_grey_file_stays_grey(call, tmp_path, rng):
    clean = rng.integers(0, 256, (40, 36), dtype=np.uint8)
    Image.fromarray(clean).save(tmp_path / "grey.png")
    for result in ("noisy.png", "noisy.tif"):
        assert call("degrade", "grey.png", "--task", "denoise", "--sigma", "25", "-o", result)[0] == 0
        noisy = pixels(tmp_path / result)
        assert noisy.shape == clean.shape
        assert 10 < (noisy.astype(float) - clean).std() < 30


def test_the_seed_and_the_image_draw_the_noise(call, few, tmp_path):
    for seed, out in ((0, "a"), (0, "b"), (1, "c")):
        call("degrade", "in", "--task", "denoise", "--sigma", "50", "--seed", seed, "-o", out)
    a, b, c = (pixels(tmp_path / name / "photo_0.png") for name in "abc")
    assert (a == b).all()
    assert (a != c).mean() > 0.9


def test_the_task_of_a_network(call, few, tmp_path):
    save_checkpoint(tmp_path / "sr", method="fconv")
    assert call("degrade", "in", "--model", "sr", "-o", "small")[0] == 0
    clean = pixels(few / "photo_0.png").astype(float)
    found = pixels(tmp_path / "small" / "photo_0.png")
    assert found.shape == (20, 18, 3)
    assert np.abs(found - imresize(clean, 0.5).clip(0, 255)).max() < 1


def test_folders_stay_and_json_lists_the_files(call, few):
    (few / "sub").mkdir()
    (few / "photo_1.png").rename(few / "sub" / "b.png")
    document = one_document(call("degrade", "in", "--task", "inpaint", "--missing", "0.3", "-o", "out", "--json")[1])
    assert document["files"] == {"photo_0.png": "out/photo_0.png", "sub/b.png": "out/sub/b.png"}
    assert (document["schema"], document["task"]["name"]) == ("symaudit.degradation/1", "inpaint")
    share = (pixels("out/photo_0.png") == 0).all(-1).mean()
    assert 0.2 < share < 0.4


def test_one_file(call, few, tmp_path):
    assert call("degrade", "in/photo_0.png", "--task", "denoise", "--sigma", "5", "-o", "noisy.png")[0] == 0
    assert pixels(tmp_path / "noisy.png").shape == (40, 36, 3)
    code, _, err = call("degrade", "in/photo_0.png", "--task", "denoise", "--sigma", "5", "-o", "noisy.png")
    assert (code, "noisy.png already exists; choose another -o" in err) == (1, True)


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ((), 2, "say what to do to the images: --task denoise --sigma 50, for example, or --model RUN"),
        (("--task", "derain"), 2, "derain makes no degraded images; it has them from --inputs"),
        (("--task", "classify"), 2, "classify"),
        (("--task", "denoise"), 2, "--sigma"),
        (("--task", "mar"), 2, "degrading images is for tasks that get a degraded picture alone"),
    ],
)
def test_what_is_refused(call, few, options, code, message):
    found = call("degrade", "in", "-o", "out", *options)
    assert found[0] == code
    assert message in found[2]


def test_other_noise_does_not_overwrite(call, few):
    call("degrade", "in", "--task", "denoise", "--sigma", "5", "-o", "out")
    code, _, err = call("degrade", "in", "--task", "denoise", "--sigma", "9", "-o", "out")
    assert code == 1
    assert "another degradation, or the same one with other settings, wrote it; choose another -o" in err
    assert call("degrade", "in", "--task", "denoise", "--sigma", "9", "-o", "out", "--force")[0] == 0


def test_an_unreadable_image_ends_it(call, few):
    (few / "broken.png").write_bytes(b"no image")
    code, _, err = call("degrade", "in", "--task", "denoise", "--sigma", "9", "-o", "out")
    assert code == 1
    assert "broken.png" in err
