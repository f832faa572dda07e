"""Settings of a run: the schedule against its formula, and what does not fit together."""

from __future__ import annotations

import json
import subprocess
import sys
from math import cos, pi

import pytest

from symmetry_audit.errors import SettingError
from symmetry_audit.training import RECIPES, TrainSettings, make_settings

GIVEN = {"task": {"name": "sr"}, "architecture": {"backbone": "edsr", "method": "sa"}}


def made(**given) -> TrainSettings:
    return make_settings(**{**GIVEN, **given})


def test_cosine_falls_to_a_hundredth():
    settings = made(steps=100, lr=1e-3, warmup=0)
    assert settings.rate(0) == pytest.approx(1e-3)
    assert settings.rate(50) == pytest.approx(1e-3 * (0.01 + 0.99 * (1 + cos(pi / 2)) / 2))
    assert 1e-5 < settings.rate(99) < 1.1e-5


def test_warmup_rises_in_a_line():
    settings = made(steps=100, lr=1e-3, warmup=4, schedule="constant")
    assert [settings.rate(step) for step in range(5)] == pytest.approx([2.5e-4, 5e-4, 7.5e-4, 1e-3, 1e-3])


def test_published_two_stages():
    """150 and 100 epochs of 1000 steps, the last of each never run; halved at 100 and at 50 (ARCHITECTURES 2.8)."""
    settings = make_settings("sa-sr", **GIVEN)
    rates = {99_999: 1e-4, 100_000: 5e-5, 148_999: 5e-5, 149_000: 5e-5, 198_999: 5e-5, 199_000: 2.5e-5}
    found = {step: settings.rate(step, second_from=149_000 if step >= 149_000 else None) for step in rates}
    assert found == pytest.approx(rates)
    assert [settings.second_stage_due(step) for step in (148_999, 149_000)] == [False, True]
    assert settings.steps == 248_000


def test_published_deraining():
    """100 epochs of 16,600 samples in batches of 16, one short; a fifth every 45 epochs."""
    settings = make_settings("sa-derain", **{**GIVEN, "architecture": {"backbone": "rcdnet", "method": "sa"}})
    epoch = 16_600 / 16
    assert settings.steps == pytest.approx(99 * epoch, abs=1)
    at = [settings.rate(int(epochs * epoch)) for epochs in (44.9, 45.1, 89.9, 90.1)]
    assert at == pytest.approx([4e-4, 8e-5, 8e-5, 1.6e-5])


def test_minutes_carry_the_schedule_along():
    settings = made(steps=1000, lr=1.0, minutes=10, warmup=0)
    assert settings.rate(0, 5) == pytest.approx(0.01 + 0.99 / 2)
    assert settings.rate(900, 5) == pytest.approx(settings.rate(900, 0))
    assert settings.rate(10, 100) == pytest.approx(0.01)


def test_minutes_reach_both_stages():
    settings = made(steps=1000, tl_steps=500, lr=1.0, minutes=10, stage2_lr=0.5, warmup=0)
    assert settings.rate(100, 2.5) == pytest.approx(0.01 + 0.99 / 2)
    assert settings.rate(600, 7.5, second_from=550) == pytest.approx(0.5 * (0.01 + 0.99 / 2))
    assert [settings.second_stage_due(100, minutes) for minutes in (4.9, 5.0)] == [False, True]


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_makes_settings(recipe):
    backbone = "rcdnet" if "derain" in recipe else "edsr"
    settings = make_settings(recipe, **{**GIVEN, "architecture": {"backbone": backbone, "method": "sa"}})
    assert settings.recipe == recipe
    assert TrainSettings.model_validate(settings.model_dump(mode="json")) == settings


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"batch": 5, "accumulate": 2}, "a batch of 5 cannot be cut into 2 equal parts"),
        ({"steps": 10, "tl_steps": 10}, "tl_steps must leave steps"),
        ({"tl_steps": 3, "architecture": {"method": "tl"}}, "only SA has a first stage"),
        ({"schedule": "multistep", "milestones": (2.0,)}, "milestones are fractions of a stage"),
        ({"loss": "stages"}, 'the loss "stages" is for rcdnet'),
        ({"eq_reg": 0.1}, "EQ-Reg needs a weight, --eq-reg, and a group, --group"),
        ({"eq_group": "p4"}, "EQ-Reg needs a weight"),
        ({"eq_layers": 3}, "EQ-Reg needs a weight"),
        ({"eq_reg": -0.1, "eq_group": "p4"}, "--eq-reg must be at least 0, got -0.1"),
        ({"eq_reg": 0.0, "eq_group": "p4"}, "--eq-reg 0 changes nothing; add --eq-paired"),
        ({"eq_paired": True}, "--eq-paired and --eq-output belong to --eq-reg; add it"),
        ({"eq_output": 0.1}, "--eq-paired and --eq-output belong to --eq-reg; add it"),
        ({"loss": "cross-entropy"}, 'the loss "cross-entropy" is for classify only'),
        (
            {"eq_reg": 0.1, "eq_group": "p4", "compile": True},
            "EQ-Reg reads features inside the network, which --compile hides",
        ),
        ({"relax": 0.1}, "--relax and relaxed layers"),
        ({"architecture": {"method": "tl", "relaxed": True}}, "--relax and relaxed layers"),
        ({"hyper_init": "audit", "architecture": {"method": "tl"}}, "only SA has a hypernetwork that can be fitted"),
        ({"lr": float("inf")}, "--lr takes a finite number, got inf"),
        ({"lr": -1.0}, "--lr must be above 0, got -1.0"),
        ({"ema": 1.0}, "--ema must be below 1, got 1.0"),
        ({"learning_rate": 1.0}, 'no option is called "learning_rate"'),
        ({"augment": "turns"}, 'unknown augment "turns"'),
    ],
)
def test_what_does_not_fit(given, message):
    with pytest.raises(SettingError, match=message):
        made(**given)


def test_unknown_recipe():
    with pytest.raises(SettingError, match=r'no recipe is called "quik"\. Did you mean "quick"'):
        made(recipe="quik")


def test_eq_reg_draws_every_element_but_the_identity():
    settings = made(eq_reg=0.1, eq_group="p4m", seed=3)
    drawn = [settings.eq_element(step) for step in range(700)]
    assert set(drawn) == set(range(1, 8))
    assert max(drawn.count(k) for k in range(1, 8)) < 2 * min(drawn.count(k) for k in range(1, 8))
    assert drawn == [settings.eq_element(step) for step in range(700)]
    assert drawn != [made(eq_reg=0.1, eq_group="p4m", seed=4).eq_element(step) for step in range(700)]


# --- documents of other versions


def old(**changes) -> dict:
    """A document written before settings had ``start``."""
    document = {**made(audit={"w": [0.2, -0.1], "group": "p8"}).model_dump(mode="json"), **changes}
    del document["start"]
    return document


def test_documents_make_the_same_settings_again():
    for given in ({}, {"start": (0.2, 0.1)}, {"audit": {"w": [0.3, 0.1]}}, {"eq_reg": 0.1, "eq_group": "p4"}):
        settings = made(**given)
        assert TrainSettings.from_dict(json.loads(json.dumps(settings.model_dump(mode="json")))) == settings


def test_w_of_older_settings_started_where_their_note_says():
    assert TrainSettings.from_dict(old()).start == (0.2, -0.1)
    for architecture in ({"method": "fconv"}, {"method": "sa", "preset": "paper"}):
        assert TrainSettings.from_dict(old(architecture={"backbone": "edsr", **architecture})).start is None
    assert TrainSettings.from_dict(old(audit=None)).start is None


def test_the_note_about_the_audit_moves_nothing():
    assert made(audit={"w": [0.2, -0.1]}).start is None


def test_missing_fields_have_their_defaults():
    assert TrainSettings.from_dict(GIVEN) == TrainSettings(**GIVEN)


def test_fields_of_later_versions_say_so():
    message = 'the training run has a field "tempo" that this version does not know: it was written by a newer symaudit'
    with pytest.raises(SettingError, match=message):
        TrainSettings.from_dict({**GIVEN, "tempo": 1, "dropout": 0.5})


@pytest.mark.parametrize(
    ("document", "message"), [([], "is damaged .it is not an object"), ({"task": {}}, "--architecture is missing")]
)
def test_documents_of_something_else(document, message):
    with pytest.raises(SettingError, match=message):
        TrainSettings.from_dict(document)


def test_settings_come_without_torch():
    script = (
        "import sys\nfrom symmetry_audit.training import RECIPES, TrainSettings\nassert 'torch' not in sys.modules\n"
        "from symmetry_audit.tasks import OPTIONS, TASKS\nassert 'scipy' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
