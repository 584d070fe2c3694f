"""A person's own words: how many there may be, that they can be seen, and that nobody is named in them by an
identifier."""

from __future__ import annotations

import pytest

from shared.contracts.faults import Code
from shared.contracts.identity import sample_account
from shared.contracts.own_text import check_text, names_somebody

ACCOUNT = sample_account(1)
NAMING = [
    ACCOUNT,
    f"Please ask about {ACCOUNT}.",
    f"{ACCOUNT[:2].lower()} {ACCOUNT[2:7]}-{ACCOUNT[7:]}, please",
    "".join(chr(ord(each) + 0xFEE0) for each in ACCOUNT),
    "my card 11010519491231002X was lost",
    "110105 19491231 002x",
    "ab" * 32,
    f"I am {'AB' * 32}.",
    "write to me: someone@example.org",
    "call 13800000000",
    "card 4111111111111111",
    "card 4111 1111 1111 1111",
    "call 138-0000-0000",
    "call 138\u20110000\u20110000",
    "on 2024-01-15 from 138 0000 0000",
    f"{ACCOUNT[:2]}\u2013{ACCOUNT[2:]}",
    f"{ACCOUNT[:2]}/{ACCOUNT[2:6]}.{ACCOUNT[6:10]}_{ACCOUNT[10:]}",
    "110105.19491231.002x",
    "call 138.0000.0000",
    "call 138/0000/0000",
    "call 138 - 0000 - 0000",
    "call +86 (138) 0000 0000",
    "call +1 (415) 555-0100",
    "call +49 30 901820",
    "card 4111.1111.1111.1111",
    "on 15.01.2024 from 138.0000.0000",
]
HARMLESS = [
    "I paid CNY 11,000.00 on 2024-01-15 and 2024-02-15.",
    "The invoice 2024-0042 was paid twice, 300 + 450 yuan.",
    "GS 12 is the name of the room.",
    "我在医院，出院当天已付清。",
    "see you @ the court",
    "It was paid between 2024-01-15 2024-02-15.",
    "300 450 1200, all paid",
    "I paid 1200.00 on 03.02.2024 and 1,300.00 on 4/2/2024.",
    "1200.00 1300.00 1400.00 and 11,000.50 in 2024/01/15 2024/02/15",
    "03.02.2024 - 04.02.2024",
    "300 + 450 + 1200",
    "7 (or 8) of 2024",
    "我在医院\u3000出院当天已付清。",
    "ab" * 31,
]


@pytest.mark.parametrize("text", NAMING)
def test_an_identifier_is_found_in_whichever_spelling(text: str) -> None:
    assert names_somebody(text)
    fault = check_text(text, "data.text")
    assert fault is not None
    assert (fault.code, fault.field) == (Code.NAMES_PERSON, "data.text")
    assert text not in fault.sentence


@pytest.mark.parametrize("text", HARMLESS)
def test_amounts_days_and_names_are_no_identifiers(text: str) -> None:
    assert (names_somebody(text), check_text(text, "data.text")) == (False, None)


@pytest.mark.parametrize("text", [" ", "   ", "\u3000"])
def test_a_text_of_blanks_is_not_taken(text: str) -> None:
    fault = check_text(text, "data.text")
    assert fault is not None
    assert (fault.code, fault.field) == (Code.TEXT_LENGTH, "data.text")


def test_a_hundred_words_are_taken_and_one_more_is_not() -> None:
    assert check_text(" ".join(["word"] * 100), "data.text") is None
    fault = check_text(" ".join(["word"] * 101), "data.text")
    assert fault is not None
    assert fault.code is Code.TOO_MANY_WORDS


@pytest.mark.parametrize(
    "text",
    [
        "paid\u202eon time",
        "paid \u2066on\u2069 time",
        "paid\u200bon time",
        f"{ACCOUNT[:6]}\u200b{ACCOUNT[6:]}",
        f"{ACCOUNT[:6]}\ufe0f{ACCOUNT[6:]}",
        "paid\u2028on time",
        "paid\u00adon time",
        "paid \ue000",
        "paid \ufffd",
        "paid\non time",
    ],
)
def test_what_cannot_be_seen_is_not_taken(text: str) -> None:
    fault = check_text(text, "data.text")
    assert fault is not None
    assert (fault.code, fault.field) == (Code.TEXT_FORM, "data.text")
