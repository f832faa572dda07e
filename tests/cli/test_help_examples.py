"""The examples in --help fit together: what one reads, another writes; no two audits share a folder."""

from __future__ import annotations

import fnmatch
import re
import shlex
from collections import Counter
from pathlib import Path

from symmetry_audit.cli.main import VERBS, cli

FOLDERS = {"measure": "symaudit", "fit-affine": "symaudit-fits", "pilot": "symaudit-pilot"}  # in front of the source


def examples() -> list[list[str]]:
    """The words of every example line: command, arguments, options."""
    texts = [cli.help, *(cli.get_command(None, name).help for name in VERBS)]
    lines = [line for text in texts for line in re.findall(r"^ *symaudit (.+)$", text or "", re.MULTILINE)]
    return list(map(list, dict.fromkeys(tuple(shlex.split(line)) for line in lines)))


def written(command: str, *words: str) -> str | None:
    """The folder of results that an example leaves, if its command makes one."""
    if command == "demo":
        return "symaudit-demo"
    for option in ("--out", "-o"):
        if option in words:
            return words[words.index(option) + 1]
    if command not in FOLDERS:
        return None
    folder = f"{FOLDERS[command]}-{Path(words[0]).stem}"
    if "--part" in words:
        first, last = words[words.index("--part") + 1].split("/")
        return f"{folder}-part-{first}-of-{last}"
    return folder


def unmade(lines: list[list[str]]) -> set[str]:
    """Folders of results that examples read and none writes."""
    made = list(filter(None, (written(*words) for words in lines)))
    read = {word for words in lines for word in words[1:] if word.startswith("symaudit-")}
    return {pattern for pattern in read if not fnmatch.filter(made, pattern)}


def shared(lines: list[list[str]]) -> list[str | None]:
    """Folders that two audits would write to."""
    folders = Counter(written(*words) for words in lines if words[0] == "measure")
    return [folder for folder, count in folders.items() if count > 1]


def test_examples_read_what_examples_write() -> None:
    assert len(examples()) > 30
    assert unmade(examples()) == set()


def test_no_two_audits_have_one_folder() -> None:
    assert shared(examples()) == []


def test_what_does_not_fit_is_found_out() -> None:
    lines = [
        "measure photos/ --group p8",
        "measure photos/ --reg tv",
        "report symaudit-DIV2K",
        "report symaudit-photos",
    ]
    assert unmade(list(map(shlex.split, lines))) == {"symaudit-DIV2K"}
    assert shared(list(map(shlex.split, lines))) == ["symaudit-photos"]
