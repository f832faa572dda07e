"""Tasks as values: what they do to images, by statistics and by hand; round trips; every refusal."""

import json
from dataclasses import fields

import numpy as np
import pytest
from scipy import stats

from symmetry_audit.errors import ImageError, SettingError
from symmetry_audit.options import TaskSettings
from symmetry_audit.tasks import OPTIONS, TASKS, Task, make_task, resize_8bit
from tests.tasks.examples import example

EXAMPLES = {name: example(name) for name in TASKS}


def image(rng, height=20, width=17) -> np.ndarray:
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_tasks_stand_under_their_names_and_options_are_their_fields():
    for name, task in TASKS.items():
        assert task.name == name
        assert {option.name for option in task.options} | {"scale"} == {field.name for field in fields(task)}
        assert all(OPTIONS[option.name] is option for option in task.options)  # one meaning for one name


def test_every_option_of_a_task_is_one_of_the_commands():
    assert set(TaskSettings.model_fields) == set(OPTIONS)
    for option in OPTIONS.values():
        for text in option.examples:
            assert option.check(getattr(TaskSettings(**{option.name: text}), option.name)) is not None


@pytest.mark.parametrize("task", EXAMPLES.values(), ids=str)
def test_dictionaries_make_the_same_task_again(task):
    assert Task.from_dict(json.loads(json.dumps(task.to_dict()))) == task
    assert hash(task) == hash(Task.from_dict(task.to_dict()))


def test_texts_protocols_scales_and_pairs():
    expected = {
        "sr": ("super-resolution x3", "sr-y", 3, False, "edsr", None),
        "denoise": ("denoising, Gaussian noise of sigma 5 to 35", "rgb", 1, False, "resnet", None),
        "derain": ("deraining", "derain-y", 1, True, "rcdnet", "hflip"),
        "inpaint": (
            "inpainting, 30 % of the pixels missing, always those of mask 0, Poisson noise of 40 photons at 255, "
            "the central 512 px, reduced to 256 px",
            *("rgb", 1, False, "resnet", None),
        ),
    }
    for name, facts in expected.items():
        task = EXAMPLES[name]
        assert (task.text, task.protocol, task.scale, task.paired, task.backbone, task.augment) == facts
    assert make_task("denoise", sigma=50).text == "denoising, Gaussian noise of sigma 50"
    assert make_task("inpaint", missing=0.5).text == "inpainting, 50 % of the pixels missing"


def test_what_is_left_out_has_its_default():
    assert make_task("sr").scale == 2
    assert make_task("denoise", scale=1, sigma=(7, 7)) == make_task("denoise", sigma=7.0)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("sharpen", {}, 'unknown task "sharpen". Choose from: sr, denoise, derain, inpaint'),
        ("denoize", {"sigma": 5}, 'Did you mean "denoise"'),
        ("sr", {"sigma": 5}, "--sigma belongs to denoise; remove it for sr"),
        ("derain", {"scale": 2}, "--scale belongs to sr; remove it for derain"),
        ("denoise", {"sigma": 5, "peak": 3}, "--peak belongs to inpaint"),
        ("denoise", {"sigma": 5, "missing": 0.3}, "--missing belongs to inpaint"),
        ("denoise", {}, "denoise needs --sigma, such as 25 or 5:35"),
        ("denoise", {"sigma": 5, "halo": 2}, "no task has an option --halo. Choose from: scale, sigma, missing, peak"),
        ("inpaint", {"peak": 5}, "inpaint needs --missing, such as 0.3"),
        ("sr", {"scale": 1}, "--scale must be 2, 3 or 4, got 1"),
        ("sr", {"scale": 5}, "--scale must be 2, 3 or 4, got 5"),
        ("sr", {"scale": 2.0}, "--scale must be 2, 3 or 4, got 2.0"),
        ("sr", {"scale": True}, "--scale must be 2, 3 or 4, got True"),
        ("denoise", {"sigma": -1}, "--sigma must be between 0 and 255 grey levels, got -1"),
        ("denoise", {"sigma": (5, 256)}, r"--sigma must be between 0 and 255 grey levels, got \(5, 256\)"),
        ("denoise", {"sigma": (9, 5)}, "--sigma takes the lower number first; write 5:9"),
        ("denoise", {"sigma": float("nan")}, "--sigma takes a number, got nan"),
        (
            "denoise",
            {"sigma": (1, 2, 3)},
            r"--sigma takes one number, or a lowest and a highest, got \(1, 2, 3\)",
        ),
        ("denoise", {"sigma": "25"}, "--sigma takes one number, or a lowest and a highest"),
        ("denoise", {"sigma": (1, "2")}, "--sigma takes a number, got '2'"),
        ("denoise", {"sigma": True}, "--sigma takes a number, got True"),
        ("inpaint", {"missing": 0}, "--missing must be between 0 and 1, got 0; 0.3 removes 30 %"),
        ("inpaint", {"missing": 1.0}, "--missing must be between 0 and 1"),
        ("inpaint", {"missing": 0.3, "peak": 0}, "--peak must be above 0"),
        ("inpaint", {"missing": 0.3, "peak": 1e12}, r"--peak must be above 0 and at most 1e\+09 photons, got 1000"),
    ],
)
def test_settings_that_are_refused(name, options, message):
    with pytest.raises(SettingError, match=message):
        make_task(name, **options)


@pytest.mark.parametrize("document", [[], {}, {"scale": 2}, {"name": 3}])
def test_dictionaries_of_something_else_are_refused(document):
    with pytest.raises(SettingError, match=r"a task is described by name, scale, sigma, missing, peak.*; got"):
        Task.from_dict(document)


def test_what_a_document_lacks_has_its_default():
    assert Task.from_dict({"name": "sr"}) == make_task("sr", scale=2)
    assert Task.from_dict({"name": "denoise", "sigma": [5, 35]}) == EXAMPLES["denoise"]


def test_documents_of_later_versions_say_so():
    with pytest.raises(SettingError, match="the task has halo, tempo: written by a newer symaudit; update symaudit"):
        Task.from_dict(make_task("sr").to_dict() | {"halo": 1, "tempo": 2})


def test_documents_are_those_of_the_first_version():
    """Compared with those in old results: no name more, and in this order."""
    assert make_task("inpaint", missing=0.3).to_dict() == {
        **{"name": "inpaint", "scale": 1, "sigma": None, "missing": 0.3, "peak": None},
    }
    assert list(make_task("derain").to_dict()) == ["name", "scale", "sigma", "missing", "peak"]


def test_dictionaries_are_checked():
    with pytest.raises(SettingError, match="--scale must be"):
        Task.from_dict(make_task("sr").to_dict() | {"scale": 7})


# --- prepare


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_super_resolution_cuts_and_shrinks(rng, scale):
    clean = image(rng, 4 * scale + 1, 5 * scale + scale - 1)
    given, target = make_task("sr", scale=scale).prepare(clean)
    np.testing.assert_array_equal(target, clean[: 4 * scale, : 5 * scale])
    np.testing.assert_array_equal(given, resize_8bit(target, 1 / scale))
    assert given.shape == (4, 5, 3) and given.dtype == np.uint8


def test_super_resolution_of_nothing_is_refused(rng):
    with pytest.raises(ImageError, match="9 x 2 px is less than one pixel after shrinking by 3; remove it"):
        make_task("sr", scale=3).prepare(image(rng, 2, 9))


def test_pairs_are_taken_as_given(rng):
    clean, given = image(rng), image(rng)
    assert make_task("derain").prepare(clean, given) == (given, clean)


def test_pairs_that_are_none_are_refused(rng):
    with pytest.raises(ImageError, match="derain needs a degraded image of 17 x 20 px; there is none"):
        make_task("derain").prepare(image(rng))
    with pytest.raises(ImageError, match="derain needs a degraded image of 17 x 20 px; it has 20 x 17 px"):
        make_task("derain").prepare(image(rng), image(rng, 17, 20))


@pytest.mark.parametrize("task", [EXAMPLES["denoise"], make_task("inpaint", missing=0.3, peak=40)], ids=str)
def test_others_prepare_nothing(rng, task):
    clean = image(rng)
    given, target = task.prepare(clean)
    assert given is clean and target is clean


# --- corrupt


@pytest.mark.parametrize("task", EXAMPLES.values(), ids=str)
def test_what_is_drawn_depends_on_the_generator_alone(rng, task):
    clean = image(rng)
    before = clean.copy()
    first, again, other = (task.corrupt(clean, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.dtype == np.float32 and first.shape == clean.shape
    assert np.array_equal(first, other) == (type(task).corrupt is Task.corrupt)
    np.testing.assert_array_equal(clean, before)


def test_tasks_without_chance_give_the_image(rng):
    clean = image(rng)
    for name in ("sr", "derain"):
        np.testing.assert_array_equal(EXAMPLES[name].corrupt(clean, rng), clean)


def test_noise_is_gaussian_independent_and_not_clipped(rng):
    clean = np.zeros((200, 200, 3), np.uint8)
    clean[:100] = 255
    noise = make_task("denoise", sigma=50).corrupt(clean, rng) - clean
    assert stats.kstest(noise.ravel() / 50, "norm").pvalue > 1e-4
    assert noise[100:].min() < -100 and noise[:100].max() > 100  # beyond black and white
    channels = np.corrcoef(noise.reshape(-1, 3).T)
    assert np.abs(channels - np.eye(3)).max() < 5 / np.sqrt(40_000)
    assert abs(np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]) < 5 / np.sqrt(120_000)


def test_no_noise_changes_nothing(rng):
    clean = image(rng)
    np.testing.assert_array_equal(make_task("denoise", sigma=0).corrupt(clean, rng), clean)


def test_a_range_draws_its_own_sigma_for_every_image(rng):
    task, flat = make_task("denoise", sigma=(5, 35)), np.zeros((40, 40, 3), np.uint8)
    found = np.array([task.corrupt(flat, rng).std() for _ in range(400)])
    assert 4.5 < found.min() < 7 and 33 < found.max() < 37
    assert stats.kstest((found - 5) / 30, "uniform").pvalue > 1e-4


def test_missing_pixels_are_black_in_all_channels(rng):
    clean = image(rng, 200, 200) // 2 + 100
    found = make_task("inpaint", missing=0.3).corrupt(clean, rng)
    gone = (found == 0).all(axis=2)
    np.testing.assert_array_equal(found[~gone], clean[~gone].astype(np.float32))
    assert abs(gone.mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / gone.size)
    assert abs(np.corrcoef(gone[:, 1:].ravel(), gone[:, :-1].ravel())[0, 1]) < 5 / np.sqrt(gone.size)


def test_photons_have_the_variance_of_poisson_noise(rng):
    clean = np.full((300, 300, 3), 100, np.uint8)
    found = make_task("inpaint", missing=0.5, peak=30).corrupt(clean, rng)
    kept = found[(found > 0).any(axis=2)].ravel()
    counts = kept * 30 / 255
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-4)
    assert kept.mean() == pytest.approx(100, rel=0.01)
    assert kept.var() == pytest.approx(100 * 255 / 30, rel=0.03)
    assert (found == 0).all(axis=2).mean() == pytest.approx(0.5, abs=0.02)  # no light, no photons
