"""Reads what the portal keeps of one person, and explains it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property, partial
from typing import Any, TypeAlias

import asyncpg
import msgspec

from goodstanding.person.explained import Ahead, Explained, Fall, ahead_of, explained, falls
from goodstanding.portal.policies import Policies
from services.scorer.core.explain import Published
from services.scorer.core.features.stated import circle_as_kept
from services.scorer.core.reasons.figures import Language
from services.scorer.core.reasons.hints import Present, settled, with_record
from services.scorer.core.reasons.record_costs import points_of
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.state import decode, short_hash
from shared.contracts.erasure import keyed_name
from shared.contracts.explained import HeldRecord, RecordsHeld
from shared.contracts.faults import Fault
from shared.contracts.messages import TierChange, follow
from shared.contracts.months import month_of
from shared.contracts.partition import partition_of
from shared.contracts.subject import ErasureReceipt
from shared.postgres import DbOrPool

_PERSON = """
select person.edition, kept.*
from person left join lateral (
    select person.tier, person.records, person.state, person.contacts, person.influence, person.stability, array(
        select row(version, as_of, run, policy, evaluation) from score
        where score.shard = person.shard and score.user_id = person.user_id order by version
    ) as scores
    where person.edition <> $3
) as kept on true
where person.shard = $1 and person.user_id = $2
"""
"""In one trip, and nothing but the edition of somebody whose edition is known."""
_ERASED = "select request_id, receipt from come_through where shard = $1 and person = $2 order by until, request_id"
_KEPT_MAX, _KEPT_S = 256, 60.0
"""How many people are kept for whoever asks again, since people look at several pages in a row; and for how long, so
that of somebody who is erased nothing stays in memory either."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is kept of a person. `edition` changes with anything of it, and never comes again."""

    user_id: str
    edition: int
    tier: TierChange | None
    records: tuple[HeldRecord, ...]
    scores: tuple[Published, ...]
    present: Present | None
    is_shortened: bool = False
    """Whether there are so many that some of them, or of what the person has said about them, are left out."""

    @property
    def last(self) -> Published | None:
        return self.scores[-1] if self.scores else None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a record takes from the score today, and what it would if it were settled today; None for one that is."""

    points: int
    if_settled: int | None


_Words: TypeAlias = tuple[Explained, Sequence[Fall]]


class _Explaining:
    """Somebody as read last, and what is made of it, each once for whoever asks."""

    def __init__(self, known: Known, now: datetime, policies: Policies) -> None:
        self.known, self.today = known, policies.today(now)
        self._setting = partial(policies.setting, now)
        self._words: dict[Language, _Words] = {}

    @cached_property
    def costs(self) -> Mapping[str, Cost]:
        return costs_of(self.known, self._setting("en").in_force, self.today)

    @cached_property
    def _ahead(self) -> Ahead | None:
        present = self.known.present
        return None if present is None else ahead_of(present, self._setting("en"), self.today)

    def words(self, language: Language) -> _Words:
        if language not in self._words:
            setting = self._setting(language)
            found = explained(self.known.scores, self._ahead, setting, self.today)
            self._words[language] = found, falls(self.known.scores, found, setting)
        return self._words[language]


def costs_of(known: Known, card: Scorecard, today: date) -> Mapping[str, Cost]:
    if known.present is None:
        return {}
    return {each.record_id: _cost(each.record_id, known.present, card, today) for each in known.records if each.counts}


def _cost(record_id: str, present: Present, card: Scorecard, today: date) -> Cost:
    points, key = -points_of(present, card, record_id), short_hash(record_id)
    record = present.state.records.get(key)
    if record is None or record.settled:
        return Cost(points, None)
    after = msgspec.structs.replace(present, state=with_record(present.state, key, settled(record, today)))
    return Cost(points, -points_of(after, card, record_id))


def key_of(user_id: str) -> tuple[int, bytes]:
    """By what the person's rows are found."""
    return partition_of(user_id), bytes.fromhex(user_id)


class People:
    """Everybody whom the portal knows."""

    def __init__(self, db: DbOrPool, policies: Policies) -> None:
        self._db, self.policies = db, policies
        self._kept: OrderedDict[str, _Explaining] = OrderedDict()

    async def known(self, user_id: str, now: datetime) -> Known | None:
        """None for somebody of whom nothing is held."""
        kept = self._kept.get(user_id)
        if kept is not None and kept.today != self.policies.today(now):
            kept = None
        row = await self._db.fetchrow(_PERSON, *key_of(user_id), kept.known.edition if kept else 0)
        if row is None:
            self._kept.pop(user_id, None)
            return None
        if kept is not None and row["edition"] == kept.known.edition:
            return kept.known
        known = _read(user_id, row, month_of(now, self.policies.zone))
        self._keep(_Explaining(known, now, self.policies))
        return known

    def _keep(self, one: _Explaining) -> None:
        user_id = one.known.user_id
        self._kept[user_id] = one
        self._kept.move_to_end(user_id)
        if len(self._kept) > _KEPT_MAX:
            self._kept.popitem(last=False)
        asyncio.get_running_loop().call_later(_KEPT_S, self._forget, one)

    def _forget(self, one: _Explaining) -> None:
        if self._kept.get(one.known.user_id) is one:
            del self._kept[one.known.user_id]

    async def erased_by(self, user_id: str, key: bytes) -> Mapping[str, ErasureReceipt | None]:
        """The requests by which the person was erased lately, the latest last, each with its receipt if that has come:
        a hash under `key` remembers them for a while."""
        shard, _ = key_of(user_id)
        rows = await self._db.fetch(_ERASED, shard, keyed_name(key, user_id))
        return {row["request_id"]: None if row["receipt"] is None else _receipt(row["receipt"]) for row in rows}

    def explained(self, known: Known, now: datetime, language: Language) -> Explained | None:
        """Why the score is what it is, and what would change it; None before the first score."""
        return self._explaining(known, now).words(language)[0] if known.scores else None

    def falls(self, known: Known, now: datetime, language: Language) -> Sequence[Fall]:
        """The last times that the score fell, the latest first."""
        return self._explaining(known, now).words(language)[1] if known.scores else ()

    def costs(self, known: Known, now: datetime) -> Mapping[str, Cost]:
        """What each record that counts takes from the score today, by record_id."""
        return self._explaining(known, now).costs if known.scores else {}

    def _explaining(self, known: Known, now: datetime) -> _Explaining:
        kept = self._kept.get(known.user_id)
        if kept is not None and (kept.known.edition, kept.today) == (known.edition, self.policies.today(now)):
            return kept
        return _Explaining(known, now, self.policies)


def _read(user_id: str, row: asyncpg.Record, through: int) -> Known:
    held = _held(row["records"])
    return Known(
        user_id,
        row["edition"],
        tier_told(row["tier"]),
        held.records,
        tuple(_published(row["scores"])),
        _present(row, through),
        held.is_shortened,
    )


def _published(rows: Sequence[tuple[Any, ...]]) -> Iterator[Published]:
    before: bytes | None = None
    for version, as_of, run, policy, evaluation in rows:
        yield Published(
            version=version, as_of=as_of, run=run, policy=policy, evaluation=evaluation, evaluation_before=before
        )
        before = evaluation


def _present(row: asyncpg.Record, through: int) -> Present | None:
    if not row["state"]:
        return None
    return Present(decode(row["state"]), circle_as_kept(row["contacts"], row["influence"], row["stability"]), through)


def tier_told(value: bytes | None) -> TierChange | None:
    """What was said last of somebody's tier, as it is kept."""
    if value is None:
        return None
    body = follow(TierChange, value)
    assert not isinstance(body, Fault), "it was read when it came"
    return body


def _receipt(value: bytes) -> ErasureReceipt:
    body = follow(ErasureReceipt, value)
    assert not isinstance(body, Fault), "it was read when it came"
    return body


def _held(value: bytes | None) -> RecordsHeld:
    if value is None:
        return RecordsHeld(records=())
    body = follow(RecordsHeld, value)
    assert not isinstance(body, Fault), "it was read when it came"
    return body
