"""Which images are measured with controls, whatever was measured before and in which order."""

from __future__ import annotations

import json
import random
import shutil

import pytest

from symmetry_audit import measure
from symmetry_audit.audit import make_settings
from symmetry_audit.audit._control_images import control_images
from tests.conftest import save_photos

NAMES = [f"folder/{number:03}.png" for number in range(300)]
ASKED = {"reg": "tv", "group": "p8", "control_images": 3}

pytestmark = pytest.mark.usefixtures("undrawn")


def chosen(names=NAMES, **asked):
    return control_images(names, make_settings(**{"control_images": 40} | asked))


def test_as_many_as_asked_for_or_all():
    assert len(chosen()) == 40 and chosen() < set(NAMES)
    assert len(chosen(control_images=64)) == 64 == make_settings().control_images
    assert chosen(control_images=300) == chosen(control_images=301) == chosen(control_images="all") == set(NAMES)


def test_none_without_controls_or_adaptive_rows():
    assert chosen(controls=False) == chosen(scenario="dataset_strict") == frozenset()


def test_the_order_of_the_names_does_not_matter_and_the_seed_does():
    shuffled = random.Random(1).sample(NAMES, len(NAMES))
    assert chosen(shuffled) == chosen()
    draws = [chosen(seed=seed) for seed in range(50)]
    assert len(set(draws)) == 50
    # two draws of 40 of 300 share 40 * 40 / 300 names on average, with a deviation of 2
    shared = [len(draws[0] & other) for other in draws[1:]]
    assert sum(shared) / len(shared) == pytest.approx(40 * 40 / 300, abs=1)


def test_every_name_is_drawn_equally_often():
    counts = dict.fromkeys(NAMES, 0)
    for seed in range(400):
        for name in chosen(seed=seed):
            counts[name] += 1
    mean, deviation = 400 * 40 / 300, (400 * 40 / 300 * (1 - 40 / 300)) ** 0.5
    assert sum(counts.values()) == 400 * 40
    assert all(abs(count - mean) < 4.5 * deviation for count in counts.values())


def test_one_more_image_takes_the_place_of_one_other_at_most():
    for number in range(30):
        assert len(chosen([*NAMES, f"new_{number}.png"]) & chosen()) >= 39


def controlled(folder):
    """The images whose last record in the journal has controls."""
    _, *lines = (folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    records = {record["image"]: "random" in record["arrays"] for record in map(json.loads, lines)}
    return {image for image, has in records.items() if has}


def test_a_run_that_is_continued_after_images_came_and_went_is_that_of_a_fresh_one(tmp_path, rng):
    """Images that take another's place are measured again."""
    save_photos(tmp_path / "photos", rng, count=8)
    first = measure(tmp_path / "photos", **ASKED, out=tmp_path / "run")
    before = controlled(tmp_path / "run")
    assert len(before) == 3 == first.results[-1].control_images
    left = sorted(before)[0]
    (tmp_path / "photos" / left).unlink()
    for number in range(4):
        shutil.copy(tmp_path / "photos" / sorted(before)[1], tmp_path / f"photos/more_{number}.png")
    again = measure(tmp_path / "photos", **ASKED, out=tmp_path / "run")
    fresh = measure(tmp_path / "photos", **ASKED, workers=3, out=tmp_path / "fresh")
    assert again.to_json() == fresh.to_json()
    assert controlled(tmp_path / "run") - {left} == controlled(tmp_path / "fresh")


def test_an_image_without_controls_has_the_same_rows_and_fits(tmp_path, rng):
    save_photos(tmp_path / "photos", rng, count=6)
    some = measure(tmp_path / "photos", **ASKED)
    every = measure(tmp_path / "photos", **ASKED | {"control_images": "all"})
    assert [fit.to_dict() for fit in some.fits] == [fit.to_dict() for fit in every.fits]
    for few, many in zip(some.results, every.results, strict=True):
        assert (few.epsilon, few.ci_low, few.ci_high) == (many.epsilon, many.ci_low, many.ci_high)
    assert (some.results[-1].control_images, every.results[-1].control_images) == (3, 6)
    assert some.results[-1].held_out_strict_epsilon == every.results[-1].held_out_strict_epsilon


def test_drawn_images_that_cannot_be_measured_leave_fewer_or_no_controls(tmp_path, rng):
    save_photos(tmp_path / "photos", rng, count=3)
    drawn = sorted(control_images([f"photo_{number}.png" for number in range(3)], make_settings(control_images=2)))
    (tmp_path / "photos" / drawn[0]).write_bytes(b"no image")
    one = measure(tmp_path / "photos", **ASKED | {"control_images": 2})
    assert (one.results[-1].control_images, one.results[-1].images) == (1, 2)
    (tmp_path / "photos" / drawn[1]).write_bytes(b"no image")
    none = measure(tmp_path / "photos", **ASKED | {"control_images": 2})
    row = none.results[-1]
    assert (row.control_images, row.images, row.random_epsilon) == (None, 1, None)
    assert row.reasons["random_epsilon"] == "no image drawn for controls could be measured"
    assert none.analyses["transfer"] == []
