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
from aiokafka.admin import AIOKafkaAdminClient

from shared.runner import agreement, questions
from shared.runner.agreement import BeyondEnd, Contradiction, Noted, OtherCluster, OtherTopic, Rewritten, Seen
from shared.runner.commit_note import Note, Word, read_word
from shared.runner.host import ContradictionError, Host, Inputs
from shared.runner.questions import Committed

log = structlog.get_logger("runner")


@dataclass(frozen=True, slots=True)
class Judged:
    """One partition: what was noted of it, and what contradicts that, if anything does."""

    committed: int | None
    noted: Noted
    seen: Seen
    contradiction: Contradiction | None


def words_group(service: str) -> str:
    """The group that holds the operator's words."""
    return f"{service}.operator"


async def asked(
    kafka: str,
    consumer: AIOKafkaConsumer,
    held: Sequence[TopicPartition],
    committed: Mapping[TopicPartition, Committed],
) -> Seen:
    """What Kafka says of these partitions of one shard."""
    newest = {place.topic: at.note.newest for place, at in committed.items() if at.note.newest}
    return await questions.seen(kafka, consumer, held, Noted(newest=newest))


def judge(
    owner: str, seen: Seen, committed: Mapping[TopicPartition, Committed], held: Sequence[TopicPartition]
) -> dict[TopicPartition, Judged]:
    """Pure: each partition by itself, since each was noted at a time of its own."""
    judged = {}
    for place in held:
        at = committed.get(place)
        noted = _noted(owner, place.topic, at)
        its = replace(seen, owner=at.note.owner if at else "", topics={place.topic: seen.topics[place.topic]})
        found = agreement.compare(noted, its)
        judged[place] = Judged(at.offset if at else None, noted, its, found[0] if found else None)
    return judged


def _noted(owner: str, topic: str, at: Committed | None) -> Noted:
    if at is None:
        return Noted(owner=owner)
    note = at.note
    return Noted(
        cluster=note.cluster,
        owner=owner,
        topic_ids={topic: note.topic_id} if note.topic_id else {},
        offsets={topic: at.offset},
        newest={topic: note.newest} if note.newest else {},
    )


def noted(owner: str, notes: Mapping[str, Note], offsets: Mapping[str, int]) -> Noted:
    """What Kafka must agree with while a shard works."""
    return Noted(
        cluster=next((note.cluster for note in notes.values()), ""),
        owner=owner,
        topic_ids={topic: note.topic_id for topic, note in notes.items()},
        offsets=dict(offsets),
        newest={topic: note.newest for topic, note in notes.items() if note.newest},
    )


async def check_start(
    host: Host, service: str, owner: str, shard: int, inputs: Inputs
) -> tuple[dict[str, Note], dict[str, int]]:
    """What to note beside each offset from now on, and where each topic begins that does not begin with its first
    record. Raises ContradictionError where the operator's word is missing; anything else it raises means: not known
    yet."""
    consumer, held = inputs.asking()
    committed = await questions.committed(consumer, held)
    judged = judge(owner, await asked(host.settings.kafka, consumer, held, committed), committed, held)
    found = {place: each.contradiction for place, each in judged.items() if each.contradiction}
    if found:
        await _require_words(host, service, shard, found)
    notes, begins, moved = {}, {}, {}
    for place, each in judged.items():
        topic, seen = place.topic, each.seen
        at, notes[topic] = await _goes_on(inputs, topic, each, Note(seen.cluster, seen.topics[topic].id, owner))
        if at is not None:
            begins[topic] = moved[topic] = at
        elif each.committed is not None:
            begins[topic] = each.committed
    if moved:
        # Where this fails, the shard begins there all the same, and the word is followed again at the next start.
        await inputs.commit(moved, notes)
    return notes, begins


async def _goes_on(inputs: Inputs, topic: str, judged: Judged, note: Note) -> tuple[int | None, Note]:
    """The offset to go on from, where it is not the committed one (None), and the note from now on."""
    now, newest = judged.seen.topics[topic], judged.noted.newest.get(topic)
    match judged.contradiction:
        case OtherCluster() | OtherTopic():
            return now.first, note
        case BeyondEnd() | Rewritten():
            return await questions.after_restore(inputs, topic, newest, now), replace(note, newest=newest or 0)
        case _:
            pass
    note = replace(note, newest=newest or 0)
    if lost := agreement.deleted_unread(judged.noted, judged.seen).get(topic):
        inputs.lost(topic, now.first - lost, now.first)
        return now.first, note
    return (judged.committed, note) if judged.contradiction else (None, note)


async def _require_words(host: Host, service: str, shard: int, found: Mapping[TopicPartition, Contradiction]) -> None:
    words = await given_words(host.settings.kafka, service)
    missing = {
        each
        for place, each in found.items()
        if place not in words or words[place].token != agreement.token(service, shard, each)
    }
    if missing:
        raise ContradictionError(agreement.sentence(service, sorted(missing, key=str)))
    log.warning(
        "the operator's word is followed", shard=shard, contradictions=sorted({e.says() for e in found.values()})
    )


async def given_words(kafka: str, service: str) -> dict[TopicPartition, Word]:
    """The operator's latest word for each partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(words_group(service))
    finally:
        await admin.close()
    words = {TopicPartition(*place): read_word(at.metadata) for place, at in found.items()}
    return {place: word for place, word in words.items() if word is not None}
