"""Dead letters as an operator sees them: what was set aside, what was done about it, and what can still be done."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from aiokafka import ConsumerRecord, TopicPartition

from shared.contracts.dead_letters import DISMISSED, REDRIVEN, SET_ASIDE
from shared.contracts.times import rfc3339
from shared.contracts.topics import dead_letter_topic, topics

_POSITION = re.compile(r"([a-zA-Z0-9._-]{1,249})/([0-9]{1,9})/([0-9]{1,18})")
_COMPACTED = {topic.name for topic in topics([]) if topic.cleanup == "compact"}


class State(StrEnum):
    """What can still be done about a letter."""

    THERE = "there"
    GONE = "gone"
    REDRIVEN = "redriven"
    NEXT_SCORE = "next-score"
    NO_RECORD = "no-record"
    DISMISSED = "dismissed"


ADVICE = {
    State.THERE: "When what was wrong is mended, have it handled again: goodstanding dead-letters redrive {position}\n"
    "If it is of no use to anybody: goodstanding dead-letters dismiss {position}",
    State.GONE: "Kafka has deleted the record: there is nothing to append. What a partner has sent, it may send again.",
    State.REDRIVEN: "It was redriven at {redriven_at}. If that was set aside as well, it is a letter of its own: "
    "goodstanding dead-letters ls. To append this one once more all the same, say --again.",
    State.NEXT_SCORE: "A score is never appended again: behind a newer one it would be what subscribers keep. "
    "The person's next score makes up for it.",
    State.NO_RECORD: "What the clock had made due could not be handled, or a message that answers for no record could "
    "not be sent: there is no record to append. "
    "Report it; the service's log has the error.",
    State.DISMISSED: "It was dismissed: nothing more is to be done about it. To have it handled again all the same: "
    "goodstanding dead-letters redrive {position} --again",
}
"""What to do next."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What `service` set aside, and when. `position` is that of the record, or names the timer that was due."""

    service: str
    at: datetime
    code: str
    sentence: str
    position: str
    state: State
    redriven_at: tuple[datetime, ...] = ()

    @property
    def advice(self) -> str:
        redriven_at = ", ".join(map(rfc3339, self.redriven_at))
        return ADVICE[self.state].format(position=self.position, redriven_at=redriven_at)


def lies_at(position: str) -> tuple[TopicPartition, int] | None:
    """Partition and offset that `<topic>/<partition>/<offset>` says; None for any other text."""
    found = _POSITION.fullmatch(position)
    return (TopicPartition(found[1], int(found[2])), int(found[3])) if found else None


def instant(record: ConsumerRecord) -> datetime:
    """When the broker has appended it."""
    return datetime.fromtimestamp(record.timestamp // 1000, UTC)


def letters(messages: Iterable[ConsumerRecord], kept: Mapping[TopicPartition, range]) -> list[Letter]:
    """The letters in these messages of dead-letter topics, the oldest first. Each position comes once: a service that
    was killed may have noted it twice. `kept` has the offsets that each partition still holds."""
    first: dict[tuple[str, str], tuple[ConsumerRecord, dict[str, str]]] = {}
    redriven: dict[tuple[str, str], list[datetime]] = {}
    dismissed: set[tuple[str, str]] = set()
    for message in messages:
        texts = texts_of(message.headers)
        about = message.topic, texts.get("ce_origin", "")
        if texts.get("ce_type") == SET_ASIDE:
            first.setdefault(about, (message, texts))
        elif texts.get("ce_type") == REDRIVEN:
            redriven.setdefault(about, []).append(instant(message))
            dismissed.discard(about)
        elif texts.get("ce_type") == DISMISSED:
            dismissed.add(about)
    found = [
        Letter(
            message.topic.removesuffix(dead_letter_topic("")),
            instant(message),
            texts.get("ce_code", ""),
            texts.get("ce_sentence", ""),
            position,
            _noted((topic, position), redriven, dismissed) or state_of(position, kept),
            tuple(redriven.get((topic, position), ())),
        )
        for (topic, position), (message, texts) in first.items()
    ]
    return sorted(found, key=lambda letter: letter.at)


def _noted(
    about: tuple[str, str], redriven: Mapping[tuple[str, str], object], dismissed: Set[tuple[str, str]]
) -> State | None:
    """What the operator has done about the letter."""
    if about in dismissed:
        return State.DISMISSED
    return State.REDRIVEN if about in redriven else None


def state_of(position: str, kept: Mapping[TopicPartition, range]) -> State:
    found = lies_at(position)
    if found is None:
        return State.NO_RECORD
    partition, offset = found
    if partition.topic in _COMPACTED:
        return State.NEXT_SCORE
    return State.THERE if offset in kept.get(partition, ()) else State.GONE


def texts_of(headers: Sequence[tuple[str, bytes | None]]) -> dict[str, str]:
    """The headers as texts; those that are null are left out."""
    return {name: text.decode(errors="replace") for name, text in headers if text is not None}
