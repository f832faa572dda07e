"""A value of any TOML type for any option of any command ends in one line, never in a traceback."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import click
import pytest

from symmetry_audit.cli import derived
from symmetry_audit.cli.main import cli
from symmetry_audit.errors import SymmetryAuditError

VALUES = (
    *("0", "1", "-1", "1.5", "inf", "nan", "1e400", "99999999999999999999999999", "true", "false", '""', '"x"', '"1"'),
    *('"a,b"', '"-1:x"', '"\\u0000"', "[]", "[1]", '["x", 2]', "[1, 2, 3]", "[true]", "[nan, 1.0]", "[[1]]"),
    *("{a = 1}", "1979-05-27", "07:32:00"),
)


class Asked(Exception):
    """The request was made: the value is one that the option takes."""


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that takes a config file, with the words that call it."""
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), name)
            assert found is not None
            yield from commands(found, (*path, name))
    elif any("--config" in item.opts for item in command.params):
        yield path, command


def options(command: click.Command) -> list[click.Option]:
    return [item for item in command.params if isinstance(item, click.Option) and "--config" not in item.opts]


def read(path: tuple[str, ...], command: click.Command, name: str, values: tuple[str, ...], config) -> Iterator[str]:
    """What is said of each of ``values`` of the option ``name``, nothing where it is taken."""
    others = [item for item in options(command) if item.required and f"--{name}" not in item.opts]
    given = [word for item in others for word in (item.opts[-1], "1")]
    given += ["x" for item in command.params if isinstance(item, click.Argument) and item.required]
    for value in values:
        config.write_text(f"{name} = {value}\n", encoding="utf-8")
        try:
            cli([*path, "--config", str(config), *given], standalone_mode=False)
        except Asked:
            yield ""
        except (SymmetryAuditError, click.ClickException) as error:
            yield str(error)


@pytest.fixture
def stopped(monkeypatch):
    """Commands end where they have made their request."""

    def asked(*given, **further):
        derived.asked(*given, **further)
        raise Asked

    for _, command in commands(cli):
        assert command.callback is not None
        monkeypatch.setattr(importlib.import_module(command.callback.__module__), "asked", asked)


@pytest.mark.slow
def test_no_option_of_any_command_ends_in_a_traceback(stopped, tmp_path):
    said = taken = 0
    for path, command in commands(cli):
        for item in options(command):
            name = max(item.opts, key=len).removeprefix("--")
            found = list(read(path, command, name, VALUES, tmp_path / "c.toml"))
            assert all("\n" not in line for line in found)
            said, taken = said + len([line for line in found if line]), taken + found.count("")
    assert said > 2 * taken > 1000


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("limit = {a = 1}", "limit takes a text, a number, true or false, or a list of these; got {'a': 1}"),
        ("seed = inf", "seed does not take inf"),
        ("data-root = 1", "data-root does not take 1"),
        ("quiet = 7", "quiet does not take 7"),
        ("sigma = [[1]]", "sigma takes a text, a number, true or false, or a list of these; got [[1]]"),
        ("since = 1979-05-27", 'unknown key "since".'),
    ],
)
def test_a_value_of_another_type_is_named(stopped, tmp_path, line, message):
    name, _, value = line.partition(" = ")
    measure = dict(commands(cli))[("measure",)]
    (said,) = read(("measure",), measure, name, (value,), tmp_path / "c.toml")
    assert said.startswith(f"{tmp_path}/c.toml: {message}")
