"""The portal as the runner sees it: what the services say of people in, and out only that a person is erased."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from functools import partial

import msgspec

from goodstanding.portal.feed import store
from goodstanding.portal.feed.messages import PARTS, Ends, Forget, Gone, Message, Part, Receipt, Write, read
from shared.contracts.exchange import announced
from shared.contracts.faults import Fault
from shared.contracts.subject import ErasureConfirmed
from shared.contracts.topics import SUBJECT_ANSWERS
from shared.runner.service import Announcement, Db, DeadLetter, Decision, Input, Outcome, Record, Service, Stateful

NAME = "portal"
_TAKEN, _ENDED = Outcome("changed"), Outcome("erased")


class Ending(msgspec.Struct, frozen=True):
    """The erasures of a person that are remembered."""

    ended: dict[str, frozenset[Part]] = {}
    """Of those that have not come through all topics yet: by request, the parts that have ended."""
    over: frozenset[str] = frozenset()
    """The requests of those that have."""


def service(zone: tzinfo, fingerprint_key: bytes) -> Service[Stateful[Message, Ending, Write]]:
    mode: Stateful[Message, Ending, Write] = Stateful(
        decode=decode,
        user_id_of=lambda message: message.user_id,
        decide=decide,
        load=partial(_load, key=fingerprint_key),
        save=partial(_save, zone=zone, key=fingerprint_key),
    )
    return Service(NAME, tuple(Input(topic=topic) for topic in PARTS), mode, census=store.census)


def decode(record: Record, arrived: datetime) -> Message | DeadLetter | None:
    """Services write all of it, so what cannot be read is a fault of ours."""
    message = read(record)
    return DeadLetter.of(message) if isinstance(message, Fault) else message


def decide(ending: Ending | None, messages: Sequence[Message], now: datetime) -> Decision[Ending, Write]:
    """Keep what is said as it is said. An erasure is confirmed when the last part has ended (rules I11): until then one
    of the topics may still hold something older. Its marks may come once more, and then take nothing from whoever has
    come back since (rules I12)."""
    ended, over = (dict(ending.ended), ending.over) if ending else ({}, frozenset[str]())
    outgoing: list[Announcement] = []
    writes: list[Write] = []
    for message in messages:
        if isinstance(message, Ends) and message.request_id in over:
            continue
        if isinstance(message, Receipt) and message.request_id not in over:
            # What is remembered of that erasure has been forgotten by now, and its receipt is not kept longer.
            continue
        writes.append(message)
        if not isinstance(message, Ends):
            continue
        parts = ended.get(message.request_id, frozenset()) | {message.part}
        if parts == set(PARTS.values()):
            ended.pop(message.request_id, None)
            over |= {message.request_id}
            writes.append(Gone(message.user_id, message.request_id, message.time))
            body = ErasureConfirmed(request_id=message.request_id, service="portal")
            subject = message.request_id
            outgoing.append(
                announced(NAME, SUBJECT_ANSWERS, message.user_id, body, subject=subject, version=1, time=now)
            )
        else:
            ended[message.request_id] = parts
    outcomes = tuple(_ENDED if isinstance(each, Ends) else _TAKEN for each in messages if not isinstance(each, Forget))
    return Decision(Ending(ended, over) if ended or over else None, tuple(outgoing), outcomes, tuple(writes))


async def _load(db: Db, shard: int, user_ids: Sequence[str], *, key: bytes) -> dict[str, Ending]:
    ended = await store.endings(db, shard, user_ids)
    over = await store.come_through(db, shard, user_ids, key)
    return {id: Ending(ended.get(id, {}), over.get(id, frozenset())) for id in ended.keys() | over.keys()}


async def _save(
    db: Db, shard: int, states: Mapping[str, Ending], writes: Sequence[Write], *, zone: tzinfo, key: bytes
) -> None:
    await store.save(db, shard, writes, zone, key)
    if ends := [each for each in writes if isinstance(each, Ends)]:
        await store.save_endings(db, shard, ends, {user_id: state.ended for user_id, state in states.items()})
