"""Compares Kafka and Postgres before a shard works, and does what the operator has decided.

    look          before the claim: reads only, so that a process of a wrong deployment fences nobody
    check_claim   under the claim: compares once more, also what the own topic holds; then writes down what was seen

While the shard works, ids and ends are compared now and then, since they may change under it (`Shard.look_again`).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple, TypeAlias

import structlog
from aiokafka import TopicPartition

from shared.contracts.partition import partition_of
from shared.kafka.between import between
from shared.kafka.last_messages import LastMessages
from shared.runner import store
from shared.runner.host import ContradictionError, Home
from shared.runner.one_story import agreement, operator_word, questions
from shared.runner.one_story.agreement import Noted, Seen
from shared.runner.one_story.commit_note import Committed, Note
from shared.runner.one_story.contradictions import (
    BeyondEnd,
    Contradiction,
    OtherCluster,
    OtherTopic,
    Rewritten,
    Undecided,
    affects_inputs,
    affects_output,
    remedy,
)
from shared.runner.service import Db, Outgoing, OwnTopic, Record

log = structlog.get_logger("runner")

_Arrived: TypeAlias = tuple[Record, datetime]


class _Told(NamedTuple):
    """What Kafka holds of that which is said again; see `service.Restate`."""

    last: Mapping[bytes, Record]
    ahead: Sequence[_Arrived]


async def look(home: Home) -> None:
    """Raises ContradictionError where the operator's word is missing. Anything else it raises means: not known yet."""
    claim = await store.peek(home.pool, home.index)
    if found := await questions.contradictions(home, claim.noted):
        await _require_words(home, found)


async def check_claim(home: Home, claim: store.Claim, is_decided: Callable[[], None]) -> store.Claim:
    """The claim to go on with. `is_decided` is called where the operator's word is about to be followed, which may take
    minutes. Raises ContradictionError, FencedError; anything else means: not known yet."""
    shard, own = home.index, home.own
    seen = await questions.seen_from(home, claim.noted)
    found = list(agreement.compare(claim.noted, seen, own.topic if own else None))
    if own and not found:
        await _follow_ahead(home, claim, seen, own)
    if own and not any(affects_output(each) for each in found):
        found += await _undecided(home, claim, seen, own)
    tokens = await _require_words(home, found)
    if found:
        is_decided()
    resolved = await _resolved(home, claim, seen, found)
    if resolved != claim:
        says_again = own is not None and any(affects_output(each) for each in found)
        async with home.host.saying_again if says_again else contextlib.nullcontext():
            told = None
            if own and says_again:
                # Before the transaction: Postgres ends one that stands idle for seconds, and this may take minutes.
                told = _Told(await _last(home, seen, own), await _ahead(home, resolved, seen, own))
            async with home.pool.acquire() as db, db.transaction():
                await store.lock(db, shard, claim.epoch)
                if own and told:
                    await _restate(home, db, claim, own, told)
                await store.write_claim(db, shard, claim.epoch, resolved)
                await operator_word.mark_applied(db, tokens)
        if found:
            log.warning("the operator's word was followed", shard=shard, contradictions=[e.says() for e in found])
    await _sign(home, resolved)
    return resolved


async def _require_words(home: Home, found: Sequence[Contradiction]) -> list[str]:
    """The tokens of what was found, if the operator has given word for all of it."""
    tokens = [agreement.token(home.service, home.index, each) for each in found]
    told = [operator_word.Found(token, each.says(), remedy(each)) for token, each in zip(tokens, found, strict=True)]
    given = await operator_word.report(home.pool, home.index, told)
    if unresolved := [each for token, each in zip(tokens, found, strict=True) if token not in given]:
        raise ContradictionError(agreement.sentence(home.service, unresolved), agreement.in_short(unresolved))
    return tokens


# -- what the own topic says -----------------------------------------------------------------------------------------


async def _undecided(home: Home, claim: store.Claim, seen: Seen, own: OwnTopic) -> list[Undecided]:
    """The messages behind the last known send that this database has never decided. A kill between a send and the note
    of it, and a redrive, leave messages there as well, but the database has the version of each of these."""
    shard, now, since = home.index, seen.topics[own.topic], claim.noted.sent.get(own.topic)
    begin = max(since or 0, now.first)
    count = foreign = 0
    if since is not None and since < now.first:
        # Its retention has deleted the messages that would have shown it. The messages that wait in the outbox may have
        # been sent before.
        explained = 0
        async for _, messages in store.pending(home.pool, shard, claim.epoch):
            explained += 1 + sum(message.topic == own.topic for message in messages)
        count += max(now.first - since - explained, 0)
    if begin < now.end:
        async with home.pool.acquire() as db:
            async for page in between(home.host.settings.connection, TopicPartition(own.topic, shard), begin, now.end):
                strange = [record for record in page if is_foreign(home.service, shard, record)]
                count += await own.undecided(db, shard, page)
                foreign += await own.undecided(db, shard, strange) if strange else 0
    return [Undecided(own.topic, since or 0, count, foreign)] if count else []


def is_foreign(service: str, shard: int, record: Record) -> bool:
    """Whether the service has certainly not written this message of its own topic: its id is not
    `<service>/<subject>/<version>`, it names another source, or it lies in another partition than its key's."""
    headers = dict(record.headers)
    id, source = headers.get("ce_id") or b"", headers.get("ce_source")
    return (
        not re.fullmatch(rb"%b/[^/]+/[0-9]+" % re.escape(service.encode()), id)
        or source != f"/{service}".encode()
        or partition_of((record.key or b"").decode(errors="replace")) != shard
    )


# -- what is written down ----------------------------------------------------------------------------------------------


async def _resolved(home: Home, claim: store.Claim, seen: Seen, found: Sequence[Contradiction]) -> store.Claim:
    """The claim as it is when all is one story again: of which Kafka it is, and where it goes on."""
    progress, noted = claim.progress, claim.noted
    offsets, newest, sent = dict(progress.offsets), dict(progress.newest), dict(noted.sent)
    for topic, count in agreement.deleted_unread(noted, seen).items():
        # Stored as passed, so that the loss is noted once and not at every start.
        home.inputs.lost(topic, offsets[topic], offsets[topic] + count)
        offsets[topic] = seen.topics[topic].first
    for each in found:
        match each:
            case OtherCluster():
                offsets, newest = {}, {}
                home.inputs.other_logs(seen.topics.keys())
            case OtherTopic(topic, is_output=False):
                offsets.pop(topic, None)
                newest.pop(topic, None)
                home.inputs.other_logs([topic])
            case BeyondEnd(topic) | Rewritten(topic):
                offsets[topic] = await questions.after_restore(
                    home.inputs, home.host.clock, topic, newest.get(topic), seen.topics[topic]
                )
                home.inputs.other_logs([topic])
            case _:
                pass
        if home.own and affects_output(each):
            sent = {home.own.topic: seen.topics[home.own.topic].end}
    if any(affects_inputs(each) for each in found):
        # A barrier of the other log means nothing in this one.
        progress = replace(progress, run=None, barrier={})
    topic_ids = {**noted.topic_ids, **{topic: now.id for topic, now in seen.topics.items()}}
    noted = replace(noted, cluster=seen.cluster, topic_ids=topic_ids, offsets=offsets, newest=newest, sent=sent)
    return replace(claim, progress=replace(progress, offsets=offsets, newest=newest), noted=noted)


async def _follow_ahead(home: Home, claim: store.Claim, seen: Seen, own: OwnTopic) -> None:
    if own.ahead is None or not (ahead := await _ahead(home, claim, seen, own)):
        return
    async with home.pool.acquire() as db, db.transaction():
        await store.lock(db, home.index, claim.epoch)
        if said := await own.ahead.follow(db, home.index, ahead, home.host.clock.now()):
            await store.add_to_outbox(db, home.index, said)


async def _ahead(home: Home, resolved: store.Claim, seen: Seen, own: OwnTopic) -> list[_Arrived]:
    """What the service wants to know of what it has still to read."""
    if own.ahead is None or (now := seen.topics.get(own.ahead.topic)) is None:
        return []
    tp = TopicPartition(own.ahead.topic, home.index)
    begin = max(resolved.progress.offsets.get(tp.topic, now.first), now.first)
    pages = between(home.host.settings.connection, tp, begin, now.end)
    arrival = home.host.clock.arrival
    return [(each, arrival(each.timestamp)) async for page in pages for each in page if own.ahead.is_wanted(each)]


async def _last(home: Home, seen: Seen, own: OwnTopic) -> Mapping[bytes, Record]:
    """The last message of each key that the own topic holds."""
    tp, now = TopicPartition(own.topic, home.index), seen.topics[own.topic]
    last = LastMessages()
    async for page in between(home.host.settings.connection, tp, now.first, now.end):
        last.take(page)
    return last


async def _restate(home: Home, db: Db, claim: store.Claim, own: OwnTopic, told: _Told) -> None:
    """Put into the outbox every version in which the topic differs from the database."""
    shard = home.index
    await store.be_patient(db)
    async for seq, messages in store.pending(db, shard, claim.epoch):
        if len(kept := _kept(messages, own)) < len(messages):
            await store.replace_row(db, shard, seq, kept)
    async for said in own.restate(db, shard, told.last, told.ahead, home.host.clock.now()):
        if said:
            await store.add_to_outbox(db, shard, said)


def _kept(messages: Sequence[Outgoing], own: OwnTopic) -> list[Outgoing]:
    return [message for message in messages if not (own.last_counts and message.topic == own.topic)]


def note_of(noted: Noted, topic: str) -> Note | None:
    """What is written into the group beside each offset of the topic; None where nothing was noted of it."""
    if not (topic_id := noted.topic_ids.get(topic)):
        return None
    return Note(noted.cluster, topic_id, noted.owner, noted.newest.get(topic, 0))


async def _sign(home: Home, claim: store.Claim) -> None:
    """Write into the group whose deployment works here, beside the offsets, which operators' tools show as the lag."""
    noted = claim.noted
    _, held = home.inputs.asking()
    await home.inputs.commit(
        {
            topic: Committed(noted.offsets.get(topic, 0), note)
            for topic in [tp.topic for tp in held]
            if (note := note_of(noted, topic))
        }
    )
