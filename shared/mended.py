"""A document with values of a wrong type, as it might have been meant: so that its other faults are told at once.

What a rule says of such a document is worth telling if it holds whatever stands in the place of the wrong values. So
there are two guesses: a fault that both have is the document's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import date
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from shared.type_faults import UNKNOWN, Fault, KeyPath, faults_of, type_at

_NEAREST = re.compile(r"The nearest is `([^`]+)`")
_MISSING = re.compile(r"Object missing required field `([^`]+)`")
_WORDS = re.compile(r"Say one of: (.+)\.$")
_SENTENCES = frozenset({"en", "zh"})
_STAND_INS: dict[Any, tuple[Any, Any]] = {
    int: (0, 1000),
    bool: (False, True),
    date: (date(2000, 1, 1), date(2100, 1, 1)),
}
A_TEXT = "Expected `str`"
"""What is said of a key in whose place a text is guessed."""
_A_TABLE = "Expected `object"
_BOUND_TEXT = f"{A_TEXT} of length"


def with_missing(document: Any, faults: Iterable[Fault]) -> tuple[Any, Sequence[KeyPath]]:
    """The document with an empty text for each required key that is missing, and these keys."""
    document = deepcopy(document)
    keys = [(*key, found[1]) for key, said in faults if (found := _MISSING.match(said))]
    for key in keys:
        _table_of(document, key)[key[-1]] = ""
    return document, keys


def can_stand_in(key: KeyPath, said: str | None) -> bool:
    """Whether something may be guessed in the place of a key that is missing; `said` is what is wrong with an empty
    text there. By a name other parts of a file look for that part: a guess would make faults that the file does not
    have. A text whose length is bound is for people, as sentences are."""
    if said is None:
        return len(key) == 1 or key[-1] in _SENTENCES
    return not said.startswith(A_TEXT) or said.startswith(_BOUND_TEXT)


def guesses(document: Any, faults: Iterable[Fault], type: Any) -> tuple[Any, Any]:
    """Two documents without these faults, as far as that can be guessed: a key that nobody knows goes by the name that
    was meant, or is left out; a wrong value is another one in each. Of a list or a table one has no members, and the
    other has one by each name that the file says, so that what looks for a member finds it in one of them."""
    faults, texts = list(faults), tuple(dict.fromkeys(_texts(document)))
    return _guess(document, faults, type, None), _guess(document, faults, type, texts)


def guessed(faults: Iterable[Fault]) -> Sequence[KeyPath]:
    """The tables in which a value is guessed, or its key at the top: what a rule says of these is no fault of the
    document's own."""
    return [key[:-1] or key for key, said in faults if key and not said.startswith(UNKNOWN)]


def _guess(document: Any, faults: Iterable[Fault], type: Any, texts: Sequence[str] | None) -> Any:
    """`texts` are those that the other of the two guesses makes members of."""
    document = deepcopy(document)
    for key, said in faults:
        if not key:
            continue
        table, near = _table_of(document, key), _NEAREST.search(said)
        if said.startswith(UNKNOWN):
            value = table.pop(key[-1])
            if near:
                table.setdefault(near[1], value)
        elif words := _WORDS.search(said):
            _say(
                table,
                key[-1],
                words[1].split(", "),
                near[1] if near else None,
                texts,
                type_at(document, type, key[:-1]),
            )
        elif not (isinstance(key[-1], int) and said.startswith(_A_TABLE)):
            # On a whole member of a list others rest, so that nothing stands in for one.
            table[key[-1]] = _stand_in(type_at(document, type, key), texts, "one" if texts is None else "another")
    return document


def _say(table: Any, key: Any, words: Sequence[str], near: str | None, texts: Sequence[str] | None, type: Any) -> None:
    """One of the words, in the one guess the nearest or else the first, in the other the last. Where a word says what
    the table is, it is one that the rest of the table fits best, and what does not fit is guessed, too."""
    members = {each.__struct_config__.tag: each for each in _members(type) if isinstance(each, msgspec.StructMeta)}
    if not (isinstance(table, dict) and set(words) <= set(members)):
        table[key] = (near or words[0]) if texts is None else words[-1]
        return
    misfits = {word: len(list(faults_of({**table, key: word}, members[word]))) for word in words}
    fitting = [word for word in words if misfits[word] == min(misfits.values())]
    word = fitting[-1] if texts is not None else near if near in fitting else fitting[0]
    filled = _filled(members[word], texts, "one" if texts is None else "another", table)
    table.clear()
    table.update({**filled, key: word})


def _stand_in(type: Any, texts: Sequence[str] | None, name: str) -> Any:
    """A value of a type. Of a list or a table: empty without texts, otherwise with a member by each of them."""
    type = next(iter(_members(type)), None)
    origin, arguments = get_origin(type), get_args(type)
    if origin is dict:
        return {} if texts is None or arguments[0] is not str else {t: _stand_in(arguments[1], (), t) for t in texts}
    if origin in (list, tuple):
        return [] if texts is None else [_stand_in(arguments[0], (), text) for text in texts]
    if isinstance(type, msgspec.StructMeta):
        return _filled(type, texts, name, {})
    one, other = _STAND_INS.get(type, (name, name))
    return one if texts is None else other


def _filled(type: Any, texts: Sequence[str] | None, name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """A table of a type with what is said of it, as far as that fits, and the rest of what it must have."""
    config = type.__struct_config__
    table = {config.tag_field: config.tag} if config.tag_field else {}
    for field in msgspec.structs.fields(type):
        key = field.encode_name
        if key in said and not list(faults_of(said[key], field.type)):
            table[key] = said[key]
        elif field.required:
            table[key] = _stand_in(field.type, texts, name)
    return table


def _members(type: Any) -> Iterator[Any]:
    if get_origin(type) is Annotated:
        type = get_args(type)[0]
    if get_origin(type) in (Union, UnionType):
        yield from (each for each in get_args(type) if each is not NoneType)
    else:
        yield type


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
