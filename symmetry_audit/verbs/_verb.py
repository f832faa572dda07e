"""A verb: a function of a request, which can also be called with the request's options."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeVar, overload

from symmetry_audit.errors import SettingError, suggest
from symmetry_audit.options import Options, option_of

__all__ = ["Verb", "signature_of", "verb"]

P = ParamSpec("P")
T = TypeVar("T", bound=Options)
Request = TypeVar("Request", bound=Options, contravariant=True)
R = TypeVar("R")
Result = TypeVar("Result", covariant=True)


class Verb(Protocol[P, Request, Result]):  # pyright: ignore[reportInvalidTypeVarUse]  # not seen beside P
    """A verb, callable with a request or with its options by name."""

    @overload
    def __call__(self, request: Request, /) -> Result: ...
    @overload
    def __call__(self, *args: P.args, **options: P.kwargs) -> Result: ...


def verb(request: Callable[P, T]) -> Callable[[Callable[[T], R]], Verb[P, T, R]]:
    """Let a function of a ``request`` take the request's options too. Its signature is derived from the class.

    Calling it raises SettingError for a wrong value and for an unknown option, TypeError for a missing source.
    """
    kind: Any = request  # a class, of which P are the parameters
    signature = signature_of(kind)

    def decorate(body: Callable[[T], R]) -> Verb[P, T, R]:
        @functools.wraps(body)
        def call(*args: Any, **options: Any) -> R:
            if len(args) == 1 and not options and isinstance(args[0], kind):
                return body(args[0])
            if args and isinstance(args[0], kind):
                raise SettingError(f"{body.__name__} takes a request or options; put all options into the request")
            return body(kind(**_bound(body.__name__, kind, signature, args, options)))

        call.__dict__.update(__signature__=signature, request=request)
        call.__annotations__ = {name: part.annotation for name, part in signature.parameters.items()}
        del call.__wrapped__
        return call  # pyright: ignore[reportReturnType]  # the two overloads are one function

    return decorate


def signature_of(request: type[Options]) -> inspect.Signature:
    """The parameters of a verb: the sources first, then the options by name, with their defaults."""
    kinds, found = inspect.Parameter, []
    for name in request.owners():
        field = request.model_fields[name]
        kind = kinds.POSITIONAL_OR_KEYWORD if field.kw_only is False else kinds.KEYWORD_ONLY
        default = kinds.empty if field.is_required() else field.default
        found.append(kinds(name, kind, default=default, annotation=field.annotation))
    return inspect.Signature(sorted(found, key=lambda part: part.kind))


def _bound(
    name: str, request: type[Options], signature: inspect.Signature, args: tuple[Any, ...], options: dict[str, Any]
) -> dict[str, Any]:
    """Arguments by name. Raises SettingError for an unknown option, and TypeError where any function would.

    The error for a missing argument says what the argument takes.
    """
    for option in options:
        if option not in signature.parameters:
            raise SettingError(f'{name} has no option "{option}".{suggest(option, signature.parameters)}')
    try:
        given = signature.bind_partial(*args, **options).arguments
    except TypeError as error:
        raise TypeError(f"{name}(): {error}") from None
    for part in signature.parameters.values():
        if part.default is part.empty and part.name not in given:
            option = option_of(request.model_fields[part.name])
            takes = "" if option is None else f". {option.help}"
            raise TypeError(f"{name}(): missing a required argument: '{part.name}'{takes}")
    return given
