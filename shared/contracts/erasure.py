"""The erasure of a person on its way from service to service, behind all that was said of the person (rules I11).

It is a *mark*: a message with the person as its key and without a value, so that a compacted topic forgets the person,
in the envelope of an ordinary event, so that a reader knows what it is. A mark about nobody lets the broker clean up:
it rolls a segment, and only what lies in a closed one is compacted.

Whoever comes back lives a new *life*. As long as an erasure is remembered, every message about the person names it, so
that a reader can tell one life from another in whichever order it reads, and whatever compaction has removed (rules
I12).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import count
from typing import Literal

import msgspec

from shared.contracts.cloudevents import Envelope, parse_envelope, stamped
from shared.contracts.exchange import Announcement, KafkaRecord
from shared.contracts.faults import Code, Fault
from shared.contracts.identity import USER_ID_PATTERN
from shared.contracts.partition import partition_of
from shared.contracts.times import TimeError, instant, rfc3339_of_utc

ERASED = "goodstanding.person.erased.v1"
ON_THE_WAY_MAX = timedelta(days=15)
"""How long after its arrival a message may reach a service: a week in the partner's topic, a week in the next one, as
Kafka keeps them, and a day for clocks that differ. For so long what arrived before an erasure must be recognized."""
REMEMBERED_MAX = ON_THE_WAY_MAX + timedelta(days=1)
"""How long an erasure is remembered. Whoever sends names it for a day longer than any reader looks for it, so that no
message of the new life goes without it while a reader whose clock is behind still misses it."""

_USER_ID = re.compile(USER_ID_PATTERN)
_REQUEST = "ce_requestid"
_KEYED_NAME_BYTES = 16
ERASURE_ID, ERASURE_AT = "erasureid", "erasureat"
"""The extension attributes in which a message about somebody who came back names the last erasure: the request's id,
and when it was asked for (RFC 3339, UTC)."""


Life = Literal["former", "present", "next"]
"""The life of a person that a reader knows, one before it, or the next one, of which the reader had not heard yet."""


class Erased(msgspec.Struct, frozen=True):
    """Everything about a person that arrived by `asked_at` is to be erased."""

    user_id: str
    request_id: str
    asked_at: datetime


def keyed_name(key: bytes, user_id: str) -> bytes:
    """What a service keeps of an erased person for a while; whoever has no key cannot tell it from noise."""
    return hmac.digest(key, f"erased\n{user_id}".encode(), "sha256")[:_KEYED_NAME_BYTES]


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


def naming(erased: Erased | None) -> tuple[tuple[str, bytes], ...]:
    """The headers by which a message names the last erasure of its person; none where none is remembered."""
    if erased is None:
        return ()
    at = rfc3339_of_utc(erased.asked_at.astimezone(UTC))
    return (f"ce_{ERASURE_ID}", erased.request_id.encode()), (f"ce_{ERASURE_AT}", at)


def named_in(user_id: str, envelope: Envelope) -> Erased | None:
    """The erasure that a message names."""
    at = envelope.extensions.get(ERASURE_AT)
    if at is None:
        return None
    try:
        return Erased(user_id, envelope.extensions.get(ERASURE_ID, ""), instant(at))
    except TimeError:
        return None


def ending(erased: Erased | None, time: datetime) -> tuple[tuple[str, bytes], ...]:
    """The headers of an answer to a request of this time: they name the erasure that has ended the life in which the
    person asked, so that nobody keeps the answer (rules I12)."""
    return naming(erased) if erased is not None and time <= erased.asked_at else ()


def has_ended(user_id: str, envelope: Envelope) -> bool:
    """Whether an answer is to somebody who was erased since asking."""
    named = named_in(user_id, envelope)
    return named is not None and envelope.time <= named.asked_at


def named_by(record: KafkaRecord) -> Erased | None:
    """The same, of a record that nobody has read yet."""
    if not any(name == f"ce_{ERASURE_AT}" for name, _ in record.headers):
        return None
    envelope = parse_envelope(record.key, record.headers)
    return None if isinstance(envelope, Fault) else named_in((record.key or b"").decode("ascii", "replace"), envelope)


def life(known: Erased | None, named: Erased | None, now: datetime) -> Life:
    """Of which life of its person a message is that names this erasure, to a reader who knows that one. An erasure that
    is older than anything on its way decides nothing: nobody meets a message of the life before."""
    if known is named:
        return "present"  # nearly always there is none
    known_at, named_at = (each.asked_at if each and is_recent(each, now) else None for each in (known, named))
    if known_at == named_at:
        return "present"
    return "former" if named_at is None or (known_at is not None and named_at < known_at) else "next"


def is_recent(erased: Erased, now: datetime) -> bool:
    """Whether anything from before the erasure can still be on its way. If not, no database need remember the erasure,
    and one that does not know it may have followed it long ago."""
    return now < erased.asked_at + ON_THE_WAY_MAX


def latest(erased: Sequence[Erased]) -> Erased:
    """The last one of several erasures of a person."""
    return max(erased, key=lambda each: each.asked_at)


def is_followed(mark: Erased, known: Erased | None) -> bool:
    """Whether a mark was followed before, as happens when Kafka or the sender of the mark was restored."""
    return known is not None and (mark.asked_at < known.asked_at or mark == known)


_NOBODY = "0" * 56


@lru_cache(maxsize=64)
def nobody(shard: int) -> str:
    """A user_id of the shard that is nobody's: no HMAC begins with 28 zero bytes."""
    return next(id for number in count() if partition_of(id := f"{_NOBODY}{number:08x}") == shard)


def is_nobody(user_id: str) -> bool:
    return user_id.startswith(_NOBODY)
