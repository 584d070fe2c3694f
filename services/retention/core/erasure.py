"""The erasure of a person, from the request to the receipt (rules I11 to I13). Pure.

the request         everything of the person goes here, and the mark sets out on its way through the other services
the confirmation    the last of them has erased the person: the one receipt
afterwards          what had arrived before is dropped as long as a topic can still hold it, and the broker is made
                    to clean up: marks about nobody, at stated times

After a record is gone the broker is made to clean up in the same way.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec

from shared.contracts.erasure import REMEMBERED_MAX, Erased, nobody
from shared.contracts.faults import Fault
from shared.contracts.kinds import RecordClass
from shared.contracts.messages import encode, unchecked
from shared.contracts.subject import ErasureReceipt, SubjectAnswer

NAME = "retention"
STORES = ("retention", "scorer", "scores.changed", "benefits", "tiers.changed", "crosswalks")
STORES_OF_PORTAL = ("records.held", "scores.explained", "portal")
"""What holds nothing of the person when the receipt is published, in the order of the flow; on a topic that is
compacted the person's tombstone is the last word."""

LEAVING = (
    "records.changed",
    "subject.requests",
    "subject.answers",
    "records.reported",
    "behavior.raw",
    "behavior.rejected",
    "disputes",
)
"""What still has something of a record, or of the person, and loses it when its time is over. The last three are
families, of which each partner has one topic.

Of a record the scorer has something too, until it reads that the record is gone, and so has the portal with its topics.
Of a person there are other events too, and where there is a portal, webhooks: each names the person until its
subscriber has been told that the person is erased, or until that is given up after three days."""
_made = unchecked(ErasureReceipt)

OVERDUE_AFTER = timedelta(hours=1)
"""An erasure takes seconds while all services run. One that nobody has confirmed for so long is an alert."""
_BLANK = "0" * 64
"""In place of the digest, while it is computed over all else."""
_HOUR = timedelta(hours=1)
ROLLS = (25 * _HOUR, 50 * _HOUR, timedelta(days=8) + _HOUR, timedelta(days=9) + 2 * _HOUR, REMEMBERED_MAX)
"""How long after an erasure marks about nobody go out. A segment is closed by the first message that comes a day after
it was begun, and what lies in a closed one is compacted within a day; a tombstone stays for a week after that. With the
last one, nothing that is older than the erasure can be on its way any more, and what is remembered of it goes."""
_ROLLS_OF_RECORD = ROLLS[:3]
"""The same after a record is gone. It leaves no tombstone, and nothing is remembered: the last one comes a day after a
service has followed that was a week behind, which is as long as a topic keeps what is to be followed."""


class Erasure(msgspec.Struct, frozen=True):
    """An erasure of a person, as long as it is remembered."""

    request_id: str
    asked_at: datetime
    """When the request was appended; what had arrived by then is dropped, whenever it is read."""
    confirmed_at: datetime | None = None


def last_erasure(user_id: str, erasures: Sequence[Erasure]) -> Erased | None:
    """The last of those of a person that are remembered."""
    last = max(erasures, key=lambda each: each.asked_at, default=None)
    return None if last is None else Erased(user_id, last.request_id, last.asked_at)


class Erase(msgspec.Struct, frozen=True):
    """The person asks to be erased."""

    user_id: str
    request_id: str
    asked_at: datetime
    time: datetime
    """The request's own, for its answer."""


class Confirmed(msgspec.Struct, frozen=True):
    """A service has erased the person; the last one is ingest, or the portal where there is one."""

    user_id: str
    request_id: str
    time: datetime
    service: str = "ingest"


class Roll(msgspec.Struct, frozen=True):
    """It is time to let the broker clean up; `user_id` is nobody's."""

    user_id: str
    instant: datetime


class Forget(msgspec.Struct, frozen=True):
    """Something that was kept of what is gone may be forgotten; `user_id` is nobody's."""

    user_id: str
    instant: datetime


def roll(shard: int, instant: datetime) -> Roll:
    return Roll(nobody(shard), instant)


def rolls_after_record(gone_at: datetime) -> list[datetime]:
    """When marks about nobody go out after a record is gone. All that go in one hour share theirs, which come no sooner
    than those of the last of them."""
    hour = gone_at.replace(minute=0, second=0, microsecond=0) + _HOUR
    return [hour + wait for wait in _ROLLS_OF_RECORD]


def begun(asked: Erase) -> SubjectAnswer:
    return SubjectAnswer(
        request_id=asked.request_id,
        request="erase",
        service="retention",
        status="begun",
        code="erasing",
        en="Everything that is held about you is being erased. A receipt follows when nothing is left.",
        zh="正在删除系统中与您有关的全部数据；删除完成后您将收到回执。",
    )


def too_often(asked: Erase) -> SubjectAnswer:
    return SubjectAnswer(
        request_id=asked.request_id,
        request="erase",
        service="retention",
        status="refused",
        code="too-many",
        en="What is held about you was erased so often lately that no further request is taken now. Ask again in "
        "sixteen days.",
        zh="近期已多次删除与您有关的数据，暂不受理新的删除请求。请在十六天后再次提出。",
    )


def not_taken(request_id: str, fault: Fault) -> SubjectAnswer:
    """Whatever is asked that the contract does not take, is answered by one service."""
    return SubjectAnswer(
        request_id=request_id,
        service="retention",
        status="refused",
        code=str(fault.code),
        en=fault.sentence,
        zh="该请求不符合规定的格式，无法受理。",
    )


def receipt(
    user_id: str, erasure: Erasure, erased_at: datetime, key: bytes, *, has_portal: bool = False
) -> ErasureReceipt:
    """The one receipt of an erasure (rules I13). Its digest is over all that it says and the person, under the
    deployment's key."""
    said = ErasureReceipt(
        what="person",
        erased_at=erased_at,
        stores=(*STORES, *STORES_OF_PORTAL) if has_portal else STORES,
        digest=_BLANK,
        request_id=erasure.request_id,
        requested_at=erasure.asked_at,
        leaving=("behavior.normalized", *LEAVING, *(("webhooks",) if has_portal else ())),
    )
    return replace(said, digest=digest(user_id, said, key))


def record_receipt(
    user_id: str,
    record_id: str,
    record_class: RecordClass | None,
    erased_at: datetime,
    key: bytes,
    *,
    has_portal: bool = False,
) -> ErasureReceipt:
    """That a record is erased here, because it lapsed or was deleted (rules D8), and where else it was."""
    said = partial(
        _made,
        what="record",
        erased_at=erased_at.astimezone(UTC),
        stores=(NAME,),
        record_class=None if record_class is None else record_class.value,
        record_id=record_id,
        leaving=("scorer", *LEAVING, *(STORES_OF_PORTAL if has_portal else ())),
    )
    return said(digest=digest(user_id, said(digest=_BLANK), key))


def digest(user_id: str, said: ErasureReceipt, key: bytes) -> str:
    """64 hexadecimal characters: who holds the key can tell whether a receipt of a person is one of ours."""
    blank = said if said.digest == _BLANK else replace(said, digest=_BLANK)
    return hmac.digest(key, b"receipt\n" + user_id.encode() + b"\n" + encode(blank), "sha256").hex()
