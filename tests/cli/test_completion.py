"""Shell completion as its page describes it: the script that a shell evaluates, and what it then proposes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs/howto/shell.md"
COMMAND = "import sys; sys.argv = ['symaudit']; from symmetry_audit.cli.main import main; main()"
SHELLS = {
    "bash": 'eval "$(_SYMAUDIT_COMPLETE=bash_source symaudit)"',
    "zsh": 'eval "$(_SYMAUDIT_COMPLETE=zsh_source symaudit)"',
    "fish": "_SYMAUDIT_COMPLETE=fish_source symaudit | source",
}


def symaudit(instruction: str, **variables: str) -> str:
    """What the command prints when a shell asks it for completions."""
    environment = {**os.environ, "_SYMAUDIT_COMPLETE": instruction, **variables}
    command = [sys.executable, "-P", "-c", COMMAND]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout


def proposed(typed: str) -> list[str]:
    """The words that bash is told for the last word of ``typed``."""
    words = typed.split(" ")
    lines = symaudit("bash_complete", COMP_WORDS=typed, COMP_CWORD=str(len(words) - 1)).splitlines()
    return [line.partition(",")[2] for line in lines]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_of_a_shell_is_that_of_the_page(shell):
    assert SHELLS[shell] in PAGE.read_text(encoding="utf-8")
    assert f"_SYMAUDIT_COMPLETE={shell}_complete" in symaudit(f"{shell}_source")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("symaudit fit", ["fit-affine"]),
        ("symaudit measure --ban", ["--bands"]),
        ("symaudit measure --reg tv,lap", ["tv,laplacian"]),
        ("symaudit measure DIV", ["DIV2K"]),
        ("symaudit datasets rem", ["remove"]),
        ("symaudit datasets show div2k:v", ["DIV2K:valid", "DIV2K:valid_LR_bicubic_X2", "DIV2K:valid_LR_bicubic_X4"]),
        ("symaudit nets --preset p", ["paper"]),
    ],
)
def test_what_is_proposed(typed, words, tmp_path, monkeypatch):
    monkeypatch.setenv("SYMAUDIT_MANIFESTS", str(tmp_path))
    assert proposed(typed) == words
