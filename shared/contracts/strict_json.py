"""The one place where JSON of strangers is read.

msgspec reads fast and is strict about the syntax; added here is what it leaves open: duplicate keys, and bounds on
nesting and on numbers. Numbers with a fraction come as Decimal, so that no float ever touches an amount.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from shared.contracts.faults import Code

NESTING_MAX = 32
"""Deeper than any message has reason to be, and far from what the stack of any interpreter allows."""
INTEGER_DIGITS_MAX = 19
"""What a 64-bit integer can have."""
DECIMAL_CHARACTERS_MAX = 40
DECIMAL_EXPONENT_MAX = 30
"""An exponent of a billion is ten characters of JSON and a gigabyte of integer."""

_INTEGER_LIMIT = 10**INTEGER_DIGITS_MAX
_LONG_NUMBER = "number out of range"


class JsonError(ValueError):
    """The bytes are not JSON as we take it. `sentence` says what is wrong and never quotes the text."""

    def __init__(self, code: Code, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def loads(value: bytes) -> Any:
    """The decoded value: dict, list, str, int, Decimal, bool or None. Raises JsonError, and nothing else."""
    try:
        decoded = _DECODER.decode(value)
    except RecursionError:
        raise _too_deep() from None
    except (UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise _explain(value, str(error)) from None
    # Each key ends in a quote, then blanks, then a colon. Texts can hold the same bytes, so this count is never too
    # small: where it equals the number of keys that were decoded, no key was there twice.
    if _keys(decoded, NESTING_MAX) != _quoted_colons(value):
        _refuse_duplicates(value)
    return decoded


def _decimal(text: str) -> Decimal:
    if len(text) > DECIMAL_CHARACTERS_MAX:
        raise ValueError(_LONG_NUMBER)
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent that not even Decimal can hold
        raise ValueError(_LONG_NUMBER) from None
    if not -DECIMAL_EXPONENT_MAX <= number.adjusted() <= DECIMAL_EXPONENT_MAX:
        raise ValueError(_LONG_NUMBER)
    return number


_DECODER = msgspec.json.Decoder(float_hook=_decimal)


def _keys(value: Any, levels_left: int) -> int:
    """How many keys all objects in `value` have together; checks nesting and integers on the way."""
    kind = type(value)
    if kind is dict:
        keys, members = len(value), value.values()
    elif kind is list:
        keys, members = 0, value
    else:
        if kind is int and not -_INTEGER_LIMIT < value < _INTEGER_LIMIT:
            raise _too_long()
        return 0
    if not levels_left:
        raise _too_deep()
    for member in members:
        kind = type(member)
        if kind is dict or kind is list:
            keys += _keys(member, levels_left - 1)
        elif kind is int and not -_INTEGER_LIMIT < member < _INTEGER_LIMIT:
            raise _too_long()
    return keys


def _quoted_colons(value: bytes) -> int:
    return value.translate(None, b" \t\n\r").count(b'":')


def _refuse_duplicates(value: bytes) -> None:
    # Slower by far, and only for the few texts that hold a quote and a colon. Nesting is known to be bounded here.
    json.loads(value, object_pairs_hook=_distinct, parse_int=str, parse_float=str)


def _distinct(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise JsonError(Code.JSON_DUPLICATE_KEY, "An object has the same key twice; send each key once.")


_HALF_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")
_MARK = "\ufeff".encode()
_POSITION = re.compile(r" \(byte \d+\)$")


def _explain(value: bytes, message: str) -> JsonError:
    try:
        value.decode()
    except UnicodeDecodeError:  # whatever else is wrong with it
        return JsonError(Code.JSON_ENCODING, "The bytes are not UTF-8.")
    if "out of range" in message:  # msgspec's own words for an integer of more than some 40 digits, and ours
        return _too_long()
    if _HALF_PAIR.search(value) and _is_json_but_for_surrogates(value):
        return JsonError(Code.JSON_SURROGATE, "A text has half of a surrogate pair; send whole characters.")
    position = _POSITION.search(message)
    if position and "trailing" in message:
        sentence = f"The JSON ends, and more text follows{position[0]}; send one event in each record."
        return JsonError(Code.JSON_SYNTAX, sentence)
    if value.startswith(_MARK):
        return JsonError(
            Code.JSON_SYNTAX, "The text begins with a byte order mark, which JSON does not allow; leave it out."
        )
    return JsonError(Code.JSON_SYNTAX, f"The text is not JSON{position[0] if position else ': it ends too early'}.")


def _is_json_but_for_surrogates(value: bytes) -> bool:
    try:
        json.loads(value, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return False
    return True


def _too_deep() -> JsonError:
    return JsonError(Code.JSON_NESTING, f"Objects and lists may be nested at most {NESTING_MAX} deep.")


def _too_long() -> JsonError:
    sentence = f"A number may have at most {INTEGER_DIGITS_MAX} digits, or {DECIMAL_CHARACTERS_MAX} characters with a"
    return JsonError(Code.JSON_NUMBER, f"{sentence} fraction, and an exponent of at most {DECIMAL_EXPONENT_MAX}.")
