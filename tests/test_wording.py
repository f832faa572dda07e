"""Words that messages, tables and figures share."""

from __future__ import annotations

import pytest

from symmetry_audit.wording import count, numbers, printable


@pytest.mark.parametrize(("number", "words"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (1000, "1000 images")])
def test_only_one_is_singular(number, words):
    assert count(number, "image") == words


def test_numbers_are_short():
    assert numbers([1, 1.5, 2.0]) == "1, 1.5, 2" and numbers([]) == ""


def test_names_stay_on_one_line():
    assert printable("a\nb\x1b[31mc\u2028d é") == "a b [31mc d é"
