"""Words that messages, tables and figures share."""

from __future__ import annotations

import pytest

from symmetry_audit.wording import count, csv_row, escaped, from_csv, numbers, printable, without_secrets


@pytest.mark.parametrize(("number", "words"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (1000, "1000 images")])
def test_only_one_is_singular(number, words):
    assert count(number, "image") == words


def test_numbers_are_short():
    assert numbers([1, 1.5, 2.0]) == "1, 1.5, 2" and numbers([]) == ""


def test_names_stay_on_one_line():
    assert printable("a\nb\x1b[31mc\u2028d é") == "a b [31mc d é"


def test_names_cannot_pass_for_other_output():
    """Escape codes, line breaks, and characters that turn the direction of writing; letters of every script stay."""
    for name in ("森林", "हिन्दी", "می‌خواهم", "עברית", "👩‍👩‍👧", "e\u0301.png", "a b\u3000c", "x\\n"):
        assert escaped(name) == name
    assert escaped("\x1b[2J\r\n\x9b\u202egnp.exe\u2066\u200f\u2028\udcff") == (
        r"\x1b[2J\r\n\x9b\u202egnp.exe\u2066\u200f\u2028\udcff"
    )
    assert escaped("a\nb\x1b", keep="\n") == "a\nb\\x1b"


def test_no_text_of_a_csv_file_is_a_formula():
    texts = ["=1+1.png", "+a", "-a", "@a", "\t=a", "'=a", "''-b", "'quoted'", "a=b", "-1.5", "1e-3", "森"]
    written = csv_row([*texts, -1.5, None])
    assert written[:8] == ["'=1+1.png", "'+a", "'-a", "'@a", "'\t=a", "''=a", "'''-b", "'quoted'"]
    assert written[8:] == [*texts[8:], -1.5, None]
    assert [from_csv(cell) for cell in written[: len(texts)]] == texts


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://me:p@ss@host/set.zip?X-Amz-Signature=1#part", "https://host/set.zip"),
        ("--data-root=s3://key:secret@bucket/a b", "--data-root=s3://bucket/a b"),
        ("url='https://host/0.tar?sig=1', message='Forbidden'", "url='https://host/0.tar message='Forbidden'"),
        ("s3://b/{0..9}.tar", "s3://b/{0..9}.tar"),
        ("photos/what?/*.png", "photos/what?/*.png"),
        ("me@host", "me@host"),
    ],
)
def test_urls_lose_their_secrets(text, kept):
    asked = {"source": text, "reg": ["tv", text], "limit": 3}
    assert without_secrets(asked) == {"source": kept, "reg": ["tv", kept], "limit": 3}
