"""Tables of the keys that a table of a TOML file may have, for pages that are made from the code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import NODEFAULT, inspect

from goodstanding.published import docstrings


class KeyTables:
    """`titles`: under which heading of the page each type of a table is explained."""

    def __init__(self, titles: Mapping[type, str]) -> None:
        self._titles = titles

    def of(self, cls: type) -> str:
        """Each key of the type, but those of a type above it that the page has a heading for."""
        said = docstrings.of_fields(cls)
        inherited = {
            field.name for base in cls.__mro__[1:] if base in self._titles for field in msgspec.structs.fields(base)
        }
        rows = [
            f"| `{field.encode_name}` | {self._value(inspect.type_info(field.type))} | {_default(field)} | "
            f"{said.get(field.name, '').replace('|', chr(92) + '|')} |"
            for field in msgspec.structs.fields(cls)
            if field.name not in inherited
        ]
        return "\n".join(["| key | value | if left out | |", "|---|---|---|---|", *rows, ""])

    def _value(self, info: inspect.Type) -> str:
        """What may stand at a key, in words."""
        match info:
            case inspect.IntType():
                return "number"
            case inspect.StrType():
                return "text"
            case inspect.BoolType():
                return "true or false"
            case inspect.DateType():
                return "day"
            case inspect.LiteralType(values=values):
                return " or ".join(_quoted(value) for value in values)
            case inspect.EnumType(cls=cls):
                return " or ".join(_quoted(each.value) for each in cls)
            case inspect.VarTupleType(item_type=item):
                return f"list of {self._value(item)}"
            case inspect.TupleType(item_types=items):
                return f"list of {len(items)} {self._value(items[0])}s"
            case inspect.DictType(key_type=key, value_type=value):
                by = "" if isinstance(key, inspect.StrType) else f" by {self._value(key)}"
                return f"table of {self._value(value)}{by}"
            case inspect.StructType(cls=cls):
                return f"[table]({_anchor(self._titles[cls])})"
            case inspect.UnionType(types=types):
                return self._one_of([each for each in types if not isinstance(each, inspect.NoneType)])
            case _:
                raise TypeError(f"{type(info).__name__} has no words yet")

    def _one_of(self, types: list[inspect.Type]) -> str:
        titles = {self._titles[each.cls] if isinstance(each, inspect.StructType) else "" for each in types}
        if len(types) > 1 and len(titles) == 1 and (title := titles.pop()):
            # Tables that share a heading are one thing to who writes a file.
            return f"[{title.lower().removesuffix('s')}]({_anchor(title)})"
        return " or ".join(self._value(each) for each in types)


def _default(field: Any) -> str:
    """What is meant where the key is left out."""
    if field.required:
        return "must be there"
    value = field.default if field.default is not NODEFAULT else field.default_factory()
    return (
        ""
        if value in (None, "", (), {}) or isinstance(value, msgspec.Struct)
        else f"`{str(value).lower() if isinstance(value, bool) else value}`"
    )


def _anchor(title: str) -> str:
    """The link to a heading of this title."""
    return f"#{re.sub(r'[^a-z0-9 _-]', '', title.lower()).replace(' ', '-')}"


def _quoted(value: object) -> str:
    return f'`"{value}"`' if value in ("", "\t") else f"`{value}`"
