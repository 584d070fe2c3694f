"""What retention does by the clock besides the deadlines of records, each a page at a time: the broker is made to clean
up after an erasure and after a record is gone, what was kept of what is gone is forgotten, and people are told once a
year what is held."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.retention.core.decide import Person, Policy
from services.retention.core.erasure import Forget, roll
from services.retention.core.overview import Summarize, over_at, run_at
from services.retention.core.timers import silence_is_due, silence_until
from services.retention.erasing import Held, Records, Told
from services.retention.storage import erasures, overview, store
from shared.contracts.erasure import nobody
from shared.runner.service import Db, DuePage


async def due(
    records: Records,
    db: Db,
    shard: int,
    now: datetime,
    cursor: str,
    limit: int,
    skip: Sequence[str] = (),
    *,
    policy: Policy,
) -> DuePage[Told, Held]:
    """What is due of records comes first. Where silence is to be taken for an answer, the page is a run, so that the
    runner reads first what had arrived."""
    assert records.due is not None
    page: DuePage[Any, Person] = await records.due(db, shard, now, cursor, limit, skip)
    if page.messages:
        erased = await erasures.of(db, shard, list(page.states), policy.fingerprint_key)
        states = {id: Held(person, erased.get(id, ())) for id, person in page.states.items()}
        assert page.next_at is not None, "a page has the deadline of its messages"
        late = any(silence_is_due(person.records.values(), page.next_at) for person in page.states.values())
        run = silence_until(page.next_at) if late else None
        return DuePage(page.messages, page.cursor, page.next_at, run, states, done=1.0)
    roll_at, forget_at = await erasures.next_instants(db, shard, now)
    if (nobodys := nobody(shard)) not in skip:
        if roll_at is not None and roll_at <= now:
            return DuePage((roll(shard, roll_at),), cursor, roll_at, states={nobodys: Held()})
        if forget_at is not None and forget_at <= now:
            return DuePage((Forget(nobodys, forget_at),), cursor, forget_at, states={nobodys: Held()})
    if summaries := await _summaries(db, shard, now, cursor, limit, skip, policy):
        return summaries
    cursor, year_at = over_at(cursor, now, policy.profile)
    to_come = (at for at in (roll_at, forget_at) if at is not None and at > now)
    return DuePage((), cursor, min(filter(None, (page.next_at, year_at, *to_come))))


async def _summaries(
    db: Db, shard: int, now: datetime, cursor: str, limit: int, skip: Sequence[str], policy: Policy
) -> DuePage[Told, Held] | None:
    """The next people who are to be told what is held; None if there are none."""
    run = run_at(cursor, now, policy.profile)
    if run is None:
        return None
    people = await overview.people(db, shard, run.after, limit, skip)
    if not people:
        return None
    records = await store.records_of(db, shard, people)
    messages = [Summarize(user_id.hex(), run.year) for user_id in people]
    states = {id: Held(Person(found)) for id, found in records.items()}
    return DuePage(messages, run.past(people[-1].hex()), now, states=states)
