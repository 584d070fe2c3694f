"""Load, save and due: whole sets at once, sorted by key, on the connection of the step's transaction.

No COPY: a server cannot time out a process that was stopped in the middle of one, and its lock would stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from services.scorer.core.calendar import latest_publication, month_name, publication_instant
from services.scorer.core.decide import Person, Policy
from services.scorer.core.messages import Due, Message
from services.scorer.core.score import encode
from shared.contracts.partition import partition_of
from shared.postgres import queries
from shared.runner.service import Db, DuePage, PolicyMismatchError

_SQL = queries(Path(__file__).with_name("queries.sql"))
_DONE = "done"


async def load(db: Db, shard: int, keys: Sequence[str]) -> dict[str, Person]:
    """Those of these people who are known."""
    rows = await db.fetch(_SQL["load"], shard, [bytes.fromhex(key) for key in keys])
    return {key: Person(key, *columns) for user_id, *columns in rows for key in (user_id.hex(),)}


async def save(db: Db, shard: int, states: Mapping[str, Person], writes: Sequence[Person] = ()) -> None:
    """Write the people whole, and add what the decisions in `writes` have published and learned of contacts."""
    people = [states[key] for key in sorted(states)]
    rows = [
        (bytes.fromhex(p.key), p.state, p.version, p.evaluation, p.run, p.standing, p.standing_before, p.contacts)
        for p in people
    ]
    await db.execute(_SQL["save_people"], shard, *_columns(rows, 8))
    published = [(bytes.fromhex(p.key), p.publication) for p in writes if p.publication is not None]
    if published:
        scores = [(user_id, p.version, p.as_of, p.run, p.policy, encode(p.evaluation)) for user_id, p in published]
        await db.execute(_SQL["save_scores"], shard, *_columns(scores, 6))
    if edges := _edges(writes):
        await db.execute(_SQL["save_contacts"], shard, *_columns(edges, 6))


def _edges(people: Sequence[Person]) -> list[tuple[object, ...]]:
    """The latest edge of each person to each contact, sorted: one statement may not write a row twice."""
    edges = [(person.key, edge) for person in people for edge in person.edges]
    edges.sort(key=lambda each: (each[1].time_us, each[1].id))
    latest = {(key, edge.contact): edge for key, edge in edges}
    return [
        (bytes.fromhex(key), bytes.fromhex(c), partition_of(c), edge.present, edge.time_us, edge.id)
        for (key, c), edge in sorted(latest.items(), key=lambda each: each[0])
    ]


def _columns(rows: Sequence[tuple[object, ...]], width: int) -> list[list[object]]:
    return [[row[place] for row in rows] for place in range(width)]


async def due(
    db: Db, shard: int, now: datetime, cursor: str, limit: int, skip: Sequence[str] = (), *, policy: Policy
) -> DuePage[Message, Person]:
    """The monthly run: the shard's people, page by page, for the last publication that is due and not done.

    The cursor is `<publication>:<last user_id>` and, behind the last page, `<publication>:done`. A publication that was
    missed altogether is left out: only the latest one runs. Nobody need be skipped, since the cursor passes over
    whoever was set aside. Raises PolicyMismatchError, when this process must not
    publish it.
    """
    card, zone = policy.scorecard, policy.zone
    began, _, place = cursor.partition(":")
    # A process whose clock is a little behind the last one's goes on where that one was.
    number = max(latest_publication(now, card.publication_day, zone), int(began or 0))
    next_at = publication_instant(number + 1, card.publication_day, zone)
    if not began:
        # A new deployment has missed nothing: what may have arrived already waits for the next publication.
        return DuePage((), f"{number}:{_DONE}", next_at)
    if began != str(number):
        place = ""
    if place == _DONE:
        return DuePage((), cursor, next_at)
    instant = publication_instant(number, card.publication_day, zone)
    await _agree_on_policy(db, number, instant, policy)
    # One more than the page holds, to know whether it is the last.
    rows = await db.fetch(_SQL["due"], shard, bytes.fromhex(place), limit + 1, number)
    last = len(rows) <= limit
    messages = tuple(
        Due(row["user_id"].hex(), number, instant, row["contacts"], row["standings"]) for row in rows[:limit]
    )
    return DuePage(messages, f"{number}:{_DONE if last else messages[-1].key}", next_at, month_name(number))


async def _agree_on_policy(db: Db, number: int, instant: datetime, policy: Policy) -> None:
    """The first process opens the publication with its policy; a process with another one must not take part."""
    card = policy.scorecard
    day = instant.astimezone(policy.zone).date()
    if day < card.effective_on:
        raise PolicyMismatchError(f"the publication of {day} is due, and {card.id} begins only on {card.effective_on}")
    await db.execute(_SQL["open_publication"], number, instant, card.id)
    opened_with = await db.fetchval(_SQL["policy_of_publication"], number)
    if opened_with != card.id:
        raise PolicyMismatchError(f"the publication of {day} is by {opened_with}, and this process has {card.id}")
