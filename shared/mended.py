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
_WORDS = re.compile(r"Say one of: (.+)\.$")
_STAND_INS: dict[str, tuple[Any, Any]] = {
    "int": (0, 1000),
    "str": ("one", "another"),
    "array": ([], []),
    "object": ({}, {}),
    "bool": (False, True),
    "date": (date(2000, 1, 1), date(2100, 1, 1)),
}


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
        table = document
        for name in key[:-1]:
            table = table[name]
        if said.startswith(UNKNOWN):
            value, near = table.pop(key[-1]), _NEAREST.search(said)
            if near:
                table.setdefault(near[1], value)
        elif words := _WORDS.search(said):
            table[key[-1]] = words[1].split(", ")[which]
        elif (wanted := _WANTED.match(said)) and wanted[1] in _STAND_INS:
            table[key[-1]] = _STAND_INS[wanted[1]][which]
    return document
