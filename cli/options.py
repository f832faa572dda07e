"""Options that several verbs share, config files, and progress on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from symmetry_audit.errors import SettingError, suggest

__all__ = [
    "EXIT_CODES",
    "NumberList",
    "complete",
    "config_option",
    "device_options",
    "progress_on_stderr",
    "quiet_option",
    "run_options",
    "verbosity_options",
]

EXIT_CODES = """\b
Exit codes:
  0    done
  1    failed
  2    wrong usage
  3    done, but a --fail-above threshold was exceeded
  4    done, but some images were left out (--allow-skipped makes it 0)
  130  interrupted; the same command continues the run
"""


class NumberList(click.ParamType):
    """A comma list of numbers, such as ``1,1.5,2``."""

    name = "numbers"

    def __init__(self, kind: type = float) -> None:
        self.kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Text, or a number or list from a config file, to a tuple of numbers."""
        if isinstance(value, tuple):
            return value
        parts = value if isinstance(value, list) else str(value).split(",")
        try:
            return tuple(self.kind(part) for part in parts)
        except (TypeError, ValueError):
            self.fail(f'"{value}" is not a number or a comma list of numbers', param, ctx)


def complete(source: Callable[[], list[str]]) -> Callable[..., list[CompletionItem]]:
    """Shell completion from a function that gives the names; the last item of a comma list is completed."""

    def items(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        head, comma, last = incomplete.rpartition(",")
        return [CompletionItem(head + comma + name) for name in source() if name.startswith(last)]

    return items


def _load_config(ctx: click.Context, param: click.Parameter, path: Path | None) -> None:
    """Make a TOML file the defaults of this command: below flags and SYMAUDIT_* variables."""
    if path is None:
        return
    import tomllib

    try:
        config = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"cannot read the config file {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
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
        # lists become the comma lists that the options read anyway
        text = ",".join(map(str, value)) if isinstance(value, list) else value
        item = by_option[name]
        defaults[item.name] = [text] if item.multiple else text
    ctx.default_map = {**(ctx.default_map or {}), **defaults}


config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_load_config,
    is_eager=True,
    expose_value=False,
    help="TOML file of defaults for these options; flags and variables such as SYMAUDIT_MEASURE_GROUP go first.",
)


def quiet_option(command: Callable) -> Callable:
    """``-q``."""
    return click.option("-q", "--quiet", is_flag=True, help="Say nothing on stderr but errors.")(command)


def verbosity_options(command: Callable) -> Callable:
    """``-q`` and ``-v``."""
    text = "Say on stderr what is going to be measured, and name every image left out."
    return quiet_option(click.option("-v", "--verbose", is_flag=True, help=text)(command))


def device_options(command: Callable) -> Callable:
    """Where and how many at a time; neither changes a number by more than rounding."""
    command = click.option("--workers", type=click.IntRange(1), help="Images in work at a time.  [default: all cores]")(
        command
    )
    return click.option("--device", type=click.Choice(("auto", "cpu", "cuda")), default="auto", show_default=True)(
        command
    )


def run_options(command: Callable) -> Callable:
    """Options of everything that measures images into a report folder."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON document."),
        click.option("--force", is_flag=True, help="Start over, whatever run --out holds."),
        click.option("--resume/--no-resume", default=True, help="Continue a run in --out.  [default: resume]"),
        click.option("--out", type=click.Path(path_type=Path), help="Report folder.  [default: symaudit-NAME, here]"),
    ):
        command = option(command)
    return verbosity_options(device_options(command))


@contextmanager
def progress_on_stderr(quiet: bool, interval: float = 10.0) -> Any:
    """Yield ``progress(done, total)``: a bar on a terminal, a plain line now and then elsewhere."""
    if quiet:
        yield lambda done, total: None
        return
    if sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(unit="image", file=sys.stderr, dynamic_ncols=True) as bar:

            def show(done: int, total: int) -> None:
                if bar.total is None:
                    bar.reset(total)
                    bar.initial = done  # images of an earlier run say nothing about this one's speed
                bar.update(done - bar.n)

            yield show
        return
    last = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal last
        if done < total and time.monotonic() - last >= interval:
            last = time.monotonic()
            click.echo(f"{done} of {total} images", err=True)

    yield tell
