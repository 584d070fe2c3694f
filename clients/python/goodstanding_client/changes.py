"""What a record on a topic says, and what it changes in what is known: pure, and the same for every store."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import msgspec

from goodstanding_client.messages import SCORE_CHANGE, TIER_CHANGE, ScoreChange, TierChange

Body: TypeAlias = ScoreChange | TierChange
SCORES, TIERS = "scores.changed", "tiers.changed"
TOPICS = (SCORES, TIERS)
_TYPES: dict[str, tuple[bytes, type[Body]]] = {
    SCORES: (SCORE_CHANGE.encode(), ScoreChange),
    TIERS: (TIER_CHANGE.encode(), TierChange),
}
_USER_ID = re.compile("[0-9a-f]{64}")


class Record(Protocol):
    """What is read of a record of Kafka."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Iterable[tuple[str, bytes]]: ...


@dataclass(frozen=True, slots=True)
class Said:
    """A record says where somebody stands. `value` is the JSON of the body, without what this release does not know."""

    user_id: str
    body: Body
    value: bytes


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A record without a value: the person was erased."""

    user_id: str


News: TypeAlias = Said | Forgotten


def news_of(topic: str, record: Record) -> News | None:
    """None for a record that is not about a person, that is of a later version, or that no service has written."""
    user_id = (record.key or b"").decode("ascii", "replace")
    if not _USER_ID.fullmatch(user_id):
        return None
    if record.value is None:
        return Forgotten(user_id)
    type_name, model = _TYPES[topic]
    if dict(record.headers).get("ce_type") != type_name:
        return None
    try:
        # Fields that a later release has added are passed over.
        body = msgspec.json.decode(record.value, type=model)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return Said(user_id, body, msgspec.json.encode(body))


def body_of(topic: str, value: bytes | str) -> Body:
    """The body that was kept."""
    return msgspec.json.decode(value, type=_TYPES[topic][1])


@dataclass(frozen=True, slots=True)
class ScoreChanged:
    """`missed` is how many versions lie between the one that was known and this: compaction has removed them."""

    user_id: str
    score: ScoreChange
    previous: ScoreChange | None
    missed: int


@dataclass(frozen=True, slots=True)
class TierChanged:
    """`granted` and `revoked` are what changed since the version that was known, also over missed ones."""

    user_id: str
    tier: TierChange
    previous: TierChange | None
    missed: int

    @property
    def granted(self) -> tuple[str, ...]:
        had = self.previous.in_force if self.previous else ()
        return tuple(code for code in self.tier.in_force if code not in had)

    @property
    def revoked(self) -> tuple[str, ...]:
        had = self.previous.in_force if self.previous else ()
        return tuple(code for code in had if code not in self.tier.in_force)


@dataclass(frozen=True, slots=True)
class Erased:
    """The person was erased: forget everything that you have of this topic, and whatever you made of it."""

    user_id: str
    topic: str


Change: TypeAlias = ScoreChanged | TierChanged | Erased


@dataclass(frozen=True, slots=True)
class Known:
    """What is kept of one person and topic. `reading` counts how often the partition was begun from its beginning, so
    that after reading it again whoever was not in it any more is known by an older number."""

    version: int
    reading: int
    value: bytes


@dataclass(slots=True)
class Folded:
    """What is to be written, None for a person to be deleted, and what changed."""

    rows: dict[str, Known | None] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)


def fold(topic: str, known: Mapping[str, Known], news: Iterable[News], reading: int) -> Folded:
    """Take news in, in the order of the partition. `known` has what is kept of the people in them."""
    folded = Folded()
    for each in news:
        before = folded.rows[each.user_id] if each.user_id in folded.rows else known.get(each.user_id)
        match each:
            case Forgotten(user_id):
                folded.rows[user_id] = None
                if before is not None:
                    folded.changes.append(Erased(user_id, topic))
            case Said(user_id, body, value):
                if before is not None and before.reading == reading and body.version <= before.version:
                    if body.as_of <= body_of(topic, before.value).as_of:
                        continue  # A sender that was killed sends again.
                    # A lower version for a later instant is somebody who was erased and has come back. That they are
                    # back has let the broker remove the record of the erasure.
                    folded.changes.append(Erased(user_id, topic))
                    before = None
                folded.rows[user_id] = Known(body.version, reading, value)
                if before is None or not _is_same(topic, before, body):
                    folded.changes.append(_changed(topic, user_id, before, body))
    return folded


def _is_same(topic: str, before: Known, body: Body) -> bool:
    return before.version == body.version and body_of(topic, before.value) == body


def _changed(topic: str, user_id: str, before: Known | None, body: Body) -> Change:
    # A lower version than before is of a Kafka that was restored: nothing was missed.
    missed = max(body.version - (before.version if before else 0) - 1, 0)
    previous = body_of(topic, before.value) if before else None
    if isinstance(body, ScoreChange):
        assert not isinstance(previous, TierChange)
        return ScoreChanged(user_id, body, previous, missed)
    assert not isinstance(previous, ScoreChange)
    return TierChanged(user_id, body, previous, missed)
