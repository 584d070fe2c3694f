"""The campaign's input is what it says it is, and the same for the same seed."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from tests.faults.events import ZONE, Stretch, draw
from tests.faults.policy import scorecard
from tests.oracle import expect, month

KEY = b"k" * 32


def _fates(stretches: tuple[Stretch, ...]) -> Counter[str]:
    return expect([stretch.phase for stretch in stretches], scorecard(), ZONE).counts()


def test_the_seed_decides_every_byte() -> None:
    assert draw(3, people=50, messages=500, key=KEY) == draw(3, people=50, messages=500, key=KEY)
    assert draw(3, people=50, messages=500, key=KEY) != draw(4, people=50, messages=500, key=KEY)


def test_shares_of_duplicates_and_refusals() -> None:
    stretches = draw(1, people=200, messages=2000, key=KEY)
    assert sum(len(stretch.messages) for stretch in stretches) == 2000
    fates = _fates(stretches)
    assert 80 <= fates["duplicate"] <= 110
    broken = sum(1 for stretch in stretches for message in stretch.messages if message.sent.fault)
    assert 18 <= broken <= 24


def test_days_come_in_order_and_are_shuffled_within() -> None:
    stretches = draw(1, people=200, messages=2000, key=KEY)
    times = [m.sent.event.time for m in stretches[0].messages if m.sent.event]
    days = [time.astimezone(ZONE).date() for time in times]
    behind = sum(1 for one, other in pairwise(days) if other < one)
    assert behind < len(days) / 4, "only repeats and late ones step back a day"
    assert times != sorted(times)


def test_every_person_has_one_obligation_kept_late_and_one_on_time() -> None:
    stretches = draw(1, people=200, messages=2000, key=KEY)
    of_person: dict[str, set[bool]] = {}
    for message in stretches[0].messages:
        if (event := message.sent.event) and event.kind in ("water.bill", "gas.bill"):
            of_person.setdefault(event.person, set()).add(event.days_late > 0)
    assert len(of_person) == 200
    assert all(kept == {True, False} for kept in of_person.values())


def test_no_event_lies_ahead_of_its_clock() -> None:
    for stretch in draw(1, people=200, messages=2000, key=KEY):
        assert all(m.sent.event.time <= stretch.instant for m in stretch.messages if m.sent.event)
        assert month(stretch.instant, ZONE) == month(stretch.phase.instant, ZONE)
