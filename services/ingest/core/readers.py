"""The converters of texts, and what all converters share: each makes a function that reads one value, or refuses it.

The set of converters is closed: these, `number_readers` and `time_readers`. Each is made once for a mapping, so that
nothing of the mapping is interpreted while events come in.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import NoneType
from typing import Any, TypeAlias, TypeVar

from services.ingest.core.tree import MISSING, Flat, Refuse
from shared.contracts.faults import Code
from shared.contracts.texts import CONTROL, TextError, is_plain, one_form

T = TypeVar("T")
W = TypeVar("W", bound=str)
Reader: TypeAlias = Callable[[Flat], T]

_LIST_CHARACTERS_MAX = 300
_GROWTH_MAX = 18
"""How many characters NFKC makes of one at most."""


@dataclass(frozen=True, slots=True)
class Source:
    """The path of a value in the partner's format. `label` names it in refusals; `typed` is false where every value is
    text (CSV)."""

    path: str
    label: str
    typed: bool = True


def missing(source: Source, code: Code = Code.MISSING_FIELD) -> Refuse:
    sentence = MISSING
    if code is Code.CONSENT_MISSING:
        sentence = "Cite the recorded consent: its id, its purpose and when it was given."
    return Refuse(code, source.label, sentence)


def optional(read: Reader[T], source: Source) -> Reader[T | None]:
    """None where the value is absent."""
    path = source.path
    return lambda flat: None if flat.get(path) is None else read(flat)


def listed(words: Iterable[str]) -> str:
    """The words for a sentence, at most some of them."""
    text = ", ".join(words)
    return text if len(text) <= _LIST_CHARACTERS_MAX else f"{text[:_LIST_CHARACTERS_MAX].rpartition(', ')[0]} and so on"


def text(source: Source, characters_max: int, absent: Code = Code.MISSING_FIELD) -> Reader[str]:
    """A text without control characters; `absent` is the code of its absence."""
    path, label = source.path, source.label

    def read(flat: Flat) -> str:
        value = flat.get(path)
        if type(value) is not str:
            raise missing(source, absent) if value is None else Refuse(Code.WRONG_TYPE, label, _TEXT_SENTENCE)
        if not 0 < len(value) <= characters_max:
            raise Refuse(Code.TEXT_LENGTH, label, f"The text must have 1 to {characters_max} characters.")
        if not value.isprintable() and CONTROL.search(value):
            raise Refuse(Code.TEXT_FORM, label, "The text has control characters; leave them out.")
        return value

    return read


_TEXT_SENTENCE = "Send a text here, in quotes."


def fixed(value: T) -> Reader[T]:
    return lambda _: value


def identity(source: Source, characters_max: int, absent: Code = Code.MISSING_FIELD) -> Reader[str]:
    """A text that is an identity, in its one form (rules E16); `absent` is the code of its absence."""
    path, label = source.path, source.label
    text_of = text(source, characters_max, absent)

    def read(flat: Flat) -> str:
        value = flat.get(path)
        if type(value) is str and 0 < len(value) <= characters_max and is_plain(value):
            return value
        try:
            return one_form(text_of(flat), characters_max)
        except TextError as error:
            raise Refuse(error.code, label, error.sentence) from None

    return read


def digested(source: Source) -> Reader[str]:
    """What a digest is made of; an empty text where it is absent, since it will be absent when the row is sent again.

    A text has its one form, if it has one. Nothing is read from a digest, so a purpose may be long, have several lines,
    and characters that no id has.
    """
    path, label = source.path, source.label
    known = ("", "")

    def read(flat: Flat) -> str:
        nonlocal known
        value = flat.get(path)
        if type(value) is str:
            if is_plain(value):
                return value
            # A field beside the rows of a message is the same for each of a thousand rows, and may have a megabyte.
            if value is not known[0]:
                known = (value, _one_form_of_any(value))
            return known[1]
        if value is None:
            return ""
        if type(value) in (int, Decimal):
            return str(value)
        raise Refuse(Code.WRONG_TYPE, label, "Send a text or a number here.")

    return read


def _one_form_of_any(text: str) -> str:
    try:
        return one_form(text, len(text) * _GROWTH_MAX)
    except TextError:
        return unicodedata.normalize("NFKC", text)


def digits(source: Source, absent: Code = Code.MISSING_FIELD) -> Reader[str]:
    """The digits of a whole number of JSON, where the partner's ids and codes are numbers."""
    path, label = source.path, source.label

    def read(flat: Flat) -> str:
        value = flat.get(path)
        if type(value) is not int:
            raise missing(source, absent) if value is None else Refuse(Code.WRONG_TYPE, label, _WHOLE_SENTENCE)
        return str(value)

    return read


_WHOLE_SENTENCE = "Send a whole number, without quotes, fraction or exponent."


def made(function: Callable[..., str], parts: tuple[Reader[str], ...], label: str, characters_max: int) -> Reader[str]:
    """A text that a function makes of others, each in its one form; what is made is as bounded as what is read."""

    def read(flat: Flat) -> str:
        value = function(*[part(flat) for part in parts])
        if not value:
            raise Refuse(Code.MISSING_FIELD, label, "One of the fields that make it must be there.")
        if len(value) > characters_max:
            raise Refuse(Code.TEXT_LENGTH, label, f"Together the texts may have at most {characters_max} characters.")
        return value

    return read


def one_of(
    words: Reader[str], choices: Mapping[str, W], label: str, spelled: Callable[[str], str] | None = None
) -> Reader[W]:
    """The partner's word as ours; only the words of `choices` are taken, which are `spelled` as the comparison asks."""
    sentence = f"Send one of: {listed(choices)}."
    if spelled is not None:
        exact, as_sent = {spelled(word): choice for word, choice in choices.items()}, words
        return one_of(lambda flat: spelled(as_sent(flat)), exact, label)

    def read(flat: Flat) -> W:
        choice = choices.get(words(flat))
        if choice is None:
            raise Refuse(Code.UNKNOWN_VALUE, label, sentence)
        return choice

    return read


def flag(source: Source) -> Reader[bool]:
    """A boolean, as a word where every value is text; false where it is absent."""
    path, label = source.path, source.label
    choices: dict[Any, bool] = {True: True, False: False, None: False}
    sentence = "Send true or false here, without quotes."
    if not source.typed:
        choices = {"true": True, "false": False, None: False}
        sentence = "Send true or false here, in lower-case letters and without blanks."

    def read(flat: Flat) -> bool:
        value = flat.get(path)
        if type(value) in (bool, str, NoneType) and value in choices:
            return choices[value]
        raise Refuse(Code.WRONG_TYPE, label, sentence)

    return read


def present(source: Source, absent: Code = Code.MISSING_FIELD) -> Reader[Any]:
    """Whatever is there; `absent` is the code of its absence."""
    path = source.path

    def read(flat: Flat) -> Any:
        value = flat.get(path)
        if value is None:
            raise missing(source, absent)
        return value

    return read
