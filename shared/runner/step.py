"""One step as a value: a batch of messages in; states, writes, messages and outcomes out. No SQL, no Kafka, no clock.

`read` makes the batch of records, `of_page` of a page of timers; `fold` applies the rules. Where they fail on the
messages about a person, those are tried one at a time, and the failing ones set aside.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeAlias

import structlog

from shared.contracts.partition import partition_of
from shared.kafka.unreadable import Fetched, Unreadable, next_offset
from shared.runner.answers import (
    DEAD_LETTER,
    Announcement,
    DeadLetter,
    Decision,
    DuePage,
    M,
    Outcome,
    Outgoing,
    S,
    W,
    dead_letter,
    origin,
    set_aside,
)
from shared.runner.service import Stateful
from shared.runner.turn import Turn

log = structlog.get_logger("runner")

_MESSAGES_AT_ONCE_MAX = 128
"""The rules get at most so many messages about one person at a time: a hot one must not hold the event loop, and with
it heartbeats and the transactions of other shards, for seconds."""
_GIVE_WAY_AFTER_S = 0.005
"""Decoding and the rules give way to other shards' sending and committing, so that those overlap with them."""


Cause: TypeAlias = "Fetched | str"
"""What a message came of: a record, or the run of a timer."""


@dataclass(slots=True)
class Batch(Generic[M]):
    """Messages by user_id, each behind its cause, and what could not become a message, by its origin."""

    by_person: dict[str, list[tuple[Cause, M]]] = field(default_factory=dict)
    aside: list[tuple[str, DeadLetter]] = field(default_factory=list)


@dataclass(slots=True)
class Stepped(Generic[S, W]):
    """What a batch leads to. `stumbled` are the people with a message among those set aside."""

    states: dict[str, S | None] = field(default_factory=dict)
    writes: list[W] = field(default_factory=list)
    outgoing: list[Outgoing] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    stumbled: set[str] = field(default_factory=set)


async def read(
    mode: Stateful[M, S, W],
    shard: int,
    records: Iterable[Fetched],
    folded: Mapping[str, int],
    arrival: Callable[[int], datetime],
) -> Batch[M]:
    """`folded` has the next offset of each topic: what lies below was handled before and comes again."""
    batch: Batch[M] = Batch()
    turn, by_person, user_id_of = Turn(_GIVE_WAY_AFTER_S), batch.by_person, mode.user_id_of
    for record in records:
        if time.perf_counter() > turn.ends:
            await turn.give_way()
        if next_offset(record) <= folded.get(record.topic, 0):
            continue
        message = _decode(mode, record, arrival)
        if message is None:
            continue
        if isinstance(message, DeadLetter):
            batch.aside.append((origin(record), message))
            continue
        user_id = user_id_of(message)
        if (messages := by_person.get(user_id)) is None:
            if partition_of(user_id) != shard:
                letter = DeadLetter("misplaced", "The record's key does not belong to this partition.")
                batch.aside.append((origin(record), letter))
                continue
            messages = by_person[user_id] = []
        messages.append((record, message))
    return batch


def _decode(mode: Stateful[M, S, W], record: Fetched, arrival: Callable[[int], datetime]) -> M | DeadLetter | None:
    if isinstance(record, Unreadable):
        return set_aside(record)
    try:
        return mode.decode(record, arrival(record.timestamp))
    except MemoryError:
        raise  # the machine's fault, which says nothing about the record (see `blame`)
    except Exception as error:
        log.error("a record cannot be decoded", origin=origin(record), exc_info=error)
        return DeadLetter("undecodable", f"The decoder failed with {type(error).__name__}.")


def aside(record: Fetched, letter: DeadLetter) -> Batch[Any]:
    """A batch that only says that the record was set aside."""
    return Batch(aside=[(origin(record), letter)])


def timer(page: DuePage[M, S]) -> str:
    """The origin of what the clock has made due; it names the run, and nobody in it."""
    return f"timer/{page.run or ''}"


def of_page(mode: Stateful[M, S, W], page: DuePage[M, S]) -> Batch[M]:
    batch: Batch[M] = Batch()
    for message in page.messages:
        batch.by_person.setdefault(mode.user_id_of(message), []).append((timer(page), message))
    return batch


def page_aside(page: DuePage[M, S], letter: DeadLetter) -> Batch[Any]:
    return Batch(aside=[(timer(page), letter) for _ in page.messages])


async def fold(
    mode: Stateful[M, S, W], service: str, shard: int, batch: Batch[M], states: Mapping[str, S], now: datetime
) -> Stepped[S, W]:
    """Decide everything, person by person in the order of their user_ids; gives way to other tasks in between."""
    stepped: Stepped[S, W] = Stepped()
    turn = Turn(_GIVE_WAY_AFTER_S)
    for user_id in sorted(batch.by_person):
        messages = batch.by_person[user_id]
        for start in range(0, len(messages), _MESSAGES_AT_ONCE_MAX):
            part = messages[start : start + _MESSAGES_AT_ONCE_MAX]
            state = stepped.states[user_id] if user_id in stepped.states else states.get(user_id)
            for decision in _decide(mode, batch, user_id, state, part, now, stepped.stumbled):
                stepped.states[user_id] = decision.state
                stepped.writes.extend(decision.writes)
                stepped.outgoing.extend(_placed(decision.outgoing, shard))
                stepped.outcomes.extend(decision.outcomes)
            if time.perf_counter() > turn.ends:
                await turn.give_way()
    stepped.outgoing[:0] = [dead_letter(service, letter, origin) for origin, letter in batch.aside]
    stepped.outcomes[:0] = [Outcome(DEAD_LETTER, code=letter.code) for _, letter in batch.aside]
    return stepped


def _placed(messages: Sequence[Outgoing | Announcement], shard: int) -> list[Outgoing]:
    return [message.placed(shard) if isinstance(message, Announcement) else message for message in messages]


def _decide(
    mode: Stateful[M, S, W],
    batch: Batch[M],
    user_id: str,
    state: S | None,
    messages: Sequence[tuple[Cause, M]],
    now: datetime,
    stumbled: set[str],
) -> list[Decision[S, W]]:
    """The rules for some messages about a person; where they fail, for one message at a time."""
    try:
        return [mode.decide(state, [message for _, message in messages], now)]
    except MemoryError:
        raise
    except Exception as error:
        origins = [_named(cause) for cause, _ in messages[:5]]
        log.error("the rules fail on a person's messages", origins=origins, exc_info=error)
    decisions: list[Decision[S, W]] = []
    for cause, message in messages:
        try:
            decisions.append(mode.decide(state, [message], now))
            state = decisions[-1].state
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever the rules raise
            letter = DeadLetter("undecidable", f"The rules failed with {type(error).__name__}.")
            batch.aside.append((_named(cause), letter))
            stumbled.add(user_id)
    return decisions


def _named(cause: Cause) -> str:
    return cause if isinstance(cause, str) else origin(cause)
