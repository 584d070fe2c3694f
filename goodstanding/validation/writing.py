"""A scorecard as the file that people read and edit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from enum import Enum
from typing import Any

import msgspec

from services.scorer.core.scorecard import Scorecard

_LINE = 118
_ALONE = ("features", "rules", "segments", "caps", "limits")
"""Keys whose entries have a line or a table of their own each."""


def toml_of(card: Scorecard, comment: str) -> str:
    """The file's text, without what goes without saying. Reading it gives the same scorecard."""
    return "\n".join([*(f"# {line}".rstrip() for line in comment.splitlines()), *_lines(_said(card))]) + "\n"


def _lines(card: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    for key, value in card.items():
        if not isinstance(value, Mapping) and key not in _ALONE:
            yield f"{key} = {_value(value)}"
    for key, value in card.items():
        if isinstance(value, Mapping):
            yield from _table(f"[{key}]", value)
        elif key in _ALONE:
            for each in value:
                yield from _table(f"[[{key}]]", each)


def _table(header: str, values: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield header
    for key, value in values.items():
        line = f"{key} = {_value(value)}"
        if len(line) <= _LINE or not isinstance(value, list):
            yield line
        else:
            yield f"{key} = ["
            yield from (f"    {_value(each)}," for each in value)
            yield "]"


def _said(part: msgspec.Struct) -> dict[str, Any]:
    """The keys of a table in their order, without those that have their default."""
    config = part.__struct_config__
    told: dict[str, Any] = {config.tag_field: config.tag} if config.tag_field is not None else {}
    for field in msgspec.structs.fields(part):
        value = getattr(part, field.name)
        usual = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
        if value != usual:
            told[field.encode_name] = _plain(value)
    return told


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return _said(value)
    if isinstance(value, Mapping):
        return {_plain(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value.value if isinstance(value, Enum) else value


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_value(each)}' for key, each in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, date):
        return value.isoformat()
    # Whole numbers, words and truth are written as JSON writes them.
    return json.dumps(value, ensure_ascii=False)
