"""Which dead letters a redrive or a dismissal takes, and what it appends. `redrive` does it on Kafka.

A redrive appends the record's bytes again, to the partition where it lies, so that the service that set it aside meets
it once more. Nothing counts twice by that: an event is recognized by its id, a report by its content, a change by its
version. But every reader of the topic meets it, and what it says may have been overtaken:

- A partner's record keeps the time at which it had arrived (`shared.contracts.redriven`), so that what is of somebody
  who was erased meanwhile stays erased, and a month that has closed meanwhile takes what had come in time.
- `scores.changed` is compacted: an older score behind a newer one would be what subscribers keep. Never appended again.
- `records.changed`: a change behind a newer one of the same record is nothing to the scorer, and a subscriber that has
  forgotten a lapsed record would take its older version for a new one. So only the newest is appended again, and it
  must be, since retention says it only once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition

from goodstanding.dead_letters.letters import ADVICE, Letter, State, state_of, texts_of
from goodstanding.errors import UserError
from shared.contracts import redriven
from shared.contracts.cloudevents import Headers
from shared.contracts.dead_letters import dismissed_headers, redriven_headers
from shared.contracts.topics import RAW_PREFIX, RECORDS_CHANGED, dead_letter_topic
from shared.kafka.records import BROKERS_TIME
from shared.kafka.sendable import is_too_large
from shared.runner.service import Outgoing

_LISTED = "They are listed by: goodstanding dead-letters ls"
_CHANGE_ID = re.compile(r"(retention/[^/]+)/([0-9]{1,9})")


def chosen(
    letters: Iterable[Letter], *, positions: Sequence[str] = (), code: str = "", service: str = "", again: bool = False
) -> list[Letter]:
    """The letters of these positions; without any, all that can be redriven of those with the code, of the service.

    Raises UserError for a position that no letter names, and for a code that none has.
    """
    found = _of(letters, service, code)
    if not positions:
        wanted = {State.THERE, State.REDRIVEN} if again else {State.THERE}
        return [letter for letter in found if letter.state in wanted]
    by_position = {letter.position: letter for letter in found}
    for position in positions:
        if position not in by_position:
            raise UserError(f"No dead letter names {position}.", _LISTED)
    return [by_position[position] for position in dict.fromkeys(positions)]


def refusal(letter: Letter, kept: Mapping[TopicPartition, range], *, again: bool) -> str | None:
    """Why the letter's record is not appended again, and what to do instead; None if it may be."""
    if letter.state is State.THERE:
        return None
    if letter.state in (State.REDRIVEN, State.DISMISSED) and again:
        return None if state_of(letter.position, kept) is State.THERE else ADVICE[State.GONE]
    return letter.advice


def open_letters(
    letters: Iterable[Letter], *, positions: Sequence[str] = (), code: str = "", service: str = ""
) -> list[Letter]:
    """The letters that a dismissal takes: those of the positions, else all with this code, of this service, about which
    nothing has been done yet. Raises UserError as `chosen`."""
    if positions:
        return chosen(letters, positions=positions, service=service)
    found = _of(letters, service, code)
    return [letter for letter in found if letter.state not in (State.REDRIVEN, State.DISMISSED)]


def _of(letters: Iterable[Letter], service: str, code: str) -> list[Letter]:
    found = [letter for letter in letters if service in ("", letter.service)]
    with_code = [letter for letter in found if code in ("", letter.code)]
    if code and not with_code:
        whose = f" of {service}" if service else ""
        raise UserError(
            f"No dead letter{whose} has the code {code}.", "They are listed by: goodstanding dead-letters ls"
        )
    return with_code


def dismissal(letter: Letter) -> Outgoing:
    """The note that a dismissal appends beside the letter."""
    return Outgoing(dead_letter_topic(letter.service), None, b"", dismissed_headers(letter.position), 0)


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
    found = _CHANGE_ID.fullmatch(texts_of(headers).get("ce_id", ""))
    return (found[1], int(found[2])) if found else None


def appended(letter: Letter, record: ConsumerRecord, key: bytes) -> tuple[Outgoing, Outgoing]:
    """What a redrive sends, in one transaction: the record as it lies there, a partner's with the time at which it had
    arrived, and the note that it was sent again."""
    note = redriven_headers(letter.position, len(letter.redriven_at) + 1)
    first_ms = _arrived_ms(record, key)
    headers: Any = tuple(record.headers)  # of a partner, whose client may send null
    again = Outgoing(record.topic, record.key, record.value, headers, record.partition)
    if first_ms is not None:
        headers = tuple(redriven.dated(key, record.topic, record.key, record.value, headers, first_ms))
        dated = Outgoing(record.topic, record.key, record.value, headers, record.partition)
        # What the topic takes by a few bytes only is larger than ingest takes, and is refused whenever it came.
        again = again if is_too_large(dated) else dated
    return again, Outgoing(dead_letter_topic(letter.service), None, b"", note, 0)


def too_old(record: ConsumerRecord, key: bytes, now_ms: float) -> str | None:
    """Why a partner's record is not appended again that had arrived too long ago, if it had."""
    first_ms = _arrived_ms(record, key)
    if first_ms is None or now_ms - first_ms <= redriven.REDRIVEN_WITHIN / timedelta(milliseconds=1):
        return None
    return (
        f"It had arrived more than {redriven.REDRIVEN_WITHIN.days} days ago, so nobody knows any more whether its "
        "person was erased since then. Its partner may send it again."
    )


def _arrived_ms(record: ConsumerRecord, key: bytes) -> int | None:
    """When the broker had taken a partner's record first; None for any other, and where only its sender knows."""
    if not record.topic.startswith(RAW_PREFIX) or record.timestamp_type != BROKERS_TIME:
        return None
    first_ms = redriven.arrived_ms(key, record.topic, record.key, record.value, record.headers)
    return record.timestamp if first_ms is None else first_ms
