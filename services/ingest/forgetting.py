"""ingest's part in the erasure of a person: the crosswalks forget the person's customer numbers (rules I11 and I14).

benefits, the last service with a database, says on `subject.answers` that it has erased the person. ingest takes the
entries of the person out of the crosswalks, by tombstones, and says so behind them; then retention makes the receipt. A
message that is read again finds no entry any more, and is passed on once more, which changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from shared.contracts.erasure import is_nobody, named_in
from shared.contracts.exchange import Received, announced, received
from shared.contracts.messages import TYPES
from shared.contracts.partition import partition_of
from shared.contracts.subject import ErasureConfirmed
from shared.contracts.topics import SUBJECT_ANSWERS
from shared.kafka.crosswalk import Crosswalk
from shared.kafka.unreadable import Unreadable
from shared.runner.answers import set_aside
from shared.runner.service import Answer, DeadLetter, Forward, Input, Later, Outcome, Outgoing, Record

ERASURES = Input(pattern=f"^{re.escape(SUBJECT_ANSWERS)}$")
"""By a pattern, since the library joins no name with the pattern of the partners' topics."""

_NAME: Literal["ingest"] = "ingest"
_MILLISECOND = timedelta(milliseconds=1)
_OF_TYPE = ("ce_type", TYPES[ErasureConfirmed].encode())
_PASSED_OVER = Answer((), ())
_ERASED = (Outcome("erased"),)


def forgetting(mode: Forward, crosswalk: Crosswalk | None) -> Forward:
    """The same service, which takes its part in erasures. Without a crosswalk nothing is to be forgotten, and the
    confirmation is passed on all the same."""

    def answer(record: Record, arrived: datetime) -> Answer | DeadLetter | Later:
        if record.topic != SUBJECT_ANSWERS:
            return mode.answer(record, arrived)
        message = _confirmation(record)
        if message is None:
            return _PASSED_OVER
        return _forgotten(message, _asked_at_ms(message, record.timestamp, arrived), crosswalk)

    def unreadable(what: Unreadable) -> Answer | DeadLetter:
        return set_aside(what) if what.topic == SUBJECT_ANSWERS else mode.unreadable(what)

    return replace(mode, answer=answer, unreadable=unreadable)


def _confirmation(record: Record) -> Received[ErasureConfirmed] | None:
    """That benefits has erased a person. All else on the topic is for people, or for retention."""
    if _OF_TYPE not in record.headers:
        return None
    message = received(record, {SUBJECT_ANSWERS: ErasureConfirmed}, later_fields=True)
    return message if isinstance(message, Received) and message.body.service == "benefits" else None


def _asked_at_ms(message: Received[ErasureConfirmed], said_at_ms: int, arrived: datetime) -> int:
    """When the broker took the request: a restored benefits may confirm an erasure once more, long after the person has
    come back (rules I12)."""
    named = named_in(message.user_id, message.envelope)
    return said_at_ms if named is None else said_at_ms - max((arrived - named.asked_at) // _MILLISECOND, 0)


def _forgotten(
    message: Received[ErasureConfirmed], told_until_ms: int, crosswalk: Crosswalk | None
) -> Answer | DeadLetter | Later:
    """Entries that were told later are a newcomer's."""
    user_id = message.user_id
    if is_nobody(user_id):
        # A tombstone of nothing closes the segment in which those of an erasure lie, so that they are compacted.
        topics = () if crosswalk is None else crosswalk.topics
        return Answer(_tombstones([(topic, user_id.encode()) for topic in topics]), ())
    found: Sequence[tuple[str, bytes]] = ()
    if crosswalk is not None:
        crosswalk.as_of(told_until_ms)
        found = crosswalk.numbers_of(user_id)
        until_ms = crosswalk.missed()
        if until_ms is not None:
            return Later(until_ms)
    body = ErasureConfirmed(request_id=message.body.request_id, service=_NAME)
    subject, time = message.body.request_id, message.envelope.time
    told = announced(_NAME, SUBJECT_ANSWERS, user_id, body, subject=subject, version=1, time=time)
    return Answer((*_tombstones(found), told.placed(partition_of(user_id))), _ERASED)


def _tombstones(entries: Sequence[tuple[str, bytes]]) -> tuple[Outgoing, ...]:
    return tuple(Outgoing(topic, key, None, (), 0) for topic, key in entries)
