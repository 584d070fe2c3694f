"""Which request a person means by the number that the page shows."""

from __future__ import annotations

import pytest

from goodstanding.person.held import is_number_of

ID = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (ID, True),
        ("0f8fad5b", True),
        ("0F8FAD5B-D9CB", True),
        ("0f8fad5", False),
        ("0", False),
        ("", False),
        ("0f8fad5c", False),
        (f"{ID}0", False),
    ],
)
def test_a_number_is_what_the_page_shows_or_more(number: str, expected: bool) -> None:
    assert is_number_of(ID, number) is expected


def test_a_shorter_id_is_said_whole() -> None:
    assert is_number_of("req-1", "REQ-1")
    assert not is_number_of("req-1", "req")
