"""What a person at the bounds costs the scorer's rules (rules E17), without Kafka and Postgres.

    python -m bench.person_bounds

Such a person has, from one partner or from seven, as many events, figures and contacts in every month as are taken, for
25 months. Measured are one event in a step of its own, and a flood of 2,000 in one step: events that there is no room
for, repetitions, and, at the turn of the month, events that there is room for again. Then the same of a person whom
format 1 let grow without bounds. Milliseconds of CPU time; the median of five.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec

from bench.scorer_core import FIRST, MONTHS, PERSON, POLICY, ZONE
from services.scorer.core.decide import Person, decide
from services.scorer.core.folding import ROOM, fold
from services.scorer.core.forgetting import prune
from services.scorer.core.messages import Event, event_of
from services.scorer.core.state import State, decode, encode
from shared.contracts.messages import BehaviorEvent, Consent
from shared.contracts.messages import encode as encode_body
from shared.contracts.months import month_start

PARTNERS = ("bank", "bike-rental", "city", "consumer-credit", "court-feed", "hotel", "shop")
FLOOD = 2_000
LAST = FIRST + MONTHS - 1


def events(partner: str, month: int, counts: Sequence[int], name: str = "") -> Iterator[Event]:
    """So many events of each group: activities, figures under consents of their own, contacts."""
    start = month_start(month, ZONE)
    for group, count in enumerate(counts):
        for number in range(count):
            event_id, time_ = f"{name}{month}-{group}-{number:06d}", start + timedelta(seconds=number)
            body = _body(group, f"{partner}-{event_id}")
            place = f"behavior.raw.{partner}/0/{number}"
            yield event_of(PERSON, partner, event_id, place, time_, month, encode_body(body), body, ZONE)


def _body(group: int, name: str) -> BehaviorEvent:
    if group == 0:
        return BehaviorEvent(kind="shop.purchase", amount=15_000)
    if group == 1:
        consent = Consent(id=name, purpose="scoring", given_at=datetime(2023, 12, 1, tzinfo=UTC))
        return BehaviorEvent(kind="income.reported", amount=1_250_000, consent=consent)
    return BehaviorEvent(kind="contact.standing", contact=name.encode().hex().ljust(64, "0")[:64], value="present")


def full(partners: Sequence[str]) -> State:
    """At the end of the last month, when nothing more is taken."""
    state = State()
    for month in range(FIRST, LAST + 1):
        prune(state, month, month - 3)
        for partner in partners:
            for event in events(partner, month, ROOM):
                fold(state, event, 3)
    return decode(encode(state))


def unbounded(count: int) -> Person:
    """As format 1 kept somebody with so many events in each open month, and as many consents in all."""
    grown = State()
    for number in range(count):
        [event] = events("bank", LAST, (0, 1), f"old-{number}-")
        grown.ids.clear()
        fold(grown, event, 3)
    old_ids = {month: b"".join(n.to_bytes(4, "big") * 3 for n in range(count)) for month in range(LAST - 3, LAST + 1)}
    fields: tuple[object, ...] = (LAST, FIRST, {}, old_ids, {}, decode(encode(grown)).figures, b"", {})
    return Person(PERSON, b"\x01" + msgspec.msgpack.encode(fields))


def milliseconds(work: Callable[[], object]) -> float:
    def once() -> float:
        began = time.process_time()
        work()
        return (time.process_time() - began) * 1e3

    return statistics.median(once() for _ in range(5))


def report(title: str, person: Person) -> None:
    now, later = month_start(LAST + 1, ZONE) - timedelta(hours=1), month_start(LAST + 1, ZONE) + timedelta(hours=9)
    steps = {
        "one event": ([*events("bank", LAST, (1,), "more")], now),
        "no room": ([*events("bank", LAST, (FLOOD,), "more")], now),
        "repeated": ([*events("bank", LAST, (FLOOD // 2,))] * 2, now),
        "taken": ([*events(PARTNERS[0], LAST + 1, (1000, 50, 100)), *events(PARTNERS[1], LAST + 1, (850,))], later),
    }
    cost = {name: milliseconds(partial(decide, person, batch, at, POLICY)) for name, (batch, at) in steps.items()}
    figures = "".join(f"{cost[name]:10.1f}" for name in steps)
    print(f"{title:34}{len(person.state) / 1024:8.0f}{figures}")


def main() -> None:
    print(f"{'person':34}{'kB':>8}{'one event':>10}{'no room':>10}{'repeated':>10}{'taken':>10}")
    report("at the bounds of one partner", Person(PERSON, encode(full(PARTNERS[:1]))))
    report("at the bounds of seven partners", Person(PERSON, encode(full(PARTNERS))))
    report("format 1, 20,000 a month", unbounded(20_000))


if __name__ == "__main__":
    main()
