"""What counts as JSON at the door, case by case, and its agreement with the standard library."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.faults import Code
from shared.contracts.strict_json import JsonError, loads

REFUSED = [
    ("nothing", b"", Code.JSON_SYNTAX),
    ("blanks only", b" \n", Code.JSON_SYNTAX),
    ("cut off", b'{"a": [1, 2', Code.JSON_SYNTAX),
    ("two values", b"1 2", Code.JSON_SYNTAX),
    ("comma at the end", b"[1,]", Code.JSON_SYNTAX),
    ("single quotes", b"{'a': 1}", Code.JSON_SYNTAX),
    ("leading zero", b"007", Code.JSON_SYNTAX),
    ("NaN", b'{"a": NaN}', Code.JSON_SYNTAX),
    ("minus infinity", b"[-Infinity]", Code.JSON_SYNTAX),
    ("byte order mark", b"\xef\xbb\xbf{}", Code.JSON_SYNTAX),
    ("raw NUL in a text", b'"a\x00b"', Code.JSON_SYNTAX),
    ("not UTF-8", b'{"a": "\xff"}', Code.JSON_ENCODING),
    ("not UTF-8 in a key", b'{"\xc0\x80": 1}', Code.JSON_ENCODING),
    ("surrogate as UTF-8", b'"\xed\xa0\x80"', Code.JSON_ENCODING),
    ("not UTF-8, and not JSON either", b"\xfe", Code.JSON_ENCODING),
    ("UTF-16 with its mark", '{"a": 1}'.encode("utf-16"), Code.JSON_ENCODING),
    ("UTF-16 without its mark", '{"a": 1}'.encode("utf-16-le"), Code.JSON_SYNTAX),
    ("high half of a pair", rb'"\ud800"', Code.JSON_SURROGATE),
    ("low half of a pair", rb'{"a": "\udc00", "b": 1}', Code.JSON_SURROGATE),
    ("half of a pair in what is not JSON anyway", rb'{"a": "\ud800", }', Code.JSON_SYNTAX),
    ("halves in wrong order", rb'"\ude00\ud83d"', Code.JSON_SURROGATE),
    ("half of a pair in a key", rb'{"\ud800": 1}', Code.JSON_SURROGATE),
    ("twenty digits", b"1" * 20, Code.JSON_NUMBER),
    ("twenty digits, negative", b"[-" + b"1" * 20 + b"]", Code.JSON_NUMBER),
    ("ten to the nineteenth", b"10000000000000000000", Code.JSON_NUMBER),
    ("ten to the nineteenth, negative", b"-10000000000000000000", Code.JSON_NUMBER),
    ("twenty digits in an object", b'{"a": {"b": [11111111111111111111]}}', Code.JSON_NUMBER),
    ("41 characters of a fraction", b"0." + b"1" * 39, Code.JSON_NUMBER),
    ("ten to the thirty-first", b"1e31", Code.JSON_NUMBER),
    ("ten to the minus thirty-first", b"1e-31", Code.JSON_NUMBER),
    ("5,000 digits", b'{"a": ' + b"9" * 5000 + b"}", Code.JSON_NUMBER),
    ("5,000 digits of a fraction", b"0." + b"1" * 5000, Code.JSON_NUMBER),
    ("exponent of a billion", b"1e999999999", Code.JSON_NUMBER),
    ("exponent of minus a billion", b"1e-999999999", Code.JSON_NUMBER),
    ("zero with a great exponent", b"0e999999999", Code.JSON_NUMBER),
    ("exponent that no Decimal holds", b"1e99999999999999999999", Code.JSON_NUMBER),
    ("33 lists", b"[" * 33 + b"]" * 33, Code.JSON_NESTING),
    ("33 objects", b'{"a":' * 33 + b"1" + b"}" * 33, Code.JSON_NESTING),
    ("100,000 lists", b"[" * 100_000, Code.JSON_NESTING),
    ("100,000 closed lists", b"[" * 100_000 + b"]" * 100_000, Code.JSON_NESTING),
    ("100,000 objects", b'{"a":' * 100_000, Code.JSON_NESTING),
    ("same key twice", b'{"a": 1, "a": 2}', Code.JSON_DUPLICATE_KEY),
    ("same key, same value", b'{"a":1,"a":1}', Code.JSON_DUPLICATE_KEY),
    ("same key, spelled with an escape", rb'{"a": 1, "\u0061": 2}', Code.JSON_DUPLICATE_KEY),
    ("same key, blanks before the colon", b'{"a" :1,"a"\n\t:2}', Code.JSON_DUPLICATE_KEY),
    ("same key, deep inside", b'{"a":[{"b":{"c":1,"d":2,"c":3}}]}', Code.JSON_DUPLICATE_KEY),
    ("same key beside a text like one", rb'{"a":"\":","b":1,"b":2}', Code.JSON_DUPLICATE_KEY),
]

TAKEN: list[tuple[bytes, Any]] = [
    (b"null", None),
    (b"9223372036854775807", 9223372036854775807),
    (b"-9999999999999999999", -9999999999999999999),
    (b"1.10", Decimal("1.10")),
    (b"1e3", Decimal("1e3")),
    (b"0." + b"1" * 38, Decimal("0." + "1" * 38)),
    (b"-1e30", Decimal("-1e30")),
    (b"1e-30", Decimal("1e-30")),
    (rb'"\u0000"', "\x00"),  # a text's characters are for the contract of its field to judge
    (rb'"\ud83d\ude00"', "\U0001f600"),
    (rb'{"a\":":1}', {'a":': 1}),  # looks like two keys to the quick count
    (b'{":":":"}', {":": ":"}),
    (b'{"":1}', {"": 1}),
    (b"[" * 32 + b"]" * 32, json.loads("[" * 32 + "]" * 32)),
    (b'{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}', {"a": {"a": {"a": 1}}, "b": [{"a": 1}, {"a": 1}]}),
]


@pytest.mark.parametrize(("value", "code"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refused(value: bytes, code: Code) -> None:
    with pytest.raises(JsonError) as caught:
        loads(value)
    assert caught.value.code is code
    assert caught.value.sentence.endswith(".")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (b'{"a":1}{"a":2}', "more text follows (byte 8)"),
        (b'{"a":1},', "more text follows (byte 8)"),
        (b'{"a":1}\r{"a":2}', "more text follows (byte 9)"),
        (b'\xef\xbb\xbf{"a":1}', "byte order mark"),
        (b'{"a":', "ends too early"),
        (b'{"a":nope}', "is not JSON (byte 9)"),
    ],
)
def test_the_sentence_says_what_to_change(value: bytes, words: str) -> None:
    with pytest.raises(JsonError) as caught:
        loads(value)
    assert words in caught.value.sentence


@pytest.mark.parametrize(("value", "expected"), TAKEN)
def test_taken(value: bytes, expected: Any) -> None:
    assert loads(value) == expected


def test_sentence_never_quotes_what_was_sent() -> None:
    for value in (b'{"GS000000000195": nope}', b'{"GS000000000195": 1, "GS000000000195": 2}', b'"GS000000000195'):
        with pytest.raises(JsonError) as caught:
            loads(value)
        assert "GS0" not in caught.value.sentence


TEXT = st.text(st.characters(codec="utf-8"))
TREES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**19) + 1, 10**19 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
)


@given(TREES, st.booleans(), st.sampled_from([(",", ":"), (" , ", "\t:\n"), (",\r\n", " :")]))
def test_agrees_with_the_standard_library(tree: Any, ascii_only: bool, separators: tuple[str, str]) -> None:
    text = json.dumps(tree, ensure_ascii=ascii_only, separators=separators)
    assert loads(text.encode()) == json.loads(text) == tree


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12))
def test_fractions_are_exact(number: Decimal) -> None:
    assert loads(f"{number:f}".encode()) == number


@given(st.binary(max_size=60))
def test_any_bytes_give_a_value_or_a_json_error(value: bytes) -> None:
    try:
        taken = loads(value)
    except JsonError:
        return
    assert json.loads(value, parse_float=Decimal) == taken


JSON_LIKE = st.lists(
    st.sampled_from(['{"a"', '"a"', ":", ",", "{", "}", "[", "]", "1", '"', "\\", " ", '"b":', '"a":1', r"\"", "\n"]),
    max_size=14,
).map("".join)


@given(JSON_LIKE)
def test_keys_that_occur_twice_are_found_by_any_spelling(text: str) -> None:
    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise KeyError
        return dict(pairs)

    try:
        expected = json.loads(text, object_pairs_hook=distinct)
    except KeyError:
        with pytest.raises(JsonError) as caught:
            loads(text.encode())
        assert caught.value.code is Code.JSON_DUPLICATE_KEY
    except ValueError:
        with pytest.raises(JsonError):
            loads(text.encode())
    else:
        assert loads(text.encode()) == expected
