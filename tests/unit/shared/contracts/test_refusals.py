"""A refusal names every record that it answers for."""

from __future__ import annotations

import pytest

from shared.contracts.faults import Code, Fault
from shared.contracts.messages import Refusal
from shared.contracts.refusals import origins, read_refusal, refusal_headers

FIRST, LAST = "behavior.raw.bank/3/7", "behavior.raw.bank/3/9"


@pytest.mark.parametrize(
    ("last", "expected"),
    [(None, [FIRST]), (LAST, [FIRST, "behavior.raw.bank/3/8", LAST])],
    ids=["one", "three in a row"],
)
def test_the_positions_of_a_refusal(last: str | None, expected: list[str]) -> None:
    """(rules E14)"""
    refusal = read_refusal(
        refusal_headers("ingest", FIRST, Fault(Code.UNREADABLE, "", "Send it again."), lastorigin=last)
    )
    assert isinstance(refusal, Refusal)
    assert list(origins(refusal)) == expected
