"""What the topics say of the events of one message, and the verdict on each."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from goodstanding.partner.evidence import Evidence, Placed, verdicts_on
from goodstanding.partner.verdicts import Line, Result
from shared.contracts.dead_letters import set_aside_headers
from shared.contracts.faults import Code, Fault
from shared.contracts.refusals import refusal_headers
from shared.contracts.topics import dead_letter_topic

ORIGIN = "behavior.raw.trips/0/7"
PLACED = Placed(Line(2, b"", None, (2, 3, 5)), TopicPartition("behavior.raw.trips", 0), 7)
CONFLICT = Fault(Code.CONFLICT, "", "Why.")
A, R, S, T = Result.ACCEPTED, Result.REFUSED, Result.SKIPPED, Result.TAKEN_BY_INGEST


def forwarded(index: int) -> Any:
    headers = (("ce_origin", ORIGIN.encode()), ("ce_index", b"%d" % index))
    return SimpleNamespace(topic="behavior.normalized", partition=1, offset=40 + index, headers=headers)


def refused(origin: str) -> Any:
    headers = refusal_headers("ingest", origin, CONFLICT)
    return SimpleNamespace(topic="behavior.rejected.trips", partition=0, offset=1, headers=headers)


def aside() -> Any:
    headers = set_aside_headers("ingest", ORIGIN, "unknown-partner", "Why.")
    return SimpleNamespace(topic=dead_letter_topic("ingest"), partition=0, offset=1, headers=headers)


@pytest.mark.parametrize(
    ("records", "foreseen", "behind", "expected"),
    [
        ([forwarded(0), refused(f"{ORIGIN}#1"), forwarded(2)], {2: A, 3: R, 5: A}, True, [(2, A), (3, R), (5, A)]),
        ([forwarded(0), forwarded(2)], {2: A, 3: S, 5: A}, True, [(2, A), (3, S), (5, A)]),
        ([forwarded(0), forwarded(1), forwarded(2)], {}, True, [(2, T), (3, T), (5, T)]),
        ([forwarded(0), refused(f"{ORIGIN}#0"), forwarded(1), forwarded(2)], {}, False, [(2, R), (3, T), (5, T)]),
        ([refused(ORIGIN)], {2: R}, True, [(2, R)]),
    ],
)
def test_each_event_of_a_message_has_its_verdict(
    records: list[Any], foreseen: dict[int, Result], behind: bool, expected: list[tuple[int, Result]]
) -> None:
    evidence = Evidence()
    for record in records:
        evidence.take(record)
    found = list(verdicts_on(PLACED, evidence, foreseen, behind, set()))
    assert [(each.line, each.result) for each in found] == expected


def test_with_a_message_that_is_set_aside_all_of_its_events_are() -> None:
    evidence = Evidence()
    evidence.take(aside())
    found = list(verdicts_on(PLACED, evidence, {}, True, set()))
    assert [(each.line, each.result) for each in found] == [(number, Result.SET_ASIDE) for number in (2, 3, 5)]


@pytest.mark.parametrize(
    ("records", "hidden", "expected"),
    [
        ([forwarded(0), refused(f"{ORIGIN}#1")], "behavior.rejected.trips", [(2, T), (3, R)]),
        ([forwarded(0), refused(f"{ORIGIN}#1")], dead_letter_topic("scorer"), [(2, T), (3, R)]),
        ([forwarded(0), refused(f"{ORIGIN}#1")], "behavior.normalized", [(2, T), (3, R), (5, T)]),
        ([refused(ORIGIN)], "behavior.rejected.trips", [(2, R)]),
        ([aside()], "behavior.rejected.trips", [(2, Result.SET_ASIDE), (3, Result.SET_ASIDE), (5, Result.SET_ASIDE)]),
    ],
)
def test_where_a_part_cannot_be_read_nothing_is_said_that_it_could_belie(
    records: list[Any], hidden: str, expected: list[tuple[int, Result]]
) -> None:
    """ "accepted" might be a refusal that is hidden, and an event that was not forwarded is refused or forwarded."""
    evidence = Evidence(hidden={hidden})
    for record in records:
        evidence.take(record)
    found = list(verdicts_on(PLACED, evidence, {2: A, 3: A, 5: A}, True, set()))
    assert [(each.line, each.result) for each in found] == expected
