"""The words that say what kind an event is: where each stands, and how strictly it is compared."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

from services.ingest.core import number_readers, readers
from services.ingest.core.fields import Fields
from services.ingest.core.mapping import Codes, MappingError
from services.ingest.core.mapping import Word as Spec
from services.ingest.core.partner import Word
from services.ingest.core.paths import ATTRIBUTES, Key
from services.ingest.core.tree import Flat, Refuse, at
from shared.contracts.faults import Code

_CHARACTERS_MAX = 1_000
"""A longer text is no word, whatever is around it. A field beside the rows of a message is read again for each row."""


def word(spec: str | Spec, fields: Fields, key: Key) -> Word:
    """The reader of one word. Raises MappingError."""
    if isinstance(spec, Spec) and spec.filled:
        return _filled(spec.filled, fields, (*key, "filled"))
    path = spec if isinstance(spec, str) else spec.path or spec.sign_of
    if path is None:
        assert isinstance(spec, Spec)
        return Word("", "", lambda _flat, _body: spec.fixed)
    source = fields.source(path, key)
    if path in ATTRIBUTES:
        return Word(path, source.label, _spelled(fields, lambda flat, _: flat.get(path)))
    found = _at(path, fields)
    if isinstance(spec, Spec) and spec.sign_of is not None:
        sign = number_readers.sign(source, fields.notation)
        return Word(path, source.label, lambda _, body: _or_absent(sign, path, found(body)), is_made=True)
    if isinstance(spec, Spec) and spec.type == "number":
        if not source.typed:
            raise MappingError((*key, "type"), "Only JSON has numbers; here every value is a text. Leave `type` out.")
        digits = readers.digits(source)
        return Word(path, source.label, lambda _, body: _or_absent(digits, path, found(body)))
    return Word(path, source.label, _spelled(fields, lambda _, body: found(body)))


def spelling(codes: Codes) -> Callable[[str], str] | None:
    """The function that brings words to one form if the file takes them for one; None where words are compared to the
    letter."""
    steps: list[Callable[[str], str]] = []
    match codes.form:
        case "nfc":
            steps.append(lambda word: unicodedata.normalize("NFC", word))
        case "nfkc":
            steps.append(lambda word: unicodedata.normalize("NFKC", word))
    if codes.trim:
        steps.append(lambda word: word.strip(" \t\u00a0\u3000"))
    if codes.case == "ignore":
        steps.append(str.casefold)

    def spelled(word: str) -> str:
        for step in steps:
            word = step(word)
        return word

    return spelled if steps else None


def _filled(paths: tuple[str, ...], fields: Fields, key: Key) -> Word:
    """The path of the one place that has a value; no word where none has."""
    sources = [fields.source(path, (*key, index)) for index, path in enumerate(paths)]
    if any(path.startswith("@") for path in paths):
        raise MappingError(key, "These are places of the body, and no attributes.")
    spelled = fields.spelled or str
    found: list[tuple[str, Callable[[Flat], Any]]] = [(spelled(path), _at(path, fields)) for path in paths]
    label, names = sources[0].label, readers.listed(source.label for source in sources)

    def read(_: Flat, body: dict[str, Any]) -> str | None:
        filled = [path for path, value in found if value(body) is not None]
        if len(filled) > 1:
            raise Refuse(Code.UNKNOWN_KIND, label, f"Send a value in one of these only: {names}.")
        return filled[0] if filled else None

    return Word(paths[0], label, read, f"Send a value in one of these: {names}.", is_made=True)


def _at(path: str, fields: Fields) -> Callable[[dict[str, Any]], Any]:
    return at(path) if fields.columns is None else lambda body: body.get(path)


def _or_absent(read: readers.Reader[str], path: str, value: Any) -> str | None:
    return None if value is None else read({path: value})


def _spelled(fields: Fields, read: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    spelled = fields.spelled
    if spelled is None:
        return read

    def word(flat: Any, body: Any) -> Any:
        value = read(flat, body)
        return spelled(value) if type(value) is str and len(value) <= _CHARACTERS_MAX else value

    return word
