"""One option, and the base of all classes of options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, cast, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from symmetry_audit.errors import SettingError
from symmetry_audit.options._complaints import complaint
from symmetry_audit.results import Origin, read_fields

if TYPE_CHECKING:  # what callers may pass
    from symmetry_audit.data import ImageSource

    FilePath = str | Path
    # a folder, file, glob, list, archive or dataset; a source that is open already; or paths of images
    Images = str | Path | ImageSource | Iterable[str | Path]
else:  # what a request holds; images are checked when they are opened, so that help texts need no image library
    FilePath = Annotated[Path, BeforeValidator(lambda value: _not_empty(value))]
    Images = Annotated[Any, BeforeValidator(lambda value: _kept(value))]

__all__ = ["FilePath", "Hidden", "Images", "Option", "Options", "option_of"]


@dataclass(frozen=True)
class Option:
    """How a field appears on the command line; stored in the metadata of the field's annotation.

    ``help`` is a sentence. ``default`` gives the default in words where the field's own value does not show it.
    ``names`` are other spellings of the option, short or former ones; ``variable`` is another environment variable.
    ``metavar`` represents the value in help texts. ``complete`` returns the names that a shell completes.
    """

    help: str
    default: str | None = None
    names: tuple[str, ...] = ()
    metavar: str | None = None
    complete: Callable[[], Iterable[str]] | None = None
    variable: str | None = None


@dataclass(frozen=True)
class Hidden:
    """Marks a field for Python only: neither an option nor part of the JSON of a request."""


def option_of(field: FieldInfo) -> Option | None:
    """The Option among the metadata of a field."""
    return next((item for item in field.metadata if isinstance(item, Option)), None)


class Options(BaseModel):
    """Base of all classes of options: frozen, closed to unknown names, with errors in one line.

    ``heading`` is the heading in help texts of the options that the class itself declares. Raises SettingError for a
    wrong value and for a name that is no option.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        arbitrary_types_allowed=True,
        defer_build=True,  # help texts need the fields alone, and come a third sooner
    )
    heading: ClassVar[str] = "Options"
    document: ClassVar[str] = "the request"  # what messages call its JSON

    if not TYPE_CHECKING:  # to a type checker the fields are the parameters

        def __init__(self, /, *sources: Any, **asked: Any) -> None:
            names = self.sources()
            if len(sources) > len(names) or asked.keys() & set(names[: len(sources)]):
                raise TypeError(
                    f"{type(self).__name__}({', '.join(names)}, ...) takes other options by name, each once"
                )
            try:
                super().__init__(**dict(zip(names, sources, strict=False)), **asked)
            except ValidationError as error:
                raise SettingError(complaint(error, type(self)._written())) from None

    @classmethod
    def sources(cls) -> tuple[str, ...]:
        """Names of the fields that come first, without a name: what the request is about."""
        return tuple(name for name, field in cls.model_fields.items() if field.kw_only is False)

    @classmethod
    def _written(cls) -> list[str]:
        """Names of the fields that are not for Python alone."""
        return [name for name, field in cls.model_fields.items() if Hidden() not in field.metadata]

    @classmethod
    def owners(cls) -> dict[str, type[Options]]:
        """The most derived class that declares each field, in the order of help texts and signatures.

        What a class declares itself comes before what it inherits.
        """
        found: dict[str, type[Options]] = {}
        for owner in cls.__mro__:
            for name in inspect.get_annotations(owner):
                if name in cls.model_fields:  # none of a class above Options
                    found.setdefault(name, cast(type[Options], owner))
        return found

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_of_any_library(cls, value: Any, info: ValidationInfo) -> Any:
        """NumPy's numbers and arrays count as numbers, ``True`` does not. Raises the error of a wrong type."""
        assert info.field_name is not None
        annotation = cls.model_fields[info.field_name].annotation
        if hasattr(value, "tolist") and annotation is not Any:
            value = value.tolist()
        kinds = get_args(annotation) or (annotation,)
        number = next((kind for kind in kinds if kind in (int, float)), None)
        if number is not None and bool not in kinds and any(isinstance(item, bool) for item in _items(value)):
            raise PydanticCustomError("int_type" if number is int else "float_type", "Input should be a number")
        return value

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: what was asked for. Defaults and what is for Python alone are not part of it.

        The inverse is ``from_dict``. Raises SettingError for a value without a JSON form, such as an array.
        """
        asked = [name for name in self._written() if name in self.model_fields_set]
        return {name: _plain(name, getattr(self, name)) for name in asked}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """The request that ``to_dict`` described, also in an older version: a missing name takes its default.

        Raises SettingError for a name that only a newer version knows, and for what is no such document.
        """
        origin = Origin(cls.document, "write it again", SettingError)
        read_fields(document, origin, (), dict.fromkeys(cls.model_fields))
        return cls(**document)

    def given(self, kind: type[Options]) -> dict[str, Any]:
        """The options of ``kind`` that were given by name, defaults left aside."""
        return {name: getattr(self, name) for name in kind.model_fields if name in self.model_fields_set}

    def only(self, kind: type[Options]) -> dict[str, Any]:
        """All options of ``kind`` with their values."""
        return {name: getattr(self, name) for name in kind.model_fields}


def _items(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def _not_empty(value: Any) -> Any:
    if value == "":
        raise ValueError("takes a path, got an empty text")
    return value


def _kept(source: Any) -> Any:
    """Images as a request can keep them: paths that come one by one as a tuple."""
    whole = source is None or isinstance(source, str | Path) or hasattr(source, "refs") or hasattr(source, "tolist")
    return tuple(source) if isinstance(source, Iterable) and not whole else source


def _plain(name: str, value: Any) -> Any:
    """``value`` of the option ``name`` as JSON has it; an open source of images as its text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(name, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(name, item) for item in value]
    if hasattr(value, "refs"):
        return value.text
    raise SettingError(f"{name} is {type(value).__name__}, which cannot be written as JSON; give a name or a path")
