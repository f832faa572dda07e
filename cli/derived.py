"""Commands derived from requests: a field of a request becomes an option with its type, bounds, default and help."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import annotated_types
import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem
from pydantic.fields import FieldInfo

from symmetry_audit.verbs import NAMES, PATHS, Option, Options, Parsed, option_of, shown_default

__all__ = ["RequestCommand", "asked", "complete", "request_options"]

Request = TypeVar("Request", bound=Options)
REPEATED = (NAMES, PATHS)  # of options that may be given several times
OUTPUT = "Output"  # heading of the options that belong to no request


class RequestOption(click.Option):
    """An option of a request. The request holds the default; click only shows it."""

    def __init__(self, *args: Any, heading: str, shown: str | None, **settings: Any) -> None:
        self.heading, self.shown = heading, shown
        super().__init__(*args, **settings)

    def get_help_extra(self, ctx: click.Context) -> Any:
        """The text in brackets: the default in words, the bounds."""
        extra = super().get_help_extra(ctx)
        if self.shown is not None:
            extra["default"] = self.shown
        return extra


class RequestCommand(click.Command):
    """Lists its options by heading."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Headings in the order of their first option; options that belong to no request come last."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in sorted(self.get_params(ctx), key=lambda param: not isinstance(param, RequestOption)):
            record = param.get_help_record(ctx)
            if isinstance(param, click.Option) and record is not None:
                sections.setdefault(getattr(param, "heading", OUTPUT), []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records)


class TextType(click.ParamType):
    """A value that is written as text and parsed as the request parses it."""

    def __init__(self, parsed: Parsed) -> None:
        self.parsed, self.name = parsed, parsed.metavar

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert text, or the value in a config file."""
        try:
            return self.parsed.func(value)
        except (TypeError, ValueError) as error:
            self.fail(str(error), param, ctx)


def request_options(request: type[Options]) -> Callable[[Callable], Callable]:
    """Give a command the options, and the arguments, of ``request``."""

    def decorate(command: Callable) -> Callable:
        for decorator in reversed(list(_decorators(request))):
            command = decorator(command)
        return command

    return decorate


def asked(request: type[Request], options: dict[str, Any], **further: Any) -> Request:
    """The request of this command, from flags, variables and the config file. Raises SettingError."""
    context = click.get_current_context()
    given: dict[str, Any] = {}
    for name, value in options.items():
        source = context.get_parameter_source(name)
        if source is ParameterSource.DEFAULT_MAP and context.default_map:
            given[name] = context.default_map[name]  # as the file has it: there are types in TOML
        elif source is not ParameterSource.DEFAULT:
            given[name] = value
    return request(**given, **further)


def complete(source: Callable[[], Any]) -> Callable[..., list[CompletionItem]]:
    """Shell completion from a function that returns the names; completes the last item of a comma list."""

    def items(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        head, comma, last = incomplete.rpartition(",")
        return [CompletionItem(head + comma + name) for name in source() if name.startswith(last)]

    return items


def _decorators(request: type[Options]) -> Iterator[Callable]:
    """One option for each field that has one, an argument for each source."""
    for name, owner in request.owners().items():
        field = request.model_fields[name]
        option = option_of(field)
        if option is None:
            continue
        if field.kw_only is False:
            yield _argument(name, field, option)
        else:
            yield _option(name, field, option, heading=owner.heading, shown=shown_default(request, name))


def _argument(name: str, field: FieldInfo, option: Option) -> Callable:
    several = "..." in (option.metavar or "")
    return click.argument(
        name,
        metavar=option.metavar or name.upper(),
        nargs=-1 if several else 1,
        required=field.is_required(),
        type=_type(field),
        shell_complete=complete(option.complete) if option.complete else None,
    )


def _option(name: str, field: FieldInfo, option: Option, *, heading: str, shown: str | None) -> Callable:
    flag, kind = f"--{name.replace('_', '-')}", _plain(field.annotation)
    settings: dict[str, Any] = {}
    if kind is bool:
        flag = f"{flag}/--no-{flag[2:]}" if field.default else flag
        settings["is_flag"] = True
    else:
        settings["type"] = _type(field)
        parsed = any(isinstance(item, Parsed) for item in field.metadata)  # one text for all values
        settings["nargs"] = len(get_args(kind)) if get_origin(kind) is tuple and not parsed else 1
        settings["multiple"] = any(item in REPEATED for item in field.metadata)
    if option.complete:
        settings["shell_complete"] = complete(option.complete)
    if option.variable:
        settings["envvar"] = option.variable
    return click.option(
        *sorted((flag, *option.names), key=lambda text: text.startswith("--")),  # in the order of help texts: -o, --out
        name,
        cls=RequestOption,
        heading=heading,
        shown=shown,
        required=field.is_required(),
        metavar=option.metavar or next((item.metavar for item in REPEATED if item in field.metadata), None),
        help=option.help,
        **settings,
    )


def _plain(annotation: Any) -> Any:
    """The type of an optional field; the annotation itself where several types are possible."""
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        annotation = kinds[0] if len(kinds) == 1 else annotation
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _type(field: FieldInfo) -> Any:
    """The click type, whose name users see in help texts and errors."""
    kind = _plain(field.annotation)
    for item in field.metadata:
        if isinstance(item, Parsed):
            return str if item in REPEATED else TextType(item)
    if get_origin(kind) is Literal:
        return click.Choice([str(choice) for choice in get_args(kind)])
    if kind is Path:
        return click.Path(path_type=Path)
    if get_origin(kind) is tuple:
        return get_args(kind)[0]
    if kind in (int, float):
        return _number(kind, field)
    return str


def _number(kind: type, field: FieldInfo) -> Any:
    """A number within its bounds."""
    bounds: dict[str, Any] = {}
    for item in field.metadata:
        if isinstance(item, annotated_types.Ge):
            bounds["min"] = item.ge
        elif isinstance(item, annotated_types.Gt):
            bounds |= {"min": item.gt, "min_open": True}
        elif isinstance(item, annotated_types.Le):
            bounds["max"] = item.le
        elif isinstance(item, annotated_types.Lt):
            bounds |= {"max": item.lt, "max_open": True}
    if not bounds:
        return kind
    return click.IntRange(**bounds) if kind is int else click.FloatRange(**bounds)
