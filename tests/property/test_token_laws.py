"""The laws of links: no text that is not the link opens anything, and none makes the reader fail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from string import ascii_letters, digits

from hypothesis import given
from hypothesis import strategies as st

from goodstanding.portal import tokens

KEY = b"k" * 32
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LINK = tokens.signed(tokens.made("link", "person", "ab" * 32, NOW + timedelta(hours=1)), KEY)


@given(st.integers(0, len(LINK) - 2), st.sampled_from(ascii_letters + digits + "-_"))
def test_a_link_with_another_character_opens_nothing(at: int, character: str) -> None:
    altered = LINK[:at] + character + LINK[at + 1 :]
    assert (tokens.read(altered, "link", KEY, NOW) is None) is (altered != LINK)


@given(st.text(max_size=600))
def test_no_text_makes_it_fail(text: str) -> None:
    assert tokens.read(text, "link", KEY, NOW) is None
