"""All that is wrong with a document by its type: msgspec says the first thing alone, and people mend a file at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Any, TypeAlias, Union, get_args, get_origin

import msgspec
from msgspec import inspect

KeyPath: TypeAlias = tuple[str | int, ...]
"""Names of tables and keys, and indices into arrays: ("rules", 2, "points")."""
Fault: TypeAlias = tuple[KeyPath, str]
"""Where, and a sentence in msgspec's words."""
UNKNOWN = "Object contains unknown field"
"""How the sentence about a key begins that nobody knows."""


def faults_of(document: Any, type: Any, key: KeyPath = ()) -> Iterator[Fault]:
    """Every fault of a document, as deep as it can be told; none if it converts."""
    try:
        msgspec.convert(document, type)
    except msgspec.ValidationError as error:
        found = list(_within(document, _one_of(document, type), key))
        if not found:
            sentence, below = _parse(str(error), document, type)
            found = [((*key, *below), sentence)]
        yield from found


def type_at(document: Any, type: Any, key: KeyPath) -> Any:
    """What stands at a key of a document of this type; the whole union where nothing says which member is meant, and
    None where the type has no such key."""
    for step in key:
        type = _one_of(document, type)
        if _is_struct(type):
            type = next((field.type for field in msgspec.structs.fields(type) if field.encode_name == step), None)
        else:
            arguments = get_args(type)
            type = arguments[-1 if get_origin(type) is dict else 0] if arguments else None
        document = document[step]
    return _one_of(document, type)


def _one_of(value: Any, type: Any) -> Any:
    """The member of a union that a value is meant to be: the one that is not None, has its tag, or is the only one of
    its sort."""
    if get_origin(type) not in (Union, UnionType):
        return type
    members = [each for each in get_args(type) if each is not NoneType]
    if isinstance(value, dict):
        members = [each for each in members if _is_struct(each) or get_origin(each) is dict] or members
        tagged = (each for each in members if _is_struct(each) and _has_its_tag(value, each.__struct_config__))
        return next(tagged, members[0] if len(members) == 1 else type)
    if isinstance(value, list):
        members = [each for each in members if get_origin(each) in (list, tuple)] or members
    return members[0] if len(members) == 1 else type


def _has_its_tag(value: Mapping[str, Any], config: Any) -> bool:
    return config.tag_field is not None and value.get(config.tag_field) == config.tag


def _within(value: Any, type: Any, key: KeyPath) -> Iterator[Fault]:
    origin, arguments = get_origin(type), get_args(type)
    if _is_struct(type) and isinstance(value, dict):
        yield from _of_struct(value, type, key)
    elif origin is dict and isinstance(value, dict):
        for name, each in value.items():
            yield from _of_member(name, each, type, key)
    elif (origin is list or (origin is tuple and arguments[-1] is ...)) and isinstance(value, list):
        for index, each in enumerate(value):
            yield from faults_of(each, arguments[0], (*key, index))


def _of_member(name: str, value: Any, type: Any, key: KeyPath) -> Iterator[Fault]:
    """Of a table's value or, where this is right, of its name."""
    try:
        msgspec.convert({name: value}, type)
    except msgspec.ValidationError as error:
        names, values = get_args(type)
        found = list(faults_of(value, values, (*key, name)))
        said = _AT.match(str(error))
        assert said
        yield from found or [((*key, name), _with_words(said["what"], list(_words(inspect.type_info(names), ()))))]


def _of_struct(value: Mapping[str, Any], type: Any, key: KeyPath) -> Iterator[Fault]:
    config = type.__struct_config__
    fields = {field.encode_name: field for field in msgspec.structs.fields(type)}
    for name, field in fields.items():
        if name in value:
            yield from faults_of(value[name], field.type, (*key, name))
        elif field.required:
            yield key, f"Object missing required field `{name}`."
    if config.forbid_unknown_fields:
        for name in value:
            if name not in fields and name != config.tag_field:
                near = get_close_matches(name, [*fields, config.tag_field or ""], n=1)
                yield (*key, name), f"{UNKNOWN} `{name}`.{f' The nearest is `{near[0]}`.' if near else ''}"


def _is_struct(type: Any) -> bool:
    return isinstance(type, msgspec.StructMeta)


# -- what msgspec says of one fault ------------------------------------------------------------------------------------

_AT = re.compile(r"^(?P<what>.*?)(?: - at (?:`key` in )?`\$(?P<path>.*)`)?$", re.DOTALL)
_STEP = re.compile(r"\[\.\.\.\]|\[(\d+)\]|\.([^.\[]+)")
_NO_SUCH_WORD = re.compile(r"Invalid (?:enum )?value '")
_SAID_WORD = re.compile(r"Invalid (?:enum )?value '(.*)'")
_NO_DAY = re.compile(r"Invalid RFC3339 encoded date\.|Expected `date(?: \| null)?`")
_NAMED_FIELD = re.compile(r"unknown field `(.+)`$")


def _parse(message: str, document: Any, type: Any) -> tuple[str, KeyPath]:
    found = _AT.match(message)
    assert found
    key = tuple(_steps(found["path"] or "", message, document, type))
    what = found["what"]
    if unknown := _NAMED_FIELD.search(what):
        key = (*key, unknown[1])
    words = dict.fromkeys(_words(inspect.type_info(type), key)) if _NO_SUCH_WORD.match(what) else ()
    return _with_words(what, list(words)), key


def _with_words(what: str, words: list[str]) -> str:
    what = f"{what.rstrip('.')}."  # a rule of ours is a whole sentence, and msgspec's words are none
    if _NO_DAY.match(what):
        what = f"{what} Write a day as year-month-day, such as 2026-01-31."
    said = _SAID_WORD.search(what)
    if words and said and (near := get_close_matches(said[1], words, n=1)):
        what = f"{what} The nearest is `{near[0]}`."
    return f"{what} Say one of: {', '.join(words)}." if words else what


def _words(info: inspect.Type, key: KeyPath) -> Iterator[str]:
    """The texts that may stand at this key of a document of this type, where it takes a few words only."""
    match info:
        case inspect.UnionType(types=types):
            for each in types:
                yield from _words(each, key)
        case inspect.LiteralType(values=values) if not key:
            yield from map(str, values)
        case inspect.EnumType(cls=cls) if not key:
            yield from (str(each.value) for each in cls)
        case inspect.StructType(fields=fields) if key:
            if len(key) == 1 and key[0] == info.tag_field:
                yield str(info.tag)
            for field in fields:
                if field.encode_name == key[0]:
                    yield from _words(field.type, key[1:])
        case inspect.DictType(value_type=value) if key:
            yield from _words(value, key[1:])
        case inspect.CollectionType(item_type=item) if key:
            yield from _words(item, key[1:])
        case inspect.TupleType(item_types=items) if key and isinstance(key[0], int) and key[0] < len(items):
            yield from _words(items[key[0]], key[1:])


def _steps(path: str, message: str, document: Any, type: Any) -> Iterator[str | int]:
    here = document
    for step in _STEP.finditer(path):
        if step[1]:
            name: str | int = int(step[1])
        elif step[2]:
            name = step[2]
        else:  # msgspec does not say which key of a mapping it means
            name = _guilty_key(here, message, document, type)
        yield name
        here = here[name]


def _guilty_key(table: dict[str, Any], message: str, document: Any, type: Any) -> str:
    """The key that the complaint is about: the one that still brings it when its siblings are left out."""
    members = dict(table)
    try:
        for name, value in members.items():
            table.clear()
            table[name] = value
            try:
                msgspec.convert(document, type)
            except msgspec.ValidationError as error:
                if str(error) == message:
                    return name
    finally:
        table.clear()
        table.update(members)
    return next(iter(members))
