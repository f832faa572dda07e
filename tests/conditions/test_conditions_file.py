"""Files of conditions: what they may hold, and errors that name the condition and what belongs there."""

from __future__ import annotations

from pathlib import Path

import pytest

from symmetry_audit.conditions import Condition, load_conditions
from symmetry_audit.errors import SettingError

WHOLE = """
[[condition]]
name = "tiles stay symmetric"
value = "relative_epsilon"
regularizer = ["tv", "tv2"]
scenario = "dataset_strict"
downscale = 1
at_most = 0.1

[[condition]]
name = "may be flipped"
table = "answers"
value = "verdict"
transformation = "flip left-right"
equals = "fits"
"""


def loaded(folder: Path, text: str) -> tuple[Condition, ...]:
    path = folder / "checks.toml"
    path.write_text(text, encoding="utf-8")
    return load_conditions(path)


def test_every_other_key_selects(tmp_path: Path) -> None:
    first, second = loaded(tmp_path, WHOLE)
    assert (first.name, first.value, first.table, first.at_most) == (
        "tiles stay symmetric",
        "relative_epsilon",
        None,
        0.1,
    )
    assert first.selectors == {"regularizer": ["tv", "tv2"], "scenario": ["dataset_strict"], "downscale": [1]}
    assert (second.table, second.equals, second.selectors) == (
        "answers",
        "fits",
        {"transformation": ["flip left-right"]},
    )


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ("at_most = 0.1", "at most 0.1"),
        ("at_least = 1\nat_most = 2", "at least 1 and at most 2"),
        ('equals = "fits"', 'equals "fits"'),
        ("equals = true", "equals true"),
        ("equals = 0", "equals 0"),
    ],
)
def test_limits_in_words(tmp_path: Path, limits: str, words: str) -> None:
    (found,) = loaded(tmp_path, f'[[condition]]\nname = "a"\nvalue = "b"\n{limits}\n')
    assert found.limit == words


HEAD = '[[condition]]\nname = "a"\nvalue = "b"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"checks.toml holds no condition; write one as \[\[condition\]\] with name, value and at_most"),
        ("condition = 1", "holds no condition"),
        ("[condition]\nname = 'a'", "holds no condition"),
        ("[[conditions]]\nname = 'a'", 'unknown key "conditions". Did you mean "condition"'),
        ("a = [", "checks.toml is not valid TOML"),
        ("condition = [1]", "condition 1 "),
        ("[[condition]]\nvalue = 'b'\nat_most = 1", "condition 1 has no name; add name"),
        ("[[condition]]\nname = 'a'\nvalu = 'b'\nat_most = 1", 'condition "a" has no value, but "valu"; rename that'),
        (HEAD, 'condition "a" has no limit; give at_most, at_least or equals'),
        (HEAD + "at_most = 1\nequals = 1", 'condition "a" has equals and at_most; give one of them'),
        (HEAD + "at_most = 1\nat_least = 2", 'condition "a" can never hold: at_least 2 is above at_most 1'),
        (HEAD + "at_most = 'x'", "condition \"a\" has at_most = 'x'; at_most takes a number"),
        (HEAD + "at_most = true", 'condition "a" has at_most = True; at_most takes a number'),
        (HEAD + "at_most = nan", 'condition "a" has at_most = nan; at_most takes a number'),
        (HEAD + "at_most = 1\ngroup = {a = 1}", 'condition "a" has group = .*; group takes text or a number'),
        (HEAD + "equals = [1]", 'condition "a" has equals = .*; equals takes text or a number'),
        ("[[condition]]\nname = 1\nvalue = 'b'\nat_most = 1", "condition 1 has name = 1; name takes a text"),
        ("[[condition]]\nname = ''\nvalue = 'b'\nat_most = 1", "condition 1 has name = ''; name takes a text"),
        (2 * (HEAD + "at_most = 1\n"), '2 conditions are called "a"; give each a name of its own'),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingError, match=message) as caught:
        loaded(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert "checks.toml" in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"cannot read the conditions in .*absent\.toml: No such file"):
        load_conditions(tmp_path / "absent.toml")
