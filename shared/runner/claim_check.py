"""Asks Kafka and Postgres what `agreement` compares, before a shard works, and does what the operator has decided.

    look          before the claim: reads only, so that a process of a wrong deployment fences nobody
    check_claim   under the claim: compares once more, also what the own topic holds; then writes down what was seen
    look_again    now and then while the shard works: ids and ends, which may change under a running service

Nothing is read or sent while a contradiction stands. The operator's word names exactly that contradiction, is a row
with its time, and takes effect in one transaction under the shard's epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import structlog
from aiokafka import TopicPartition

from shared.kafka.between import between
from shared.runner import agreement, commit_note, questions, store
from shared.runner.agreement import (
    BeyondEnd,
    Contradiction,
    Noted,
    OtherCluster,
    OtherTopic,
    Rewritten,
    Seen,
    TopicNow,
    Undecided,
)
from shared.runner.host import ContradictionError, Host, Inputs
from shared.runner.own_topic import OwnTopic, is_foreign
from shared.runner.service import Db, Outgoing, Record

log = structlog.get_logger("runner")


async def look(host: Host, service: str, shard: int, inputs: Inputs, own: OwnTopic | None) -> None:
    """Raises ContradictionError where the operator's word is missing. Anything else it raises means: not known yet."""
    assert host.pool is not None
    claim = await store.look(host.pool, shard)
    if found := await _compared(host, claim.noted, shard, inputs, own):
        await _require_words(host, service, shard, found)


async def check_claim(
    host: Host, service: str, shard: int, claim: store.Claim, inputs: Inputs, own: OwnTopic | None
) -> store.Claim:
    """The claim to go on with. Raises ContradictionError, FencedError; anything else means: not known yet."""
    assert host.pool is not None
    seen = await _seen(host, claim.noted, shard, inputs, own)
    found = list(agreement.compare(claim.noted, seen, own.topic if own else None))
    if own and not any(each.affects_output for each in found):
        found += await _undecided(host, service, shard, claim.noted, seen, own)
    tokens = await _require_words(host, service, shard, found)
    settled = await _settled(host, shard, claim, seen, found, inputs, own)
    if settled != claim:
        async with host.pool.acquire() as db, db.transaction():
            await store.lock(db, shard, claim.epoch)
            if own and any(each.affects_output for each in found):
                await _restate(host, db, shard, claim, own, seen.topics[own.topic])
            await store.note(db, shard, claim.epoch, settled)
            await store.applied(db, tokens)
        if found:
            log.warning("the operator's word was followed", shard=shard, contradictions=[e.says() for e in found])
    await _sign(inputs, settled)
    return settled


async def look_again(host: Host, noted: Noted, shard: int, inputs: Inputs, own: OwnTopic | None) -> str | None:
    """Why the shard must be claimed anew, if ids or ends have changed under it."""
    found = await _compared(host, noted, shard, inputs, own)
    return " ".join(contradiction.says() for contradiction in found) or None


async def _compared(
    host: Host, noted: Noted, shard: int, inputs: Inputs, own: OwnTopic | None
) -> Sequence[Contradiction]:
    return agreement.compare(noted, await _seen(host, noted, shard, inputs, own), own.topic if own else None)


async def _seen(host: Host, noted: Noted, shard: int, inputs: Inputs, own: OwnTopic | None) -> Seen:
    place = TopicPartition(own.topic, shard) if own else None
    return await questions.seen(host.settings.kafka, *inputs.asking(), noted, place)


async def _require_words(host: Host, service: str, shard: int, found: Sequence[Contradiction]) -> list[str]:
    """The tokens of what was found, if the operator has given word for all of it."""
    assert host.pool is not None
    told = [store.Found(agreement.token(service, shard, each), each.says(), each.remedy) for each in found]
    words = await store.contradicted(host.pool, shard, told)
    if open_still := [each for each, named in zip(found, told, strict=True) if named.token not in words]:
        raise ContradictionError(agreement.sentence(service, open_still))
    return [each.token for each in told]


# -- what the own topic says -----------------------------------------------------------------------------------------


async def _undecided(host: Host, service: str, shard: int, noted: Noted, seen: Seen, own: OwnTopic) -> list[Undecided]:
    """What lies behind the last send that is known, and this database has never decided. A kill between a send and its
    record, and a redrive, leave messages there as well, each of a version that the database has."""
    assert host.pool is not None
    now, since = seen.topics[own.topic], noted.sent.get(own.topic)
    begin = max(since or 0, now.first)
    count = foreign = 0
    if since is not None and since < now.first:
        # Its retention has deleted what would have told. What waits in the outbox may have been sent before.
        waiting = await store.pending(host.pool, shard, (await store.look(host.pool, shard)).epoch)
        explained = sum(1 + sum(m.topic == own.topic for m in messages) for _, messages in waiting)
        count += max(now.first - since - explained, 0)
    if begin < now.end:
        async with host.pool.acquire() as db:
            async for page in between(host.settings.kafka, TopicPartition(own.topic, shard), begin, now.end):
                strange = [record for record in page if is_foreign(service, shard, record)]
                count += await own.undecided(db, shard, page)
                foreign += await own.undecided(db, shard, strange) if strange else 0
    return [Undecided(own.topic, since or 0, count, foreign)] if count else []


# -- what is written down ----------------------------------------------------------------------------------------------


async def _settled(
    host: Host,
    shard: int,
    claim: store.Claim,
    seen: Seen,
    found: Sequence[Contradiction],
    inputs: Inputs,
    own: OwnTopic | None,
) -> store.Claim:
    """The claim as it is when all is one story again: of which Kafka it is, and where it goes on."""
    progress, noted = claim.progress, claim.noted
    offsets, newest, sent = dict(progress.offsets), dict(progress.newest), dict(noted.sent)
    for topic, count in agreement.deleted_unread(noted, seen).items():
        # Stored as passed, so that the loss is noted once and not at every start.
        inputs.lost(topic, offsets[topic], offsets[topic] + count)
        offsets[topic] = seen.topics[topic].first
    for each in found:
        match each:
            case OtherCluster():
                offsets, newest = {}, {}
            case OtherTopic(topic, is_output=False):
                offsets.pop(topic, None)
                newest.pop(topic, None)
            case BeyondEnd(topic) | Rewritten(topic):
                offsets[topic] = await questions.after_restore(inputs, topic, newest.get(topic), seen.topics[topic])
            case _:
                pass
        if own and each.affects_output:
            sent = {own.topic: seen.topics[own.topic].end}
    if any(each.affects_inputs for each in found):
        # Where the other log would have had to be read to, means nothing in this one.
        progress = replace(progress, run=None, barrier={})
    topic_ids = {**noted.topic_ids, **{topic: now.id for topic, now in seen.topics.items()}}
    noted = replace(noted, cluster=seen.cluster, topic_ids=topic_ids, offsets=offsets, newest=newest, sent=sent)
    return replace(claim, progress=replace(progress, offsets=offsets, newest=newest), noted=noted)


async def _restate(host: Host, db: Db, shard: int, claim: store.Claim, own: OwnTopic, now: TopicNow) -> None:
    """Let the outbox say whatever the topic does not tell as the database has it."""
    place = TopicPartition(own.topic, shard)
    last: dict[bytes, Record] = {}
    async for page in between(host.settings.kafka, place, now.first, now.end):
        last.update({record.key: record for record in page if record.key is not None})
    waiting = [messages for _, messages in await store.pending(db, shard, claim.epoch)]
    kept = [_kept(messages, own) for messages in waiting]
    await store.replace_outbox(db, shard, [messages for messages in kept if messages])
    async for said in own.restate(db, shard, last, host.clock.now()):
        if said:
            await store.add_to_outbox(db, shard, said)


def _kept(messages: Sequence[Outgoing], own: OwnTopic) -> list[Outgoing]:
    return [message for message in messages if not (own.last_counts and message.topic == own.topic)]


async def _sign(inputs: Inputs, claim: store.Claim) -> None:
    """Write into the group whose deployment works here, beside the offsets, which operators' tools show as the lag."""
    noted = claim.noted
    notes = {
        topic: commit_note.Note(noted.cluster, topic_id, noted.owner, noted.newest.get(topic, 0))
        for topic, topic_id in noted.topic_ids.items()
    }
    _, held = inputs.asking()
    offsets = {place.topic: noted.offsets.get(place.topic, 0) for place in held}
    await inputs.commit(offsets, notes)
