"""What refusals cost, beside what was sent for them: hostile and honest batches, packed by Kafka's codecs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED

from services.ingest.core.judged import Judged, Refused
from services.ingest.core.proportion import PACKED_BYTES_MIN, REFUSAL_BYTES, TIMES_MAX, out_of_proportion, too_dense
from services.ingest.service import Policy, service
from shared.contracts.faults import Code, Fault
from shared.contracts.identity import sample_account
from shared.contracts.messages import Refusal
from shared.contracts.refusals import read_refusal
from shared.contracts.topics import raw_topic, rejected_topic
from shared.kafka.fetches import FetchedBytes, PartitionReader
from shared.kafka.losses import Losses
from shared.kafka.records import Shared
from shared.kafka.unreadable import Unreadable
from shared.runner.service import Answer, Outgoing
from tests.support.batches import CODECS, Given, batch
from tests.support.ingest.mapped import partner_of
from tests.support.ingest.raw_events import PERSON
from tests.support.ingest.shipped import ARRIVED

_COMPRESSED = sorted(CODECS.keys() - {"none"})
_HEAD = """\
id = "id"
time = "at"
subject = "who"
kind = "what"
"""
_BLOCK = """
[[events]]
kinds = { paid = "water.bill" }
days_late = { fixed = 0 }
"""
_LISTS = f'format = "json"\nenvelope = "none"\nlist = "."\n{_HEAD}{_BLOCK}'
_TABLES = f'format = "csv"\nheader = true\n{_HEAD}{_BLOCK}'
_NAME = "partner"
_ANSWER_BYTES = 60
"""What the broker keeps of a message beside its value and its headers, and of a batch for each of its messages."""


def answers(mapping: str, data: bytes) -> list[Outgoing]:
    """All that ingest sends for what a fetch has brought."""
    mode = service(Policy({_NAME: partner_of(mapping)})).mode
    place = TopicPartition(raw_topic(_NAME), 0)
    given = PartitionReader(
        Shared(Losses(lambda *_: None)), place, FetchedBytes(data), (), 0, None, None, True, READ_COMMITTED
    )
    found: list[Outgoing] = []
    while not given.exhausted:
        for record in given.take(1_000_000):
            answer = mode.unreadable(record) if isinstance(record, Unreadable) else mode.answer(record, ARRIVED)
            assert isinstance(answer, Answer)
            found += answer.outgoing
        given.shared.room = 1 << 30
    return found


def refusals(sent: Sequence[Outgoing]) -> list[Refusal]:
    read = [read_refusal(each.headers) for each in sent if each.topic == rejected_topic(_NAME)]
    assert all(isinstance(each, Refusal) for each in read)
    return [each for each in read if isinstance(each, Refusal)]


def size(sent: Sequence[Outgoing]) -> int:
    return sum(
        _ANSWER_BYTES + len(each.value or b"") + sum(len(name) + len(content) for name, content in each.headers)
        for each in sent
    )


def values(*given: bytes) -> list[Given]:
    return [(None, value, ()) for value in given]


def keys(count: int) -> list[bytes]:
    """As few bytes as let records be answered one by one, whatever else is in them."""
    return [(number * 7_919 * 104_729 % 2**80).to_bytes(10) for number in range(count)]


_LONG = json.dumps(
    {"id": "1", "at": "2024-03-05T09:30:00Z", "who": PERSON, "what": "paid", "\N{GRINNING FACE}" * 256: 1},
    ensure_ascii=False,
).encode()
HOSTILE: dict[str, tuple[str, list[Given]]] = {
    "a list of empty rows": (_LISTS, values(b"[" + b"{}," * 999 + b"{}]")),
    "seven of them": (_LISTS, values(b"[" + b"{}," * 999 + b"{}]") * 7),
    "a hundred of them": (_LISTS, values(b"[" + b"{}," * 999 + b"{}]") * 100),
    "rows that are no objects": (_LISTS, values(b"[" + b"7," * 999 + b"7]") * 7),
    "rows that differ": (_LISTS, values(json.dumps([{"id": str(number)} for number in range(1_000)]).encode()) * 7),
    "rows with other faults": (
        _LISTS,
        values(json.dumps([{"id": str(number), f"x{number}": 1} for number in range(1_000)]).encode()) * 7,
    ),
    "rows with names that are long": (_LISTS, values(b"[" + b",".join([_LONG] * 900) + b"]") * 7),
    "rows of a table": (_TABLES, values(b"id,at,who,what\n" + b"1\n" * 1_000) * 7),
    "equal rows that are taken": (
        _TABLES.replace('id = "id"', 'id = { function = "digest", paths = ["at", "who"] }'),
        values(b"at,who,what\n" + b"2024-03-05T09:30:00Z,%b,paid\n" % PERSON.encode() * 1_000) * 7,
    ),
    "records with names that are long": (_LISTS, values(b"[" + _LONG + b"]") * 7),
    "many records with names that are long": (
        _LISTS,
        [(key, b"[" + _LONG + b"]", ()) for key in keys(200)],
    ),
    "records of blanks": (_LISTS, values(b" " * 60_000) * 7),
    "many records of blanks": (_LISTS, [(key, b" " * 60_000, ()) for key in keys(200)]),
    "many records of nothing": (_LISTS, [(None, None, ())] * 1_000),
}


@pytest.mark.parametrize("codec", _COMPRESSED)
@pytest.mark.parametrize("name", HOSTILE)
def test_no_bytes_become_hundreds_of_times_as_many_in_refusals(name: str, codec: str) -> None:
    """(rules E14 and E21)"""
    mapping, records = HOSTILE[name]
    given = batch(records, codec=codec)
    sent = answers(mapping, given)
    assert sent, "it is answered"
    assert size([each for each in sent if each.topic == rejected_topic(_NAME)]) <= 100 * len(given)


def test_a_list_of_empty_rows_has_one_answer_which_says_what_is_wrong_with_them() -> None:
    given = batch(values(b"[" + b"{}," * 999 + b"{}]"))
    [refusal] = refusals(answers(_LISTS, given))
    assert (refusal.code, refusal.field, refusal.index) == ("too-dense", "id", None)
    assert "1000 events" in refusal.sentence
    assert "Event 0, counted from 0: The field must be there." in refusal.sentence


def _rows(number: int, what: str) -> dict[str, Any]:
    account = sample_account(number * 7_919 * 104_729 % 10**10)
    return {"id": f"R-2026-{100_000 + number}", "at": "2024-03-05T09:30:00Z", "who": account, "what": what}


_FLAT = "\n".join(f"{100_000 + n},2024-03-05T09:30:00Z,{sample_account(n * 7)},paid" for n in range(1_000))
HONEST: dict[str, tuple[str, bytes, int]] = {
    "a list of which each is wrong": (_LISTS, json.dumps([_rows(n, "paid?") for n in range(1_000)]).encode(), 1_000),
    "a list of which one is wrong": (
        _LISTS,
        json.dumps([_rows(n, "paid") for n in range(999)] + [{}]).encode(),
        1_000,
    ),
    "a table of rows whose numbers count up": (_TABLES, f"id,at,who,what\n{_FLAT}".encode(), 1_000),
    "one row": (_LISTS, b"[{}]", 1),
    "two rows": (_LISTS, b"[{},{}]", 2),
}


@pytest.mark.parametrize("codec", sorted(CODECS))
@pytest.mark.parametrize("name", HONEST)
def test_the_events_of_an_honest_message_are_answered_one_by_one(name: str, codec: str) -> None:
    """(rules E21)"""
    mapping, message, count = HONEST[name]
    sent = answers(mapping, batch(values(message), codec=codec))
    assert len(sent) == count
    assert [each.code for each in refusals(sent) if each.code == "too-dense"] == []


@pytest.mark.parametrize(
    ("count", "packed", "is_too_dense"),
    [(PACKED_BYTES_MIN, 0, False), (PACKED_BYTES_MIN + 1, 0, True), (1_000, 1_000, False), (1_000, 999, True)],
)
def test_an_event_has_a_byte_of_its_own(count: int, packed: int, is_too_dense: bool) -> None:
    assert (too_dense(count, packed) is not None) == is_too_dense


def _found(count: int, sentence: str = "") -> list[Judged]:
    return [Refused(Fault(Code.MISSING_FIELD, "", sentence), None)] * count


@pytest.mark.parametrize(
    ("more", "is_too_much"), [(0, False), (1, True)], ids=["as many refusals as there may be", "one more"]
)
def test_refusals_are_counted_with_their_bytes(more: int, is_too_much: bool) -> None:
    count = 100
    packed = count * REFUSAL_BYTES // TIMES_MAX
    assert (out_of_proportion(_found(count + more), packed) is not None) == is_too_much


def test_what_is_said_of_a_message_fits_into_a_refusal() -> None:
    fault = out_of_proportion(_found(1_000, "x" * 500), 20)
    assert fault is not None
    assert len(fault.sentence) == 500
