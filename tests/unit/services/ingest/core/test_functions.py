"""An id that is made of parts can be taken apart again, so that no two cases have one id (rules E16)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.core.functions import FUNCTIONS, case_number

PARTS = st.lists(st.text("a-~\\1 ", min_size=1, max_size=4), min_size=1, max_size=4).map(tuple)


@pytest.mark.parametrize("name", FUNCTIONS)
@given(one=PARTS, other=PARTS)
def test_different_parts_give_different_ids(name: str, one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert (FUNCTIONS[name](*one) == FUNCTIONS[name](*other)) is (one == other)


@pytest.mark.parametrize(
    ("parts", "id"),
    [
        (("Pudong District", "2023", "00417"), "Pudong District-2023-00417"),
        (("A-1", "2023", "5"), "A~-1-2023-5"),
        (("A", "1-2023", "5"), "A-1~-2023-5"),
        (("A~", "2023", "5"), "A~~-2023-5"),
    ],
)
def test_case_number(parts: tuple[str, ...], id: str) -> None:
    assert case_number(*parts) == id
