"""The README's transcript is replayed, and what it promises exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.demo_run import demo_run

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
TRANSCRIPTS = re.findall(r"```console\n\$ symaudit (.*)\n((?:.*\n)*?)```", README)


def test_there_is_a_transcript_on_the_first_screen() -> None:
    assert TRANSCRIPTS
    assert README.index("$ symaudit demo") < 2000


@pytest.mark.parametrize(("command", "printed"), TRANSCRIPTS)
def test_transcript(symaudit, tmp_path_factory, command: str, printed: str) -> None:
    assert command == "demo", "replay other transcripts too"
    _, out, _ = demo_run(tmp_path_factory, symaudit)
    assert out.rstrip().splitlines() == printed.rstrip().splitlines()


def used_options(text: str) -> dict[str, set[str]]:
    """Command -> the options that example lines of ``text``, "symaudit COMMAND ...", give it."""
    found: dict[str, set[str]] = {}
    for line in re.findall(r"^ *symaudit (.+)$", text, re.MULTILINE):
        command, *words = shlex.split(line, comments=True)
        options = {re.split(r"[=\d]", word)[0] for word in words if re.match(r"--?[a-z]", word)}
        found[command] = found.get(command, set()) | options
    return found


def test_options_in_examples_exist() -> None:
    from symmetry_audit.cli.main import VERBS, cli

    used = used_options(README)
    assert {"measure", "train", "align", "evaluate", "recommend", "bounds"} <= set(used) <= set(VERBS)
    for name, options in used.items():
        params = cli.get_command(None, name).params
        known = {option for item in params for option in (*item.opts, *item.secondary_opts)}
        assert options <= known, name


def test_an_option_of_no_command_is_seen() -> None:
    line = "symaudit train --task sr --limit=3 -o there  # not --this one\n    symaudit bounds run --mu -1\n"
    assert used_options(line) == {"train": {"--task", "--limit", "-o"}, "bounds": {"--mu"}}


def test_linked_files_exist() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link and not link.startswith("#")]
    assert links
    assert all((ROOT / link).is_file() for link in links)
