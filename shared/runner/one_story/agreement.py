"""Does what was noted of a shard contradict what Kafka says now? Pure; `questions` asks Kafka."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shared.runner.one_story.contradictions import (
    BeyondEnd,
    Contradiction,
    OtherCluster,
    OtherOwner,
    OtherTopic,
    Rewritten,
    SentBeyondEnd,
    Undecided,
)


@dataclass(frozen=True, slots=True)
class Noted:
    """What was written down for one shard. An empty text or a missing topic: nothing was, so nothing contradicts it.

    `offsets` has the next offset to handle of each input topic, `newest` the highest append time that was handled
    (milliseconds since 1970), `sent` the offset behind the last acknowledged send to the service's own topic.
    """

    cluster: str = ""
    owner: str = ""
    """Who the deployment is: the id of the database, or for a service without one what its key says of it."""
    topic_ids: Mapping[str, str] = field(default_factory=dict)
    offsets: Mapping[str, int] = field(default_factory=dict)
    newest: Mapping[str, int] = field(default_factory=dict)
    sent: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TopicNow:
    """One partition as Kafka has it: the oldest offset, the one that the next record will have, and the offset of the
    first record that is newer than all that was handled (None: there is none, or nothing was handled)."""

    id: str
    first: int
    end: int
    first_newer: int | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What Kafka says now. `owner` is who wrote the offsets of this shard into the consumer group, if anybody did."""

    cluster: str
    topics: Mapping[str, TopicNow]
    owner: str = ""


def compare(noted: Noted, seen: Seen, own_topic: str | None = None) -> tuple[Contradiction, ...]:
    """What in Kafka contradicts what was written down; empty when it is one story. Topics that are not there now are
    left out: their time to be compared comes when they are."""
    if noted.owner and seen.owner and noted.owner != seen.owner:
        return (OtherOwner(noted.owner, seen.owner),)
    if noted.cluster and noted.cluster != seen.cluster:
        return (OtherCluster(noted.cluster, seen.cluster),)
    found = [_input(topic, noted, now) for topic, now in sorted(seen.topics.items()) if topic != own_topic]
    if own_topic is not None and own_topic in seen.topics:
        found.append(_output(own_topic, noted, seen.topics[own_topic]))
    return tuple(contradiction for contradiction in found if contradiction is not None)


def _input(topic: str, noted: Noted, now: TopicNow) -> Contradiction | None:
    offset = noted.offsets.get(topic)
    if other := _other_topic(topic, noted, now, is_output=False):
        return other
    if offset is None:
        return None
    if offset > now.end:
        return BeyondEnd(topic, offset, now.end)
    if now.first_newer is not None and now.first_newer < offset:
        return Rewritten(topic, offset, now.first_newer)
    return None


def _output(topic: str, noted: Noted, now: TopicNow) -> Contradiction | None:
    if other := _other_topic(topic, noted, now, is_output=True):
        return other
    sent = noted.sent.get(topic)
    return SentBeyondEnd(topic, sent, now.end) if sent is not None and sent > now.end else None


def _other_topic(topic: str, noted: Noted, now: TopicNow, *, is_output: bool) -> OtherTopic | None:
    known = noted.topic_ids.get(topic)
    return OtherTopic(topic, known, now.id, is_output) if known is not None and known != now.id else None


def deleted_unread(noted: Noted, seen: Seen) -> dict[str, int]:
    """How many offsets of each topic its retention has deleted before they were handled. That is a loss, and no
    contradiction: nothing that anybody says brings them back, so the shard goes on behind them."""
    return {
        topic: now.first - offset
        for topic, offset in noted.offsets.items()
        if (now := seen.topics.get(topic)) is not None
        and noted.topic_ids.get(topic, now.id) == now.id
        and now.first > offset
    }


def token(service: str, shard: int, contradiction: Contradiction) -> str:
    """Names exactly this contradiction, so that the operator's word for it does not hold for a later one. The end of a
    topic is not part of the name, since it moves while the operator thinks. A contradiction of the whole service is
    decided once, and one of a partition is decided for each partition."""
    about: tuple[object, ...]
    match contradiction:
        case OtherCluster(noted, found) | OtherOwner(noted, found):
            about = (noted, found)
        case OtherTopic(topic, noted, found):
            about = (topic, noted, found)
        case BeyondEnd(topic, offset) | Rewritten(topic, offset) | SentBeyondEnd(topic, offset):
            # One restored copy shows as the first and, once it has grown, as the second.
            about = (shard, topic, offset)
        case Undecided(topic, since):
            about = (shard, topic, since, "undecided")
    parts = "|".join(map(str, (service, *about)))
    return hashlib.sha256(parts.encode()).hexdigest()[:16]


def in_short(contradictions: Iterable[Contradiction]) -> list[str]:
    """What is contradicted, each in a few words and once."""
    return list(dict.fromkeys(contradiction.in_short() for contradiction in contradictions))


def sentence(service: str, contradictions: Iterable[Contradiction]) -> str:
    """For readiness and the log: what is seen, what it means, and what resolves it."""
    seen = " ".join(contradiction.says() for contradiction in contradictions)
    return (
        f"{seen} Nothing is read or sent until an operator has decided. Look: goodstanding offsets check {service}."
        f" Resolve: goodstanding offsets accept {service}"
    )
