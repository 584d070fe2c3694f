"""The one form of a text that is an identity (rules E16): cases of what is one text and what is two, and its laws."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import unassigned
from shared.contracts.faults import Code
from shared.contracts.texts import TextError, one_form
from tests.support.ingest.raw_events import UNSEEN

FORMS = [
    ("e-1", "e-1"),
    ("E-1", "E-1"),
    ("  e  1 ", "e 1"),
    ("e\u00a01\u3000", "e 1"),
    ("ｅ－１", "e-1"),
    ("e\u20111", "e-1"),
    ("e\u20141", "e-1"),
    ("（2024）京01执12号", "(2024)京01执12号"),
    ("cafe\u0301", "caf\u00e9"),
    ("½", "1\u20442"),
    ("名前", "名前"),
    ("😀", "😀"),
]
DIFFERENT = ["e-1", "E-1", "e1", "e_1", "e.1", "e 1", "e-1-", "e-11", "е-1"]


@pytest.mark.parametrize(("text", "form"), FORMS)
def test_one_form(text: str, form: str) -> None:
    assert one_form(text, 128) == form


def test_every_hyphen_dash_and_minus_sign_is_one() -> None:
    """Except one that Unicode assigned after 14.0, which is refused wherever it is read."""
    dashes = [chr(c) for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) == "Pd"]
    found = {dash: _form(f"dup{dash}1") for dash in [*dashes, *"\u2212\u2796\u2043\u02d7\u207b\u208b"]}
    assert found == {dash: "refused" if _is_unassigned(ord(dash)) else "dup-1" for dash in found}
    assert len(found) > 25


def _form(text: str) -> str:
    try:
        return one_form(text, 128)
    except TextError:
        return "refused"


@pytest.mark.parametrize("letter", ["\u30fc", "\u4e00", "_", "~", "=", ".", "\u00b7", "\u2500"], ids=ascii)
def test_what_only_looks_like_a_dash_is_itself(letter: str) -> None:
    assert one_form(f"dup{letter}1", 128) == f"dup{letter}1"


def _is_unassigned(code_point: int) -> bool:
    return any(first <= code_point <= last for first, last in unassigned.ranges())


def test_the_table_is_what_unicode_14_has_not_assigned() -> None:
    """A later Python knows more characters, and none less."""
    table = {c for first, last in unassigned.ranges() for c in range(first, last + 1)}
    known = {c for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) == "Cn"}
    assert known <= table
    assert known == table or unicodedata.unidata_version != "14.0.0"


def test_what_people_can_tell_apart_stays_apart() -> None:
    assert len({one_form(text, 128) for text in DIFFERENT}) == len(DIFFERENT)


@pytest.mark.parametrize("unseen", [*UNSEEN.values(), "\0", "\t", "\n", "\x85", "\u1680"], ids=ascii)
def test_what_cannot_be_seen_is_refused(unseen: str) -> None:
    for text in ("{}e-1", "e{}-1", "e-1{}", "名{}前"):
        with pytest.raises(TextError) as caught:
            one_form(text.format(unseen), 128)
        assert caught.value.code is Code.TEXT_FORM


@pytest.mark.parametrize(("text", "characters_max"), [("", 128), (" \u00a0", 128), ("abcd", 3), ("\ufdfa", 17)])
def test_length_is_that_of_the_one_form(text: str, characters_max: int) -> None:
    with pytest.raises(TextError) as caught:
        one_form(text, characters_max)
    assert caught.value.code is Code.TEXT_LENGTH


def form_of(text: str) -> str | None:
    try:
        return one_form(text, 10_000)
    except TextError:
        return None


@given(st.text(max_size=20))
def test_a_form_is_its_own_form(text: str) -> None:
    form = form_of(text)
    assert form is None or form_of(form) == form


@given(st.text(max_size=20), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_normal_forms_of_one_text_have_one_form(text: str, normal_form: str) -> None:
    assert form_of(unicodedata.normalize(normal_form, text)) == form_of(text)  # type: ignore[arg-type]  # a form that is drawn


@given(st.text(max_size=20), st.text(" \u00a0\u3000", max_size=3), st.text(" \u00a0\u2003", max_size=3))
def test_blanks_at_the_ends_are_no_part_of_it(text: str, before: str, behind: str) -> None:
    assert form_of(before + text + behind) == form_of(text)
