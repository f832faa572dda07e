"""Options and messages that several verbs share: output, config files, exit codes, skipped images."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from symmetry_audit.errors import SettingError, suggest
from symmetry_audit.wording import escaped

if TYPE_CHECKING:
    from symmetry_audit.results import SkippedImage

__all__ = [
    "allow_skipped_option",
    "check_figure",
    "config_option",
    "dry_run_option",
    "exit_codes",
    "figure_option",
    "html_option",
    "json_option",
    "not_nan",
    "print_skipped",
    "quiet_option",
    "speaker",
    "table_options",
    "together",
    "verbose_option",
    "write_tables",
]

FIGURES = (".svg", ".pdf", ".png")
SHOWN = 10  # skipped images that are named on stderr; -v names all
CODES = {
    0: "done",
    1: "failed",
    2: "wrong usage",
    3: "done, but a --fail-above threshold was exceeded, or a condition failed",
    4: "done, but some images were skipped (--allow-skipped makes it 0)",
    130: "interrupted",
}


def exit_codes(*further: int, **other: str) -> str:
    """The last lines of a help text: codes 0, 1, 2 and the ``further`` codes; ``_1="..."`` replaces a text."""
    said = {code: CODES[code] for code in sorted({0, 1, 2, *further})}
    said |= {int(code[1:]): text for code, text in other.items()}
    return "\n".join(["\b", "Exit codes:", *(f"  {code:<4} {text}" for code, text in sorted(said.items()))])


def not_nan(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """A threshold, which nan is not."""
    if value is not None and value != value:
        raise click.BadParameter("nan is not a threshold")
    return value


def _load_config(ctx: click.Context, param: click.Parameter, path: Path | None) -> None:
    """Take the defaults of this command from a TOML file; flags and SYMAUDIT_* variables override them."""
    if path is None:
        return
    try:
        config = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"cannot read the config file {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # the file is not UTF-8, no TOML, or nested without end
        raise SettingError(f"{path} is not valid TOML: {error}") from None
    by_option = {
        option.lstrip("-"): item
        for item in ctx.command.params
        if isinstance(item, click.Option) and item is not param
        for option in item.opts
        if option.startswith("--")
    }
    defaults = {}
    for key, value in config.items():
        name = key.replace("_", "-")
        if name not in by_option:
            raise SettingError(f'{path}: unknown key "{key}".{suggest(name, by_option)}')
        item = by_option[name]
        defaults[str(item.name)] = _checked(ctx, item, value, f"{path}: {key}")
    ctx.default_map = {**(ctx.default_map or {}), **defaults}


def _checked(ctx: click.Context, item: click.Option, value: Any, name: str) -> Any:
    """A value of a config file in the form that click expects: a list for an option that may be repeated.

    Raises SettingError for a value of a type that the option does not take, which click itself expects to be text.
    """
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(part, str | bool | int | float) for part in values):  # tables, dates, lists
        raise SettingError(f"{name} takes a text, a number, true or false, or a list of these; got {value!r:.60}")
    typed = values if item.multiple else value
    try:
        item.type_cast_value(ctx, typed)
    except click.BadParameter as error:
        raise SettingError(f"{name}: {error.message}") from None
    except (AttributeError, TypeError, ValueError, OverflowError):
        raise SettingError(f"{name} does not take {value!r:.60}") from None
    return typed


class ConfigOption(click.Option):
    """Its help names the variables of its own command."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """As any option, with the start of the variables in place of *."""
        record = super().get_help_record(ctx)
        prefix = ctx.auto_envvar_prefix
        return record if record is None or prefix is None else (record[0], record[1].replace("SYMAUDIT_", f"{prefix}_"))


config_option = click.option(
    "--config",
    cls=ConfigOption,
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_load_config,
    is_eager=True,
    expose_value=False,
    help="TOML file of options. Precedence: flags, then SYMAUDIT_* variables, then this file.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Print only errors on stderr.")
verbose_option = click.option(
    "-v", "--verbose", is_flag=True, help="Print on stderr what will be measured, and every skipped image."
)
allow_skipped_option = click.option("--allow-skipped", is_flag=True, help="Exit with 0 even if images were skipped.")


def dry_run_option(what: str) -> Callable[[Callable], Callable]:
    """``--dry-run``."""
    return click.option("--dry-run", is_flag=True, help=f"Print what would be {what}, and stop.")


def together(*options: Callable) -> Callable[[Callable], Callable]:
    """One decorator of several, listed in this order."""

    def decorate(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


table_options = together(
    json_option,
    click.option("--csv", type=click.Path(dir_okay=False, path_type=Path), help="Also write a CSV file."),
    click.option("--latex", type=click.Path(dir_okay=False, path_type=Path), help="Also write a LaTeX table."),
)

html_option = click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Also write a page for browsers, one .html file."
)


def figure_option(does: str) -> Callable[[Callable], Callable]:
    """``--figure``, which ``does`` something, as a sentence without its end."""
    kind = click.Path(dir_okay=False, path_type=Path)
    return click.option("--figure", type=kind, help=f"{does} ({', '.join(FIGURES)}).")


def check_figure(figure: Path | None) -> str:
    """The format of ``figure``, svg, pdf or png; any where there is none. Raises SettingError for another."""
    if figure is not None and figure.suffix.lower() not in FIGURES:
        raise SettingError(f'--figure is drawn as {", ".join(FIGURES)}, got "{figure}"')
    return "svg" if figure is None else figure.suffix.lower()[1:]


def write_tables(files: Mapping[Path | None, Callable[[], str | bytes]], quiet: bool) -> None:
    """Write every table whose path is not None."""
    from symmetry_audit.reports import write_atomically

    for path, content in files.items():
        if path is not None:
            write_atomically(path, content())
            if not quiet:
                click.echo(f"wrote {escaped(str(path))}", err=True)


def speaker(quiet: bool) -> Callable[[str], None]:
    """A function that prints a line on stderr, above a progress bar if there is one, or nothing if ``quiet``."""
    return (lambda line: None) if quiet else _say


def _say(line: str) -> None:
    line = escaped(line, keep="\n")
    if "tqdm" in sys.modules:  # loaded where a bar may be on the screen
        from tqdm import tqdm

        tqdm.write(line, file=sys.stderr)
    else:
        click.echo(line, err=True)


def print_skipped(skipped: Sequence[SkippedImage], verbose: bool, *, unnamed: int = 0) -> None:
    """Name the skipped images on stderr, the first few or all; ``unnamed`` more are in SKIPPED_FILE alone."""
    shown = len(skipped) if verbose else SHOWN
    for item in skipped[:shown]:
        click.echo(escaped(f"Skipped: {item.image}: {item.reason}"), err=True)
    from symmetry_audit.results import SKIPPED_FILE

    if (more := len(skipped) + unnamed - shown) > 0:
        where = SKIPPED_FILE if unnamed else "report.json or -v"
        click.echo(f"... and {more} more, see {where}", err=True)
