"""What is kept of one summand of a score."""

from __future__ import annotations

import msgspec
import pytest

from services.scorer.core import score
from services.scorer.core.item import Item
from services.scorer.core.score import Evaluation, without_records

OF_TODAY = [
    Item("on-time", 30, 40, (1000, 12)),
    Item("education", 9, 9, ("degree", 1)),
    Item("income", 2, 9, {}),
    Item("closeness", 3, 9, {"contacts_at_least": 5}),
]
AS_KEPT_BEFORE = [
    ["on-time", 30, 40, {"value": 1000, "observations": 12}],
    ["education", 9, 9, {"value": "degree", "observations": 1}],
    ["income", 2, 9, {}],
    ["closeness", 3, 9, {"contacts_at_least": 5}],
]


@pytest.mark.parametrize(("now", "before"), [*zip(OF_TODAY, AS_KEPT_BEFORE, strict=True)])
def test_what_an_earlier_release_kept_says_the_same(now: Item, before: list[object]) -> None:
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(before), type=Item)
    assert kept.rests_on == now.rests_on == before[3]
    assert kept.upgraded() == now
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(now), type=Item) == now


def test_without_its_records_a_publication_of_an_earlier_release_has_the_bytes_of_today() -> None:
    """Else the history would keep a publication that says nothing new, and so tell when there was a record."""
    old = score.decode(msgspec.msgpack.encode([394, False, [], ["on-time"], AS_KEPT_BEFORE, []]))
    new = Evaluation(394, False, (), ("on-time",), tuple(OF_TODAY))
    assert score.encode(without_records(old)) == score.encode(without_records(new))
