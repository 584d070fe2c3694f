"""The work as a service of its own on the platform's runner: `python -m bench.peers.runner_fold`.

Written as a service of the platform is: one frozen value of plain functions, with its SQL beside it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated

import msgspec
from msgspec import Meta
from pydantic import Field

from bench.peers.work import SEEN_MAX, Change, Kind
from shared.runner.process import start
from shared.runner.service import Announcement, Db, DeadLetter, Decision, Input, Outcome, Record, Service, Stateful
from shared.settings import StatefulSettings

TABLES = """
create table person (
    shard  smallint not null,
    person text not null,
    state  bytea not null,
    primary key (shard, person)
) with (fillfactor = 80)
"""
_LOAD = "select person, state from person where shard = $1 and person = any($2::text[])"
_SAVE = """
insert into person (shard, person, state)
select $1, person, state from unnest($2::text[], $3::bytea[]) as given (person, state)
on conflict (shard, person) do update set state = excluded.state
"""
_SUMS = struct.Struct("<qqii")
_ID_BYTES = 8
_KEPT = (SEEN_MAX - 1) * (2 * _ID_BYTES + 1) - 1
"""Characters of the ids that stay when one more comes."""
_ACCEPTED, _DUPLICATE = Outcome("accepted"), Outcome("duplicate")


class FoldSettings(StatefulSettings):
    fold_name: str = Field(description="Name of the service: its consumer group and its schema.")
    fold_source: str = Field(description="Topic of the events.")
    fold_target: str = Field(description="Topic of the changes.")


class Event(msgspec.Struct, frozen=True, gc=False):
    id: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
    person: Annotated[str, Meta(min_length=1, max_length=32)]
    kind: Kind
    amount: Annotated[int, Meta(ge=0, le=1_000_000_000)]
    days_late: Annotated[int, Meta(ge=0, le=3_650)]
    at: Annotated[int, Meta(gt=0)]
    partner: Annotated[str, Meta(min_length=1, max_length=40)]
    note: str


class State(msgspec.Struct, frozen=True, gc=False):
    events: int = 0
    amount: int = 0
    late: int = 0
    worst: int = 0
    seen: str = ""
    """The last ids, the oldest first, with a blank between two: such a text becomes bytes and back at once."""


_events = msgspec.json.Decoder(Event)
_changes = msgspec.json.Encoder()


def service(settings: FoldSettings) -> Service[Stateful[Event, State]]:
    mode: Stateful[Event, State] = Stateful(
        decode=decode,
        user_id_of=lambda event: event.person,
        decide=partial(decide, target=settings.fold_target),
        load=load,
        save=save,
    )
    return Service(settings.fold_name, (Input(topic=settings.fold_source),), mode)


def decode(record: Record, arrived: datetime) -> Event | DeadLetter:
    return decode_value(record.value or b"")


def decode_value(value: bytes) -> Event | DeadLetter:
    try:
        return _events.decode(value)
    except msgspec.DecodeError as error:
        return DeadLetter("undecodable", str(error))


def decide(state: State | None, messages: Sequence[Event], now: datetime, target: str) -> Decision[State]:
    before = state or State()
    events, amount, late, worst = before.events, before.amount, before.late, before.worst
    seen = before.seen
    outgoing: list[Announcement] = []
    outcomes: list[Outcome] = []
    for event in messages:
        if event.id in seen:
            outcomes.append(_DUPLICATE)
            continue
        seen = f"{seen[-_KEPT:]} {event.id}" if seen else event.id
        events, amount = events + 1, amount + event.amount
        late, worst = late + (event.days_late > 0), max(worst, event.days_late)
        change = Change(event.person, event.id, events, amount, late, worst)
        outgoing.append(Announcement(target, event.person.encode(), _changes.encode(change), ()))
        outcomes.append(_ACCEPTED)
    after = State(events, amount, late, worst, seen)
    return Decision(after, tuple(outgoing), tuple(outcomes))


async def load(db: Db, shard: int, people: Sequence[str]) -> dict[str, State]:
    return {row["person"]: unpacked(row["state"]) for row in await db.fetch(_LOAD, shard, people)}


async def save(db: Db, shard: int, states: Mapping[str, State], writes: Sequence[object]) -> None:
    people = sorted(states)
    await db.execute(_SAVE, shard, people, [packed(states[person]) for person in people])


def packed(state: State) -> bytes:
    return _SUMS.pack(state.events, state.amount, state.late, state.worst) + bytes.fromhex(state.seen)


def unpacked(column: bytes) -> State:
    events, amount, late, worst = _SUMS.unpack_from(column)
    return State(events, amount, late, worst, column[_SUMS.size :].hex(" ", _ID_BYTES))


def main() -> None:
    start("fold", FoldSettings, service)


if __name__ == "__main__":
    main()
