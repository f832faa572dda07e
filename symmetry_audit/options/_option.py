"""One option, and the base of all classes of options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from symmetry_audit.errors import SettingError
from symmetry_audit.options._complaints import complaint

if TYPE_CHECKING:  # what callers may pass; a request holds a Path
    FilePath = str | Path
else:
    FilePath = Path

__all__ = ["FilePath", "Hidden", "Option", "Options", "option_of"]


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

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True)
    heading: ClassVar[str] = "Options"

    if not TYPE_CHECKING:  # to a type checker the fields are the parameters

        def __init__(self, /, *sources: Any, **asked: Any) -> None:
            try:
                super().__init__(**dict(zip(self.sources(), sources, strict=False)) | asked)
            except ValidationError as error:
                raise SettingError(complaint(error, type(self).model_fields)) from None

    @classmethod
    def sources(cls) -> tuple[str, ...]:
        """Names of the fields that come first, without a name: what the request is about."""
        return tuple(name for name, field in cls.model_fields.items() if field.kw_only is False)

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_of_any_library(cls, value: Any, info: ValidationInfo) -> Any:
        """NumPy's numbers and arrays count as numbers, ``True`` does not. Raises the error of a wrong type."""
        assert info.field_name is not None
        annotation = cls.model_fields[info.field_name].annotation
        if hasattr(value, "tolist") and annotation is not Any:
            value = value.tolist()
        if isinstance(value, bool):
            kinds = get_args(annotation) or (annotation,)
            number = next((kind for kind in kinds if kind in (int, float)), None)
            if number is not None and bool not in kinds:
                raise PydanticCustomError("int_type" if number is int else "float_type", "Input should be a number")
        return value

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, without what is for Python alone; the inverse is ``from_dict``."""
        shown = {name for name, field in type(self).model_fields.items() if Hidden() not in field.metadata}
        return {name: _plain(value) for name, value in self.model_dump(include=shown).items()}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """The request that ``to_dict`` described, also in an older version: a missing name takes its default.

        Raises SettingError for a name that only a newer version knows.
        """
        unknown = sorted(set(document) - set(cls.model_fields))
        if unknown:
            raise SettingError(f'"{unknown[0]}" is no option here: written by a newer symaudit; update symaudit')
        return cls(**document)

    def given(self, kind: type[Options]) -> dict[str, Any]:
        """The options of ``kind`` that were given by name, defaults left aside."""
        return {name: getattr(self, name) for name in kind.model_fields if name in self.model_fields_set}

    def only(self, kind: type[Options]) -> dict[str, Any]:
        """All options of ``kind`` with their values."""
        return {name: getattr(self, name) for name in kind.model_fields}


def _plain(value: Any) -> Any:
    """``value`` as JSON has it; a value without a JSON form as its text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(getattr(value, "text", None) or type(value).__name__)
