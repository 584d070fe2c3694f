"""The work that the platform's runner and its peers do alike: its events, its reference, and our service of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from bench.peers import runner_fold
from bench.peers.runner_fold import Event, State, packed, unpacked
from bench.peers.work import DUPLICATES, EVENT_BYTES, INVALID, Change, Reference, Size, events
from shared.contracts.partition import partition_of
from shared.runner.service import DeadLetter, Decision

SIZE = Size(people=200, warm=0, measured=4_000)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@cache  # nobody changes what it returns
def by_our_service(size: Size) -> tuple[Reference, dict[str, list[Change]], int]:
    """The reference, what our service makes of the same events, and how many it sets aside."""
    reference, found, aside = Reference(), dict[str, list[Change]](), 0
    states: dict[str, State] = {}
    for raw in events(size, reference):
        event = runner_fold.decode(cast("Any", SimpleNamespace(value=raw.value)), NOW)
        if isinstance(event, DeadLetter):
            aside += 1
            continue
        decision: Decision[State] = runner_fold.decide(states.get(event.person), [event], NOW, "changes")
        assert decision.state is not None
        states[event.person] = unpacked(packed(decision.state))
        for message in decision.outgoing:
            assert message.value is not None
            found.setdefault(event.person, []).append(msgspec.json.decode(message.value, type=Change))
    return reference, found, aside


def test_our_service_does_what_the_reference_says() -> None:
    reference, found, aside = by_our_service(SIZE)
    assert reference.fault(found, whole=True) is None
    assert aside == pytest.approx(SIZE.measured * INVALID, rel=0.5)
    assert SIZE.events - aside - reference.total == pytest.approx(SIZE.measured * DUPLICATES, rel=0.5)


def test_an_event_has_the_size_that_is_said_and_lies_in_its_persons_partition() -> None:
    for raw in events(SIZE, Reference()):
        assert EVENT_BYTES - 40 <= len(raw.value) <= EVENT_BYTES
        assert raw.partition == partition_of(raw.key.decode())


def test_the_same_size_has_the_same_events() -> None:
    assert list(events(SIZE, Reference())) == list(events(SIZE, Reference()))
    assert list(events(SIZE, Reference())) != list(events(replace(SIZE, seed=2), Reference()))


@pytest.mark.parametrize(
    "spoiled",
    [
        lambda changes: changes[:-1],
        lambda changes: [*changes, changes[-1]],
        lambda changes: [changes[1], changes[0], *changes[2:]],
        lambda changes: [*changes[:-1], msgspec.structs.replace(changes[-1], amount=0)],
    ],
    ids=["one is missing", "one came twice", "two changed places", "one has another sum"],
)
def test_the_reference_sees_every_fault(spoiled: Any) -> None:
    reference, found, _ = by_our_service(SIZE)
    person = max(found, key=lambda each: len(found[each]))
    assert reference.fault({**found, person: spoiled(found[person])}, whole=True) is not None


def test_what_is_not_all_done_is_compared_as_far_as_it_is() -> None:
    reference, found, _ = by_our_service(SIZE)
    part = {person: changes[:2] for person, changes in found.items()}
    assert reference.fault(part, whole=False) is None
    assert reference.fault(part, whole=True) is not None


def test_ids_that_are_no_hexadecimal_digits_are_refused() -> None:
    good = next(iter(events(SIZE, Reference()))).value
    assert isinstance(runner_fold.decode_value(good), Event)
    assert isinstance(runner_fold.decode_value(good.replace(b'"id":"', b'"id":"Z')), DeadLetter)
