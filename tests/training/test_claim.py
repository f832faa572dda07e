"""Whose folder it is: settings of any content, and processes that are about to train different runs."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from symmetry_audit.errors import DataError, ModelError
from symmetry_audit.training._claim import claim, refuse_differences

WRONG = (None, [], {}, "x", -1, 0.5, True, [[]], {"name": {}}, [0, "x"])


def replaced(document, place, value):
    if not place:
        return value
    return document | {place[0]: replaced(document[place[0]], place[1:], value)}


def test_settings_of_wrong_types_are_one_line(settings, tmp_path):
    run = {"settings": settings(seed=3).model_dump(mode="json"), "data": "a", "valid": "b", "weights": None}
    path, refused = tmp_path / "settings.json", 0
    (tmp_path / "last.safetensors").touch()
    places = [(), *((name,) for name in run), *(("settings", name) for name in run["settings"])]
    places += [("settings", part, name) for part in ("task", "architecture") for name in run["settings"][part]]
    for place in places:
        for wrong in WRONG:
            path.write_text(json.dumps(replaced(run, place, wrong)))
            with suppress(ModelError):  # some are the values that the run has
                claim(tmp_path, run, None, force=False)
                continue
            refused += 1
    assert refused > len(places) * len(WRONG) / 2
    path.write_text("[" * 100_000)
    with pytest.raises(ModelError, match="missing or damaged"):
        claim(tmp_path, run, None, force=False)


def test_processes_with_different_runs(settings):
    one = {"settings": settings().model_dump(mode="json"), "data": "a", "valid": "b", "weights": None}
    refuse_differences([one, dict(one)])
    for other, text in (
        (one | {"data": "c"}, "process 1 has another run than process 0 .other training images.; give every machine"),
        (one | {"settings": settings(lr=2e-3).model_dump(mode="json")}, "lr 0.001, not 0.002"),
        (one | {"weights": "d"}, "other --weights"),
        (one | {"white": 1023}, "other entries"),
    ):
        with pytest.raises(DataError, match=text):
            refuse_differences([one, other])
