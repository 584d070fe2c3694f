"""The types of the client for subscribers, made from the committed schemas of the messages that subscribers follow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from shared.contracts.messages import TYPES, ScoreChange, TierChange
from shared.contracts.published.schemas import DIRECTORY, Problem

FILE = Path(__file__).parents[3] / "clients" / "python" / "goodstanding_client" / "messages.py"
_FOLLOWED = {"SCORE_CHANGE": ScoreChange, "TIER_CHANGE": TierChange}
_HEAD = '''"""The messages of a Goodstanding platform. Made from its schemas by `make contracts`: do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

import msgspec

'''
_BOUNDS = {
    "minimum": "ge",
    "maximum": "le",
    "minLength": "min_length",
    "maxLength": "max_length",
    "maxItems": "max_length",
    "pattern": "pattern",
}


def text() -> str:
    """The module, formatted as the linter has it."""
    parts = [_HEAD, 'Code: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"']
    schemas = {name: _committed(model) for name, model in _FOLLOWED.items()}
    code = _code(schemas["TIER_CHANGE"])
    parts.append(f'{code["pattern"]}")]\n"""Of a tier, a benefit, a restriction or a key factor."""\n')
    for name, model in _FOLLOWED.items():
        parts.append(f'{name} = "{TYPES[model]}"\n')
    for name, model in _FOLLOWED.items():
        parts.append("\n\n" + "\n".join(_struct(model.__name__, schemas[name], code)) + "\n")
    return "".join(parts)


def write() -> None:
    FILE.write_text(text(), encoding="utf-8")


def check() -> list[Problem]:
    """Whether the client's types are those of the schemas."""
    written = FILE.read_text(encoding="utf-8") if FILE.exists() else ""
    return [] if written == text() else [Problem(FILE.name, "the client's types are stale: run `make contracts`")]


def _committed(model: type) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((DIRECTORY / f"{TYPES[model]}.json").read_text(encoding="utf-8"))
    return schema


def _code(schema: Mapping[str, Any]) -> dict[str, Any]:
    items: dict[str, Any] = schema["properties"]["in_force"]["items"]
    return items


def _struct(name: str, schema: Mapping[str, Any], code: Mapping[str, Any]) -> Iterator[str]:
    yield f"class {name}(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):"
    first, *rest = schema["description"].splitlines()
    yield f'    """{first}'
    yield from (f"    {line}" if line else "" for line in rest)
    yield '    """'
    yield ""
    for field, described in schema["properties"].items():
        default = "" if field in schema["required"] else " = None"
        yield f"    {field}: {_type(described, code)}{default}"


def _type(described: Mapping[str, Any], code: Mapping[str, Any]) -> str:
    match described:
        case {"anyOf": [some, {"type": "null"}]}:
            return f"{_type(some, code)} | None"
        case {"enum": words}:
            return f"Literal[{', '.join(json.dumps(word) for word in words)}]"
        case {"format": "date-time"}:
            return "datetime"
        case {"type": "boolean"}:
            return "bool"
        case {"type": "array", "items": items}:
            return _bounded(f"tuple[{_type(items, code)}, ...]", described)
        case {"type": "string"}:
            return "Code" if described == code else _bounded("str", described)
        case {"type": "integer"}:
            return _bounded("int", described)
    raise AssertionError(f"teach the client's types: {described}")


def _bounded(of: str, described: Mapping[str, Any]) -> str:
    bounds = [f"{_BOUNDS[key]}={_literal(value)}" for key, value in sorted(described.items()) if key in _BOUNDS]
    return f"Annotated[{of}, msgspec.Meta({', '.join(bounds)})]"


def _literal(value: int | str) -> str:
    return f'r"{value}"' if isinstance(value, str) else str(value)
