"""Load, save and due: whole sets at once, sorted by key, on the connection of the step's transaction.

No COPY: a server cannot time out a process that was stopped in the middle of one, and its lock would stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from msgspec import structs

from services.scorer.core.consents import ConsentNews, merged
from services.scorer.core.decide import Person, Publication, Writes, passed_by
from services.scorer.core.features.months import Circle
from services.scorer.core.features.stated import BASE, CONTACTS_BAND, STEADY_MONTHS, circle_as_kept
from services.scorer.core.messages import Due, Edge, Message, microseconds
from services.scorer.core.policy import Policy
from services.scorer.core.redaction import redacted
from services.scorer.core.state import is_of_later_release
from services.scorer.storage import erasing
from shared.contracts.months import month_name
from shared.contracts.partition import partition_of
from shared.postgres import queries
from shared.runner.service import Db, DuePage, LaterReleaseError, PolicyMismatchError

if TYPE_CHECKING:
    import asyncpg

_SQL = queries(Path(__file__).with_name("queries.sql"))
_DONE = "done"
_SILENT = "silent"
"""In place of it, where the run took place and nothing was published: whoever is not silent tells it all."""

_Published: TypeAlias = tuple[str, Publication]
"""Of whom, and what."""


async def load(db: Db, shard: int, keys: Sequence[str], *, fingerprint_key: bytes = b"") -> dict[str, Person]:
    """Those of these people who are known, or were erased lately. Raises LaterReleaseError."""
    rows = await db.fetch(_SQL["load"], shard, [bytes.fromhex(key) for key in keys])
    people = {row["user_id"].hex(): _person(row) for row in rows if row["user_id"]}
    if rows[0]["erased"]:
        for key, erased in (await erasing.guards(db, keys, fingerprint_key)).items():
            people[key] = structs.replace(people.get(key) or Person(key), erased=erased)
    return people


def _person(row: asyncpg.Record) -> Person:
    if is_of_later_release(row["state"]):
        raise LaterReleaseError
    return Person(
        user_id=row["user_id"].hex(),
        state=row["state"],
        version=row["version"],
        evaluation=row["evaluation"],
        run=row["run"],
        standing=row["standing"],
        standing_before=row["standing_before"],
        circle=circle_as_kept(row["contacts"], row["influence"], row["stability"]),
        as_of=row["as_of"],
    )


def _of(circle: Circle | None) -> tuple[int | None, int | None, int | None]:
    return (None, None, None) if circle is None else (circle.standing, circle.influence, circle.stability)


async def save(
    db: Db,
    shard: int,
    states: Mapping[str, Person],
    writes: Sequence[Writes] = (),
    *,
    fingerprint_key: bytes = b"",
) -> None:
    """Write the people whole, and add what their decisions, in this order, write to other tables."""
    if marks := [mark for each in writes for mark in each.erased]:
        await erasing.erase(db, shard, marks, fingerprint_key)
        writes = _since_erased(writes)
    people = [states[key] for key in sorted(states) if not states[key].is_blank]
    rows = [
        (
            _id(p.user_id),
            p.state,
            p.version,
            p.evaluation,
            p.run,
            p.standing,
            p.standing_before,
            *_of(p.circle),
            p.as_of,
        )
        for p in people
    ]
    until_redacted, since = _publications(writes)
    if redacted := {_id(each.user_id): states[each.user_id].version for each in writes if each.redacts}:
        await db.execute(_SQL["save_scores"], shard, *_score_columns(until_redacted))
        await _redact(db, shard, redacted)
    await db.execute(_SQL["save_people"], shard, *_columns(rows, 11), *_score_columns(since))
    if said := [(each.user_id, edge) for each in writes for edge in each.edges]:
        edges = _edges(await erasing.without_erased(db, said, fingerprint_key))
        await db.execute(_SQL["save_contacts"], shard, *_columns(edges, 6))
    if consents := _consents(writes):
        await db.execute(_SQL["save_consents"], shard, *_columns(consents, 7))
    if passed := [each for each in writes if each.run is not None]:
        await _pass(db, shard, passed, states)


def _id(key: str) -> bytes:
    return bytes.fromhex(key)


def _publications(writes: Sequence[Writes]) -> tuple[Sequence[_Published], Sequence[_Published]]:
    """What is published, in two parts: what a later decision of the same step redacts, and all else, which says no more
    than what is left."""
    until_redacted: list[_Published] = []
    since: list[_Published] = []
    redacted: set[str] = set()
    for each in reversed(writes):
        if each.publication:
            part = until_redacted if each.user_id in redacted else since
            part.append((each.user_id, each.publication))
        if each.redacts:
            redacted.add(each.user_id)
    return until_redacted, since


def _score_columns(published: Sequence[_Published]) -> list[list[object]]:
    rows = [(_id(key), new.version, new.as_of, new.run, new.policy, new.column) for key, new in published]
    rows.sort(key=lambda row: row[:2])
    return _columns(rows, 6)


def _since_erased(writes: Sequence[Writes]) -> Sequence[Writes]:
    """The writes but those about somebody who is erased later in the step."""
    last = {each.user_id: index for index, each in enumerate(writes) if each.erased}
    return [each for index, each in enumerate(writes) if index > last.get(each.user_id, -1)]


def _edges(said: Sequence[tuple[str, Edge]]) -> list[tuple[object, ...]]:
    """The latest edge of each person to each contact, sorted: one statement may not write a row twice."""
    edges = list(said)
    edges.sort(key=lambda told: (told[1].time_us, told[1].id))
    latest = {(key, edge.contact): edge for key, edge in edges}
    return [
        (_id(key), _id(contact), partition_of(contact), edge.present, edge.time_us, edge.id)
        for (key, contact), edge in sorted(latest.items(), key=lambda told: told[0])
    ]


def _consents(writes: Sequence[Writes]) -> list[tuple[object, ...]]:
    """What was said of each consent, in one row."""
    news: dict[str, list[ConsentNews]] = {}
    for each in writes:
        if each.consents:
            news.setdefault(each.user_id, []).extend(each.consents)
    return [
        (_id(key), said.partner, said.consent_id, said.said_at, said.purpose, said.given_at, said.withdrawn_at)
        for key in sorted(news)
        for said in merged(news[key])
    ]


async def _redact(db: Db, shard: int, versions: Mapping[bytes, int]) -> None:
    """Take out of the history what rested on records, and the publications that then say nothing new: they would tell
    when there was a record. The version that the person has now is left: it was made without what is gone."""
    rewritten: list[tuple[object, ...]] = []
    dropped: list[tuple[object, ...]] = []
    rows = await db.fetch(_SQL["history"], shard, sorted(versions))
    for user_id, history in groupby(rows, key=itemgetter("user_id")):
        left = redacted([(row["version"], row["run"], row["evaluation"]) for row in history], versions[user_id])
        rewritten += [(user_id, version, evaluation) for version, evaluation in left.rewritten]
        dropped += [(user_id, version) for version in left.dropped]
    if rewritten:
        await db.execute(_SQL["rewrite_scores"], shard, *_columns(rewritten, 3))
    if dropped:
        await db.execute(_SQL["drop_scores"], shard, *_columns(dropped, 2))


async def _pass(db: Db, shard: int, passed: Sequence[Writes], states: Mapping[str, Person]) -> None:
    """The monthly run has passed these people, all of them the same run: they are of one page."""
    run = passed[0].run
    assert run is not None
    user_ids, remembered_us = [_id(each.user_id) for each in passed], microseconds(run.remembered_from)
    await db.execute(_SQL["forget_contacts"], shard, user_ids, remembered_us, microseconds(run.accepted_from))
    await db.execute(_SQL["pass_contacts"], shard, user_ids, remembered_us, run.run)
    await db.execute(_SQL["forget_consents"], shard, user_ids, run.remembered_from)
    versions = [states[each.user_id].version for each in passed]
    await db.execute(_SQL["forget_scores"], shard, user_ids, versions, run.remembered_from)


def _columns(rows: Sequence[tuple[object, ...]], width: int) -> list[list[object]]:
    return [[row[column] for row in rows] for column in range(width)]


async def due(
    db: Db, shard: int, now: datetime, cursor: str, limit: int, skip: Sequence[str] = (), *, policy: Policy
) -> DuePage[Message, Person]:
    """The monthly run: the shard's people, page by page, for the latest run that is due and not done.

    The cursor is `<run>:<last user_id>` and, behind the last page, `<run>:done` or `<run>:silent`. A run that was
    missed altogether is left out: only the latest one takes place. Nobody need be skipped, since the cursor passes over
    whoever was set aside. Raises PolicyMismatchError when this process must not publish the run.
    """
    began, _, position = cursor.partition(":")
    # A process whose clock is a little behind the last one's goes on where that one was.
    run = max(policy.latest_run(now), int(began or 0))
    next_at = policy.instant_of(run + 1)
    done = _SILENT if policy.silent else _DONE
    if not began:
        # A new deployment has missed nothing: what may have arrived already waits for the next run.
        return DuePage((), f"{run}:{done}", next_at)
    if began != str(run) or (position == _SILENT and not policy.silent):
        position = ""
    if position in (_DONE, _SILENT):
        return DuePage((), cursor, next_at)
    instant = policy.instant_of(run)
    await _agree_on_policy(db, run, instant, policy)
    # One more than the page holds, to know whether it is the last.
    since_us = microseconds(passed_by(run, policy).remembered_from)
    rows = await db.fetch(
        _SQL["due"], shard, bytes.fromhex(position), limit + 1, run, since_us, BASE, CONTACTS_BAND, run - STEADY_MONTHS
    )
    last = len(rows) <= limit
    messages = tuple(
        Due(row["user_id"].hex(), run, instant, row["contacts"], row["bands"], row["steady"]) for row in rows[:limit]
    )
    # Pseudonyms are spread evenly, so the place of the last one tells how many have passed.
    share = 1.0 if last else int(messages[-1].user_id[:8], 16) / 2**32
    return DuePage(messages, f"{run}:{done if last else messages[-1].user_id}", next_at, month_name(run), done=share)


async def _agree_on_policy(db: Db, run: int, instant: datetime, policy: Policy) -> None:
    """The first process opens the run with its policy; a process with another one must not take part (rules P9)."""
    day = instant.astimezone(policy.zone).date()
    card = policy.of_run(run)
    if card is None:
        first = policy.scorecards[0]
        raise PolicyMismatchError(
            f"the publication of {day} is due, and {first.id} begins only on {first.effective_on}"
        )
    await db.execute(_SQL["open_publication"], run, instant, card.id)
    opened_with = await db.fetchval(_SQL["policy_of_publication"], run)
    if opened_with != card.id:
        raise PolicyMismatchError(f"the publication of {day} is by {opened_with}, and this process has {card.id}")
