"""The erasure of a person on its way from service to service, behind all that was said of the person (rules I11).

It is a *mark*: a message with the person as its key and without a value, so that a compacted topic forgets the person,
in the envelope of an ordinary event, so that a reader knows what it is. A mark about nobody lets the broker clean up:
it rolls a segment, and only what lies in a closed one is compacted.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import count

import msgspec

from shared.contracts.cloudevents import parse_envelope, stamped
from shared.contracts.exchange import Announcement, KafkaRecord
from shared.contracts.faults import Code, Fault
from shared.contracts.identity import USER_ID_PATTERN
from shared.contracts.partition import partition_of

ERASED = "goodstanding.person.erased.v1"
ON_THE_WAY_MAX = timedelta(days=15)
"""How long after its arrival a message may reach a service: a week in the partner's topic, a week in the next one, as
Kafka keeps them, and a day for clocks that differ. For so long what arrived before an erasure must be recognized."""

_USER_ID = re.compile(USER_ID_PATTERN)
_REQUEST = "ce_requestid"


class Erased(msgspec.Struct, frozen=True):
    """Everything about a person that arrived by `asked_at` is to be erased."""

    user_id: str
    request_id: str
    asked_at: datetime


def mark(service: str, topic: str, erased: Erased) -> Announcement:
    """The mark by which a service says that it has erased the person, and the next one is to do so."""
    key = erased.user_id.encode()
    id = f"{service}/{erased.request_id}/1"
    request = (_REQUEST, erased.request_id.encode())
    return Announcement(
        topic, key, None, stamped(f"/{service}", ERASED)(id, erased.asked_at.astimezone(UTC), key, request)
    )


def erased_by(record: KafkaRecord) -> Erased | Fault:
    """The mark in a record that has no value, or the first reason why it is none."""
    envelope = parse_envelope(record.key, record.headers)
    if isinstance(envelope, Fault):
        return envelope
    user_id = (record.key or b"").decode("ascii", "replace")
    if not _USER_ID.fullmatch(user_id):
        return Fault(Code.ENVELOPE_KEY, "", "The record's key is no user_id.")
    request_id = envelope.extensions.get("requestid")
    if envelope.type != ERASED or request_id is None:
        return Fault(Code.VALUE_MISSING, "", "The record has no value, and is no mark of an erasure either.")
    return Erased(user_id, request_id, envelope.time)


_NOBODY = "0" * 56


@lru_cache(maxsize=64)
def nobody(shard: int) -> str:
    """A user_id of the shard that is nobody's: no HMAC begins with 28 zero bytes."""
    return next(id for number in count() if partition_of(id := f"{_NOBODY}{number:08x}") == shard)


def is_nobody(user_id: str) -> bool:
    return user_id.startswith(_NOBODY)
