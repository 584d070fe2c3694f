"""What the portal reads of each topic: one part of what it knows of a person, each with a mark that ends it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from shared.contracts.erasure import erased_by, has_ended, is_nobody
from shared.contracts.exchange import KafkaRecord, Models, received
from shared.contracts.explained import RecordsHeld, ScoreExplained
from shared.contracts.faults import Fault
from shared.contracts.messages import TierChange
from shared.contracts.subject import ConsentNoted, ErasureConfirmed, ErasureReceipt, SubjectAnswer, SubjectNotice
from shared.contracts.topics import RECORDS_HELD, SCORES_EXPLAINED, SUBJECT_ANSWERS, TIERS_CHANGED

Part: TypeAlias = Literal["score", "records", "tier", "answers"]
PARTS: dict[str, Part] = {
    SCORES_EXPLAINED: "score",
    RECORDS_HELD: "records",
    TIERS_CHANGED: "tier",
    SUBJECT_ANSWERS: "answers",
}
"""By topic. Nothing orders two topics, so each part ends by a mark on its own topic, which lies there behind all else
that was said of the person."""
Body: TypeAlias = ScoreExplained | RecordsHeld | TierChange | SubjectAnswer | SubjectNotice | ConsentNoted
_BODIES: dict[str, type[Body]] = {
    SCORES_EXPLAINED: ScoreExplained,
    RECORDS_HELD: RecordsHeld,
    TIERS_CHANGED: TierChange,
}
_TOLD: Sequence[type[Body | ErasureConfirmed | ErasureReceipt]] = (
    SubjectAnswer,
    SubjectNotice,
    ConsentNoted,
    ErasureConfirmed,
    ErasureReceipt,
)


class News(msgspec.Struct, frozen=True):
    """A part of what is known of a person, as its service says it now."""

    user_id: str
    part: Part
    id: str
    time: datetime
    body: Body
    value: bytes
    """The body as it came."""


class Ends(msgspec.Struct, frozen=True):
    """The person was erased, and behind this nothing older comes in this part."""

    user_id: str
    part: Part
    request_id: str
    time: datetime


class Gone(msgspec.Struct, frozen=True):
    """The last part of an erasure has ended: what the person did here goes too, and subscribers are told."""

    user_id: str
    request_id: str
    time: datetime


class Receipt(msgspec.Struct, frozen=True):
    """That the person is erased everywhere. It repeats nothing that was held."""

    user_id: str
    request_id: str
    time: datetime
    value: bytes
    """The body as it came."""


class Forget(msgspec.Struct, frozen=True):
    """A mark about nobody: what is remembered of erasures that are older than whatever is on its way may be forgotten.
    `user_id` is nobody's."""

    user_id: str
    time: datetime


Message: TypeAlias = News | Ends | Receipt | Forget
Write: TypeAlias = Message | Gone


def read(record: KafkaRecord) -> Message | Fault | None:
    """What the record says; None for what is not for the portal. A field of a later release is passed over."""
    part = PARTS[record.topic]
    if record.value is None and part != "answers":
        erased = erased_by(record)
        if isinstance(erased, Fault):
            return erased
        if is_nobody(erased.user_id):
            return Forget(erased.user_id, erased.asked_at)
        return Ends(erased.user_id, part, erased.request_id, erased.asked_at)
    message = received(record, _CARRIED, later_fields=True)
    if isinstance(message, Fault):
        return message
    user_id, envelope, body = message.user_id, message.envelope, message.body
    match body:
        case ErasureConfirmed():
            # ingest sends it behind all that any service has answered before it erased the person.
            ends = body.service == "ingest"
            return Ends(user_id, part, body.request_id, envelope.time) if ends else None
        case ErasureReceipt(what="person", request_id=str(request_id)):
            assert record.value is not None, "a message that was received has a body"
            return Receipt(user_id, request_id, envelope.time, record.value)
        case ErasureReceipt():
            # Of a record its notice says the same.
            return None
        case SubjectAnswer() if has_ended(user_id, envelope):
            # It may come when all else is gone: a service follows an erasure that it finds at its start before it
            # answers what was asked until then.
            return None
        case _:
            assert record.value is not None, "a message that was received has a body"
            return News(user_id, part, envelope.id, envelope.time, body, record.value)


_CARRIED: Models[Body | ErasureConfirmed | ErasureReceipt] = {**_BODIES, SUBJECT_ANSWERS: _TOLD}
