"""A document with values of a wrong type, as it might have been meant: so that its other faults are told at once.

What a rule says of such a document is worth telling if it holds whatever stands in the place of the wrong values. So
there are two guesses: a fault that both have is the document's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from copy import deepcopy
from datetime import date
from typing import Any

from shared.type_faults import UNKNOWN, Fault, KeyPath

_NEAREST = re.compile(r"The nearest is `([^`]+)`")
_WANTED = re.compile(r"Expected `(\w+)")
_MISSING = re.compile(r"Object missing required field `([^`]+)`")
_NO_DAY = "Invalid RFC3339 encoded date"
_SENTENCES = frozenset({"en", "zh"})
_WORDS = re.compile(r"Say one of: (.+)\.$")
A_TEXT = "Expected `str`"
"""What is said of a key in whose place a text is guessed."""
_STAND_INS: dict[str, tuple[Any, Any]] = {
    "int": (0, 1000),
    "str": ("one", "another"),
    "array": ([], []),
    "object": ({}, {}),
    "bool": (False, True),
    "date": (date(2000, 1, 1), date(2100, 1, 1)),
}


def with_missing(document: Any, faults: Iterable[Fault]) -> tuple[Any, Sequence[KeyPath]]:
    """The document with an empty text for each required key that is missing, and these keys."""
    document = deepcopy(document)
    keys = [(*key, found[1]) for key, said in faults if (found := _MISSING.match(said))]
    for key in keys:
        _table_of(document, key)[key[-1]] = ""
    return document, keys


def can_stand_in(key: KeyPath, said: str | None) -> bool:
    """Whether something may be guessed in the place of a key that is missing; `said` is what is wrong with an empty
    text there. By a name other parts of a file look for that part, and on a list or a table others rest: a guess would
    make faults that the file does not have."""
    if said is None:
        return len(key) == 1 or key[-1] in _SENTENCES
    wanted = _WANTED.match(said)
    return bool(_WORDS.search(said)) or said.startswith(_NO_DAY) or bool(wanted and wanted[1] in ("int", "bool"))


def guesses(document: Any, faults: Iterable[Fault]) -> tuple[Any, Any]:
    """Two documents without these faults, as far as that can be guessed: a key that nobody knows goes by the name that
    was meant, or is left out; a wrong value is another one in each."""
    faults = list(faults)
    return _guess(document, faults, 0), _guess(document, faults, -1)


def guessed(faults: Iterable[Fault]) -> Sequence[KeyPath]:
    """The tables in which a value is guessed: what a rule says of these is no fault of the document's own."""
    return [key[:-1] for key, said in faults if key and not said.startswith(UNKNOWN)]


def _guess(document: Any, faults: Iterable[Fault], which: int) -> Any:
    document = deepcopy(document)
    for key, said in faults:
        if not key:
            continue
        table = _table_of(document, key)
        if said.startswith(UNKNOWN):
            value, near = table.pop(key[-1]), _NEAREST.search(said)
            if near:
                table.setdefault(near[1], value)
        elif words := _WORDS.search(said):
            table[key[-1]] = words[1].split(", ")[which]
        elif (wanted := _WANTED.match(said)) and wanted[1] in _STAND_INS:
            table[key[-1]] = _STAND_INS[wanted[1]][which]
        elif said.startswith(_NO_DAY):
            table[key[-1]] = _STAND_INS["date"][which]
    return document


def _table_of(document: Any, key: KeyPath) -> Any:
    for name in key[:-1]:
        document = document[name]
    return document
