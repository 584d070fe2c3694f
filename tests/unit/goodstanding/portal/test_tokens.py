"""Links and sessions: nobody else makes one, and none outlives its time or serves another purpose."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from goodstanding.portal import tokens

KEY, OTHER = b"k" * 32, b"o" * 32
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HERE = "ab" * 32
LINK = tokens.signed(tokens.made("link", "person", HERE, NOW + timedelta(hours=1)), KEY)


def test_a_link_says_who_until_it_expires() -> None:
    found = tokens.read(LINK, "link", KEY, NOW)
    assert found is not None
    assert (found.who, found.role) == (HERE, "person")
    assert tokens.read(LINK, "link", KEY, NOW + timedelta(hours=1)) is None


@pytest.mark.parametrize(
    ("text", "purpose", "key"),
    [
        (LINK, "session", KEY),
        (LINK, "link", OTHER),
        ("", "link", KEY),
        ("a", "link", KEY),
        (LINK[:-1], "link", KEY),
        (LINK + "A", "link", KEY),
        (LINK[::-1], "link", KEY),
        ("é" * 40, "link", KEY),
        ("A" * 100_000, "link", KEY),
    ],
)
def test_what_is_no_link_opens_nothing(text: str, purpose: tokens.Purpose, key: bytes) -> None:
    assert tokens.read(text, purpose, key, NOW) is None


@pytest.mark.parametrize("said", [["session", "auditor", "x", 2**31, "n"], ["session", "person"], "session"])
def test_a_token_of_another_release_opens_nothing(said: object) -> None:
    content = msgspec.msgpack.encode(said)
    text = urlsafe_b64encode(hmac.digest(KEY, b"token\n" + content, "sha256") + content).rstrip(b"=").decode()
    assert tokens.read(text, "session", KEY, NOW) is None


def test_the_word_of_a_form_is_that_of_its_session() -> None:
    word = tokens.form_word("one", KEY)
    assert tokens.same(word, tokens.form_word("one", KEY))
    for wrong in (tokens.form_word("other", KEY), tokens.form_word("one", OTHER), "", word[:-1], "é"):
        assert not tokens.same(wrong, word)
