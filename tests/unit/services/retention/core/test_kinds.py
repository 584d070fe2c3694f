"""The table of transitions is that of every kind of every class; what differs for a kind that ends at once is named."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from shared.contracts.kinds import KINDS, Ends, RecordClass
from tests.support.record_lives import CARD, lived
from tests.support.record_transitions import CASES, TRANSITIONS

SETTLED = [kind.name for kind in KINDS if kind.ends is Ends.ON_SETTLEMENT and kind.name != CARD]
AT_ONCE = [kind.name for kind in KINDS if kind.ends is Ends.AT_ONCE]


def test_there_is_a_kind_of_each_class_and_end() -> None:
    classes = {kind.record_class for kind in KINDS if kind.name in SETTLED}
    assert classes == set(RecordClass)
    assert AT_ONCE


@pytest.mark.parametrize("kind", SETTLED)
def test_every_kind_that_is_settled_goes_the_same_ways(kind: str) -> None:
    for event, state, outcome in CASES:
        happens, _ = TRANSITIONS[event]
        assert "; ".join(happens(lived(state, kind=kind))) == outcome.replace("nothing", ""), (event, state)


# (rules R5 and D5) What is over as it begins has its deadline from the report on, no report moves its end, and a
# correction of the end alone says nothing.
OTHERWISE: Mapping[str, Mapping[str, str]] = {
    "reported, another amount": {"corrected": "changed: corrected v4"},
    "settled": {"corrected": "changed: corrected v4"},
    "settled, an earlier day": {
        "settled": "repeated",
        "settled, disputed": "repeated",
        "corrected": "changed: corrected v4",
    },
    "settled, a later day": {
        "settled": "repeated",
        "settled, disputed": "repeated",
        "corrected": "changed: corrected v4",
    },
    "corrected, a later end": dict.fromkeys(
        ("open", "settled", "disputed", "settled, disputed", "confirmed", "corrected", "unverifiable"), "repeated"
    ),
    "corrected, before it began": dict.fromkeys(
        ("open", "settled", "disputed", "settled, disputed", "confirmed", "corrected", "unverifiable"), "repeated"
    ),
    "corrected, all of it": {"open": "corrected: open v2"},
    "corrected, of the dispute": dict.fromkeys(("confirmed", "corrected", "unverifiable"), "repeated"),
    "ten years": {
        "open": "expired v2",
        "disputed": "unverifiable: unverifiable v3 dark; expired v4",
        "confirmed": "expired v4",
        "unverifiable": "expired v4",
    },
}
_DAY = re.compile(r"(?<!by) (\d{4}-\d{2}-\d{2})")
_BEGINNINGS = {"2025-03-01", "2025-03-02", "2025-04-01"}


@pytest.mark.parametrize("kind", AT_ONCE)
def test_a_kind_that_ends_at_once_ends_on_the_day_on_which_it_began(kind: str) -> None:
    for event, state, outcome in CASES:
        happens, _ = TRANSITIONS[event]
        said = "; ".join(happens(lived(state, kind=kind)))
        expected = OTHERWISE.get(event, {}).get(state, _DAY.sub("", outcome.replace("nothing", "")))
        assert _DAY.sub("", said) == expected, (event, state)
        assert set(_DAY.findall(said)) <= _BEGINNINGS, (event, state)
