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


async def check_start(home: Home, owner: str) -> tuple[dict[str, Note], dict[str, int]]:
    """What to note beside each offset from now on, and where each topic begins that does not begin with its first
    record. Raises ContradictionError where the operator's word is missing; anything else it raises means: not known
    yet."""
    consumer, held = home.inputs.asking()
    partitions = await judged(home.host.settings.connection, consumer, owner, held)
    found = {tp: each.contradiction for tp, each in partitions.items() if each.contradiction}
    if found:
        await _require_words(home, found)
    notes, begins, moved = {}, {}, {}
    for tp, each in partitions.items():
        topic, seen = tp.topic, each.seen
        at, note = await _goes_on(home, topic, each, Note(seen.cluster, seen.topics[topic].id, owner))
        notes[topic] = note
        if at is not None:
            begins[topic], moved[topic] = at, Committed(at, note)
        elif each.committed is not None:
            begins[topic] = each.committed
    if moved:
        # Where this fails, the shard begins there all the same, and the word is followed again at the next start.
        await home.inputs.commit(moved)
    return notes, begins


async def _goes_on(home: Home, topic: str, found: Judged, note: Note) -> tuple[int | None, Note]:
    """The offset to go on from, where it is not the committed one (None), and the note from now on."""
    now, newest = found.seen.topics[topic], found.noted.newest.get(topic)
    match found.contradiction:
        case OtherCluster() | OtherTopic():
            return now.first, note
        case BeyondEnd() | Rewritten():
            at = await questions.after_restore(home.inputs, home.host.clock, topic, newest, now)
            return at, replace(note, newest=newest or 0)
        case _:
            pass
    note = replace(note, newest=newest or 0)
    if lost := agreement.deleted_unread(found.noted, found.seen).get(topic):
        home.inputs.lost(topic, now.first - lost, now.first)
        return now.first, note
    return (found.committed, note) if found.contradiction else (None, note)


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
