"""The same as `claim_check` for a service without a database: what was noted stands beside the offsets of its group.

Three ways were considered (decision 0014): a compacted topic of its own, a table in another service's database, and
the text that Kafka keeps with each committed offset. The text changes with the offset, in one request, and needs
nothing new. The operator's word lies in a group beside it, in which nobody is ever a member, so that it can be written
at any time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts.rights import words_group
from shared.kafka.connection import Kafka
from shared.kafka.topic_admin import administrator
from shared.runner.host import ContradictionError, Home
from shared.runner.one_story import agreement, questions
from shared.runner.one_story.agreement import Noted, Seen
from shared.runner.one_story.commit_note import Committed, Note, Word, read_word
from shared.runner.one_story.contradictions import BeyondEnd, Contradiction, OtherCluster, OtherTopic, Rewritten

log = structlog.get_logger("runner")


@dataclass(frozen=True, slots=True)
class Judged:
    """One partition: what was noted of it, and what contradicts that, if anything does."""

    committed: int | None
    noted: Noted
    seen: Seen
    contradiction: Contradiction | None


async def judged(
    kafka: Kafka, consumer: AIOKafkaConsumer, owner: str, held: Sequence[TopicPartition]
) -> dict[TopicPartition, Judged]:
    """Asks Kafka about these partitions of one shard. Raises a KafkaError while it cannot tell."""
    committed = await questions.committed(consumer, held)
    noted = noted_beside(owner, {tp.topic: at for tp, at in committed.items()})
    return judge(owner, await questions.seen(kafka, consumer, held, noted), committed, held)


def judge(
    owner: str, seen: Seen, committed: Mapping[TopicPartition, Committed], held: Sequence[TopicPartition]
) -> dict[TopicPartition, Judged]:
    """Pure: each partition by itself, since each was noted at a time of its own."""
    found = {}
    for tp in held:
        at = committed.get(tp)
        noted = noted_beside(owner, {tp.topic: at} if at else {})
        its = replace(seen, owner=at.note.owner if at else "", topics={tp.topic: seen.topics[tp.topic]})
        contradictions = agreement.compare(noted, its)
        found[tp] = Judged(at.offset if at else None, noted, its, contradictions[0] if contradictions else None)
    return found


def noted_beside(owner: str, committed: Mapping[str, Committed]) -> Noted:
    """What Kafka must agree with, by what is noted beside the offset of each topic."""
    notes = {topic: at.note for topic, at in committed.items()}
    return Noted(
        cluster=next((note.cluster for note in notes.values()), ""),
        owner=owner,
        topic_ids={topic: note.topic_id for topic, note in notes.items() if note.topic_id},
        offsets={topic: at.offset for topic, at in committed.items()},
        newest={topic: note.newest for topic, note in notes.items() if note.newest},
    )


@dataclass(frozen=True, slots=True)
class Start:
    """Where the reading of one topic goes on, and what is noted beside its offsets from then on."""

    offset: int | None
    """None: with the first record."""
    note: Note
    moved: bool
    """Whether this is not what the group has committed, so that it has to be committed now."""


async def check_start(home: Home, owner: str) -> dict[str, Start]:
    """The start of each topic. Raises ContradictionError where the operator's word is missing; anything else it raises
    means: not known yet."""
    consumer, held = home.inputs.asking()
    partitions = await judged(home.host.settings.connection, consumer, owner, held)
    found = {tp: each.contradiction for tp, each in partitions.items() if each.contradiction}
    if found:
        await _require_words(home, found)
    starts = {tp.topic: await _start(home, tp.topic, each, owner) for tp, each in partitions.items()}
    moved = {
        topic: Committed(start.offset, start.note)
        for topic, start in starts.items()
        if start.moved and start.offset is not None
    }
    if moved:
        # Where this fails, the shard begins there all the same, and the word is followed again at the next start.
        await home.inputs.commit(moved)
    return starts


async def _start(home: Home, topic: str, found: Judged, owner: str) -> Start:
    now, newest = found.seen.topics[topic], found.noted.newest.get(topic)
    anew = Note(found.seen.cluster, now.id, owner)
    note = replace(anew, newest=newest or 0)
    match found.contradiction:
        case OtherCluster() | OtherTopic():
            home.inputs.other_logs([topic])
            return Start(now.first, anew, moved=True)
        case BeyondEnd() | Rewritten():
            home.inputs.other_logs([topic])
            at = await questions.after_restore(home.inputs, home.host.clock, topic, newest, now)
            return Start(at, note, moved=True)
        case _:
            pass
    if lost := agreement.deleted_unread(found.noted, found.seen).get(topic):
        home.inputs.lost(topic, now.first - lost, now.first)
        return Start(now.first, note, moved=True)
    return Start(found.committed, note, moved=found.contradiction is not None)


async def _require_words(home: Home, found: Mapping[TopicPartition, Contradiction]) -> None:
    words = await given_words(home.host.settings.connection, home.service)
    missing = {
        each
        for tp, each in found.items()
        if tp not in words or words[tp].token != agreement.token(home.service, home.index, each)
    }
    if missing:
        found_missing = sorted(missing, key=str)
        raise ContradictionError(agreement.sentence(home.service, found_missing), agreement.in_short(found_missing))
    log.warning(
        "the operator's word is followed", shard=home.index, contradictions=sorted({e.says() for e in found.values()})
    )


async def given_words(kafka: Kafka, service: str) -> dict[TopicPartition, Word]:
    """The operator's latest word for each partition."""
    async with administrator(kafka) as admin:
        found = await admin.list_consumer_group_offsets(words_group(service))
    words = {TopicPartition(*tp): read_word(at.metadata) for tp, at in found.items()}
    return {tp: word for tp, word in words.items() if word is not None}
