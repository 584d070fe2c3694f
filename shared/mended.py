"""A document with values of a wrong type, as it might have been meant: so that its other faults are told at once.

What a rule says of such a document is worth telling if it holds whatever stands in the place of the wrong values. So
there are several guesses, and a fault that all have is the document's own.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from enum import Enum
from itertools import islice
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec

from shared.type_faults import UNKNOWN, Fault, KeyPath, faults_of, type_at

_NEAREST = re.compile(r"The nearest is `([^`]+)`")
_MISSING = re.compile(r"Object missing required field `([^`]+)`")
_WORDS = re.compile(r"Say one of: (.+)\.$")
_STAND_INS: dict[Any, tuple[Any, ...]] = {
    int: (0, 1000, -1000),
    bool: (False, True),
    date: (date(2000, 1, 1), date(2100, 1, 1)),
}
_NAMES = ("one", "another")
_WAYS_MIN = 3
"""So that a number is nothing, much, and less than nothing."""
_NAMES_MAX = 20
"""More than these are not tried: a document of which so many parts are looked for has been cut in two."""
_A_TEXT = "Expected `str`"
"""What is said of a key in whose place a text is guessed."""


class _Way(NamedTuple):
    """One way to guess."""

    number: int
    """Counts through what may be meant where there is a choice."""
    name: str
    """What stands for a text."""
    texts: Sequence[str]
    """What stands for a list or a table has a member by each of these; every other way says none."""

    @property
    def is_other(self) -> bool:
        return self.number % 2 == 1


@dataclass(frozen=True, slots=True)
class Meant:
    """A document with faults of its type, of which several guesses can be made."""

    document: Any
    faults: Sequence[Fault]
    type: Any
    guessed: Sequence[KeyPath]
    """The keys at which, or below which, something is guessed."""

    def is_guessed(self, key: KeyPath) -> bool:
        """Whether what a rule says of this key is said of a guess, and is no fault of the document's own."""
        return any(key[: len(guessed)] == guessed for guessed in self.guessed)

    def guesses(self) -> Iterator[Any]:
        """What the document may have been meant to say, as far as that can be guessed, each time another thing: a key
        that nobody knows goes by the name that was meant, or is left out; a wrong value is another one."""
        return self._in_turn((number, _NAMES[number % 2]) for number in range(self._sorts()))

    def named(self, names: Iterable[str]) -> Iterator[Any]:
        """The same with each of these names in the place of what is wrong."""
        return self._in_turn((number, name) for name in islice(names, _NAMES_MAX) for number in (0, 1))

    def _in_turn(self, ways: Iterable[tuple[int, str]]) -> Iterator[Any]:
        texts = tuple(dict.fromkeys(_texts(self.document)))
        for number, name in ways:
            way = _Way(number, name, texts if number % 2 else ())
            with suppress(msgspec.ValidationError):
                yield msgspec.convert(_guess(self.document, self.faults, self.type, way), self.type)

    def names_at(self, keys: Iterable[KeyPath]) -> Iterable[str]:
        """The names that these keys have, or what is there: by one of them a part may be looked for whose own name is
        wrong."""
        found: dict[str, None] = {}
        for key in keys:
            at = self.document
            for step in key:
                found |= {step: None} if isinstance(step, str) else {}
                with suppress(KeyError, IndexError, TypeError):
                    at = at[step]
            found |= {at: None} if isinstance(at, str) else {}
        return found

    def _sorts(self) -> int:
        """So many guesses try each sort of thing that may be meant by a wrong value."""
        types = (type_at(self.document, self.type, key) for key in self.guessed)
        return max([_WAYS_MIN, *(len(list(_members(each))) for each in types)])


def meant(document: Any, faults: Sequence[Fault], type: Any) -> Meant:
    """Of a document with these faults."""
    document = deepcopy(document)
    missing = [(*key, found[1]) for key, said in faults if (found := _MISSING.match(said))]
    for key in missing:
        _table_of(document, key)[key[-1]] = ""
    if missing:
        faults = list(faults_of(document, type))
        said = {key for key, _ in faults}
        faults += [(key, _A_TEXT) for key in missing if key not in said]
    keys = (key for key, said in faults if key and not said.startswith(UNKNOWN))
    guessed = [key[:-1] if key[-1] in _tags(type_at(document, type, key[:-1])) else key for key in keys]
    return Meant(document, faults, type, guessed)


def _guess(document: Any, faults: Iterable[Fault], type: Any, way: _Way) -> Any:
    document = deepcopy(document)
    for key, said in faults:
        if not key:
            continue
        table, near = _table_of(document, key), _NEAREST.search(said)
        if said.startswith(UNKNOWN):
            value = table.pop(key[-1])
            if near:
                table.setdefault(near[1], value)
        elif (words := _WORDS.search(said)) or key[-1] in _tags(type_at(document, type, key[:-1])):
            around, nearest = type_at(document, type, key[:-1]), near[1] if near else None
            _say(table, key[-1], words[1].split(", ") if words else _names_of(around), nearest, way, around)
        else:
            table[key[-1]] = _stand_in(type_at(document, type, key), way)
    return document


def _say(table: Any, key: Any, words: Sequence[str], near: str | None, way: _Way, type: Any) -> None:
    """One of the words: the nearest or else the first, and every other time the last. Where a word says what the table
    is, it is each that the rest of the table fits in turn, or each that there is; what does not fit is guessed, too."""
    if key not in _tags(type):
        table[key] = words[-1] if way.is_other else near or words[0]
        return
    members = {each.__struct_config__.tag: each for each in _members(type)}
    fitting = [word for word in words if not list(faults_of({**table, key: word}, members[word]))] or words
    if near and near in fitting:
        fitting = [near, *(word for word in fitting if word != near)]
    word = fitting[way.number % len(fitting)]
    filled = _filled(members[word], way, table)
    table.clear()
    table.update({**filled, key: word})


def _stand_in(type: Any, way: _Way) -> Any:
    """A value of a type."""
    members = list(_members(type)) or [None]
    type = members[way.number % len(members)]
    origin, arguments = get_origin(type), get_args(type)
    if origin is dict:
        texts = way.texts if arguments[0] is str else ()
        return {text: _stand_in(arguments[1], way._replace(name=text, texts=(text,))) for text in texts}
    if origin in (list, tuple):
        return [_stand_in(arguments[0], way._replace(name=text, texts=(text,))) for text in way.texts]
    if origin is Literal:
        return arguments[way.number % len(arguments)]
    if isinstance(type, builtins.type) and issubclass(type, Enum):
        words = [each.value for each in type]
        return words[way.number % len(words)]
    if isinstance(type, msgspec.StructMeta):
        return _filled(type, way, {})
    values = _STAND_INS.get(type, (way.name,))
    return values[way.number % len(values)]


def _filled(type: Any, way: _Way, said: Mapping[str, Any]) -> dict[str, Any]:
    """A table of a type with what is said of it, as far as that fits, and the rest of what it must have."""
    config = type.__struct_config__
    table = {config.tag_field: config.tag} if config.tag_field else {}
    for field in msgspec.structs.fields(type):
        key = field.encode_name
        if key in said and not list(faults_of(said[key], field.type)):
            table[key] = said[key]
        elif field.required:
            table[key] = _stand_in(field.type, way)
    return table


def _members(type: Any) -> Iterator[Any]:
    if get_origin(type) is Annotated:
        type = get_args(type)[0]
    if get_origin(type) in (Union, UnionType):
        yield from (each for each in get_args(type) if each is not NoneType)
    else:
        yield type


def _tags(type: Any) -> frozenset[Any]:
    """The key that says which member of a union a table is."""
    structs = (each for each in _members(type) if isinstance(each, msgspec.StructMeta))
    return frozenset(each.__struct_config__.tag_field for each in structs) - {None}


def _names_of(type: Any) -> Sequence[str]:
    return [each.__struct_config__.tag for each in _members(type)]


def _texts(document: Any) -> Iterator[str]:
    match document:
        case str():
            yield document
        case dict():
            for name, each in document.items():
                yield name
                yield from _texts(each)
        case list():
            for each in document:
                yield from _texts(each)


def _table_of(document: Any, key: KeyPath) -> Any:
    for name in key[:-1]:
        document = document[name]
    return document
