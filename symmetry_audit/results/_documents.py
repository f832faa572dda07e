"""JSON documents to frozen values: missing fields take their defaults, unknown ones are those of a newer version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from sys import float_info
from types import NoneType, UnionType
from typing import Any, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

from symmetry_audit.errors import ReportError, SymmetryAuditError

__all__ = [
    "Origin",
    "check_agreement",
    "dump_checked",
    "dump_json",
    "read_fields",
    "read_json",
    "read_value",
    "unchecked",
]

V = TypeVar("V")
CHECKSUM = "sha256"  # the last field of documents that are read again
NEWER = "it was written by a newer symaudit; update symaudit"
WORDS = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}


@dataclass(frozen=True)
class Origin:
    """A document as error messages name it: its ``name``, what to do about damage, and the class of the ``error``."""

    name: str
    remedy: str
    error: type[SymmetryAuditError] = ReportError

    def damaged(self, reason: object) -> SymmetryAuditError:
        """The error for a document that no version of symaudit writes."""
        return self._said(f"{self.name} is damaged ({reason}); {self.remedy}")

    def newer(self, field: str) -> SymmetryAuditError:
        """The error for a document with a ``field`` that only a later version writes."""
        return self._said(f'{self.name} has a field "{field}" that this version does not know: {NEWER}')

    def check_schema(self, document: Any, expected: str) -> None:
        """Raise the error unless ``document`` is an object whose schema is ``expected``, such as "symaudit.report/1".

        A higher number of the same schema belongs to a newer version.
        """
        found = document.get("schema") if isinstance(document, dict) else None
        if found == expected:
            return
        kind, _, number = expected.rpartition("/")
        theirs, _, later = found.rpartition("/") if isinstance(found, str) else ("", "", "")
        if theirs == kind and later.isdecimal() and int(later[:9]) > int(number):
            raise self._said(f'{self.name} has schema "{found}", which this version does not know: {NEWER}')
        raise self._said(f'{self.name} has schema "{found}", expected "{expected}"; {self.remedy}')

    def _said(self, text: str) -> SymmetryAuditError:
        """The error in one line: a name in a document may hold line breaks and escape codes."""
        return self.error("".join(char if char.isprintable() else " " for char in text))


def read_value(cls: type[V], document: Any, origin: Origin, at: str = "", **given: Any) -> V:
    """The dataclass ``cls`` from a JSON object, as its annotations say: numbers, text, tuples, mappings, dataclasses.

    Missing fields take their defaults. ``given`` holds fields that do not come from the document. The document may
    also hold the names in the class's DERIVED, which are ignored. Where a field's metadata has "null", a null in the
    document means that value. ``at`` is the path of the object in the whole document, for messages. Raises the error
    of ``origin``: "newer" for an unknown field; "damaged" for a missing field without a default, a value of another
    type and a number that is not finite.

    >>> @dataclass(frozen=True)
    ... class Point:
    ...     x: float
    ...     y: float = 0.0
    >>> read_value(Point, {"x": 1.5}, Origin("point.json", "draw it again"))
    Point(x=1.5, y=0.0)
    """
    stored = {item.name: item for item in fields(cls) if item.name not in given}  # pyright: ignore[reportArgumentType]
    optional = [name for name, item in stored.items() if (item.default, item.default_factory) != (MISSING, MISSING)]
    derived = getattr(cls, "DERIVED", ())
    found = _known(document, origin, stored.keys() - set(optional), [*stored, *derived], at)
    for name, item in stored.items():
        if name in found and found[name] is None and "null" in item.metadata:
            given[name] = item.metadata["null"]
        elif name in found:
            given[name] = _converted(_hints(cls)[name], found[name], origin, _path(at, name))
    return cls(**given)


def read_fields(
    document: Any, origin: Origin, required: Iterable[str], defaults: Mapping[str, Any], at: str = ""
) -> dict[str, Any]:
    """The JSON object ``document`` with ``defaults`` in place of its missing fields; values are not checked.

    For values that :func:`read_value` cannot build. Raises the error of ``origin``: "newer" for a field that is
    neither ``required`` nor in ``defaults``, "damaged" where a required field is missing.

    >>> read_fields({"group": "p8"}, Origin("run.json", "measure again"), ["group"], {"seed": 0})
    {'seed': 0, 'group': 'p8'}
    """
    required = list(required)
    return {**defaults, **_known(document, origin, required, [*required, *defaults], at)}


def check_agreement(document: Any, value: Any, origin: Origin, at: str = "") -> None:
    """Raise the error of ``origin`` unless everything in ``document`` is also in ``value``, its ``to_dict``.

    ``value`` may hold more, since an older version writes fewer fields. The wording of "reasons" may differ.
    """
    if isinstance(document, dict) and isinstance(value, dict):
        for name, item in document.items():
            if name not in value:
                raise origin.newer(_path(at, name))
            check_agreement(item, value[name], origin, _path(at, name))
    elif isinstance(document, list) and isinstance(value, list) and len(document) == len(value):
        for index, (item, own) in enumerate(zip(document, value, strict=True)):
            check_agreement(item, own, origin, f"{at}[{index}]")
    elif document != value and not at.startswith("reasons."):
        raise origin.damaged(f"{at} is {document!r:.40}, but the other fields give {value!r:.40}")


def read_json(path: str | Path, absent: str, damaged: str | None = None) -> Any:
    """What the JSON file at ``path`` holds.

    Raises ReportError that ends with what to do where the file is ``absent``, or ``damaged`` (by default the same).
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=_no_number)
    except OSError as error:
        raise ReportError(f"cannot read {path}: {error.strerror}; {absent}") from None
    except (ValueError, RecursionError):
        raise ReportError(f"{path} is not valid JSON; {damaged or absent}") from None


def dump_json(document: Any) -> str:
    """Two-space indented JSON with a final newline; a NaN or infinity is a mistake and raises ValueError."""
    return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def dump_checked(document: Mapping[str, Any]) -> str:
    """``dump_json`` with one more field at the end, CHECKSUM, by which :func:`unchecked` notices damage."""
    return dump_json({**document, CHECKSUM: _digest(document)})


def unchecked(document: Any, origin: Origin) -> Any:
    """``document`` without its CHECKSUM, which it need not have: an older version wrote none.

    Raises the error of ``origin`` where the other fields, as values and not as text, are not those that were written.
    """
    if not isinstance(document, dict) or CHECKSUM not in document:
        return document
    rest = {name: value for name, value in document.items() if name != CHECKSUM}
    if document[CHECKSUM] != _digest(rest):
        raise origin.damaged(f"its fields do not agree with its {CHECKSUM}; if you changed them, remove that one")
    return rest


def _digest(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document).encode()).hexdigest()


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _known(document: Any, origin: Origin, required: Collection[str], known: Collection[str], at: str) -> dict[str, Any]:
    """``document``, checked to be an object that has all ``required`` names and no name that is not ``known``."""
    if not isinstance(document, dict):
        raise origin.damaged(f"{at or 'it'} is not an object")
    if unknown := [name for name in document if name not in known]:
        raise origin.newer(_path(at, unknown[0]))
    for name in known:
        if name in required and name not in document:
            raise origin.damaged(f"{_path(at, name)} is missing")
    return document


def _converted(hint: Any, raw: Any, origin: Origin, at: str) -> Any:
    """``raw`` as the type ``hint``. Stored values use these types alone."""
    if hint is Any:
        return raw
    if isinstance(hint, type) and is_dataclass(hint):
        return read_value(hint, raw, origin, at)
    kind, parts = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        (part,) = (part for part in parts if part is not NoneType)
        return None if raw is None else _converted(part, raw, origin, at)
    if kind is tuple:
        return _tuple(parts, raw, origin, at)
    if kind is Mapping:
        if not isinstance(raw, dict):
            raise origin.damaged(f"{at} is not an object")
        return {name: _converted(parts[1], value, origin, _path(at, name)) for name, value in raw.items()}
    assert hint in WORDS, hint
    return _plain(hint, raw, origin, at)


def _tuple(parts: tuple[Any, ...], raw: Any, origin: Origin, at: str) -> tuple[Any, ...]:
    if not isinstance(raw, list | tuple):
        raise origin.damaged(f"{at} is not a list")
    parts = parts[:1] * len(raw) if parts[-1] is ... else parts
    if len(parts) != len(raw):
        raise origin.damaged(f"{at} has {len(raw)} values, not {len(parts)}")
    return tuple(_converted(part, raw[index], origin, f"{at}[{index}]") for index, part in enumerate(parts))


def _plain(kind: type, raw: Any, origin: Origin, at: str) -> Any:
    """``raw``, checked to be of ``kind``; a whole number counts as a float. Numbers must be finite."""
    if not isinstance(raw, int | float if kind is float else kind) or (isinstance(raw, bool) and kind is not bool):
        raise origin.damaged(f"{at} is {raw!r:.40}, not {WORDS[kind]}")
    if isinstance(raw, int | float) and not abs(raw) <= float_info.max:  # nan, and whole numbers of 309 digits, too
        raise origin.damaged(f"{at} is {raw!r:.40}, which is not a finite number")
    return raw


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _path(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name
