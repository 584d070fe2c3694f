"""What an operator can do about dead letters: which are open, and what a redrive appends. `redriving` asks Kafka.

A redrive appends the record's bytes again, to the partition where it lies, so that the service that set it aside meets
it once more. Nothing counts twice by that: an event is recognized by its id, a report by its content, a change by its
version. But every reader of the topic meets it, and what it says may have been overtaken:

- `scores.changed` is compacted: an older score behind a newer one would be what subscribers keep. Never appended again.
- `records.changed`: a change behind a newer one of the same record is nothing to the scorer, and a subscriber that has
  forgotten a lapsed record would take its older version for a new one. So only the newest is appended again; of it
  somebody must hear, since retention says it only once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition

from goodstanding.errors import UserError
from shared.contracts.cloudevents import Headers
from shared.contracts.dead_letters import DISMISSED, REDRIVEN, SET_ASIDE, dismissed_headers, redriven_headers
from shared.contracts.times import rfc3339
from shared.contracts.topics import (
    NORMALIZED,
    RECORDS_CHANGED,
    RECORDS_REPORTED,
    SCORES_CHANGED,
    dead_letter_topic,
    topics,
)
from shared.runner.service import Outgoing

_POSITION = re.compile(r"([a-zA-Z0-9._-]{1,249})/([0-9]{1,9})/([0-9]{1,18})")
_COMPACTED = {topic.name for topic in topics([]) if topic.cleanup == "compact"}
_CHANGE_ID = re.compile(r"(retention/[^/]+)/([0-9]{1,9})")
_ENVELOPE = ("specversion", "id", "source", "type", "time", "subject", "partitionkey", "origin", "fieldnames")
_HEADERS = {"content-type", *(f"ce_{name}" for name in _ENVELOPE)}
_OF_INGEST = ("id", "source", "type", "time", "origin")
_TOLD = {
    NORMALIZED: _OF_INGEST,
    RECORDS_REPORTED: _OF_INGEST,
    # The id of a change or a score stands for the person.
    RECORDS_CHANGED: ("source", "type", "time"),
    SCORES_CHANGED: ("source", "type", "time"),
}
"""The attributes that name nobody. On a raw topic there are none: ingest has not looked at what the partner wrote."""


class State(StrEnum):
    """What can still be done about a letter."""

    THERE = "there"
    GONE = "gone"
    REDRIVEN = "redriven"
    NEXT_SCORE = "next-score"
    NO_RECORD = "no-record"
    DISMISSED = "dismissed"


ADVICE = {
    State.THERE: "When what was wrong is mended, have it handled again: goodstanding dead-letters redrive {place}\n"
    "If it is of no use to anybody: goodstanding dead-letters dismiss {place}",
    State.GONE: "Kafka has deleted the record: there is nothing to append. What a partner has sent, it may send anew.",
    State.REDRIVEN: "It was redriven at {redriven_at}. If that was set aside as well, it is a letter of its own: "
    "goodstanding dead-letters ls. To append this one once more all the same, say --again.",
    State.NEXT_SCORE: "A score is never appended again: behind a newer one it would be what subscribers keep. "
    "The person's next score makes up for it.",
    State.NO_RECORD: "What the clock had made due could not be handled, or a message that answers for no record could "
    "not be sent: there is no record to append. "
    "Report it; the service's log has the error.",
    State.DISMISSED: "It was dismissed: nothing more is to be done about it. To have it handled again all the same: "
    "goodstanding dead-letters redrive {place} --again",
}
"""What to do next."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What `service` has set aside `at` that time. `place` is the record's position, or the timer that was due."""

    service: str
    at: datetime
    code: str
    sentence: str
    place: str
    state: State
    redriven_at: tuple[datetime, ...] = ()

    @property
    def advice(self) -> str:
        redriven_at = ", ".join(map(rfc3339, self.redriven_at))
        return ADVICE[self.state].format(place=self.place, redriven_at=redriven_at)


def position(place: str) -> tuple[TopicPartition, int] | None:
    """Partition and offset that `<topic>/<partition>/<offset>` says; None for any other text."""
    found = _POSITION.fullmatch(place)
    return (TopicPartition(found[1], int(found[2])), int(found[3])) if found else None


def instant(record: ConsumerRecord) -> datetime:
    """When the broker has appended it."""
    return datetime.fromtimestamp(record.timestamp // 1000, UTC)


def letters(messages: Iterable[ConsumerRecord], kept: Mapping[TopicPartition, range]) -> list[Letter]:
    """The letters in these messages of dead-letter topics, the oldest first, each place once: a service that was killed
    may have said it twice. `kept` has the offsets that each partition still holds."""
    first: dict[tuple[str, str], tuple[ConsumerRecord, dict[str, str]]] = {}
    redriven: dict[tuple[str, str], list[datetime]] = {}
    dismissed: set[tuple[str, str]] = set()
    for message in messages:
        texts = _texts(message.headers)
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
            place,
            _noted((topic, place), redriven, dismissed) or _state(place, kept),
            tuple(redriven.get((topic, place), ())),
        )
        for (topic, place), (message, texts) in first.items()
    ]
    return sorted(found, key=lambda letter: letter.at)


def _noted(
    about: tuple[str, str], redriven: Mapping[tuple[str, str], object], dismissed: Set[tuple[str, str]]
) -> State | None:
    """What the operator has done about the letter."""
    if about in dismissed:
        return State.DISMISSED
    return State.REDRIVEN if about in redriven else None


def _state(place: str, kept: Mapping[TopicPartition, range]) -> State:
    lies = position(place)
    if lies is None:
        return State.NO_RECORD
    partition, offset = lies
    if partition.topic in _COMPACTED:
        return State.NEXT_SCORE
    return State.THERE if offset in kept.get(partition, ()) else State.GONE


# -- redriving ---------------------------------------------------------------------------------------------------------


def chosen(
    letters: Iterable[Letter], *, places: Sequence[str] = (), code: str = "", service: str = "", again: bool = False
) -> list[Letter]:
    """The letters of these places; without any, all that can be redriven of those with the code, of the service.

    Raises UserError for a place that no letter names.
    """
    found = [letter for letter in letters if service in ("", letter.service)]
    if not places:
        wanted = {State.THERE, State.REDRIVEN} if again else {State.THERE}
        return [letter for letter in found if letter.state in wanted and code in ("", letter.code)]
    by_place = {letter.place: letter for letter in found}
    for place in places:
        if place not in by_place:
            raise UserError(f"No dead letter names {place}.", "They are listed by: goodstanding dead-letters ls")
    return [by_place[place] for place in dict.fromkeys(places)]


def refusal(letter: Letter, kept: Mapping[TopicPartition, range], *, again: bool) -> str | None:
    """Why the letter's record is not appended again, and what to do instead; None if it may be."""
    if letter.state is State.THERE:
        return None
    if letter.state in (State.REDRIVEN, State.DISMISSED) and again:
        return None if _state(letter.place, kept) is State.THERE else ADVICE[State.GONE]
    return letter.advice


def open_letters(
    letters: Iterable[Letter], *, places: Sequence[str] = (), code: str = "", service: str = ""
) -> list[Letter]:
    """The letters that a dismissal takes: those of the places, else all that nothing was done about yet, with the code,
    of the service. Raises UserError as `chosen`."""
    if places:
        return chosen(letters, places=places, service=service)
    undone = [letter for letter in letters if letter.state not in (State.REDRIVEN, State.DISMISSED)]
    return [each for each in undone if service in ("", each.service) and code in ("", each.code)]


def dismissal(letter: Letter) -> Outgoing:
    """The note that a dismissal appends beside the letter."""
    return Outgoing(dead_letter_topic(letter.service), None, b"", dismissed_headers(letter.place), 0)


def take_version(versions: dict[str, int], record: ConsumerRecord) -> None:
    """Remember the highest version of each negative record that `records.changed` tells of."""
    if change := _change(record.headers):
        name, version = change
        versions[name] = max(version, versions.get(name, 0))


def overtaken(record: ConsumerRecord, versions: Mapping[str, int]) -> str | None:
    """Why a change of a negative record is not appended again, given the highest versions of what lies behind it."""
    if record.topic != RECORDS_CHANGED:
        return None
    change = _change(record.headers)
    if change is None:
        return "Its id does not say which record it is about, so a newer change may lie behind it. Report it."
    name, version = change
    if versions.get(name, 0) > version:
        return "A newer change of the same record lies behind it, which says all. Nothing is to be done."
    return None


def _change(headers: Headers) -> tuple[str, int] | None:
    found = _CHANGE_ID.fullmatch(_texts(headers).get("ce_id", ""))
    return (found[1], int(found[2])) if found else None


def appended(letter: Letter, record: ConsumerRecord) -> tuple[Outgoing, Outgoing]:
    """What a redrive sends, in one transaction: the record as it lies there, and the note that it was sent again."""
    note = redriven_headers(letter.place, len(letter.redriven_at) + 1)
    return (
        Outgoing(record.topic, record.key, record.value, tuple(record.headers), record.partition),
        Outgoing(dead_letter_topic(letter.service), None, b"", note, 0),
    )


# -- looking at a record -----------------------------------------------------------------------------------------------


def described(record: ConsumerRecord) -> dict[str, Any]:
    """What may be said of a record where others can see it: no word of a partner's, nobody's name."""
    names = [name for name, _ in record.headers]
    texts = _texts(record.headers)
    told = {name: printable(texts[f"ce_{name}"]) for name in _TOLD.get(record.topic, ()) if f"ce_{name}" in texts}
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "appended_at": rfc3339(instant(record)),
        "key_bytes": None if record.key is None else len(record.key),
        "value_bytes": None if record.value is None else len(record.value),
        "headers": [name for name in names if name in _HEADERS],
        "other_headers": sum(name not in _HEADERS for name in names),
        "attributes": told,
    }


def content(record: ConsumerRecord) -> dict[str, Any]:
    """All that the record says. It may name a person."""
    headers = [f"{printable(name)}: {printable(text) or ''}".rstrip() for name, text in record.headers]
    return {"key": printable(record.key), "headers": headers, "value": printable(record.value)}


def printable(text: bytes | str | None) -> str | None:
    """Nothing in it moves a terminal's cursor, and no byte is lost."""
    if text is None:
        return None
    text = text.decode(errors="backslashreplace") if isinstance(text, bytes) else text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _texts(headers: Sequence[tuple[str, bytes | None]]) -> dict[str, str]:
    return {name: text.decode(errors="replace") for name, text in headers if text is not None}
