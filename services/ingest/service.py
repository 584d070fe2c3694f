"""ingest as the runner sees it: records in, messages out, in forward mode. No rules, no state, no clock.

A raw topic whose partner has no file under `partners/` is read too, and its events are set aside as dead letters, by
position only: a refusal would need a topic that nobody made. Once the file is there they can be redriven.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

import msgspec

from services.ingest.core.compiling import Partner
from services.ingest.core.normalize import Normalized, Refused, normalize
from shared.contracts.cloudevents import binary
from shared.contracts.faults import Code, Fault
from shared.contracts.messages import TYPES, RecordReport, encode
from shared.contracts.partition import partition_of
from shared.contracts.refusals import refusal_headers
from shared.contracts.topics import NORMALIZED, RAW_PREFIX, RECORDS_REPORTED, partner_of, rejected_topic
from shared.kafka.unreadable import Unreadable
from shared.runner.service import DeadLetter, Decision, Input, Outcome, Outgoing, Record, Service

NAME = "ingest"
Partners: TypeAlias = Mapping[str, Partner]

_UNKNOWN_PARTNER = DeadLetter(
    "unknown-partner",
    "Ingest has no mapping of this partner; add its file, restart ingest, and redrive its dead letters.",
)


class Message(msgspec.Struct, frozen=True, gc=False):
    """A raw event and what became of it. `origin` is its position, `<topic>/<partition>/<offset>`.

    Where nobody can read the event it may stand for several in a row; the last one's position is `lastorigin`.
    """

    partner: str
    origin: str
    value: bytes | None
    result: Normalized | Refused
    lastorigin: str | None = None


def service(partners: Partners) -> Service[Message, None, None]:
    """The service of these partners."""

    def decode(record: Record, arrived: datetime) -> Message | DeadLetter:
        partner = partners.get(partner_of(record.topic))
        if partner is None:
            return _UNKNOWN_PARTNER
        result = normalize(partner, record, arrived)
        return Message(partner.name, f"{record.topic}/{record.partition}/{record.offset}", record.value, result)

    def unreadable(what: Unreadable) -> Message | DeadLetter:
        partner = partners.get(partner_of(what.topic))
        if partner is None:
            return _UNKNOWN_PARTNER
        first, last = (f"{what.topic}/{what.partition}/{offset}" for offset in (what.offset, what.next_offset - 1))
        refused = Refused(Fault(Code(what.code), "", what.sentence), None)
        return Message(partner.name, first, None, refused, last if last != first else None)

    return Service(
        name=NAME,
        inputs=(Input(pattern=f"^{re.escape(RAW_PREFIX)}.+"),),
        decode=decode,
        decide=decide,
        policy=None,
        unreadable=unreadable,
    )


def decide(_: None, messages: Sequence[Message], __: datetime, ___: None) -> Decision[None]:
    """What to send for these events, one message each, and what to count."""
    answers = [_answer(message) for message in messages]
    return Decision(None, tuple(outgoing for outgoing, _ in answers), tuple(outcome for _, outcome in answers))


def _answer(message: Message) -> tuple[Outgoing, Outcome]:
    if isinstance(message.result, Normalized):
        return _forwarded(message, message.result), Outcome("accepted", message.partner)
    return _rejected(message, message.result), Outcome("refused", message.partner, message.result.fault.code.value)


def _forwarded(message: Message, event: Normalized) -> Outgoing:
    body = event.body
    headers = binary(
        id=event.event_id,
        source=f"/partners/{message.partner}",
        type=TYPES[type(body)],
        time=event.time,
        partitionkey=event.user_id,
        extensions={"origin": message.origin},
    )
    return Outgoing(
        RECORDS_REPORTED if isinstance(body, RecordReport) else NORMALIZED,
        event.user_id.encode(),
        encode(body),
        headers,
        partition_of(event.user_id),
    )


def _rejected(message: Message, refused: Refused) -> Outgoing:
    headers = refusal_headers(NAME, message.origin, refused.fault, refused.event_id, lastorigin=message.lastorigin)
    return Outgoing(rejected_topic(message.partner), None, message.value, headers)
